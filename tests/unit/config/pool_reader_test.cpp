#include "config/pool_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::problems_of;
using testing_support::sample_with;

constexpr std::string_view kMedia = "address: 127.10.0.1\n      port: 7900";

std::vector<std::string> problems_with_media(std::string_view media) {
  return problems_of(sample_with(kMedia, media));
}

Media media_of(std::string_view media) {
  return parse(sample_with(kMedia, media), "f").value().config.pools[0].media;
}

TEST(PoolReader, reads_media_addresses) {
  const Media plain = media_of(kMedia);
  EXPECT_THAT(plain.addresses, ElementsAre(*IpAddress::parse("127.10.0.1")));
  EXPECT_EQ(plain.port, 7900);
  EXPECT_EQ(plain.advertised_port, 7900);
  EXPECT_THAT(std::get<std::vector<IpAddress>>(plain.advertised_address), IsEmpty());

  const Media mapped = media_of(
      "address: [0.0.0.0, '::']\n      port_range: [1000, 1001]\n"
      "      advertised_address: [192.0.2.1, '2001:db8::1']\n      advertised_port: 5000");
  EXPECT_EQ(mapped.addresses.size(), 2U);
  EXPECT_EQ(mapped.port, 1000);
  EXPECT_EQ(mapped.advertised_port, 5000);
  EXPECT_EQ(std::get<std::vector<IpAddress>>(mapped.advertised_address)[1].to_string(),
            "2001:db8::1");

  const Media automatic =
      media_of("address: 0.0.0.0\n      port: 1000\n      advertised_address: auto");
  EXPECT_TRUE(std::holds_alternative<AutoAddress>(automatic.advertised_address));
}

TEST(PoolReader, reads_the_port_for_media_over_tcp) {
  EXPECT_EQ(media_of(kMedia).tcp_port, 0) << "none unless it is asked for";
  EXPECT_EQ(media_of("address: 10.0.0.1\n      port: 7900\n      tcp_port: 443").tcp_port, 443);
  EXPECT_THAT(
      problems_with_media("address: 10.0.0.1\n      port: 7900\n      tcp_port: 65536"),
      ElementsAre(HasSubstr("pools[0].media.tcp_port: must be a whole number from 1 to 65535")));
}

TEST(PoolReader, checks_media_addresses) {
  EXPECT_THAT(problems_with_media("address: localhost\n      port: 7900"),
              ElementsAre("15: pools[0].media.address: must be an IP address, is localhost"));
  EXPECT_THAT(problems_with_media("port: 7900"),
              Contains(HasSubstr("pools[0].media.address: is missing")));
  EXPECT_THAT(problems_with_media("address: [10.0.0.1, 10.0.0.2]\n      port: 7900"),
              ElementsAre(HasSubstr("second address of its family")));
  EXPECT_THAT(problems_with_media("address: 0.0.0.0\n      port: 7901"),
              Contains(HasSubstr("advertised_address must say which one clients reach")));
  EXPECT_THAT(problems_with_media(
                  "address: 10.0.0.1\n      port: 1000\n      advertised_address: '2001:db8::1'"),
              ElementsAre(HasSubstr("of the same families")));
  EXPECT_THAT(
      problems_with_media("address: 10.0.0.1\n      port: 1000\n      advertised_address: 0.0.0.0"),
      ElementsAre(HasSubstr("must be an address that clients can reach")));
}

TEST(PoolReader, a_stun_server_goes_with_an_automatic_address) {
  constexpr std::string_view kAutomatic =
      "address: 0.0.0.0\n      port: 1000\n      advertised_address: auto\n"
      "      public_address_from: ";
  EXPECT_EQ(media_of(std::string(kAutomatic) + "stun.example.com:3478").public_address_from,
            "stun.example.com:3478");
  EXPECT_THAT(problems_with_media(std::string(kAutomatic) + "stun.example.com"),
              ElementsAre(HasSubstr("must be host:port of a STUN server")));
  EXPECT_THAT(
      problems_with_media("address: 10.0.0.1\n      port: 1000\n      public_address_from: a:1"),
      ElementsAre(HasSubstr("is of use only with advertised_address: auto")));
}

TEST(PoolReader, reads_the_device_of_a_pool) {
  const auto device = [](const std::string& name) {
    return "address: 10.0.0.1\n      port: 1000\n      bind_device: " + name;
  };
  EXPECT_EQ(media_of(device("eth0.12")).bind_device, "eth0.12");
  EXPECT_EQ(media_of(kMedia).bind_device, "");
  for (const char* name : {"sixteen-or-longer", "a/b", "'a b'", "..", "."}) {
    EXPECT_THAT(problems_with_media(device(name)),
                ElementsAre(HasSubstr("must be the name of a network device")))
        << name;
  }
}

