#include "rtp/dependency_descriptor.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/rtp/hex.hpp"

// The structures are those of the tables in appendix A.10.2 of the specification; their bytes were
// made from these tables by a separate encoder that follows the syntax of A.8.2 as strings of bits.
namespace meridian::rtp {
namespace {

using Buffer = std::vector<std::uint8_t>;
using Indication = DecodeTargetIndication;

/// Template index: spatial, temporal, [references], [chains], indications.
constexpr std::string_view kL1T3Table[] = {
    "0 0 [] [0] SSS", "0 0 [4] [4] SSS", "0 1 [2] [2] SD-", "0 2 [1] [1] D--", "0 2 [1] [3] D--",
};
constexpr std::string_view kL3T3Table[] = {
    "0 0 [] [0 0 0] SSSSSSSSS",      "0 0 [12] [12 11 10] RRRRRRSSS",
    "0 1 [6] [6 5 4] RR-RR-SD-",     "0 2 [3] [3 2 1] R--R--D--",
    "0 2 [3] [9 8 7] R--R--D--",     "1 0 [1] [1 1 1] SSSSSS---",
    "1 0 [12 1] [1 1 1] RRRSSS---",  "1 1 [6 1] [7 6 5] RR-SD----",
    "1 2 [3 1] [4 3 2] R--D-----",   "1 2 [3 1] [10 9 8] R--D-----",
    "2 0 [1] [2 1 1] SSS------",     "2 0 [12 1] [2 1 1] SSS------",
    "2 1 [6 1] [8 7 6] SD-------",   "2 2 [3 1] [5 4 3] D--------",
    "2 2 [3 1] [11 10 9] D--------",
};
constexpr std::string_view kL3T3KeyShiftTable[] = {
    "0 0 [] [0 0 0] SSSSSSSSS",     "0 0 [3] [3 2 1] ------SSS",   "0 0 [12] [12 8 1] ------SSS",
    "0 1 [6] [6 2 7] ------SD-",    "0 2 [3] [3 5 4] ------D--",   "0 2 [3] [9 5 10] ------D--",
    "0 2 [3] [3 11 4] ------D--",   "1 0 [1] [1 1 1] SSSSSS---",   "1 0 [6] [4 6 5] ---SSS---",
    "1 0 [12] [4 12 5] ---SSS---",  "1 1 [6] [10 6 11] ---SD----", "1 2 [3] [1 3 2] ---D-----",
    "1 2 [3] [7 3 8] ---D-----",    "1 2 [3] [1 9 2] ---D-----",   "2 0 [1] [2 1 1] SSS------",
    "2 0 [12] [11 7 12] SSS------", "2 1 [6] [5 1 6] SD-------",   "2 2 [3] [2 4 3] D--------",
    "2 2 [3] [8 4 9] D--------",    "2 2 [3] [2 10 3] D--------",
};

/// Key frame 400, both ends, template 10, L1T3 with offset 10 and 1280x720.
constexpr std::string_view kL1T3 = "ca0190814214eaaa44104d141020842704ff02cf";
/// Key frame 7, template 62, L3T3 with offset 62, three resolutions, decode targets 0b000111111.
constexpr std::string_view kL3T3 =
    "fe0007c7c81485214eaaaafffabcf24c30430c10aaa03fa80f24030400c1002a000a8002"
    "40004000100006d549241b82b04a094106e0ac1282503fea0001974ca864330e222222ec"
    "a8655304224230eca87753013f00b3027f016704ff02cf1f80";
constexpr std::string_view kL3T3KeyShift =
    "fe0007c7c80508142143aaaa8002a000a8002400040001000042aa8002a000a800240004"
    "00010000400a8002a00090001000040001000049b5524924156d54924906d549248ffa80"
    "00190e40b139aa4ad1da088a32a62d3589939c0c9108dbe28b121c24951c04fc02cc09fc"
    "059c13fc0b3c7e";

std::string line_of(const FrameDependencies& frame, const DependencyStructure& structure) {
  const auto list = [](auto values) {
    std::string text;
    for (const unsigned value : values) {
      text += (text.empty() ? "" : " ") + std::to_string(value);
    }
    return '[' + text + "] ";
  };
  std::string text = std::to_string(frame.spatial) + ' ' + std::to_string(frame.temporal) + ' ' +
                     list(frame.reference_span()) +
                     list(std::span(frame.chains).first(structure.chain_count));
  for (std::size_t target = 0; target < structure.decode_target_count; ++target) {
    text += "-DSR"[static_cast<std::size_t>(frame.indications[target])];
  }
  return text;
}

void expect_table(const DependencyStructure& structure, std::span<const std::string_view> table) {
  ASSERT_EQ(structure.template_count, table.size());
  for (std::size_t i = 0; i < table.size(); ++i) {
    EXPECT_EQ(line_of(structure.templates[i], structure), table[i]) << i;
  }
}

DependencyDescriptorReader reader_with(std::string_view key_frame) {
  DependencyDescriptorReader reader;
  EXPECT_TRUE(reader.read(hex(key_frame), ExtendedSequence(1000)));
  return reader;
}

DescriptorError error_of(DependencyDescriptorReader& reader, const Buffer& bytes,
                         std::uint64_t sequence = 1001) {
  const auto result = reader.read(bytes, ExtendedSequence(sequence));
  EXPECT_FALSE(result);
  return result ? DescriptorError{} : result.error();
}

TEST(DependencyDescriptor, reads_the_l1t3_structure) {
  DependencyDescriptorReader reader;
  const auto descriptor = reader.read(hex(kL1T3), ExtendedSequence(1));
  ASSERT_TRUE(descriptor);
  EXPECT_TRUE(descriptor->starts_frame);
  EXPECT_TRUE(descriptor->ends_frame);
  EXPECT_TRUE(descriptor->has_structure);
  EXPECT_EQ(descriptor->frame_number, 400U);
  EXPECT_EQ(descriptor->template_id, 10U);
  EXPECT_FALSE(descriptor->active_decode_targets);
  EXPECT_EQ(descriptor->resolution.width, 1280U);
  EXPECT_EQ(descriptor->resolution.height, 720U);
  ASSERT_NE(reader.structure(), nullptr);
  const DependencyStructure& structure = *reader.structure();
  expect_table(structure, kL1T3Table);
  EXPECT_EQ(structure.template_id_offset, 10U);
  EXPECT_EQ(structure.chain_count, 1U);
  EXPECT_EQ(structure.max_spatial, 0U);
  EXPECT_EQ(structure.max_temporal, 2U);
  EXPECT_EQ(structure.decode_targets[0].temporal, 2U);
  EXPECT_EQ(structure.decode_targets[1].temporal, 1U);
  EXPECT_EQ(structure.decode_targets[2].temporal, 0U);
  EXPECT_EQ(reader.active_decode_targets(), 0b111U) << "a structure activates all";
}

TEST(DependencyDescriptor, reads_the_l3t3_structure_with_two_references_a_frame) {
  DependencyDescriptorReader reader;
  const auto descriptor = reader.read(hex(kL3T3), ExtendedSequence(1));
  ASSERT_TRUE(descriptor);
  const DependencyStructure& structure = *reader.structure();
  expect_table(structure, kL3T3Table);
  EXPECT_EQ(structure.decode_target_count, 9U);
  EXPECT_EQ(structure.max_spatial, 2U);
  EXPECT_EQ(structure.protected_by[0], 2U);
  EXPECT_EQ(structure.protected_by[4], 1U);
  EXPECT_EQ(structure.protected_by[8], 0U);
  EXPECT_EQ(structure.decode_targets[1], (DependencyStructure::Layer{2, 1}));
  EXPECT_EQ(structure.decode_targets[8], (DependencyStructure::Layer{0, 0}));
  EXPECT_EQ(structure.resolutions[1], (DependencyStructure::Resolution{640, 360}));
  EXPECT_EQ(descriptor->active_decode_targets, 0b000111111U);
  EXPECT_EQ(reader.active_decode_targets(), 0b000111111U);
}

TEST(DependencyDescriptor, reads_the_l3t3_key_structure_with_temporal_shift) {
  const auto reader = reader_with(kL3T3KeyShift);
  ASSERT_NE(reader.structure(), nullptr);
  expect_table(*reader.structure(), kL3T3KeyShiftTable);
}

TEST(DependencyDescriptor, resolves_three_bytes_against_the_structure) {
  auto reader = reader_with(kL1T3);
  const auto descriptor = reader.read(hex("8c 0191"), ExtendedSequence(1001));
  ASSERT_TRUE(descriptor);
  EXPECT_TRUE(descriptor->starts_frame);
  EXPECT_FALSE(descriptor->ends_frame);
  EXPECT_FALSE(descriptor->has_structure);
  EXPECT_EQ(line_of(descriptor->frame, *reader.structure()), kL1T3Table[2]);
  EXPECT_EQ(descriptor->frame.indications[0], Indication::kSwitch);
  EXPECT_EQ(descriptor->resolution.width, 1280U);
}

TEST(DependencyDescriptor, template_ids_wrap_at_64) {
  auto reader = reader_with(kL3T3);  // offset 62, 15 templates: ids 62, 63, 0 to 12
  EXPECT_EQ(reader.read(hex("c0 0008"), ExtendedSequence(1001))->frame.temporal, 1U);
  EXPECT_EQ(reader.read(hex("cc 0009"), ExtendedSequence(1002))->frame.spatial, 2U);
  EXPECT_EQ(error_of(reader, hex("cd 0009")), DescriptorError::kUnknownTemplate);
  EXPECT_EQ(error_of(reader, hex("fd 0009")), DescriptorError::kUnknownTemplate);
}

TEST(DependencyDescriptor, reads_an_active_decode_target_mask) {
  auto reader = reader_with(kL1T3);
  const auto descriptor = reader.read(hex("cd019346"), ExtendedSequence(1001));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->active_decode_targets, 0b110U);
  EXPECT_EQ(reader.active_decode_targets(), 0b110U);
  EXPECT_TRUE(reader.read(hex("8c 0191"), ExtendedSequence(1002)));
  EXPECT_EQ(reader.active_decode_targets(), 0b110U) << "stays until told otherwise";
}

TEST(DependencyDescriptor, custom_values_take_the_place_of_the_templates) {
  auto reader = reader_with(kL1T3);
  // Mask 0b101, indications RD-, references 16, 17 and 4096 back, chain 200.
  const auto descriptor = reader.read(hex("4cffff7dd1f843fff320"), ExtendedSequence(1001));
  ASSERT_TRUE(descriptor);
  EXPECT_EQ(descriptor->frame_number, 65535U);
  EXPECT_FALSE(descriptor->starts_frame);
  EXPECT_TRUE(descriptor->ends_frame);
  EXPECT_EQ(line_of(descriptor->frame, *reader.structure()), "0 1 [16 17 4096] [200] RD-");
  EXPECT_EQ(descriptor->active_decode_targets, 0b101U);
  EXPECT_EQ(line_of(reader.structure()->templates[2], *reader.structure()), kL1T3Table[2]);
}

TEST(DependencyDescriptor, without_a_structure_only_the_start_can_be_read) {
  DependencyDescriptorReader reader;
  EXPECT_EQ(error_of(reader, hex("8c 0191")), DescriptorError::kNoStructure);
  EXPECT_EQ(error_of(reader, hex("8c 0191 00")), DescriptorError::kNoStructure);
  EXPECT_EQ(reader.structure(), nullptr);
  EXPECT_EQ(reader.active_decode_targets(), 0U);
  const auto start = read_descriptor_start(hex("8c 0191"));
  ASSERT_TRUE(start);
  EXPECT_TRUE(start->starts_frame);
  EXPECT_FALSE(start->ends_frame);
  EXPECT_EQ(start->template_id, 12U);
  EXPECT_EQ(start->frame_number, 0x191U);
  EXPECT_FALSE(read_descriptor_start(hex("8c01")));
}

TEST(DependencyDescriptor, a_late_structure_does_not_replace_a_newer_one) {
  DependencyDescriptorReader reader;
  ASSERT_TRUE(reader.read(hex(kL3T3), ExtendedSequence(100)));
  const auto late = reader.read(hex(kL1T3), ExtendedSequence(50));
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->has_structure);
  EXPECT_EQ(reader.structure()->template_count, 15U);
  EXPECT_EQ(reader.active_decode_targets(), 0b000111111U);
  EXPECT_EQ(error_of(reader, hex("c0 0008"), 99), DescriptorError::kUnknownTemplate)
      << "of the structure before";
  ASSERT_TRUE(reader.read(hex(kL1T3), ExtendedSequence(101)));
  EXPECT_EQ(reader.structure()->template_count, 5U);
}

