#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// How two groups of packets were sent and how they arrived.
struct GroupDelta {
  Duration send{};
  Duration arrival{};
  std::int64_t size = 0;  // bytes, of the later minus the earlier
};

/// Puts packets that were sent within 5 ms, or that arrive as one burst, into groups, and compares
/// consecutive groups (draft-ietf-rmcat-gcc-02 section 5.2). Fixed memory.
class InterArrival {
 public:
  static constexpr Duration kGroupLength = 5ms;
  static constexpr Duration kBurstGap = 5ms;
  static constexpr Duration kMaxBurst = 100ms;
  /// So many groups in a row that arrived before the one they follow: the peer's clock jumped.
  static constexpr int kMaxReordered = 3;
  /// The peer's clock went on by so much more than ours: begin anew.
  static constexpr Duration kMaxClockJump = 3s;

  /// A packet that arrived; in the order of arrival. The delta of the two groups before it, once
  /// each. `now`: when the feedback came.
  [[nodiscard]] std::optional<GroupDelta> on_packet(const PacketResult& packet, Instant now);
  void reset();

 private:
  struct Group {
    Instant first_sent = Instant::never();
    Instant last_sent;
    Instant first_received;
    Instant last_received;
    Instant reported;
    std::int64_t size = 0;
    [[nodiscard]] bool empty() const { return first_sent.is_never(); }
  };
  [[nodiscard]] bool belongs(const PacketResult& packet) const;
  void begin(const PacketResult& packet);

  Group current_;
  Group previous_;
  int reordered_ = 0;
};

}  // namespace meridian::bwe
