#include <boost/json.hpp>

#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

TEST_F(ControlTest, joins_with_the_first_frames_ready) {
  const SignalSessionId alice = join({});
  ASSERT_FALSE(received_[alice].empty());
  EXPECT_TRUE(received_[alice][0].has_join());
  EXPECT_TRUE(last(alice, Response::kAnswer).has_value());
  EXPECT_FALSE(last(alice, Response::kRefreshToken)->refresh_token().empty());
  EXPECT_EQ(received_[alice][0].join().server_info().node_id(), "ND_test");
  EXPECT_EQ(control_->counters().joins, 1U);
  EXPECT_EQ(control_->counters().participants_now, 1U);
  EXPECT_EQ(commands<forward::OpenTransport>()[0].first, WorkerIndex(0));
}

TEST_F(ControlTest, serves_people_where_they_arrive_if_the_account_permits) {
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  EXPECT_EQ(received_[bob][0].join().participant().region(), "us-east");
  EXPECT_EQ(commands<forward::OpenTransport>()[0].first, WorkerIndex(1));
}

TEST_F(ControlTest, refuses_a_region_that_the_account_did_not_permit) {
  const auto refused = open({.account = "uk-only", .at = kVirginia}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 403U);
  EXPECT_EQ(header(refused.error(), "Access-Control-Allow-Origin"), "*");
  const auto body = boost::json::parse(refused.error().body);
  EXPECT_EQ(body.at("error"), "region_not_allowed");
  EXPECT_EQ(body.at("permitted").at(0).at("region"), "uk-london");
  EXPECT_EQ(body.at("permitted").at(0).at("url"), "ws://London");
  EXPECT_EQ(refusals("region_not_allowed"), 1U);
  EXPECT_TRUE(commands<forward::OpenTransport>().empty());
  EXPECT_EQ(control_->counters().rooms_now, 0U) << "a refused join makes no room";
  EXPECT_TRUE(control_->take_audit_lines().back().contains("permit_denied"));
}

TEST_F(ControlTest, never_spills_into_another_region) {
  for (int i = 0; i < 4; ++i) {
    join({.account = "uk-only",
          .room = "room" + std::to_string(i / 2),
          .identity = "p" + std::to_string(i)});
  }
  const auto refused =
      open({.account = "uk-only", .room = "room1", .identity = "late"}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 503U);
  EXPECT_EQ(boost::json::parse(refused.error().body).at("error"), "region_unavailable");
  for (const auto& [worker, open] : commands<forward::OpenTransport>()) {
    EXPECT_EQ(worker, WorkerIndex(0));
  }
}

TEST_F(ControlTest, says_when_room_or_node_are_full) {
  for (int i = 0; i < 3; ++i) {
    join({.identity = "p" + std::to_string(i), .at = i == 2 ? kVirginia : kLondon});
  }
  const auto full = open({.identity = "late"}, join_request());
  EXPECT_EQ(full.error().status, 403U);
  EXPECT_EQ(full.error().body, "the room is full");
  EXPECT_TRUE(open({.identity = "p0"}, join_request()).has_value()) << "replaces itself";
  join({.room = "second", .identity = "x", .at = kVirginia});
  join({.room = "third", .identity = "y", .at = kVirginia});
  const auto overloaded = open({.room = "fourth"}, join_request());
  EXPECT_EQ(overloaded.error().status, 503U);
  EXPECT_EQ(overloaded.error().body, "node has exceeded its configured limit");
}