TEST(DependencyDescriptor, a_repeated_structure_stays_valid_for_packets_before_it) {
  auto reader = reader_with(kL1T3);
  ASSERT_TRUE(reader.read(hex(kL1T3), ExtendedSequence(2000)));
  EXPECT_TRUE(reader.read(hex("8c 0191"), ExtendedSequence(1999)));
  reader.reset();
  EXPECT_EQ(reader.structure(), nullptr);
}

TEST(DependencyDescriptor, every_truncation_is_an_error_and_changes_nothing) {
  for (const std::string_view text : {kL1T3, kL3T3, kL3T3KeyShift}) {
    const Buffer whole = hex(text);
    for (std::size_t size = 0; size < whole.size(); ++size) {
      DependencyDescriptorReader reader;
      const auto result = reader.read(Bytes(whole).first(size), ExtendedSequence(1));
      ASSERT_FALSE(result) << size;
      EXPECT_EQ(result.error(),
                size == 3 ? DescriptorError::kNoStructure : DescriptorError::kTooShort);
      EXPECT_EQ(reader.structure(), nullptr);
    }
  }
}

TEST(DependencyDescriptor, truncated_custom_values_are_an_error) {
  const Buffer whole = hex("4cffff7dd1f843fff320");
  for (std::size_t size = 4; size < whole.size(); ++size) {
    auto reader = reader_with(kL1T3);
    EXPECT_EQ(
        error_of(reader, Buffer(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
        DescriptorError::kTooShort);
    EXPECT_EQ(reader.active_decode_targets(), 0b111U);
  }
}

/// A descriptor from bits as text, with the mandatory fields in front.
Buffer from_bits(std::string text) {
  std::erase(text, ' ');
  Buffer bytes = {0xc0, 0, 1};
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (i % 8 == 0) {
      bytes.push_back(0);
    }
    bytes.back() =
        static_cast<std::uint8_t>(bytes.back() | (text[i] == '1' ? 0x80U >> (i % 8) : 0));
  }
  return bytes;
}

std::string repeat(std::string_view text, int count) {
  std::string result;
  for (int i = 0; i < count; ++i) {
    result += text;
  }
  return result;
}

TEST(DependencyDescriptor, limits_templates_layers_chains_and_references) {
  DependencyDescriptorReader reader;
  // Flags, offset 0, one decode target, then layers.
  const std::string start = "10000 000000 00000 ";
  EXPECT_EQ(error_of(reader, from_bits(start + repeat("00", 63) + "00 11")),
            DescriptorError::kTooManyTemplates);
  EXPECT_EQ(error_of(reader, from_bits(start + repeat("01", 8) + "11")),
            DescriptorError::kTooManyLayers);
  EXPECT_EQ(error_of(reader, from_bits(start + repeat("10", 8) + "11")),
            DescriptorError::kTooManyLayers);
  EXPECT_EQ(error_of(reader, from_bits(start + "11 00 " + repeat("10000", 9) + "0 00 0")),
            DescriptorError::kTooManyReferences);
  // 16 decode targets: ns(17) of 9 chains is 1001.
  EXPECT_EQ(error_of(reader, from_bits("10000 000000 01111 11 " + repeat("00", 16) + "0 1001" +
                                       repeat("0000", 40))),
            DescriptorError::kTooManyChains);
  EXPECT_EQ(reader.structure(), nullptr);
}

TEST(DependencyDescriptor, holds_the_largest_structure_of_the_limits) {
  DependencyDescriptorReader reader;
  const Buffer bytes = from_bits("10000 000000 00000 " + repeat("00", 63) + "11" +
                                 repeat("10", 64) + repeat("0", 64) + "0" + "0");
  ASSERT_TRUE(reader.read(bytes, ExtendedSequence(1)));
  EXPECT_EQ(reader.structure()->template_count, 64U);
  EXPECT_EQ(reader.structure()->chain_count, 0U);
  const Buffer targets =
      from_bits("10000 000000 11111 11" + repeat("01", 32) + "0" + "00000" + "0");
  ASSERT_TRUE(reader.read(targets, ExtendedSequence(2)));
  EXPECT_EQ(reader.structure()->decode_target_count, 32U);
  EXPECT_EQ(reader.structure()->all_decode_targets(), 0xffffffffU);
  EXPECT_EQ(reader.structure()->templates[0].indications[31], Indication::kDiscardable);
}

TEST(DependencyDescriptor, written_again_it_is_the_same_bytes) {
  for (const std::string_view text : {kL1T3, kL3T3, kL3T3KeyShift}) {
    const Buffer bytes = hex(text);
    DependencyDescriptorReader reader;
    const auto descriptor = reader.read(bytes, ExtendedSequence(1));
    ASSERT_TRUE(descriptor);
    std::array<std::uint8_t, kMaxDescriptorSize> out{};
    const std::size_t size = write_dependency_descriptor(
        *descriptor, *reader.structure(),
        {descriptor->frame_number, AttachStructure::kYes, descriptor->active_decode_targets}, out);
    EXPECT_EQ(Buffer(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)), bytes);
  }
  auto reader = reader_with(kL1T3);
  for (const char* text : {"cd019346", "4cffff7dd1f843fff320", "8c0191"}) {
    const auto descriptor = reader.read(hex(text), ExtendedSequence(1001));
    std::array<std::uint8_t, kMaxDescriptorSize> out{};
    const std::size_t size = write_dependency_descriptor(
        *descriptor, *reader.structure(),
        {descriptor->frame_number, AttachStructure::kNo, descriptor->active_decode_targets}, out);
    EXPECT_EQ(Buffer(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)), hex(text));
  }
}