TEST(PoolReader, a_node_has_so_many_workers_over_all_pools) {
  EXPECT_THAT(problems_of(sample_with("    workers: 2", "    workers: 64")),
              ElementsAre(HasSubstr("pools[1].workers: makes 65 workers with the pools before it, "
                                    "and a node has at most 64")));
  EXPECT_THAT(problems_of(sample_with("    workers: 2", "    workers: 63")), IsEmpty());
}

TEST(PoolReader, checks_ports) {
  const auto problems_with = [](const std::string& ports) {
    return problems_with_media("address: 127.10.0.1\n      " + ports);
  };
  EXPECT_THAT(problems_with("port: 70000"),
              ElementsAre("16: pools[0].media.port: must be a whole number from 0 to 65535, is "
                          "70000"));
  EXPECT_THAT(problems_with("port: -1"), ElementsAre(HasSubstr("is -1")));
  EXPECT_THAT(problems_with("port: 65535"), Contains(HasSubstr("no port for each of 2 workers")));
  EXPECT_THAT(problems_with("advertised_port: 1"),
              ElementsAre(HasSubstr("needs either port or port_range")));
  EXPECT_THAT(problems_with("port: 1\n      port_range: [1, 2]"),
              ElementsAre(HasSubstr("needs either port or port_range")));
  EXPECT_THAT(problems_with("port_range: [5, 5]"),
              ElementsAre(HasSubstr("fewer ports than the pool has workers (2)")));
  EXPECT_THAT(problems_with("port_range: [5, 4]"), ElementsAre(HasSubstr("ends before it begins")));
  EXPECT_THAT(problems_with("port_range: [5]"),
              ElementsAre(HasSubstr("the first and the last port")));
  EXPECT_THAT(problems_with("port: 5\n      advertised_port: 65535"),
              ElementsAre(HasSubstr("advertised_port: leaves no port")));
  EXPECT_THAT(problems_with("port: 0"), IsEmpty());
}

TEST(PoolReader, checks_the_region_of_a_pool) {
  EXPECT_THAT(problems_of(sample_with("region: uk\n", "region: jp\n")),
              ElementsAre("11: pools[0].region: there is no region jp"));
  EXPECT_THAT(problems_of(sample_with("region: us\n", "region: uk\n")),
              ElementsAre(HasSubstr("17: pools[1].region: region uk has a pool already")));
  EXPECT_THAT(problems_of(sample_with("region: us\n", "region:\n")),
              ElementsAre("17: pools[1].region: is missing"));
}

TEST(PoolReader, checks_signalling_listeners) {
  EXPECT_THAT(problems_of(sample_with("\"127.0.0.1:7880\"", "")),
              ElementsAre("13: pools[0].signalling: needs at least one address to listen on"));
  EXPECT_THAT(problems_of(sample_with("\"127.0.0.1:7880\"", "\"127.0.0.1\"")),
              ElementsAre(HasSubstr("must be an address and a port")));
  EXPECT_THAT(problems_of(sample_with("\"127.0.0.1:7880\"", "\"127.0.0.1:99999\"")),
              ElementsAre(HasSubstr("must be an address and a port")));
  EXPECT_THAT(problems_of(sample_with("\"127.0.0.1:7880\"", "~")),
              ElementsAre(HasSubstr("signalling[0]: is missing")));
}

TEST(PoolReader, pools_may_not_bind_the_same_ports) {
  // Two workers at 7900 and 7901 of the first pool against the second pool's 7901.
  std::string text = sample_with("127.20.0.1\n      port: 7900", "127.10.0.1\n      port: 7901");
  EXPECT_THAT(problems_of(text),
              ElementsAre("19: pools[1].media: binds ports that the pool of uk binds too"));
  text.replace(text.find("port: 7901"), 10, "port: 7902");
  EXPECT_THAT(problems_of(text), IsEmpty());
  EXPECT_THAT(problems_of(sample_with("127.20.0.1\n", "0.0.0.0\n      advertised_address: auto\n")),
              ElementsAre(HasSubstr("binds ports that the pool of uk binds too")));
}

TEST(PoolReader, addresses_clash_on_one_port_of_one_family) {
  const auto clash = [](const char* a, const char* b) {
    return is_clash(SocketAddress::parse(a).value(), SocketAddress::parse(b).value());
  };
  EXPECT_TRUE(clash("127.0.0.1:1", "127.0.0.1:1"));
  EXPECT_TRUE(clash("0.0.0.0:1", "127.0.0.1:1"));
  EXPECT_TRUE(clash("[::1]:1", "[::]:1"));
  EXPECT_FALSE(clash("127.0.0.1:1", "127.0.0.1:2"));
  EXPECT_FALSE(clash("127.0.0.1:1", "127.0.0.2:1"));
  EXPECT_FALSE(clash("0.0.0.0:1", "[::]:1"));
  EXPECT_FALSE(clash("127.0.0.1:0", "127.0.0.1:0"));
}

}  // namespace
}  // namespace meridian::config
