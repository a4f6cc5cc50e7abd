// Joins over `/rtc`: two connections, each under a permit of its own.
#include "unit/meeting/fake_answer.hpp"
#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

class ControlDualTest : public ControlTest {
 protected:
  base::Expected<SignalSessionId, signalling::HttpResponse> open_dual(
      const Who& who, const std::string& more = "&protocol=17") {
    auto opened = control_->open_signalling(
        get("/rtc?access_token=" + token(who.account, who.room, who.identity) + more, who.at),
        now_);
    drain();
    return opened;
  }
};

TEST_F(ControlDualTest, joins_with_an_offer_and_a_permit_for_each_connection) {
  (void)control_->take_audit_lines();
  const auto alice = open_dual({.at = kVirginia});
  ASSERT_TRUE(alice.has_value()) << alice.error().body;
  ASSERT_TRUE(received_[*alice][0].has_join());
  EXPECT_TRUE(received_[*alice][0].join().subscriber_primary());
  const auto offer = last(*alice, Response::kOffer);
  ASSERT_TRUE(offer.has_value());
  const auto recorded = control_->take_audit_lines();
  ASSERT_EQ(recorded.size(), 2U);
  for (const std::string& line : recorded) {
    EXPECT_TRUE(line.contains("permit_granted"));
    EXPECT_TRUE(line.contains("us-east"));
  }
  livekit::SignalRequest answer;
  answer.mutable_answer()->set_id(offer->offer().id());
  answer.mutable_answer()->set_sdp(meeting::fake_answer(offer->offer().sdp()));
  send(*alice, answer);
  ASSERT_EQ(commands<forward::OpenTransport>().size(), 1U);
  EXPECT_EQ(commands<forward::OpenTransport>()[0].first, WorkerIndex(1));
  EXPECT_EQ(commands<forward::OpenTransport>()[0].second->permit.region(), kVirginia);
}

TEST_F(ControlDualTest, is_refused_where_the_account_does_not_permit_it) {
  const auto refused = open_dual({.account = "uk-only", .at = kVirginia});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().status, 403U);
}

TEST_F(ControlDualTest, validates_as_it_would_join) {
  const auto status = [&](const Who& who) {
    return http(get("/rtc/validate?protocol=17&access_token=" +
                        token(who.account, who.room, who.identity),
                    who.at))
        .status;
  };
  EXPECT_EQ(status({}), 200U);
  EXPECT_EQ(status({.account = "uk-only", .at = kVirginia}), 403U);
  EXPECT_EQ(http(get("/rtc/validate")).status, 401U) << "never 404: clients would try it for ever";
  EXPECT_EQ(control_->counters().rooms_now, 0U);
}

TEST_F(ControlDualTest, resumes_by_its_sid) {
  const auto alice = open_dual({});
  ASSERT_TRUE(alice.has_value());
  const auto offer = last(*alice, Response::kOffer)->offer();
  livekit::SignalRequest answer;
  answer.mutable_answer()->set_sdp(meeting::fake_answer(offer.sdp()));
  send(*alice, answer);
  const auto& opened = commands<forward::OpenTransport>();
  ASSERT_EQ(opened.size(), 1U);
  control_->handle_event(WorkerIndex(0),
                         forward::TransportStateChanged{opened[0].second->transport,
                                                        forward::TransportState::kConnected,
                                                        forward::TransportFailure::kNone},
                         now_);
  drain();
  control_->handle_signal_closed(*alice, now_);
  const std::string sid = received_[*alice][0].join().participant().sid();
  const auto again = open_dual({}, "&protocol=17&reconnect=1&sid=" + sid);
  ASSERT_TRUE(again.has_value());
  EXPECT_TRUE(received_[*again][0].has_reconnect());
  EXPECT_EQ(last(*again, Response::kOffer)->offer().id(), offer.id() + 1);
  const auto stranger = open_dual({.identity = "bob"}, "&reconnect=1&sid=PA_none");
  ASSERT_TRUE(stranger.has_value());
  EXPECT_EQ(received_[*stranger][0].leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_EQ(received_[*stranger][0].leave().reason(), livekit::STATE_MISMATCH);
}

}  // namespace
}  // namespace meridian::node
