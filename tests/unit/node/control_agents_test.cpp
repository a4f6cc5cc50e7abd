// Workers of agents on a node, and the dispatches of rooms/agent_dispatch.cpp.
#include <boost/json.hpp>

#include "rooms/agent_hub.hpp"
#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

class ControlAgentsTest : public ControlTest {
 protected:
  std::string token_of(const std::string& account, const api::VideoGrant& video) const {
    api::Claims claims;
    claims.video = video;
    claims.expires = now_.wall + 60s;
    return api::make_token(claims, {account + "-key", account + "-secret", now_.wall});
  }
  auto open_worker(const std::string& account, bool may, const RegionId& at = kLondon) {
    api::VideoGrant video;
    video.agent = may;
    return control_->open_signalling(get("/agent?access_token=" + token_of(account, video), at),
                                     now_);
  }
  SignalSessionId worker(const std::string& name) {
    const auto opened = open_worker("acme", true);
    EXPECT_TRUE(opened.has_value());
    livekit::WorkerMessage message;
    message.mutable_register_()->set_agent_name(name);
    send_worker(*opened, message);
    return *opened;
  }
  void send_worker(SignalSessionId session, const livekit::WorkerMessage& message) {
    control_->handle_frame(session, as_bytes(message.SerializeAsString()), FrameKind::kBinary,
                           now_);
  }
  std::vector<livekit::ServerMessage> take(SignalSessionId session) {
    std::vector<livekit::ServerMessage> messages;
    for (const SignalOutput& output : control_->take_signal_outputs()) {
      if (output.session == session && !output.frame.empty()) {
        EXPECT_TRUE(messages.emplace_back().ParseFromArray(output.frame.data(),
                                                           static_cast<int>(output.frame.size())));
      }
      if (output.closes) {
        closed_.push_back(output.session);
      }
    }
    return messages;
  }
  /// {status, body}
  std::pair<unsigned, boost::json::object> call(const std::string& path, const std::string& body,
                                                const std::string& room) {
    api::VideoGrant video;
    video.room_admin = true;
    video.room_create = true;
    video.room = room;
    signalling::HttpRequest request;
    request.method = "POST";
    request.target = "/twirp/livekit." + path;
    request.headers = {{"Content-Type", "application/json"},
                       {"Authorization", "Bearer " + token_of("acme", video)}};
    request.body = body;
    request.listener_region = kLondon;
    const auto answer = control_->handle_http(request, now_);
    const auto& response = std::get<signalling::HttpResponse>(answer);
    return {response.status, boost::json::parse(response.body).as_object()};
  }
};

TEST_F(ControlAgentsTest, workers_need_the_grant_and_a_permitted_region) {
  EXPECT_EQ(open_worker("acme", false).error().status, 401U);
  EXPECT_EQ(open_worker("uk-only", true, kVirginia).error().status, 403U);
  EXPECT_TRUE(open_worker("uk-only", true, kLondon));
  EXPECT_EQ(control_->open_signalling(get("/agent"), now_).error().status, 401U);
  EXPECT_EQ(control_->counters().agents.workers_now, 1U);
}

TEST_F(ControlAgentsTest, a_join_brings_an_agent_and_the_dispatch_another) {
  const SignalSessionId helper = worker("");
  EXPECT_TRUE(take(helper).at(0).has_register_());
  ASSERT_TRUE(
      control_->open_signalling(get("/rtc/v1?access_token=" + token("acme", "standup", "alice") +
                                    "&join_request=" + wrapped(join_request())),
                                now_));
  EXPECT_TRUE(take(helper).at(0).has_availability());

  const SignalSessionId scribe = worker("scribe");
  take(scribe);
  const auto [status, made] = call("AgentDispatchService/CreateDispatch",
                                   R"({"agent_name":"scribe","room":"standup"})", "standup");
  ASSERT_EQ(status, 200U);
  EXPECT_TRUE(take(scribe).at(0).has_availability());
  const std::string id(made.at("id").as_string());
  EXPECT_EQ(call("AgentDispatchService/ListDispatch", R"({"room":"standup"})", "standup")
                .second.at("agent_dispatches")
                .as_array()
                .size(),
            1U);
  const std::string body = R"({"room":"standup","dispatch_id":")" + id + R"("})";
  EXPECT_EQ(call("AgentDispatchService/ListDispatch", body, "other").first, 401U);
  EXPECT_EQ(call("AgentDispatchService/DeleteDispatch", body, "standup").first, 200U);
  EXPECT_EQ(call("AgentDispatchService/DeleteDispatch", body, "standup").first, 404U);
  EXPECT_EQ(call("AgentDispatchService/Dance", "{}", "standup").first, 404U);
}

TEST_F(ControlAgentsTest, a_dispatch_makes_its_room_and_a_room_its_dispatches) {
  EXPECT_EQ(
      call("AgentDispatchService/CreateDispatch", R"({"agent_name":"scribe","room":"new"})", "new")
          .first,
      200U);
  EXPECT_EQ(control_->counters().rooms_now, 1U);
  EXPECT_EQ(call("RoomService/CreateRoom", R"({"name":"begun","agents":[{"agent_name":"scribe"}]})",
                 "begun")
                .first,
            200U);
  EXPECT_EQ(call("AgentDispatchService/ListDispatch", R"({"room":"begun"})", "begun")
                .second.at("agent_dispatches")
                .as_array()
                .size(),
            1U);
  EXPECT_EQ(call("AgentDispatchService/CreateDispatch",
                 R"({"room":"new","metadata":")" + std::string(70'000, 'x') + R"("})", "new")
                .first,
            400U);
}

TEST_F(ControlAgentsTest, what_cannot_be_read_and_a_stop_end_the_connection) {
  const SignalSessionId first = worker("");
  control_->handle_frame(first, as_bytes("\xff\xff"), FrameKind::kBinary, now_);
  take(first);
  EXPECT_TRUE(is_closed(first));
  control_->handle_signal_closed(first, now_);
  EXPECT_EQ(control_->counters().agents.workers_now, 0U);
  const SignalSessionId second = worker("");
  control_->begin_shutdown(now_);
  take(second);
  EXPECT_TRUE(is_closed(second));
  EXPECT_EQ(open_worker("acme", true).error().status, 503U);
}

}  // namespace
}  // namespace meridian::node
