#include "base/address.hpp"

#include <unordered_set>

#include <gtest/gtest.h>

namespace meridian {
namespace {

TEST(IpAddress, parses_and_prints_both_families) {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "203.0.113.255", "::", "::1", "2001:db8::8:1"}) {
    const auto address = IpAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(IpAddress, rejects_what_is_not_one_address) {
  for (const char* text :
       {"", "1.2.3", "1.2.3.256", "1.2.3.4:5", "[::1]", "fe80::1%eth0", "host"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, a_mapped_address_is_its_ipv4_address) {
  const auto mapped = IpAddress::parse("::ffff:192.0.2.1");
  ASSERT_TRUE(mapped);
  EXPECT_TRUE(mapped->is_v4());
  EXPECT_EQ(*mapped, IpAddress::v4({192, 0, 2, 1}));
  EXPECT_EQ(mapped->bytes().size(), 4U);
  EXPECT_EQ(IpAddress::parse("2001:db8::1")->bytes().size(), 16U);
}

TEST(IpAddress, knows_loopback_and_unspecified) {
  EXPECT_TRUE(IpAddress::parse("127.255.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress::parse("::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("2001:db8::1")->is_loopback());
  EXPECT_FALSE(IpAddress::parse("128.0.0.1")->is_loopback());
  EXPECT_TRUE(IpAddress().is_unspecified());
  EXPECT_TRUE(IpAddress::parse("::")->is_unspecified());
  EXPECT_FALSE(IpAddress::parse("::1")->is_unspecified());
}

TEST(SocketAddress, parses_and_prints_brackets_around_ipv6_only) {
  for (const char* text : {"192.0.2.1:0", "192.0.2.1:65535", "[2001:db8::1]:3478"}) {
    const auto address = SocketAddress::parse(text);
    ASSERT_TRUE(address) << text;
    EXPECT_EQ(address->to_string(), text);
  }
}

TEST(SocketAddress, rejects_a_bad_port_or_host) {
  for (const char* text : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "::1:80",
                           "[::1]", "[]:80", "192.0.2.1:8x", ":80"}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
}

TEST(SocketAddress, hashes_spread_over_ports_and_hosts) {
  std::unordered_set<std::size_t> hashes;
  const std::hash<SocketAddress> hash;
  for (std::uint8_t host = 0; host < 100; ++host) {
    for (std::uint16_t port = 1000; port < 1100; ++port) {
      hashes.insert(hash({IpAddress::v4({10, 0, 0, host}), port}));
    }
  }
  EXPECT_EQ(hashes.size(), 10'000U);
}

}  // namespace
}  // namespace meridian
