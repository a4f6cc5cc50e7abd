#include "rtp/packet_writer.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/rtp/hex.hpp"

namespace meridian::rtp {
namespace {

using Buffer = std::vector<std::uint8_t>;

const PacketHeader kHeader{.ssrc = Ssrc(0x01020304),
                           .sequence = SequenceNumber(0x1234),
                           .timestamp = RtpTimestamp(0x89abcdef),
                           .payload_type = PayloadType(96),
                           .marker = Marker::kSet};

Buffer written(const ExtensionList& extensions, const PacketBody& body) {
  Buffer buffer(packet_size(extensions, body));
  const MutableBytes packet = write_packet(buffer, kHeader, extensions, body);
  EXPECT_EQ(packet.size(), buffer.size());
  return buffer;
}

TEST(PacketWriter, writes_a_bare_packet) {
  const Buffer payload = hex("c0ffee");
  EXPECT_EQ(written({}, {.prefix = {}, .payload = payload}),
            hex("80e0 1234 89abcdef 01020304 c0ffee"));
}

TEST(PacketWriter, puts_prefix_payload_and_padding_one_after_the_other) {
  const Buffer prefix = hex("0007");
  const Buffer payload = hex("c0ffee");
  EXPECT_EQ(written({}, {.prefix = prefix, .payload = payload, .padding = 4}),
            hex("a0e0 1234 89abcdef 01020304 0007 c0ffee 00000004"));
}

TEST(PacketWriter, writes_the_one_byte_form_where_it_suffices) {
  ExtensionList extensions;
  const Buffer value = hex("aabbcc");
  EXPECT_TRUE(extensions.add(14, value));
  EXPECT_TRUE(extensions.add_copy(1, hex("ff")));
  EXPECT_FALSE(extensions.needs_two_byte_form());
  EXPECT_EQ(written(extensions, {}),
            hex("90e0 1234 89abcdef 01020304 bede 0002 e2aabbcc 10ff0000"));
}

TEST(PacketWriter, writes_the_two_byte_form_for_large_ids_and_values_and_for_empty_values) {
  {
    ExtensionList extensions;
    EXPECT_TRUE(extensions.add_copy(15, hex("aa")));
    EXPECT_EQ(written(extensions, {}), hex("90e0 1234 89abcdef 01020304 1000 0001 0f01aa00"));
  }
  {
    ExtensionList extensions;
    EXPECT_TRUE(extensions.add_copy(1, {}));
    EXPECT_EQ(written(extensions, {}), hex("90e0 1234 89abcdef 01020304 1000 0001 01000000"));
  }
  ExtensionList extensions;
  const Buffer sixteen(16, 1);
  const Buffer seventeen(17, 1);
  EXPECT_TRUE(extensions.add(1, sixteen));
  EXPECT_FALSE(extensions.needs_two_byte_form());
  EXPECT_TRUE(extensions.add(2, seventeen));
  EXPECT_TRUE(extensions.needs_two_byte_form());
}

TEST(PacketWriter, writes_nothing_into_a_buffer_that_is_too_small) {
  ExtensionList extensions;
  EXPECT_TRUE(extensions.add_copy(1, hex("aabb")));
  const Buffer payload(10, 1);
  const PacketBody body{.prefix = {}, .payload = payload, .padding = 5};
  const std::size_t size = packet_size(extensions, body);
  for (std::size_t room = 0; room < size; ++room) {
    Buffer buffer(room, 0x5a);
    EXPECT_TRUE(write_packet(buffer, kHeader, extensions, body).empty());
    EXPECT_EQ(buffer, Buffer(room, 0x5a));
  }
  Buffer larger(size + 3, 0x5a);
  EXPECT_EQ(write_packet(larger, kHeader, extensions, body).size(), size);
  EXPECT_EQ(larger.back(), 0x5aU);
}

TEST(PacketWriter, every_padding_can_be_read_again) {
  for (unsigned padding = 1; padding < 256; ++padding) {
    const Buffer bytes =
        written({}, {.prefix = {}, .payload = {}, .padding = static_cast<std::uint8_t>(padding)});
    const auto packet = PacketView::parse(bytes);
    ASSERT_TRUE(packet);
    EXPECT_EQ(packet->padding_size(), padding);
    EXPECT_TRUE(packet->payload().empty());
  }
}

TEST(PacketWriter, every_id_and_size_can_be_read_again) {
  const Buffer value(255, 0xab);
  for (unsigned id = 1; id < 256; ++id) {
    for (std::size_t size = 0; size < 256; ++size) {
      ExtensionList extensions;
      ASSERT_TRUE(extensions.add(static_cast<std::uint8_t>(id), Bytes(value).first(size)));
      const Buffer bytes = written(extensions, {});
      const auto packet = PacketView::parse(bytes);
      ASSERT_TRUE(packet);
      ASSERT_EQ(packet->extension_count(), 1U);
      ASSERT_TRUE(packet->has_extension(static_cast<std::uint8_t>(id)));
      ASSERT_EQ(packet->extension(static_cast<std::uint8_t>(id)).size(), size);
    }
  }
}

TEST(PacketWriter, random_packets_are_read_again_as_written) {
  Rng rng(7);
  for (int round = 0; round < 5'000; ++round) {
    ExtensionList extensions;
    std::map<std::uint8_t, Buffer> values;
    const bool one_byte = rng.chance(0.5);
    for (std::uint64_t i = rng.below(17); i > 0; --i) {
      const auto id = static_cast<std::uint8_t>(rng.below(one_byte ? 15 : 256));
      Buffer value(one_byte ? 1 + rng.below(16) : rng.below(256));
      std::ranges::generate(value, [&] { return static_cast<std::uint8_t>(rng.next()); });
      const auto [place, is_new] = values.try_emplace(id, value);
      EXPECT_EQ(extensions.add(id, place->second), id != 0 && is_new);
      values.erase(0);
    }
    Buffer payload(rng.below(1200), static_cast<std::uint8_t>(rng.next()));
    const auto padding = static_cast<std::uint8_t>(rng.chance(0.3) ? rng.below(256) : 0);
    const Buffer bytes =
        written(extensions, {.prefix = {}, .payload = payload, .padding = padding});
    const auto packet = PacketView::parse(bytes);
    ASSERT_TRUE(packet);
    ASSERT_EQ(packet->sequence(), kHeader.sequence);
    ASSERT_EQ(packet->extension_count(), values.size());
    for (const auto& [id, value] : values) {
      ASSERT_EQ(Buffer(packet->extension(id).begin(), packet->extension(id).end()), value);
    }
    ASSERT_EQ(Buffer(packet->payload().begin(), packet->payload().end()), payload);
    ASSERT_EQ(packet->padding_size(), padding);
  }
}

TEST(ExtensionList, takes_no_id_zero_no_repetition_and_no_oversized_value) {
  ExtensionList extensions;
  const Buffer large(256, 0);
  EXPECT_FALSE(extensions.add(0, hex("aa")));
  EXPECT_FALSE(extensions.add(1, large));
  EXPECT_TRUE(extensions.empty());
  EXPECT_EQ(extensions.block_size(), 0U);
  const Buffer value = hex("aa");
  EXPECT_TRUE(extensions.add(1, value));
  EXPECT_FALSE(extensions.add(1, value));
  EXPECT_EQ(extensions.block_size(), 8U);
}

TEST(ExtensionList, holds_sixteen_elements) {
  ExtensionList extensions;
  for (std::uint8_t id = 1; id <= 16; ++id) {
    EXPECT_TRUE(extensions.add(id, {}));
  }
  EXPECT_FALSE(extensions.add(17, {}));
}

TEST(ExtensionList, keeps_copies_until_its_scratch_is_used_up) {
  ExtensionList extensions;
  const Buffer value(255, 1);
  EXPECT_TRUE(extensions.add_copy(1, value));
  EXPECT_FALSE(extensions.add_copy(2, value));
  EXPECT_TRUE(extensions.scratch(200).empty());
  const MutableBytes room = extensions.scratch(100);
  ASSERT_EQ(room.size(), 100U);
  room[0] = 0x42;
  EXPECT_TRUE(extensions.commit(3, 1));
  EXPECT_TRUE(extensions.add_copy(4, hex("43"))) << "what was not committed is free again";
  const Buffer bytes = written(extensions, {});
  const auto packet = PacketView::parse(bytes);
  EXPECT_EQ(packet->extension(3)[0], 0x42U);
  EXPECT_EQ(packet->extension(4)[0], 0x43U);
  EXPECT_FALSE(extensions.commit(4, 0)) << "the id is taken";
}

}  // namespace
}  // namespace meridian::rtp
