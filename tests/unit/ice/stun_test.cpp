#include "ice/stun.hpp"

#include <array>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "support/hex.hpp"

namespace meridian::ice {
namespace {

using test::from_hex;

// RFC 5769 sections 2.1 to 2.3.
constexpr std::string_view kPassword = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr std::string_view kRequest =
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001"
    "ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3"
    "f249c1b571a280280004e57a3bcf";
constexpr std::string_view kResponseV4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a6"
    "43000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
constexpr std::string_view kResponseV6 =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9"
    "faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
constexpr TransactionId kTransaction = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                        0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

std::vector<std::uint8_t> build(StunBuilder& builder, MutableBytes buffer,
                                const IntegrityKey& key) {
  const std::size_t size = builder.finish(key);
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
}

std::vector<std::uint8_t> a_request(const IntegrityKey& key) {
  std::array<std::uint8_t, 256> buffer;
  StunBuilder builder(buffer, StunClass::kRequest, kTransaction);
  builder.username("local:remote").priority(77).ice_controlling(0x0102030405060708).use_candidate();
  return build(builder, buffer, key);
}

TEST(Stun, reads_the_request_of_rfc_5769) {
  const auto packet = from_hex(kRequest);
  const auto message = parse_stun(packet);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->message_class, StunClass::kRequest);
  EXPECT_EQ(message->method, kStunBinding);
  EXPECT_EQ(message->transaction, kTransaction);
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_EQ(message->priority, 0x6e0001ffU);
  EXPECT_EQ(message->ice_controlled, 0x932ff9b151263b36U);
  EXPECT_FALSE(message->use_candidate);
  EXPECT_TRUE(message->verify(IntegrityKey(kPassword)));
  EXPECT_FALSE(message->verify(IntegrityKey("VOkJxbRl1RmTxUk/WvJxBu")));
}

TEST(Stun, reads_the_responses_of_rfc_5769) {
  const auto v4 = from_hex(kResponseV4);
  const auto message_v4 = parse_stun(v4);
  ASSERT_TRUE(message_v4);
  EXPECT_EQ(message_v4->message_class, StunClass::kSuccess);
  EXPECT_EQ(message_v4->xor_mapped_address, SocketAddress::parse("192.0.2.1:32853"));
  EXPECT_TRUE(message_v4->verify(IntegrityKey(kPassword)));

  const auto v6 = from_hex(kResponseV6);
  const auto message_v6 = parse_stun(v6);
  ASSERT_TRUE(message_v6);
  EXPECT_EQ(message_v6->xor_mapped_address,
            SocketAddress::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
  EXPECT_TRUE(message_v6->verify(IntegrityKey(kPassword)));
}

TEST(Stun, reads_what_it_builds) {
  const IntegrityKey key("a password of some length");
  const auto packet = a_request(key);
  const auto message = parse_stun(packet);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->username, "local:remote");
  EXPECT_EQ(message->priority, 77U);
  EXPECT_EQ(message->ice_controlling, 0x0102030405060708U);
  EXPECT_TRUE(message->use_candidate);
  EXPECT_TRUE(message->verify(key));
}

TEST(Stun, builds_addresses_of_both_families_and_errors) {
  const IntegrityKey key("password");
  for (const char* text : {"192.0.2.77:65535", "[2001:db8::1]:1"}) {
    const auto address = SocketAddress::parse(text);
    ASSERT_TRUE(address);
    std::array<std::uint8_t, 256> buffer;
    StunBuilder builder(buffer, StunClass::kSuccess, kTransaction);
    builder.xor_mapped_address(*address);
    const auto packet = build(builder, buffer, key);
    EXPECT_EQ(parse_stun(packet)->xor_mapped_address, address);
  }
  std::array<std::uint8_t, 256> buffer;
  StunBuilder builder(buffer, StunClass::kError, kTransaction);
  builder.error_code(487, "Role Conflict");
  const auto packet = build(builder, buffer, key);
  EXPECT_EQ(parse_stun(packet)->error_code, 487);
}

TEST(Stun, a_builder_without_room_says_so) {
  const IntegrityKey key("password");
  for (std::size_t size = 0; size < 40; ++size) {
    std::vector<std::uint8_t> buffer(size);
    StunBuilder builder(buffer, StunClass::kSuccess, kTransaction);
    builder.xor_mapped_address(*SocketAddress::parse("1.2.3.4:5"));
    EXPECT_EQ(builder.finish(key), 0U);
  }
}

/// Rewrites length and FINGERPRINT, as a peer would who adds attributes behind the integrity.
std::vector<std::uint8_t> with_attribute_behind_integrity(std::vector<std::uint8_t> packet,
                                                          const std::vector<std::uint8_t>& extra) {
  packet.insert(packet.end() - 8, extra.begin(), extra.end());
  store_u16(packet.data() + 2, static_cast<std::uint16_t>(packet.size() - 20));
  // A CRC-32 by the book, bit by bit.
  std::uint32_t crc = ~0U;
  for (std::size_t i = 0; i < packet.size() - 8; ++i) {
    crc ^= packet[i];
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xedb88320U : 0U);
    }
  }
  store_u32(packet.data() + packet.size() - 4, ~crc ^ 0x5354554eU);
  return packet;
}

