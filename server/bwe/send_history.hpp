#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/prefetch.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// Room for what one part of a feedback says. On the caller's stack.
class FeedbackResults {
 public:
  static constexpr std::size_t kCapacity = 256;
  [[nodiscard]] bool is_full() const { return size_ == kCapacity; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  void add(const PacketResult& result) { results_[size_++] = result; }
  void clear() { size_ = 0; }
  /// In the order of sending.
  [[nodiscard]] std::span<PacketResult> all() { return std::span(results_).first(size_); }

 private:
  std::array<PacketResult, kCapacity> results_;
  std::size_t size_ = 0;
};

/// The sender's memory of transport-wide congestion control
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01): gives numbers to packets, and tells which
/// packet each status of a feedback is about. A fixed ring of 48 KiB; it knows no RTCP.
///
///   history.begin_feedback();
///   while (const auto status = statuses.next()) {
///     if (const auto result = history.take(status->sequence, status->arrival)) ...
///   }
class SendHistory {
 public:
  /// 1.7 s of 15 Mbit/s. What is older than this when its feedback comes is not counted.
  static constexpr std::size_t kCapacity = 2048;

  SendHistory() : entries_(std::make_unique<std::array<SentPacket, kCapacity>>()) {}

  /// The number for the next packet.
  [[nodiscard]] SequenceNumber next() const {
    return SequenceNumber(static_cast<std::uint16_t>(next_));
  }
  /// Into the cache: where the next packets of a picture will be noted.
  void prefetch_next() const {
    base::prefetch(entries_->data() + next_ % kCapacity, 8 * sizeof(SentPacket));
  }
  /// The packet with the number next() was sent.
  void on_sent(std::size_t size, ProbeCluster cluster, Instant now);
  /// The packet with this number was sent once more, as it was. The peer can't tell which of both
  /// arrived; when it must have been this one, the packet is told as lost.
  void on_repeated(SequenceNumber sequence, Instant now);

  void begin_feedback() { newest_sent_.reset(); }
  /// `arrival` as rtcp::PacketStatus has it, on the peer's 24-bit clock of 64 ms. Nothing: not of
  /// ours, told before, or too old. What was told as lost and arrives after all is told again.
  [[nodiscard]] std::optional<PacketResult> take(SequenceNumber sequence,
                                                 std::optional<Duration> arrival);
  /// When the newest packet of this feedback that arrived was sent.
  [[nodiscard]] std::optional<Instant> newest_sent() const { return newest_sent_; }

  /// Bytes that were sent and not reported yet.
  [[nodiscard]] std::uint64_t in_flight() const { return in_flight_; }

 private:
  [[nodiscard]] SentPacket* find(SequenceNumber sequence);
  [[nodiscard]] Instant unwrap(Duration arrival);
  [[nodiscard]] bool is_repetition(const SentPacket& sent, Instant received);

  std::unique_ptr<std::array<SentPacket, kCapacity>> entries_;
  /// One cycle up, like every extended sequence number.
  std::uint64_t next_ = 65536 + 1;
  std::uint64_t in_flight_ = 0;
  std::optional<Instant> newest_sent_;
  bool has_arrival_ = false;
  Duration last_arrival_{};  // as told
  Instant last_received_;    // unwrapped
  /// From the sending to the arrival of the last packet that wasn't sent twice, or not yet. The
  /// clocks are two: only differences of it mean something.
  std::optional<Duration> last_delay_;
};

}  // namespace meridian::bwe
