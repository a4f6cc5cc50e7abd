#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/random.hpp"
#include "base/time.hpp"

namespace meridian::sim {

enum class Kind : std::uint8_t { kStun, kDtls, kRtp, kRtcp, kCount };
[[nodiscard]] Kind kind_of(Bytes datagram);

struct LinkShape {
  Duration delay = 20ms;
  /// Each packet is late by an even draw up to this, so that packets overtake each other.
  Duration jitter{};
  /// All packets are late by a draw up to this, another each kHold; their order stays.
  static constexpr Duration kHold = 50ms;
  Duration hold{};
  /// Each packet is overtaken by an even draw of up to so many that come after it, but waits no
  /// longer for them than they take at 200 a second.
  static constexpr Duration kReorderSpacing = 5ms;
  unsigned reorder = 0;
  double loss = 0;
  /// Packets that are lost one after the other, when any is.
  unsigned burst = 1;
  /// Bytes a second.
  std::uint64_t rate = 2'000'000;
  /// What would wait longer is dropped.
  Duration queue = 250ms;
};

/// One direction between a client and its workers. What happens to a packet is drawn from the seed,
/// the packet's kind and its number in that kind: handshakes, whose number of datagrams can vary,
/// don't shift what happens to media.
class Link {
 public:
  Link(LinkShape shape, std::uint64_t seed) : shape_(shape), seed_(seed) {}

  void set_shape(const LinkShape& shape) { shape_ = shape; }
  [[nodiscard]] const LinkShape& shape() const { return shape_; }

  struct Passage {
    Instant arrival;
    bool is_lost = false;  // then `arrival` is when it would have arrived
    Duration waited{};     // for what was before it in the queue
  };
  [[nodiscard]] Passage pass(Kind kind, std::size_t size, Instant now);

  [[nodiscard]] std::uint64_t lost() const { return lost_; }
  [[nodiscard]] std::uint64_t overflowed() const { return overflowed_; }

 private:
  [[nodiscard]] Duration lateness(Rng& draw, Instant now);

  LinkShape shape_;
  std::uint64_t seed_;
  std::array<std::uint64_t, static_cast<std::size_t>(Kind::kCount)> numbers_{};
  Instant busy_until_;
  Instant last_arrival_;
  Instant last_pass_;
  Duration spacing_ = LinkShape::kReorderSpacing;  // between packets, smoothed
  unsigned burst_left_ = 0;
  std::uint64_t lost_ = 0;
  std::uint64_t overflowed_ = 0;
};

}  // namespace meridian::sim
