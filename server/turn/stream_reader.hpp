#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "ice/stun.hpp"
#include "turn/message.hpp"

namespace meridian::turn {

/// Cuts the byte stream of one connection into STUN messages and ChannelData, which stand in it one
/// behind the other and say their length themselves (RFC 8656 sections 3.1 and 12.5). Fixed memory.
class StreamReader {
 public:
  /// What tells the length.
  static constexpr std::size_t kHead = 4;

  /// Bytes of the message that begins with these four, padding included; nothing when it is neither
  /// STUN nor ChannelData, or longer than kMaxMessageSize.
  [[nodiscard]] static std::optional<std::size_t> length(Bytes head) {
    const std::uint16_t type = load_u16(head.data());
    const std::size_t size = load_u16(head.data() + 2);
    std::size_t whole = 0;
    if (type < kFirstChannel) {
      if (size % 4 != 0) {
        return std::nullopt;
      }
      whole = ice::kStunHeaderSize + size;
    } else if (type <= kLastChannel) {
      whole = kChannelHeaderSize + (size + 3) / 4 * 4;
    }
    return whole == 0 || whole > kMaxMessageSize ? std::nullopt : std::optional(whole);
  }

  enum class Take : std::uint8_t { kFine, kMalformed };
  /// Calls `sink(MutableBytes)` for each message that `bytes` complete. At most one lies in memory
  /// of this reader's, and is valid until the next call; the others lie in `bytes`. kMalformed:
  /// nothing of this stream can be understood any more.
  template <class Sink>
  [[nodiscard]] Take take(MutableBytes bytes, const Sink& sink) {
    if (size_ > 0) {
      fill(kHead, bytes);
      if (size_ < kHead) {
        return Take::kFine;
      }
      const auto whole = length(partial_);
      if (!whole) {
        return Take::kMalformed;
      }
      fill(*whole, bytes);
      if (size_ < *whole) {
        return Take::kFine;
      }
      size_ = 0;
      sink(MutableBytes(partial_).first(*whole));
    }
    while (bytes.size() >= kHead) {
      const auto whole = length(bytes);
      if (!whole) {
        return Take::kMalformed;
      }
      if (bytes.size() < *whole) {
        break;
      }
      sink(bytes.first(*whole));
      bytes = bytes.subspan(*whole);
    }
    fill(bytes.size(), bytes);
    return Take::kFine;
  }

 private:
  /// Takes from the front of `bytes` until the message in the making has `wanted` bytes.
  void fill(std::size_t wanted, MutableBytes& bytes) {
    const std::size_t count = std::min(wanted > size_ ? wanted - size_ : 0, bytes.size());
    std::copy_n(bytes.begin(), count, partial_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += count;
    bytes = bytes.subspan(count);
  }

  std::array<std::uint8_t, kMaxMessageSize> partial_{};
  std::size_t size_ = 0;
};

}  // namespace meridian::turn
