// Covers: server/rtp/dependency_descriptor.cpp server/rtp/dependency_descriptor.hpp
// Covers: server/rtp/bits.hpp
// Descriptors of one stream, each with its size in front. What is accepted must be writable and
// then read again with the same meaning.
#include <algorithm>
#include <array>
#include <cstdint>

#include "base/check.hpp"
#include "rtp/dependency_descriptor.hpp"

using namespace meridian;

namespace {

void write_again(const rtp::DependencyDescriptor& descriptor,
                 const rtp::DependencyStructure& structure) {
  std::array<std::uint8_t, rtp::kMaxDescriptorSize> out{};
  const rtp::DescriptorRewrite rewrite{.frame_number = 0x5aa5,
                                       .attach = rtp::AttachStructure::kYes,
                                       .active_decode_targets = descriptor.active_decode_targets};
  const std::size_t size = rtp::write_dependency_descriptor(descriptor, structure, rewrite, out);
  if (size == 0) {
    return;  // over 255 bytes
  }
  rtp::DependencyDescriptorReader reader;
  const auto again = reader.read(Bytes(out).first(size), ExtendedSequence(1));
  MERIDIAN_CHECK(again && again->frame_number == 0x5aa5 && again->has_structure);
  MERIDIAN_CHECK(*reader.structure() == structure);
  MERIDIAN_CHECK(again->frame.indications == descriptor.frame.indications);
  MERIDIAN_CHECK(again->frame.chains == descriptor.frame.chains);
  MERIDIAN_CHECK(again->starts_frame == descriptor.starts_frame);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader input(Bytes(data, size));
  rtp::DependencyDescriptorReader reader;
  std::uint64_t sequence = 100;
  while (input.remaining() > 0) {
    const std::uint8_t length = input.u8();
    const Bytes value = input.bytes(std::min<std::size_t>(length, input.remaining()));
    sequence += value.size() % 5 == 0 ? 0 : 1;  // some come late
    const bool is_late = length % 7 == 0;
    const ExtendedSequence at(is_late ? sequence - 50 : sequence);
    const auto descriptor = reader.read(value, at);
    if (!descriptor) {
      continue;
    }
    const rtp::DependencyStructure* structure = reader.structure();
    MERIDIAN_CHECK(structure != nullptr && structure->template_count > 0);
    MERIDIAN_CHECK(descriptor->frame.spatial < rtp::DependencyStructure::kMaxSpatialLayers);
    if (!is_late) {
      write_again(*descriptor, *structure);
    }
  }
  return 0;
}
