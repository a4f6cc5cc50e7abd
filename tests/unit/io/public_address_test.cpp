#include "io/public_address.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <thread>

#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "io/udp_socket.hpp"

namespace meridian::io {
namespace {

std::vector<std::uint8_t> from_hex(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(
        static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

// RFC 5769 sections 2.2 and 2.3: responses with SOFTWARE before the address and more behind it.
const std::string kTransaction = "b7e7a701bc34d686fa87dfae";
const std::string kResponseV4 =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112"
    "a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
const std::string kResponseV6 =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113"
    "a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";

TEST(BindingResponse, gives_the_addresses_of_rfc_5769) {
  EXPECT_EQ(parse_binding_response(from_hex(kResponseV4), from_hex(kTransaction)),
            SocketAddress::parse("192.0.2.1:32853"));
  EXPECT_EQ(parse_binding_response(from_hex(kResponseV6), from_hex(kTransaction)),
            SocketAddress::parse("[2001:db8:1234:5678:11:2233:4455:6677]:32853"));
}

TEST(BindingResponse, of_another_transaction_or_cut_short_gives_nothing) {
  auto other = from_hex(kTransaction);
  other[0] ^= 1U;
  EXPECT_FALSE(parse_binding_response(from_hex(kResponseV4), other));
  const auto whole = from_hex(kResponseV4);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_binding_response(Bytes(whole).first(size), from_hex(kTransaction))) << size;
  }
}

TEST(PublicAddress, knows_private_addresses) {
  for (const char* text : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1",
                           "169.254.169.254", "100.64.0.1", "::1", "fe80::1", "fd00::1"}) {
    EXPECT_TRUE(is_private(*IpAddress::parse(text))) << text;
  }
  for (const char* text : {"172.32.0.1", "100.128.0.1", "8.8.8.8", "2001:db8::1"}) {
    EXPECT_FALSE(is_private(*IpAddress::parse(text))) << text;
  }
}

TEST(PublicAddress, a_fixed_address_is_taken_as_it_is_and_the_bound_one_without_any) {
  SeededRandomSource random(1);
  config::Media media;
  media.addresses = {*IpAddress::parse("127.0.0.1")};
  EXPECT_EQ(advertised_addresses(media, random), media.addresses);
  media.advertised_address = std::vector{*IpAddress::parse("203.0.113.7")};
  EXPECT_EQ(advertised_addresses(media, random), std::vector{*IpAddress::parse("203.0.113.7")});
}

TEST(PublicAddress, auto_on_a_private_address_wants_a_stun_server) {
  SeededRandomSource random(1);
  config::Media media;
  media.addresses = {*IpAddress::parse("127.0.0.1")};
  media.advertised_address = config::AutoAddress{};
  const auto found = advertised_addresses(media, random);
  ASSERT_FALSE(found);
  EXPECT_NE(found.error().message.find("media.public_address_from"), std::string::npos);
}

TEST(PublicAddress, auto_takes_what_the_named_stun_server_says) {
  auto server = UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0});
  ASSERT_TRUE(server);
  std::thread answering([&server] {
    ReceiveBatch batch;
    pollfd waited{.fd = server->descriptor(), .events = POLLIN, .revents = 0};
    ASSERT_EQ(::poll(&waited, 1, 5000), 1);
    server->receive(batch, now());
    const ReceivedDatagram& request = batch.datagrams()[0];
    // A success response with 203.0.113.7:5 under the mask of the cookie.
    std::vector<std::uint8_t> response = from_hex("0101000c");
    response.insert(response.end(), request.bytes.begin() + 4, request.bytes.end());
    const auto attribute = from_hex("0020000800012117ea12d545");
    response.insert(response.end(), attribute.begin(), attribute.end());
    const SendItem item{request.from, response};
    EXPECT_EQ(server->send({&item, 1}).sent, 1U);
  });
  SeededRandomSource random(1);
  config::Media media;
  media.addresses = {*IpAddress::parse("127.0.0.1")};
  media.advertised_address = config::AutoAddress{};
  media.public_address_from = server->local().to_string();
  const auto found = advertised_addresses(media, random);
  answering.join();
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(*found, std::vector{*IpAddress::parse("203.0.113.7")});
}

}  // namespace
}  // namespace meridian::io