TEST(DependencyDescriptor, a_forwarded_key_frame_can_repeat_the_structure) {
  auto reader = reader_with(kL3T3);
  const auto descriptor = reader.read(hex("be 0010"), ExtendedSequence(1001));
  std::array<std::uint8_t, kMaxDescriptorSize> out{};
  const std::size_t size = write_dependency_descriptor(
      *descriptor, *reader.structure(), {0x1234, AttachStructure::kYes, 0b000000111}, out);
  DependencyDescriptorReader subscriber;
  const auto read = subscriber.read(Bytes(out).first(size), ExtendedSequence(1));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->frame_number, 0x1234U);
  EXPECT_TRUE(read->has_structure);
  EXPECT_EQ(read->starts_frame, descriptor->starts_frame);
  EXPECT_EQ(*subscriber.structure(), *reader.structure());
  EXPECT_EQ(subscriber.active_decode_targets(), 0b000000111U);
}

TEST(DependencyDescriptor, a_mask_of_all_targets_is_implied_by_an_attached_structure) {
  auto reader = reader_with(kL1T3);
  const auto descriptor = reader.read(hex("ca 0010"), ExtendedSequence(1001));
  std::array<std::uint8_t, kMaxDescriptorSize> out{};
  const std::size_t size = write_dependency_descriptor(*descriptor, *reader.structure(),
                                                       {400, AttachStructure::kYes, 0b111}, out);
  EXPECT_EQ(Buffer(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)), hex(kL1T3));
}

