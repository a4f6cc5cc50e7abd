#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace meridian::forward {

/// RTP padding that gives the packets of a frame one size: a message that the kernel cuts
/// (UDP_SEGMENT) may only hold datagrams of one size, the last a shorter one. Browsers split a
/// frame into packets that differ by a byte, and give some of them more header extensions than
/// others.
struct FramePadding {
  /// Most that one packet gets, the count byte included.
  static constexpr std::size_t kMaxPacket = 32;
  /// A frame gets at most this part of its bytes, one in so many.
  static constexpr std::size_t kShare = 50;

  /// `sizes` of the packets in the order of sending; fills `padding`, as long as it, with what each
  /// gets: nothing when that would be too much, or wouldn't make them one message.
  static void plan(std::span<const std::size_t> sizes, std::span<std::uint8_t> padding);
};

}  // namespace meridian::forward
