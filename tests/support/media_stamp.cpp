#include "support/media_stamp.hpp"

#include <bit>
#include <cstring>
#include <vector>

#include "base/check.hpp"

namespace meridian::test {
namespace {

constexpr std::size_t kDigestSize = 8;
constexpr unsigned kKey = 1;
constexpr unsigned kSilent = 0x80;

std::uint64_t digest(Bytes bytes) {
  constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15ULL;
  std::uint64_t state = kPrime ^ bytes.size();
  while (!bytes.empty()) {
    std::uint64_t word = 0;
    const std::size_t count = bytes.size() < 8 ? bytes.size() : 8;
    std::memcpy(&word, bytes.data(), count);
    state = std::rotl((state ^ word) * kPrime, 29);
    bytes = bytes.subspan(count);
  }
  return state ^ (state >> 32U);
}

/// Its own inverse; no byte stays what it is.
void hide(MutableBytes bytes) {
  std::uint8_t mask = 0;
  for (std::uint8_t& byte : bytes) {
    mask = static_cast<std::uint8_t>(mask * 29U + 77U);
    byte ^= mask | 1U;
  }
}

bool has_digest(Bytes bytes) {
  std::uint64_t sum = 0;
  std::memcpy(&sum, bytes.data(), kDigestSize);
  return sum == digest(bytes.subspan(kDigestSize));
}

}  // namespace

void write_stamp(const MediaStamp& stamp, MutableBytes out, StampForm form) {
  MERIDIAN_CHECK(out.size() >= MediaStamp::kSize);
  ByteWriter writer(out.subspan(kDigestSize));
  writer.u64(static_cast<std::uint64_t>(stamp.sent.since_origin().count()));
  writer.u32(stamp.source);
  writer.u32(stamp.frame);
  writer.u16(stamp.packet);
  writer.u16(stamp.packets);
  writer.u8(stamp.layer);
  writer.u8(static_cast<std::uint8_t>((stamp.is_silent ? kSilent : 0U) |
                                      (unsigned{stamp.temporal} << 1U) |
                                      (stamp.is_key ? kKey : 0U)));
  writer.u16(static_cast<std::uint16_t>(out.size()));
  std::uint32_t filler = stamp.source * 31 + stamp.frame * 17 + stamp.packet;
  for (std::uint8_t& byte : out.subspan(MediaStamp::kSize)) {
    filler = filler * 1664525U + 1013904223U;
    byte = static_cast<std::uint8_t>(filler >> 24U);
  }
  const std::uint64_t sum = digest(out.subspan(kDigestSize));
  std::memcpy(out.data(), &sum, kDigestSize);
  if (form == StampForm::kHidden) {
    hide(out);
  }
}

std::optional<MediaStamp> read_stamp(Bytes bytes) {
  if (bytes.size() < MediaStamp::kSize) {
    return std::nullopt;
  }
  std::vector<std::uint8_t> revealed;
  if (!has_digest(bytes)) {
    revealed.assign(bytes.begin(), bytes.end());
    hide(revealed);
    bytes = revealed;
    if (!has_digest(bytes)) {
      return std::nullopt;
    }
  }
  ByteReader reader(bytes.subspan(kDigestSize));
  MediaStamp stamp;
  stamp.sent = Instant::from_origin(Duration(static_cast<Duration::rep>(reader.u64())));
  stamp.source = reader.u32();
  stamp.frame = reader.u32();
  stamp.packet = reader.u16();
  stamp.packets = reader.u16();
  stamp.layer = reader.u8();
  const std::uint8_t flags = reader.u8();
  stamp.is_key = (flags & kKey) != 0;
  stamp.is_silent = (flags & kSilent) != 0;
  stamp.temporal = static_cast<std::uint8_t>((flags & ~kSilent) >> 1U);
  return stamp;
}

}  // namespace meridian::test
