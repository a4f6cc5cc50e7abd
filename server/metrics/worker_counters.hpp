#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "metrics/drop_reason.hpp"

/// Counters that one worker writes and the metrics page reads, without locks on either side.
namespace meridian::metrics {

/// A number with one writing thread: an increment is a load and a store, not a locked operation.
/// Readers on other threads see some recent value.
class Counter {
 public:
  void add(std::uint64_t amount) {
    value_.store(value_.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
  void increment() { add(1); }
  void decrement() {
    value_.store(value_.load(std::memory_order_relaxed) - 1, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

enum class Traffic : std::uint8_t { kRtpAudio, kRtpVideo, kRtcp, kStun, kDtls, kRelay, kCount };

struct TrafficCounter {
  Counter packets;
  Counter bytes;
  void add(std::size_t size) {
    packets.increment();
    bytes.add(size);
  }
};

/// Time in the node of forwarded packets, from the kernel's receive time to the send.
class LatencyHistogram {
 public:
  /// Upper bounds; one more bucket holds everything above the last.
  static constexpr std::array<Duration, 12> kBounds = {20us, 50us, 100us, 200us, 500us, 1ms,
                                                       2ms,  5ms,  10ms,  20ms,  50ms,  100ms};

  void record(Duration latency) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && latency > kBounds[bucket]) {
      ++bucket;
    }
    buckets_[bucket].increment();
    sum_.add(latency > Duration::zero() ? static_cast<std::uint64_t>(latency.count()) : 0);
  }
  /// How many fell in bucket `index` (not cumulative); `index` up to kBounds.size().
  [[nodiscard]] std::uint64_t count(std::size_t index) const { return buckets_[index].value(); }
  [[nodiscard]] Duration sum() const { return Duration(static_cast<Duration::rep>(sum_.value())); }

 private:
  std::array<Counter, kBounds.size() + 1> buckets_{};
  Counter sum_;  // nanoseconds
};

/// How subscribers are distributed over what their ways carry, and over what limits them. Gauges.
struct EstimateGauges {
  /// bit/s; one more bucket holds everything above the last.
  static constexpr std::array<std::uint64_t, 8> kBounds = {
      100'000, 300'000, 600'000, 1'200'000, 2'500'000, 5'000'000, 10'000'000, 50'000'000};
  /// As bwe::Limit counts them.
  static constexpr std::size_t kLimits = 7;

  [[nodiscard]] static std::size_t bucket(std::uint64_t bits_per_second) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && bits_per_second > kBounds[bucket]) {
      ++bucket;
    }
    return bucket;
  }
  std::array<Counter, kBounds.size() + 1> by_rate;
  std::array<Counter, kLimits> by_limit;
};

struct WorkerCounters {
  using PerTraffic = std::array<TrafficCounter, static_cast<std::size_t>(Traffic::kCount)>;

  PerTraffic received;
  PerTraffic sent;
  std::array<Counter, kDropReasonCount> dropped;
  /// From subscribers / to publishers: single packets asked for, not RTCP packets.
  Counter nack_received;
  Counter nack_sent;
  Counter key_frame_requests_received;
  Counter key_frame_requests_sent;
  /// Packets answered by RTX, and those recovered from a publisher's RTX.
  Counter retransmissions_sent;
  Counter retransmissions_received;
  /// Packets of sound: sent again as they were, those among them that nobody had asked for, those
  /// of publishers that were lost and came as redundancy (RFC 2198), and those sent with redundancy
  /// that the publisher didn't send, and without what it did send.
  Counter sound_resent;
  Counter sound_repeated;
  Counter red_recovered;
  Counter red_made;
  Counter red_stripped;
  /// Packets of sound that subscribers didn't get: silence, of others than the loudest of a room,
  /// and what came after its talkspurt was over.
  Counter silence_withheld;
  Counter quiet_withheld;
  Counter sound_late;
  Counter transport_feedback_received;
  /// Packets of padding that test whether a subscriber's way carries more.
  Counter probe_packets_sent;
  /// Subscribers that began with a key frame that had come before them.
  Counter key_frames_replayed;
  /// Packets of video that had to wait for their turn to leave.
  Counter packets_paced;
  /// And those of them that were not sent, since their stream went on at a smaller size meanwhile.
  /// What the subscriber gets instead has their numbers: it misses nothing.
  Counter packets_superseded;
  /// Peers that timers had to look at, each time.
  Counter peers_looked_at;
  LatencyHistogram forward_latency;
  // Gauges.
  EstimateGauges estimates;
  /// What is shed (forward::LoadLevel, 0 to 3), and the part of the time that the thread computes,
  /// in thousandths.
  Counter load_level;
  Counter load_share;
  Counter transports;
  Counter handshakes;
  Counter publications;
  Counter subscriptions;
  /// Videos that get less than their subscriber wishes for, and those that get nothing at all,
  /// since the way to the subscriber doesn't carry more.
  Counter videos_limited;
  Counter videos_paused;
  /// Packets that wait for their turn at the moment.
  Counter packets_waiting;

  TrafficCounter& in(Traffic traffic) { return received[static_cast<std::size_t>(traffic)]; }
  TrafficCounter& out(Traffic traffic) { return sent[static_cast<std::size_t>(traffic)]; }
  void drop(DropReason reason, std::uint64_t count = 1) {
    dropped[static_cast<std::size_t>(reason)].add(count);
  }
};

}  // namespace meridian::metrics
