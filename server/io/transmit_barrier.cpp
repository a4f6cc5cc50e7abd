#include "io/transmit_barrier.hpp"

#include <utility>

#include "base/check.hpp"

namespace meridian::io {

void TransmitBarrier::begin(std::uint64_t generation, std::span<const Queue> queues, Instant now) {
  MERIDIAN_CHECK(queues.size() <= kMaxSockets);
  generation_ = generation;
  begun_ = now;
  for (std::size_t i = 0; i < queues.size(); ++i) {
    marks_[i] = queues[i].handed_over;
    has_left_[i] = false;
  }
}

std::optional<std::uint64_t> TransmitBarrier::poll(std::span<const Queue> queues, Instant now) {
  if (!generation_) {
    return std::nullopt;
  }
  bool is_dry = true;
  for (std::size_t i = 0; i < queues.size(); ++i) {
    // What waits is counted with its overhead, so if any of the old were still there, it would be
    // more than the payload of all that came later.
    const std::uint64_t since = now - begun_ < kPatience ? 0 : queues[i].handed_over - marks_[i];
    has_left_[i] = has_left_[i] || queues[i].waiting <= since;
    is_dry = is_dry && has_left_[i];
  }
  return is_dry ? std::exchange(generation_, std::nullopt) : std::nullopt;
}

}  // namespace meridian::io
