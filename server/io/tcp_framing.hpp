#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace meridian::io {

/// Bytes of the length in front of each packet (RFC 4571 section 2).
inline constexpr std::size_t kFrameHeader = 2;

/// In front of a packet of `size` bytes.
[[nodiscard]] constexpr std::array<std::uint8_t, kFrameHeader> frame_header(std::size_t size) {
  return {static_cast<std::uint8_t>(size >> 8U), static_cast<std::uint8_t>(size)};
}

/// Cuts the byte stream of one connection into the packets that RFC 4571 frames in it. Fixed
/// memory.
class FrameReader {
 public:
  /// Longest packet: as long as any datagram that is looked at (transport::Transport).
  static constexpr std::size_t kMaxPacket = 1500;

  enum class Take : std::uint8_t { kFine, kTooLong };
  /// Calls `sink(MutableBytes)` for each packet that `bytes` complete, empty ones left out. At most
  /// one lies in memory of this reader's, and is valid until the next call; the others lie in
  /// `bytes`. kTooLong: nothing of this stream can be understood any more.
  template <class Sink>
  [[nodiscard]] Take take(MutableBytes bytes, const Sink& sink) {
    if (size_ > 0) {
      fill(kFrameHeader, bytes);
      if (size_ < kFrameHeader) {
        return Take::kFine;
      }
      const std::size_t whole = kFrameHeader + length(partial_.data());
      if (whole > partial_.size()) {
        return Take::kTooLong;
      }
      fill(whole, bytes);
      if (size_ < whole) {
        return Take::kFine;
      }
      size_ = 0;
      if (whole > kFrameHeader) {
        sink(MutableBytes(partial_).subspan(kFrameHeader, whole - kFrameHeader));
      }
    }
    while (bytes.size() >= kFrameHeader) {
      const std::size_t size = length(bytes.data());
      if (size > kMaxPacket) {
        return Take::kTooLong;
      }
      if (bytes.size() < kFrameHeader + size) {
        break;
      }
      if (size > 0) {
        sink(bytes.subspan(kFrameHeader, size));
      }
      bytes = bytes.subspan(kFrameHeader + size);
    }
    fill(bytes.size(), bytes);
    return Take::kFine;
  }

 private:
  static std::size_t length(const std::uint8_t* header) {
    return static_cast<std::size_t>(header[0]) << 8U | header[1];
  }
  /// Takes from the front of `bytes` until the packet in the making has `wanted` bytes.
  void fill(std::size_t wanted, MutableBytes& bytes) {
    const std::size_t count = std::min(wanted > size_ ? wanted - size_ : 0, bytes.size());
    std::copy_n(bytes.begin(), count, partial_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += count;
    bytes = bytes.subspan(count);
  }

  std::array<std::uint8_t, kFrameHeader + kMaxPacket> partial_{};
  std::size_t size_ = 0;
};

}  // namespace meridian::io
