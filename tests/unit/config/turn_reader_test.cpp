#include "config/turn_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::kSample;
using testing_support::problems_of;

/// The sample with a certificate and `turn` under its first pool.
std::string sample(std::string_view turn, std::string_view url = "wss://uk.example.com",
                   bool has_tls = true) {
  std::string text(kSample);
  const auto replace = [&text](std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
  };
  replace("ws://127.0.0.1:7880", url);
  replace("port: 7900", "port: 7900\n      tcp_port: 7900\n    turn: " + std::string(turn));
  return text + (has_tls ? "listen: {tls: {certificate: c.pem, key: k.pem}}\n" : "");
}
Turn turn_of(std::string_view turn, std::string_view url = "wss://uk.example.com") {
  return parse(sample(turn, url), "f").value().config.pools[0].turn;
}

TEST(TurnReader, is_off_unless_asked_for) {
  const Turn turn = parse(kSample, "f").value().config.pools[0].turn;
  EXPECT_FALSE(turn.is_on());
  EXPECT_THAT(turn.servers, IsEmpty());
}

TEST(TurnReader, tells_clients_what_the_region_s_url_says) {
  EXPECT_EQ(turn_of("{tls: true}").address, "uk.example.com:443");
  EXPECT_EQ(turn_of("{tls: true}", "https://uk.example.com:8443/x").address, "uk.example.com:8443");
  EXPECT_EQ(turn_of("{tls: true}", "'wss://[2001:db8::1]'").address, "[2001:db8::1]:443");
  EXPECT_EQ(turn_of("{tls: true, address: 'turn.example.com:5349'}", "ws://x").address,
            "turn.example.com:5349");
  const Turn all = turn_of("{tls: true, tcp: true, udp: true, listen: ['0.0.0.0:5349']}");
  EXPECT_TRUE(all.tls && all.tcp && all.udp);
  EXPECT_THAT(all.listen, ElementsAre(*SocketAddress::parse("0.0.0.0:5349")));
}

TEST(TurnReader, says_what_is_missing) {
  EXPECT_THAT(problems_of(sample("{tls: true}", "wss://x", false)),
              ElementsAre(HasSubstr("pools[0].turn.tls: needs listen.tls")));
  EXPECT_THAT(problems_of(sample("{tls: true}", "ws://x")),
              ElementsAre(HasSubstr("pools[0].turn.tls: needs turn.address")));
  EXPECT_THAT(problems_of(sample("{tls: yes}")),
              ElementsAre(HasSubstr("pools[0].turn.tls: must be true or false")));
  EXPECT_THAT(problems_of(sample("{tls: true, address: x}")),
              ElementsAre(HasSubstr("pools[0].turn.address: must be host:port")));
  EXPECT_THAT(problems_of(sample("{address: 'x:1'}")),
              ElementsAre(HasSubstr("only with tls: true")));
  EXPECT_THAT(problems_of(sample("{tls: true, listen: ['127.0.0.1:7881']}")),
              ElementsAre(HasSubstr("listened on already")));
  std::string no_tcp = sample("{tcp: true}");
  no_tcp.erase(no_tcp.find("      tcp_port: 7900\n"), 21);
  EXPECT_THAT(problems_of(no_tcp), ElementsAre(HasSubstr("turn.tcp: needs media.tcp_port")));
  EXPECT_THAT(problems_of(sample("{tsl: true}")), ElementsAre(HasSubstr("did you mean tls?")));
}

TEST(TurnReader, reads_the_operator_s_servers) {
  const Turn turn = turn_of(
      "{servers: [{urls: ['turn:a.example:3478'], username: u, credential: c}, "
      "{urls: ['turns:b.example:443?transport=tcp'], secret: s}]}");
  ASSERT_EQ(turn.servers.size(), 2U);
  EXPECT_EQ(turn.servers[0].username, "u");
  EXPECT_EQ(turn.servers[1].secret, "s");
  EXPECT_FALSE(turn.is_on()) << "those are not on the node";
  EXPECT_THAT(problems_of(sample("{servers: [{urls: ['stun:a.example'], secret: s}]}")),
              ElementsAre(HasSubstr("must begin with turn: or turns:")));
  EXPECT_THAT(problems_of(sample("{servers: [{urls: ['turn:a.example']}]}")),
              ElementsAre(HasSubstr("needs either username and credential, or secret")));
  EXPECT_THAT(problems_of(sample("{servers: [{urls: [], secret: s}]}")),
              ElementsAre(HasSubstr("needs one to 4 URLs")));
  EXPECT_THAT(problems_of(sample("{servers: [{urls: ['turn:a.example>'], secret: s}]}")),
              ElementsAre(HasSubstr("has characters that no URL has")));
  EXPECT_THAT(problems_of(sample(
                  R"({servers: [{urls: ['turn:a.example'], username: "u\nv", credential: c}]})")),
              ElementsAre(HasSubstr("username: must have no control characters")));
}

}  // namespace
}  // namespace meridian::config
