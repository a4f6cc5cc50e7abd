#include "meeting/ice_servers.hpp"

#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class IceServersTest : public MeetingTest {
 protected:
  void serve_turn() {
    services_.turn.emplace(random_);
    workers_ = WorkerPool({{.index = WorkerIndex(0),
                            .region = kLondon,
                            .advertised = {*SocketAddress::parse("192.0.2.1:7882")},
                            .turn_urls = {"turns:uk.example:443?transport=tcp"},
                            .turn_servers = {{.urls = {"turn:coturn.uk.example"},
                                              .username = {},
                                              .credential = {},
                                              .secret = "shared"},
                                             {.urls = {"turn:old.uk.example"},
                                              .username = "u",
                                              .credential = "c",
                                              .secret = {}}}},
                           {.index = WorkerIndex(1),
                            .region = kFrankfurt,
                            .advertised = {*SocketAddress::parse("192.0.2.2:7882")},
                            .turn_urls = {"turns:eu.example:443?transport=tcp"}}});
  }
};

TEST_F(IceServersTest, nobody_hears_of_a_server_that_is_not_configured) {
  EXPECT_EQ(join("alice").received[0].join().ice_servers_size(), 0);
}

TEST_F(IceServersTest, tells_of_the_region_s_own_with_credentials_of_the_participant) {
  serve_turn();
  const auto& told = join("alice").received[0].join();
  ASSERT_EQ(told.ice_servers_size(), 3);
  EXPECT_EQ(told.ice_servers(0).urls(0), "turns:uk.example:443?transport=tcp");
  const auto claims = turn::read_username(told.ice_servers(0).username());
  ASSERT_TRUE(claims);
  EXPECT_EQ(claims->worker, WorkerIndex(0));
  EXPECT_EQ(claims->expires, now_.wall + turn::kCredentialTime);
  EXPECT_EQ(claims->participant, commands<forward::OpenTransport>()[0].second->participant);
  EXPECT_EQ(claims->participant, commands<forward::OpenTransport>()[0].second->transport);
  EXPECT_EQ(told.ice_servers(0).credential(), turn::issue(*services_.turn, *claims).password);
  EXPECT_TRUE(told.ice_servers(1).username().ends_with(":" + told.participant().sid()));
  EXPECT_EQ(told.ice_servers(1).credential().size(), 28U) << "HMAC-SHA-1 in base64";
  EXPECT_EQ(told.ice_servers(2).username(), "u");
  EXPECT_EQ(told.ice_servers(2).credential(), "c");

  const auto& other = join("ben", {.region = kFrankfurt}).received[0].join();
  ASSERT_EQ(other.ice_servers_size(), 1) << "another region's are not for it";
  EXPECT_EQ(other.ice_servers(0).urls(0), "turns:eu.example:443?transport=tcp");
}

TEST_F(IceServersTest, both_connections_of_a_participant_are_its_own) {
  serve_turn();
  join_dual("alice");
  const auto opened = commands<forward::OpenTransport>();
  ASSERT_EQ(opened.size(), 2U);
  EXPECT_NE(opened[0].second->transport, opened[1].second->transport);
  EXPECT_EQ(opened[0].second->participant, opened[1].second->participant);
}

}  // namespace
}  // namespace meridian::meeting
