#include "meeting/server_rpcs.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

constexpr Instant kStart = Instant::from_origin(100s);
const ParticipantSid kAlice("PA_alice");

ServerRpcs::Call call(std::uint64_t ticket, const std::string& id) {
  return {.ticket = RpcTicket(ticket), .to = kAlice, .id = id, .timeout = 10s};
}

livekit::DataPacket response(const std::string& id, const std::string& payload) {
  livekit::DataPacket packet;
  packet.mutable_rpc_response()->set_request_id(id);
  packet.mutable_rpc_response()->set_payload(payload);
  return packet;
}

TEST(ServerRpcs, an_answer_ends_the_call) {
  ServerRpcs rpcs;
  ASSERT_TRUE(rpcs.begin(call(1, "a"), kStart));
  EXPECT_EQ(rpcs.next_timeout(), kStart + 10s);
  livekit::DataPacket ack;
  ack.mutable_rpc_ack()->set_request_id("a");
  EXPECT_TRUE(rpcs.take(kAlice, ack));
  EXPECT_TRUE(rpcs.take_outcomes().empty());
  EXPECT_TRUE(rpcs.take(kAlice, response("a", "fine")));
  const auto outcomes = rpcs.take_outcomes();
  ASSERT_EQ(outcomes.size(), 1U);
  EXPECT_EQ(outcomes[0].ticket, RpcTicket(1));
  EXPECT_EQ(std::get<std::string>(outcomes[0].result), "fine");
  EXPECT_FALSE(rpcs.take(kAlice, response("a", "again")));
  EXPECT_TRUE(rpcs.next_timeout().is_never());
}

TEST(ServerRpcs, takes_only_what_is_for_it) {
  ServerRpcs rpcs;
  ASSERT_TRUE(rpcs.begin(call(1, "a"), kStart));
  EXPECT_FALSE(rpcs.take(kAlice, response("b", "")));
  EXPECT_FALSE(rpcs.take(ParticipantSid("PA_bob"), response("a", "forged")));
  livekit::DataPacket user;
  user.mutable_user()->set_payload("hello");
  EXPECT_FALSE(rpcs.take(kAlice, user));
  EXPECT_TRUE(rpcs.take_outcomes().empty());
}

TEST(ServerRpcs, errors_times_and_departures_end_it_too) {
  ServerRpcs rpcs;
  ASSERT_TRUE(rpcs.begin(call(1, "a"), kStart));
  ASSERT_TRUE(rpcs.begin(call(2, "b"), kStart));
  ASSERT_TRUE(rpcs.begin(call(3, "c"), kStart + 5s));
  livekit::DataPacket failed;
  failed.mutable_rpc_response()->set_request_id("a");
  failed.mutable_rpc_response()->mutable_error()->set_code(1400);
  EXPECT_TRUE(rpcs.take(kAlice, failed));
  rpcs.handle_timeout(kStart + 10s);
  rpcs.handle_left(ParticipantSid("PA_bob"));
  rpcs.handle_left(kAlice);
  const auto outcomes = rpcs.take_outcomes();
  ASSERT_EQ(outcomes.size(), 3U);
  EXPECT_EQ(std::get<RpcOutcome::Error>(outcomes[0].result).code, 1400U);
  EXPECT_TRUE(std::holds_alternative<RpcOutcome::TimedOut>(outcomes[1].result));
  EXPECT_TRUE(std::holds_alternative<RpcOutcome::Disconnected>(outcomes[2].result));
}

TEST(ServerRpcs, is_bounded) {
  ServerRpcs rpcs;
  for (std::size_t i = 0; i < ServerRpcs::kMaxPending; ++i) {
    ASSERT_TRUE(rpcs.begin(call(i, std::to_string(i)), kStart));
  }
  EXPECT_FALSE(rpcs.begin(call(999, "more"), kStart));
}

}  // namespace
}  // namespace meridian::meeting