TEST_F(ControlTest, sheds_load_in_order) {
  using forward::LoadLevel;
  const auto is_now = [this](LoadLevel level) {
    for (const WorkerIndex worker : {WorkerIndex(0), WorkerIndex(1)}) {
      control_->handle_event(worker, forward::WorkerLoad{.level = level, .share = 0.9F}, now_);
    }
  };
  join({.identity = "p0"});
  is_now(LoadLevel::kBusy);
  const auto room = open({.room = "another", .identity = "x"}, join_request());
  ASSERT_FALSE(room.has_value());
  EXPECT_EQ(room.error().status, 503U);
  EXPECT_EQ(refusals("overloaded"), 1U);
  EXPECT_TRUE(open({.identity = "p1"}, join_request()).has_value()) << "the meeting goes on";
  is_now(LoadLevel::kFull);
  const auto person = open({.identity = "p2"}, join_request());
  ASSERT_FALSE(person.has_value());
  EXPECT_EQ(person.error().status, 503U);
  EXPECT_EQ(boost::json::parse(person.error().body).at("error"), "region_unavailable");
  is_now(LoadLevel::kNormal);
  EXPECT_TRUE(open({.room = "another", .identity = "x"}, join_request()).has_value());
}

TEST_F(ControlTest, a_busy_region_takes_no_room_though_another_could) {
  using forward::LoadLevel;
  control_->handle_event(WorkerIndex(0), forward::WorkerLoad{.level = LoadLevel::kBusy}, now_);
  EXPECT_FALSE(open({.account = "uk-only"}, join_request()).has_value());
  EXPECT_EQ(refusals("overloaded"), 1U);
  EXPECT_TRUE(open({.at = kVirginia}, join_request()).has_value());
}

TEST_F(ControlTest, refuses_bad_tokens) {
  signalling::HttpRequest request =
      get("/rtc/v1?access_token=a.b.c&join_request=" + wrapped(join_request()));
  const auto refused = control_->open_signalling(request, now_);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 401U);
  EXPECT_EQ(refusals("unauthorized"), 1U);
}

TEST_F(ControlTest, resumes_over_a_new_connection) {
  const SignalSessionId first = join({});
  const TransportId transport = commands<forward::OpenTransport>()[0].second->transport;
  control_->handle_event(
      WorkerIndex(0),
      forward::TransportStateChanged{transport, forward::TransportState::kConnected, {}}, now_);
  drain();
  livekit::JoinRequest request;
  request.set_reconnect(true);
  request.set_participant_sid(received_[first][0].join().participant().sid());
  const auto second = open({}, request);
  ASSERT_TRUE(second.has_value());
  EXPECT_TRUE(received_[*second].at(0).has_reconnect());
  EXPECT_TRUE(is_closed(first));
  EXPECT_FALSE(is_closed(*second));
  EXPECT_EQ(control_->counters().resumes, 1U);
  livekit::SignalRequest ping;
  ping.set_ping(1);
  send(*second, ping);
  EXPECT_TRUE(last(*second, Response::kPong).has_value());
  EXPECT_EQ(control_->counters().participants_now, 1U);
}

