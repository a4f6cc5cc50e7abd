#pragma once

#include <cstddef>
#include <cstdint>

namespace meridian::test {

/// How somebody arranges the pictures of others in a window of 1280 times 720 pixels.
enum class Layout : std::uint8_t {
  kNone,     // says nothing of sizes, and so gets the best of each
  kSpeaker,  // the first as large as the window, the others small
  kGrid,     // all of the same size, as large as fits
};

struct TileSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  friend bool operator==(const TileSize&, const TileSize&) = default;
};

/// Of the picture at `index`, of `count`.
inline TileSize tile_size(Layout layout, std::size_t index, std::size_t count) {
  constexpr TileSize kWindow{.width = 1280, .height = 720};
  constexpr TileSize kSmall{.width = 320, .height = 180};
  if (layout == Layout::kSpeaker && index > 0) {
    return kSmall;
  }
  if (layout != Layout::kGrid) {
    return kWindow;
  }
  std::uint32_t columns = 1;
  while (std::size_t{columns} * columns < count) {
    ++columns;
  }
  return {.width = kWindow.width / columns, .height = kWindow.height / columns};
}

}  // namespace meridian::test
