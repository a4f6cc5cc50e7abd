#include "bwe/inter_arrival.hpp"

#include <algorithm>

namespace meridian::bwe {

void InterArrival::reset() {
  current_ = {};
  previous_ = {};
  reordered_ = 0;
}

void InterArrival::begin(const PacketResult& packet) {
  current_ = {.first_sent = packet.sent.sent_at,
              .last_sent = packet.sent.sent_at,
              .first_received = packet.received,
              .last_received = packet.received,
              .reported = {},
              .size = 0};
}

bool InterArrival::belongs(const PacketResult& packet) const {
  if (packet.sent.sent_at - current_.first_sent <= kGroupLength) {
    return true;
  }
  // Sent one after the other and come together: they waited for each other on the way.
  const Duration arrival = packet.received - current_.last_received;
  const Duration propagation = arrival - (packet.sent.sent_at - current_.last_sent);
  return propagation < Duration::zero() && arrival <= kBurstGap &&
         packet.received - current_.first_received < kMaxBurst;
}

std::optional<GroupDelta> InterArrival::on_packet(const PacketResult& packet, Instant now) {
  std::optional<GroupDelta> delta;
  if (current_.empty()) {
    begin(packet);
  } else if (packet.sent.sent_at < current_.first_sent) {
    return std::nullopt;  // of a group that is over
  } else if (!belongs(packet)) {
    if (!previous_.empty()) {
      delta = GroupDelta{.send = current_.last_sent - previous_.last_sent,
                         .arrival = current_.last_received - previous_.last_received,
                         .size = current_.size - previous_.size};
      if (delta->arrival - (current_.reported - previous_.reported) >= kMaxClockJump) {
        reset();
        return std::nullopt;
      }
      if (delta->arrival < Duration::zero()) {
        if (++reordered_ >= kMaxReordered) {
          reset();
        }
        return std::nullopt;
      }
      reordered_ = 0;
    }
    previous_ = current_;
    begin(packet);
  }
  current_.last_sent = std::max(current_.last_sent, packet.sent.sent_at);
  current_.last_received = std::max(current_.last_received, packet.received);
  current_.size += packet.sent.size;
  current_.reported = now;
  return delta;
}

}  // namespace meridian::bwe