TEST_F(ControlTest, tells_whoever_it_does_not_know_to_start_anew) {
  livekit::JoinRequest request;
  request.set_reconnect(true);
  request.set_participant_sid("PA_lost");
  const auto opened = open({}, request);
  ASSERT_TRUE(opened.has_value());
  ASSERT_EQ(received_[*opened].size(), 1U);
  EXPECT_EQ(received_[*opened][0].leave().reason(), livekit::STATE_MISMATCH);
  EXPECT_EQ(received_[*opened][0].leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_TRUE(is_closed(*opened));
  EXPECT_EQ(control_->counters().sessions_now, 0U);
}

TEST_F(ControlTest, does_not_resume_across_accounts_or_at_a_forbidden_region) {
  const SignalSessionId first = join({.account = "uk-only"});
  livekit::JoinRequest request;
  request.set_reconnect(true);
  request.set_participant_sid(received_[first][0].join().participant().sid());
  const auto other = open({.account = "acme"}, request);
  ASSERT_TRUE(other.has_value());
  EXPECT_TRUE(received_[*other][0].has_leave());
  EXPECT_EQ(open({.account = "uk-only", .at = kVirginia}, request).error().status, 403U);
  EXPECT_FALSE(is_closed(first));
}

TEST_F(ControlTest, the_room_s_own_setting_narrows_where_it_may_be) {
  const auto refused = open({.room = "board", .at = kVirginia}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(boost::json::parse(refused.error().body).at("error"), "region_not_allowed");
  join({.room = "board"});
}

TEST_F(ControlTest, a_token_that_names_the_host_s_group_narrows_the_meeting_for_everyone) {
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  const SignalSessionId alice = join({.routing = api::RoutingClaim{.group = "ward"}});
  EXPECT_FALSE(is_closed(alice));
  EXPECT_TRUE(is_closed(bob)) << "the ward's meetings are in London";
  EXPECT_EQ(last(bob, Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_FALSE(open({.identity = "bob", .at = kVirginia}, join_request()).has_value());
  EXPECT_EQ(commands<forward::OpenTransport>().back().second->permit.levels().group, "ward");
}

TEST_F(ControlTest, refuses_a_token_that_names_another_host_than_the_meeting_has) {
  join({.routing = api::RoutingClaim{.group = "ward"}});
  const auto refused =
      open({.identity = "bob", .routing = api::RoutingClaim{.group = "office"}}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 403U);
  EXPECT_EQ(refusals("invalid_override"), 1U);
}

TEST_F(ControlTest, refuses_a_token_of_an_older_policy_with_the_places_of_the_new_one) {
  const Who bob{.identity = "bob", .at = kVirginia, .routing = api::RoutingClaim{.epoch = 1}};
  const SignalSessionId session = join(bob);
  api::ChangeRequest change;
  change.terms = acme_terms();
  change.terms.opted_in = {kLondon};
  change.expected = PolicyEpoch(1);
  ASSERT_TRUE(control_->begin_change(std::move(change), now_));
  drain();
  ASSERT_TRUE(is_closed(session));
  const auto refused = open({.identity = "eve", .routing = bob.routing}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 403U);
  const auto body = boost::json::parse(refused.error().body);
  EXPECT_EQ(body.at("error"), "stale_epoch");
  EXPECT_EQ(body.at("permitted").as_array().size(), 1U);
  // Whoever was here got a token of the new policy before being told to come back.
  const std::string fresh = last(session, Response::kRefreshToken)->refresh_token();
  EXPECT_TRUE(control_
                  ->open_signalling(get("/rtc/v1?access_token=" + fresh +
                                        "&join_request=" + wrapped(join_request())),
                                    now_)
                  .has_value());
}

TEST_F(ControlTest, a_strict_host_has_guests_only_where_their_own_account_permits) {
  const api::RoutingClaim guest{.home_account = "uk-only"};
  const SignalSessionId gina = join({.identity = "gina", .routing = guest});
  EXPECT_FALSE(is_closed(gina));
  join({.identity = "bob", .at = kVirginia});
  EXPECT_TRUE(is_closed(gina)) << "the meeting's media is in a region that her account excludes";
  const auto refused = open({.identity = "gina", .routing = guest}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refusals("guest_policy_conflict"), 1U);
}

TEST_F(ControlTest, a_guest_of_an_account_that_nobody_knows_is_refused_by_a_strict_host) {
  EXPECT_FALSE(open({.routing = api::RoutingClaim{.home_account = "elsewhere"}}, join_request())
                   .has_value());
}

TEST_F(ControlTest, accounts_that_require_evidence_begin_no_meeting_while_it_waits) {
  api::ChangeRequest change;
  change.terms.account = AccountId("uk-only");
  change.terms.default_region = kLondon;
  change.terms.opted_in = {kLondon};
  change.terms.evidence = residency::Evidence::kRequired;
  change.expected = PolicyEpoch(1);
  ASSERT_TRUE(control_->begin_change(std::move(change), now_).has_value());
  join({.account = "uk-only", .room = "running"});
  control_->set_evidence(EvidenceState::kWaiting);
  join({.account = "uk-only", .room = "running", .identity = "bob"});
  join({});  // best effort
  const auto refused = open({.account = "uk-only", .room = "new"}, join_request());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 503U);
  EXPECT_EQ(refusals("audit_unavailable"), 1U);
}

}  // namespace
}  // namespace meridian::node
