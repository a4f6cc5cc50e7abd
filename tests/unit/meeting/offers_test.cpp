#include "meeting/offers.hpp"

#include "meeting/limits.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

TEST_F(MeetingTest, opens_the_transport_only_with_the_first_offer) {
  Client& alice = join("alice", {.makes_offer = false});
  EXPECT_TRUE(commands<forward::OpenTransport>().empty());
  offer(alice);
  ASSERT_EQ(commands<forward::OpenTransport>().size(), 1U);
  EXPECT_EQ(commands<forward::OpenTransport>()[0].second->remote.ufrag, "abcd");
  offer(alice);
  EXPECT_EQ(commands<forward::OpenTransport>().size(), 1U);
  EXPECT_TRUE(commands<forward::RestartIce>().empty());
  EXPECT_EQ(alice.last(Response::kAnswer)->answer().id(), 2U);
}

TEST_F(MeetingTest, restarts_ice_when_the_offer_has_new_credentials) {
  Client& alice = join_active("alice");
  alice.offers.ufrag = "efgh";
  offer(alice);
  ASSERT_EQ(commands<forward::RestartIce>().size(), 1U);
  EXPECT_EQ(commands<forward::RestartIce>()[0].second->remote.ufrag, "efgh");
  EXPECT_NE(commands<forward::RestartIce>()[0].second->local.ufrag,
            commands<forward::OpenTransport>()[0].second->local.ufrag);
  EXPECT_EQ(alice.count(Response::kTrickle), 2U);
}

TEST_F(MeetingTest, ends_a_join_whose_first_offer_is_unusable) {
  Client& alice = join("alice", {.makes_offer = false});
  livekit::SignalRequest bad;
  bad.mutable_offer()->set_sdp("not SDP");
  request(alice, bad);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::JOIN_FAILURE);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::DISCONNECT);
  EXPECT_TRUE(alice.is_closed);
  EXPECT_TRUE(meeting_->room().roster.empty());
}

TEST_F(MeetingTest, lets_a_client_start_anew_after_a_later_bad_offer) {
  Client& alice = join_active("alice");
  livekit::SignalRequest bad;
  bad.mutable_offer()->set_sdp("not SDP");
  request(alice, bad);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().reason(), livekit::STATE_MISMATCH);
  EXPECT_EQ(alice.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
}

TEST_F(MeetingTest, gives_up_on_a_client_that_makes_no_offer) {
  Client& alice = join_active("alice");
  const Client& bob = join_active("bob");
  publish(alice, "mic", livekit::AUDIO);
  advance(kOfferTimeout - 100ms);
  EXPECT_FALSE(bob.is_closed);
  EXPECT_EQ(bob.count(Response::kMediaSectionsRequirement), 1U) << "asked once";
  advance(1s);
  EXPECT_TRUE(bob.is_closed);
  EXPECT_EQ(bob.last(Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_FALSE(alice.is_closed);
}

TEST_F(MeetingTest, asks_for_nothing_when_the_client_s_own_offer_did_it) {
  Client& alice = join_active("alice");
  Client& bob = join_active("bob");
  advance(1s);
  publish(alice, "mic", livekit::AUDIO);
  offer(bob);
  EXPECT_EQ(commands<forward::Subscribe>().size(), 1U);
  advance(1s);
  EXPECT_EQ(bob.count(Response::kMediaSectionsRequirement), 0U);
}

}  // namespace
}  // namespace meridian::meeting