TEST(Stun, ignores_attributes_after_message_integrity) {
  const IntegrityKey key("password");
  std::array<std::uint8_t, 256> buffer;
  StunBuilder builder(buffer, StunClass::kRequest, kTransaction);
  builder.username("a:b");
  const auto plain = build(builder, buffer, key);
  const auto packet = with_attribute_behind_integrity(plain, from_hex("00250000"));
  const auto message = parse_stun(packet);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->use_candidate);
  EXPECT_TRUE(message->verify(key));
}

TEST(Stun, demands_a_right_fingerprint_at_the_end) {
  const IntegrityKey key("password");
  auto packet = a_request(key);
  packet.back() ^= 1U;
  EXPECT_EQ(parse_stun(packet).error(), StunError::kBadFingerprint);
  packet.resize(packet.size() - 8);
  store_u16(packet.data() + 2, static_cast<std::uint16_t>(packet.size() - 20));
  EXPECT_EQ(parse_stun(packet).error(), StunError::kNoFingerprint);
}

TEST(Stun, refuses_what_is_not_stun) {
  auto packet = a_request(IntegrityKey("password"));
  EXPECT_EQ(parse_stun({}).error(), StunError::kNotStun);
  EXPECT_EQ(parse_stun(std::vector<std::uint8_t>(1501)).error(), StunError::kNotStun);
  packet[4] ^= 1U;
  EXPECT_EQ(parse_stun(packet).error(), StunError::kNotStun);
  packet[4] ^= 1U;
  packet[0] |= 0x80U;
  EXPECT_EQ(parse_stun(packet).error(), StunError::kNotStun);
}

TEST(Stun, survives_every_truncation_and_every_odd_length) {
  const auto whole = from_hex(kRequest);
  const IntegrityKey key(kPassword);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // An exact allocation, so that a sanitizer sees the first byte behind it.
    const std::vector<std::uint8_t> packet(whole.begin(),
                                           whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(parse_stun(packet));
  }
  for (std::size_t offset = 0; offset < whole.size(); ++offset) {
    for (const int value : {0, 1, 0xff}) {
      auto packet = whole;
      packet[offset] = static_cast<std::uint8_t>(value);
      const auto message = parse_stun(packet);
      if (packet != whole) {
        EXPECT_FALSE(message && message->verify(key)) << offset;
      }
    }
  }
}

TEST(Stun, survives_random_attributes) {
  Rng rng(1);
  const IntegrityKey key("password");
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::uint8_t> body;
    for (auto count = rng.below(6); count > 0; --count) {
      constexpr std::array<std::uint16_t, 8> kTypes = {1, 6, 8, 9, 0x20, 0x24, 0x8029, 0x7777};
      const auto type = kTypes[rng.below(kTypes.size())];
      const auto size = rng.below(24);
      body.insert(body.end(),
                  {static_cast<std::uint8_t>(type >> 8U), static_cast<std::uint8_t>(type), 0,
                   static_cast<std::uint8_t>(size + rng.below(2))});
      for (std::uint64_t i = 0; i < (size + 3) / 4 * 4; ++i) {
        body.push_back(static_cast<std::uint8_t>(rng.next()));
      }
    }
    body.insert(body.end(), {0x80, 0x28, 0, 4, 0, 0, 0, 0});
    auto packet = from_hex("000100002112a442000000000000000000000000");
    packet.insert(packet.end(), body.begin(), body.end());
    packet = with_attribute_behind_integrity(packet, {});
    if (const auto message = parse_stun(packet)) {
      EXPECT_FALSE(message->verify(key));
    }
  }
}

TEST(Stun, an_attribute_that_stands_twice_is_malformed) {
  const IntegrityKey key("password");
  std::array<std::uint8_t, 256> buffer;
  StunBuilder builder(buffer, StunClass::kRequest, kTransaction);
  builder.username("a:b").username("c:d");
  EXPECT_EQ(parse_stun(build(builder, buffer, key)).error(), StunError::kBadAttribute);
}

}  // namespace
}  // namespace meridian::ice
