#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"

namespace meridian::rtp {

/// Bounds-checked reader of bit fields, most significant bit first. As ByteReader: a read past the
/// end returns zero and sets failed(), which stays set.
class BitReader {
 public:
  explicit BitReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }

  /// `count` <= 32.
  std::uint32_t read(unsigned count) {
    if (failed_ || count > bytes_.size() * 8 - position_) {
      failed_ = true;
      return 0;
    }
    std::uint32_t value = 0;
    for (const std::size_t end = position_ + count; position_ < end; ++position_) {
      const unsigned bit = (bytes_[position_ / 8] >> (7 - position_ % 8)) & 1U;
      value = (value << 1U) | bit;
    }
    return value;
  }
  bool flag() { return read(1) != 0; }
  /// ns(n) of the AV1 specification: a value below `bound`, in as few bits as that allows.
  /// `bound` > 0.
  std::uint32_t non_symmetric(std::uint32_t bound) {
    const auto width = static_cast<unsigned>(std::bit_width(bound));
    const std::uint32_t short_codes = (1U << width) - bound;
    const std::uint32_t value = read(width - 1);
    if (value < short_codes) {
      return value;
    }
    return (value << 1U) - short_codes + read(1);
  }

 private:
  Bytes bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

/// The counterpart. A write past the end writes nothing and sets failed(), which stays set.
class BitWriter {
 public:
  explicit BitWriter(MutableBytes buffer) : buffer_(buffer) {}

  [[nodiscard]] bool failed() const { return failed_; }
  /// Whole bytes so far; the rest of the last one is zero.
  [[nodiscard]] std::size_t size() const { return (position_ + 7) / 8; }

  /// The low `count` <= 32 bits of `value`.
  void write(std::uint32_t value, unsigned count) {
    if (failed_ || count > buffer_.size() * 8 - position_) {
      failed_ = true;
      return;
    }
    for (unsigned i = count; i-- > 0; ++position_) {
      std::uint8_t& byte = buffer_[position_ / 8];
      byte = position_ % 8 == 0 ? std::uint8_t{0} : byte;
      byte = static_cast<std::uint8_t>(byte | ((value >> i & 1U) << (7 - position_ % 8)));
    }
  }
  void flag(bool value) { write(value ? 1 : 0, 1); }
  /// `value` < `bound`.
  void non_symmetric(std::uint32_t value, std::uint32_t bound) {
    const auto width = static_cast<unsigned>(std::bit_width(bound));
    const std::uint32_t short_codes = (1U << width) - bound;
    if (value < short_codes) {
      write(value, width - 1);
    } else {
      write(value + short_codes, width);
    }
  }

 private:
  MutableBytes buffer_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

}  // namespace meridian::rtp
