#include "forward/frame_padding.hpp"

#include <algorithm>
#include <numeric>

namespace meridian::forward {

void FramePadding::plan(std::span<const std::size_t> sizes, std::span<std::uint8_t> padding) {
  std::ranges::fill(padding, std::uint8_t{0});
  if (sizes.size() < 2) {
    return;
  }
  const std::size_t largest = std::ranges::max(sizes);
  const auto equalised = sizes.first(sizes.size() - 1);
  std::size_t total = 0;
  for (const std::size_t size : equalised) {
    if (largest - size > kMaxPacket) {
      return;
    }
    total += largest - size;
  }
  if (total * kShare > std::accumulate(sizes.begin(), sizes.end(), std::size_t{0})) {
    return;
  }
  std::ranges::transform(equalised, padding.begin(), [largest](std::size_t size) {
    return static_cast<std::uint8_t>(largest - size);
  });
}

}  // namespace meridian::forward
