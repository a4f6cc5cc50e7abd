// Covers: server/rtp/red.cpp server/rtp/red.hpp
// What can be read and be written again is the same bytes; what can't be written is refused.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "rtp/red.hpp"

using namespace meridian;

namespace {

void check_views(const rtp::RedPayload& red, Bytes payload) {
  std::size_t sum = 0;
  for (const rtp::RedBlock& block : red.blocks()) {
    MERIDIAN_CHECK(block.payload.empty() || (block.payload.data() >= payload.data() &&
                                             block.payload.data() + block.payload.size() <=
                                                 payload.data() + payload.size()));
    sum += block.payload.size();
  }
  MERIDIAN_CHECK(sum < payload.size() && red.primary().timestamp_offset == 0);
  MERIDIAN_CHECK(red.redundant().size() + 1 == red.blocks().size());
}

/// Blocks of every size and age, of which some can't be said.
void write_any(Bytes data) {
  static const std::vector<std::uint8_t> kFilling(1100, 0x5a);
  std::vector<rtp::RedBlock> blocks;
  for (std::size_t i = 0; i + 4 <= data.size(); i += 4) {
    const std::size_t size = static_cast<std::size_t>(data[i] * 256 + data[i + 1]) % 1100;
    blocks.push_back({.payload_type = PayloadType(111),
                      .timestamp_offset = load_u16(data.data() + i + 2),
                      .payload = Bytes(kFilling).first(size)});
  }
  std::vector<std::uint8_t> out(1500);
  const std::size_t size = rtp::write_red(blocks, out);
  MERIDIAN_CHECK(size <= out.size() && (size == 0 || size == rtp::red_size(blocks)));
  if (size > 0) {
    const auto red = rtp::parse_red(Bytes(out).first(size));
    MERIDIAN_CHECK(red && red->blocks().size() == blocks.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes payload(data, size);
  if (const auto red = rtp::parse_red(payload)) {
    check_views(*red, payload);
    std::vector<std::uint8_t> again(payload.size());
    MERIDIAN_CHECK(rtp::write_red(red->blocks(), again) == payload.size());
    MERIDIAN_CHECK(std::ranges::equal(again, payload));
  }
  write_any(payload);
  return 0;
}
