#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// The longest times between packets that arrive one after the other.
struct ArrivalGaps {
  Duration largest{};
  Duration second{};
  void add(Duration gap) {
    second = std::max(second, std::min(gap, largest));
    largest = std::max(largest, gap);
  }
};

/// What really goes through: the lower of send rate and receive rate over the last acknowledged
/// packets. Lost packets count in neither; one gap in what arrives, such as a pause of the source,
/// is left out. A fixed ring of 16 KiB, of which only the ends are read as long as packets come in
/// the order in which they were sent.
class AcknowledgedRate {
 public:
  static constexpr std::size_t kCapacity = 512;
  /// The window holds at least this many packets and this long, if there are as many.
  static constexpr std::size_t kMinPackets = 20;
  static constexpr Duration kMinDuration = 1s;
  static constexpr std::size_t kMaxPackets = 500;
  static constexpr Duration kMaxDuration = 5s;
  /// Fewer say nothing.
  static constexpr std::size_t kRequiredPackets = 10;
  /// What is later than the newest by more means that the peer's clock jumped.
  static constexpr Duration kMaxReordering = 1s;

  AcknowledgedRate() : window_(std::make_unique<std::array<PacketResult, kCapacity>>()) {}

  /// A packet that arrived.
  void on_packet(const PacketResult& packet);
  /// Found once after the last packet: several stages ask, and the window is long.
  [[nodiscard]] std::optional<Bitrate> rate() const {
    if (!is_known_) {
      known_ = find_rate();
      is_known_ = true;
    }
    return known_;
  }
  /// Of what was received from `since` on, on the peer's clock: what a way carries that was full
  /// all the time. Nothing while that are fewer than kMinSince packets or less than kSinceTime.
  static constexpr std::size_t kMinSince = 5;
  static constexpr Duration kSinceTime = 100ms;
  [[nodiscard]] std::optional<Bitrate> received_since(Instant since) const;
  /// Of what was received from `since` on behind something else, without the time in which the way
  /// had nothing to carry. `empty_way`: from sending to receiving where nothing waits, between the
  /// two clocks. Nothing while that are fewer than kMinQueued packets or less than kQueuedTime.
  static constexpr std::size_t kMinQueued = 5;
  static constexpr Duration kQueuedTime = 50ms;
  [[nodiscard]] std::optional<Bitrate> queued_since(Instant since, Duration empty_way) const;

 private:
  [[nodiscard]] PacketResult& at(std::size_t index) const {
    return (*window_)[(begin_ + index) % kCapacity];
  }
  [[nodiscard]] bool is_front_too_old() const;
  void drop_front();
  void note_appended();
  [[nodiscard]] const ArrivalGaps& gaps() const;
  /// Of what is left of the window when what has neighbours that left it is taken away.
  struct Sending {
    std::size_t packets = 0;
    double bytes = 0;  // without the last one
    Duration time{};
  };
  [[nodiscard]] Sending sending() const;
  [[nodiscard]] Sending sending_in_order() const;
  [[nodiscard]] std::optional<Bitrate> find_rate() const;

  std::unique_ptr<std::array<PacketResult, kCapacity>> window_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
  Instant discarded_until_;  // newest send time that left the window
  std::uint64_t bytes_ = 0;  // of the window
  /// Packets that have to leave before those that stay are in the order of sending for sure.
  std::size_t until_ordered_ = 0;
  mutable std::optional<ArrivalGaps> gaps_;
  mutable bool is_known_ = false;
  mutable std::optional<Bitrate> known_;
};

}  // namespace meridian::bwe
