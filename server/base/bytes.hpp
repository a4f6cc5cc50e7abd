#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace meridian {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Bounds-checked big-endian reader. A read past the end returns zeros and sets failed(), which
/// stays set: parse a whole structure, then check once.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }
  [[nodiscard]] std::size_t offset() const { return offset_; }

  std::uint8_t u8() { return static_cast<std::uint8_t>(read(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(read(2)); }
  std::uint32_t u24() { return static_cast<std::uint32_t>(read(3)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(read(4)); }
  std::uint64_t u64() { return read(8); }
  /// `count` bytes as a view into the input; empty and failed() when there are fewer.
  Bytes bytes(std::size_t count) {
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    const Bytes result = bytes_.subspan(offset_, count);
    offset_ += count;
    return result;
  }
  void skip(std::size_t count) { (void)bytes(count); }
  Bytes rest() { return bytes(remaining()); }

 private:
  std::uint64_t read(std::size_t width) {
    const Bytes raw = bytes(width);
    std::uint64_t value = 0;
    for (const std::uint8_t byte : raw) {
      value = (value << 8U) | byte;
    }
    return value;
  }

  Bytes bytes_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

/// Bounds-checked big-endian writer into a caller's buffer. A write past the end writes nothing and
/// sets failed(), which stays set.
class ByteWriter {
 public:
  explicit ByteWriter(MutableBytes buffer) : buffer_(buffer) {}

  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t size() const { return offset_; }
  [[nodiscard]] std::size_t remaining() const { return buffer_.size() - offset_; }
  [[nodiscard]] MutableBytes written() const { return buffer_.first(offset_); }

  void u8(std::uint8_t value) { write(value, 1); }
  void u16(std::uint16_t value) { write(value, 2); }
  void u24(std::uint32_t value) { write(value, 3); }
  void u32(std::uint32_t value) { write(value, 4); }
  void u64(std::uint64_t value) { write(value, 8); }
  void bytes(Bytes value) {
    const MutableBytes room = reserve(value.size());
    if (!room.empty()) {
      std::memcpy(room.data(), value.data(), value.size());
    }
  }
  void fill(std::size_t count, std::uint8_t value) {
    const MutableBytes room = reserve(count);
    if (!room.empty()) {
      std::memset(room.data(), value, count);
    }
  }
  /// Room for `count` bytes that the caller fills; empty and failed() when there is too little.
  MutableBytes reserve(std::size_t count) {
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    const MutableBytes result = buffer_.subspan(offset_, count);
    offset_ += count;
    return result;
  }

 private:
  void write(std::uint64_t value, std::size_t width) {
    const MutableBytes room = reserve(width);
    for (std::size_t i = 0; i < room.size(); ++i) {
      room[i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
    }
  }

  MutableBytes buffer_;
  std::size_t offset_ = 0;
  bool failed_ = false;
};

inline std::uint16_t load_u16(const std::uint8_t* p) {
  return static_cast<std::uint16_t>((p[0] << 8U) | p[1]);
}
inline std::uint32_t load_u32(const std::uint8_t* p) {
  return (static_cast<std::uint32_t>(p[0]) << 24U) | (static_cast<std::uint32_t>(p[1]) << 16U) |
         (static_cast<std::uint32_t>(p[2]) << 8U) | p[3];
}
inline void store_u16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8U);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store_u32(std::uint8_t* p, std::uint32_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 24U);
  p[1] = static_cast<std::uint8_t>(v >> 16U);
  p[2] = static_cast<std::uint8_t>(v >> 8U);
  p[3] = static_cast<std::uint8_t>(v);
}
inline std::uint64_t load_u64(const std::uint8_t* p) {
  return (static_cast<std::uint64_t>(load_u32(p)) << 32U) | load_u32(p + 4);
}
/// One store, which a later read of the same eight bytes need not wait for.
inline void store_u64(std::uint8_t* p, std::uint64_t v) {
  const std::uint64_t big = std::endian::native == std::endian::big ? v : std::byteswap(v);
  std::memcpy(p, &big, sizeof big);
}

}  // namespace meridian
