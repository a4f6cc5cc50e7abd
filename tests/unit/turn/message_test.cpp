#include "turn/message.hpp"

#include <gtest/gtest.h>

#include "support/hex.hpp"
#include "turn/credentials.hpp"

namespace meridian::turn {
namespace {

using test::from_hex;

constexpr ice::TransactionId kTransaction = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

// RFC 5769 section 2.4: the name is "matrix" in Katakana, the password TheMatrIX.
constexpr std::string_view kLongTerm =
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b9000000150"
    "01c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f726700000"
    "80014f67024656dd64a3e02b8e0712e85c9a28ca89666";

SocketAddress at(std::string_view text) {
  return *SocketAddress::parse(text);
}

std::vector<std::uint8_t> built(Writer& writer, MutableBytes buffer) {
  const std::size_t size = writer.finish(nullptr);
  return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(TurnMessage, reads_the_long_term_request_of_rfc_5769) {
  const auto packet = from_hex(kLongTerm);
  const auto message = parse(packet);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->method, kBinding);
  EXPECT_EQ(message->realm, "example.org");
  EXPECT_EQ(message->nonce, "f//499k954d6OL34oL9FSTvy64sA");
  EXPECT_TRUE(message->verify(long_term_key(message->username, message->realm, "TheMatrIX")));
  EXPECT_FALSE(message->verify(long_term_key(message->username, message->realm, "TheMatriX")));
}

TEST(TurnMessage, reads_what_it_wrote) {
  std::array<std::uint8_t, 512> buffer{};
  const std::array<std::uint8_t, 5> data = {9, 8, 7, 6, 5};
  Writer writer(buffer, ice::StunClass::kRequest, kAllocate, kTransaction);
  writer.u8(kRequestedTransport, 17)
      .u8(kRequestedAddressFamily, 2)
      .u32(kLifetime, 777)
      .u16(kChannelNumber, 0x4001)
      .address(kXorPeerAddress, at("192.0.2.1:7"))
      .address(kXorPeerAddress, at("[2001:db8::1]:8"))
      .raw(kEvenPort, std::array<std::uint8_t, 1>{0x80})
      .raw(kDontFragment, {})
      .raw(kReservationToken, std::array<std::uint8_t, 8>{})
      .raw(kDataAttribute, data)
      .raw(0x7777, {})
      .raw(0x8777, {});
  const auto packet = built(writer, buffer);
  const auto message = parse(packet);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->message_class, ice::StunClass::kRequest);
  EXPECT_EQ(message->method, kAllocate);
  EXPECT_EQ(message->transaction, kTransaction);
  EXPECT_EQ(message->requested_transport, 17);
  EXPECT_EQ(message->requested_family, 2);
  EXPECT_EQ(message->lifetime, 777U);
  EXPECT_EQ(message->channel, 0x4001);
  EXPECT_EQ(message->even_port, true);
  EXPECT_TRUE(message->has_reservation);
  ASSERT_EQ(message->peers.count, 2U);
  EXPECT_EQ(message->peers.items[0], at("192.0.2.1:7"));
  EXPECT_EQ(message->peers.items[1], at("[2001:db8::1]:8"));
  ASSERT_TRUE(message->data);
  EXPECT_TRUE(std::ranges::equal(*message->data, data));
  ASSERT_EQ(message->unknown.count, 1U) << "those from 0x8000 on may be left out";
  EXPECT_EQ(message->unknown.items[0], 0x7777);
}

TEST(TurnMessage, a_data_indication_is_what_its_header_says) {
  for (const auto* peer : {"192.0.2.1:7900", "[2001:db8::1]:7900"}) {
    for (std::size_t size = 0; size < 9; ++size) {
      std::array<std::uint8_t, kMaxDataHeader> header{};
      const std::size_t length = write_data_header(at(peer), kTransaction, size, header);
      std::vector<std::uint8_t> packet(header.begin(),
                                       header.begin() + static_cast<std::ptrdiff_t>(length));
      packet.resize(length + (size + 3) / 4 * 4, 0);
      const auto message = parse(packet);
      ASSERT_TRUE(message) << peer << " " << size;
      EXPECT_EQ(message->message_class, ice::StunClass::kIndication);
      EXPECT_EQ(message->method, kData);
      EXPECT_EQ(message->peers.items[0], at(peer));
      EXPECT_EQ(message->data->size(), size);
    }
  }
}

TEST(TurnMessage, refuses_what_is_out_of_form) {
  const auto refused = [](std::uint16_t type, Bytes value) {
    std::array<std::uint8_t, 1600> buffer{};
    Writer writer(buffer, ice::StunClass::kRequest, kAllocate, kTransaction);
    writer.raw(type, value);
    const auto packet = built(writer, buffer);
    const auto message = parse(packet);
    return !message && message.error() == MessageError::kBadAttribute;
  };
  const std::vector<std::uint8_t> bytes(200, 1);
  for (const std::uint16_t type : {kRequestedTransport, kRequestedAddressFamily, kLifetime,
                                   kChannelNumber, kEvenPort, kReservationToken, kXorPeerAddress}) {
    EXPECT_TRUE(refused(type, Bytes(bytes).first(3))) << type;
  }
  for (const std::uint16_t type : {kUsername, kRealm, kNonce}) {
    EXPECT_TRUE(refused(type, {})) << type;
    EXPECT_TRUE(refused(type, Bytes(bytes).first(kMaxTextSize + 1))) << type;
  }
  EXPECT_TRUE(refused(kDontFragment, Bytes(bytes).first(4)));
  EXPECT_TRUE(refused(kMessageIntegrity, Bytes(bytes).first(16)));
}

TEST(TurnMessage, refuses_one_peer_too_many_and_what_stands_twice) {
  std::array<std::uint8_t, 512> buffer{};
  Writer many(buffer, ice::StunClass::kRequest, kCreatePermission, kTransaction);
  for (std::size_t i = 0; i < kMaxPeers + 1; ++i) {
    many.address(kXorPeerAddress, at("192.0.2.1:7"));
  }
  EXPECT_FALSE(parse(built(many, buffer)));
  Writer twice(buffer, ice::StunClass::kRequest, kRefresh, kTransaction);
  twice.u32(kLifetime, 1).u32(kLifetime, 2);
  EXPECT_FALSE(parse(built(twice, buffer)));
}

TEST(TurnMessage, wants_a_right_fingerprint_or_none) {
  std::array<std::uint8_t, 512> buffer{};
  Writer writer(buffer, ice::StunClass::kRequest, kRefresh, kTransaction);
  writer.u32(kFingerprint, 12345);
  const auto message = parse(built(writer, buffer));
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error(), MessageError::kBadFingerprint);
}

TEST(TurnMessage, any_cut_of_a_message_is_refused) {
  const auto packet = from_hex(kLongTerm);
  for (std::size_t size = 0; size < packet.size(); ++size) {
    EXPECT_FALSE(parse(Bytes(packet).first(size))) << size;
  }
}

TEST(TurnMessage, says_when_the_buffer_is_too_small) {
  std::array<std::uint8_t, 40> buffer{};
  const ice::IntegrityKey key("key");
  Writer writer(buffer, ice::StunClass::kSuccess, kRefresh, kTransaction);
  writer.u32(kLifetime, 1);
  EXPECT_EQ(writer.finish(&key), 0U);
}

}  // namespace
}  // namespace meridian::turn