TEST(DependencyDescriptor, writes_nothing_where_there_is_too_little_room) {
  DependencyDescriptorReader reader;
  const auto descriptor = reader.read(hex(kL3T3), ExtendedSequence(1));
  const DescriptorRewrite rewrite{7, AttachStructure::kYes, descriptor->active_decode_targets};
  const std::size_t size = hex(kL3T3).size();
  for (std::size_t room = 0; room <= size; ++room) {
    Buffer out(room);
    EXPECT_EQ(write_dependency_descriptor(*descriptor, *reader.structure(), rewrite, out),
              room == size ? size : 0);
  }
}

TEST(DependencyDescriptor, the_frame_number_can_be_changed_in_place) {
  Buffer value = hex(kL1T3);
  EXPECT_TRUE(set_descriptor_frame_number(value, 0xbeef));
  const Buffer before = hex(kL1T3);
  EXPECT_EQ(value[0], before[0]);
  EXPECT_TRUE(std::equal(value.begin() + 3, value.end(), before.begin() + 3));
  EXPECT_EQ(read_descriptor_start(value)->frame_number, 0xbeefU);
  Buffer two = {1, 2};
  EXPECT_FALSE(set_descriptor_frame_number(two, 1));
}

TEST(DependencyDescriptor, what_can_be_read_of_mutated_bytes_is_within_the_limits_and_writable) {
  Rng rng(17);
  const Buffer seeds[] = {hex(kL1T3), hex(kL3T3), hex(kL3T3KeyShift), hex("4cffff7dd1f843fff320")};
  std::size_t accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    Buffer bytes = seeds[rng.below(4)];
    for (std::uint64_t i = 1 + rng.below(4); i > 0; --i) {
      bytes[rng.below(bytes.size())] ^= static_cast<std::uint8_t>(1U << rng.below(8));
    }
    auto reader = reader_with(kL1T3);
    const auto descriptor = reader.read(bytes, ExtendedSequence(1001));
    if (!descriptor) {
      continue;
    }
    ++accepted;
    const DependencyStructure& structure = *reader.structure();
    ASSERT_LE(structure.template_count, DependencyStructure::kMaxTemplates);
    ASSERT_LE(structure.chain_count, structure.decode_target_count);
    ASSERT_LT(descriptor->frame.spatial, DependencyStructure::kMaxSpatialLayers);
    ASSERT_LE(descriptor->frame.spatial, structure.max_spatial);
    ASSERT_LE(descriptor->frame.temporal, structure.max_temporal);
    std::array<std::uint8_t, kMaxDescriptorSize> out{};
    const std::size_t size = write_dependency_descriptor(
        *descriptor, structure,
        {descriptor->frame_number, AttachStructure::kYes, descriptor->active_decode_targets}, out);
    if (size == 0) {
      continue;  // over 255 bytes with the structure
    }
    DependencyDescriptorReader again;
    const auto read = again.read(Bytes(out).first(size), ExtendedSequence(1));
    ASSERT_TRUE(read);
    ASSERT_EQ(*again.structure(), structure);
    ASSERT_EQ(line_of(read->frame, structure), line_of(descriptor->frame, structure));
  }
  EXPECT_GT(accepted, 10'000U);
}

}  // namespace
}  // namespace meridian::rtp
