// livekit.RoomService on a node: rights, accounts, regions, rooms and their ends.
#include <boost/json.hpp>
#include <gmock/gmock.h>

#include "rooms/room_service.hpp"
#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

class ControlRoomsTest : public ControlTest {
 protected:
  struct Right {
    std::string account = "acme";
    bool create = false;
    bool list = false;
    bool admin = false;
    std::string room = {};
    std::string destination = {};
  };
  static Right admin_of(const std::string& room) { return {.admin = true, .room = room}; }
  std::string token_with(const Right& right) const {
    api::Claims claims;
    api::VideoGrant& video = claims.video.emplace();
    video.room_create = right.create;
    video.room_list = right.list;
    video.room_admin = right.admin;
    video.room = right.room;
    video.destination_room = right.destination;
    claims.expires = now_.wall + 60s;
    return api::make_token(claims, {right.account + "-key", right.account + "-secret", now_.wall});
  }
  signalling::HttpRequest request(const std::string& path, const std::string& body,
                                  const Right& right, const RegionId& at = kLondon) const {
    signalling::HttpRequest request;
    request.method = "POST";
    request.target = "/twirp/livekit." + path;
    request.headers = {{"Content-Type", "application/json"},
                       {"Authorization", "Bearer " + token_with(right)}};
    request.body = body;
    request.listener_region = at;
    return request;
  }
  struct Reply {
    unsigned status = 0;
    boost::json::object body;
    [[nodiscard]] std::string text(std::string_view key) const {
      return std::string(body.at(boost::json::string_view(key.data(), key.size())).as_string());
    }
  };
  static Reply parse(const signalling::HttpResponse& response) {
    return {response.status, boost::json::parse(response.body).as_object()};
  }
  Reply call(const std::string& method, const std::string& body, const Right& right,
             const RegionId& at = kLondon) {
    return parse(http(request("RoomService/" + method, body, right, at)));
  }
};

TEST_F(ControlRoomsTest, creates_lists_and_deletes_rooms) {
  const Reply created = call("CreateRoom", R"({"name":"standup","emptyTimeout":30,"metadata":"m"})",
                             {.create = true});
  ASSERT_EQ(created.status, 200U);
  EXPECT_EQ(created.text("name"), "standup");
  EXPECT_EQ(created.body.at("empty_timeout").as_int64(), 30);
  EXPECT_EQ(call("CreateRoom", R"({"name":"standup","metadata":"other"})", {.create = true})
                .text("metadata"),
            "m")
      << "it is there already";
  const Reply listed = call("ListRooms", "{}", {.list = true});
  ASSERT_EQ(listed.body.at("rooms").as_array().size(), 1U);
  EXPECT_EQ(call("ListRooms", R"({"names":["x"]})", {.list = true}).body.at("rooms").as_array(),
            boost::json::array());
  const SignalSessionId alice = join({});
  EXPECT_EQ(last(alice, Response::kJoin)->join().room().metadata(), "m");
  ASSERT_EQ(call("DeleteRoom", R"({"room":"standup"})", {.create = true}).status, 200U);
  EXPECT_EQ(last(alice, Response::kLeave)->leave().reason(), livekit::ROOM_DELETED);
  EXPECT_TRUE(is_closed(alice));
  EXPECT_EQ(control_->counters().rooms_now, 0U);
  EXPECT_EQ(call("DeleteRoom", R"({"room":"standup"})", {.create = true}).status, 404U);
}

TEST_F(ControlRoomsTest, an_empty_room_closes_when_its_time_is_over) {
  call("CreateRoom", R"({"name":"standup","empty_timeout":30})", {.create = true});
  now_.monotonic = now_.monotonic + 29s;
  control_->handle_timeout(now_);
  EXPECT_EQ(control_->counters().rooms_now, 1U);
  now_.monotonic = now_.monotonic + 1s;
  control_->handle_timeout(now_);
  EXPECT_EQ(control_->counters().rooms_now, 0U);
}

TEST_F(ControlRoomsTest, needs_the_grant_of_the_call) {
  join({});
  const std::string room = R"({"room":"standup","identity":"alice"})";
  for (const Right& right : {Right{}, Right{.list = true}, admin_of("other")}) {
    EXPECT_EQ(call("CreateRoom", R"({"name":"a"})", right).status, 401U);
    EXPECT_EQ(call("DeleteRoom", room, right).status, 401U);
    for (const std::string method :
         {"ListParticipants", "GetParticipant", "RemoveParticipant", "MutePublishedTrack",
          "UpdateParticipant", "UpdateSubscriptions", "SendData", "UpdateRoomMetadata",
          "ForwardParticipant", "MoveParticipant", "PerformRpc"}) {
      const Reply refused = call(method, room, right);
      EXPECT_EQ(refused.status, 401U) << method;
      EXPECT_EQ(refused.text("code"), "unauthenticated");
    }
  }
  EXPECT_EQ(call("ListRooms", "{}", {.create = true}).status, 401U);
  auto forged = request("RoomService/ListRooms", "{}", {.list = true});
  forged.headers.back().value += "x";
  EXPECT_EQ(parse(http(forged)).status, 401U);
  forged.headers.pop_back();
  EXPECT_EQ(parse(http(forged)).status, 401U);
}

TEST_F(ControlRoomsTest, another_accounts_rooms_are_not_there) {
  join({});
  const Right other{
      .account = "uk-only", .create = true, .list = true, .admin = true, .room = "standup"};
  EXPECT_TRUE(call("ListRooms", "{}", other).body.at("rooms").as_array().empty());
  EXPECT_TRUE(
      call("ListRooms", R"({"names":["standup"]})", other).body.at("rooms").as_array().empty());
  EXPECT_EQ(call("ListParticipants", R"({"room":"standup"})", other).status, 404U);
  EXPECT_EQ(call("DeleteRoom", R"({"room":"standup"})", other).status, 404U);
  ASSERT_EQ(call("CreateRoom", R"({"name":"standup"})", other).status, 200U);
  EXPECT_EQ(control_->counters().rooms_now, 2U) << "a room of its own";
}

TEST_F(ControlRoomsTest, calls_arrive_only_where_the_account_may_signal) {
  const Right right{.account = "uk-only", .create = true, .list = true};
  const Reply refused = call("CreateRoom", R"({"name":"a"})", right, kVirginia);
  EXPECT_EQ(refused.status, 403U);
  EXPECT_EQ(refused.body.at("meta").at("reason").as_string(), "region_not_allowed");
  EXPECT_EQ(refused.body.at("meta").at("permitted").as_string(), "uk-london");
  EXPECT_EQ(call("ListRooms", "{}", right, kVirginia).status, 403U);
  EXPECT_EQ(call("CreateRoom", R"({"name":"a"})", right, kLondon).status, 200U);
  EXPECT_EQ(call("CreateRoom", R"({"name":"board"})", {.create = true}, kVirginia).status, 403U)
      << "a level of the account's policy";
}

TEST_F(ControlRoomsTest, tells_who_is_there_and_sends_them_away) {
  const SignalSessionId alice = join({});
  const Reply listed = call("ListParticipants", R"({"room":"standup"})", admin_of("standup"));
  ASSERT_EQ(listed.body.at("participants").as_array().size(), 1U);
  EXPECT_EQ(call("GetParticipant", R"({"room":"standup","identity":"alice"})", admin_of("standup"))
                .text("region"),
            "uk-london");
  const std::string bob = R"({"room":"standup","identity":"bob"})";
  for (const std::string method : {"GetParticipant", "RemoveParticipant", "UpdateParticipant",
                                   "UpdateSubscriptions", "MoveParticipant"}) {
    const Reply missing = call(method,
                               method == "MoveParticipant"
                                   ? R"({"room":"standup","identity":"bob","destination_room":"b"})"
                                   : bob,
                               {.admin = true, .room = "standup", .destination = "b"});
    EXPECT_EQ(missing.status, 404U) << method;
    EXPECT_EQ(missing.text("code"), "not_found");
  }
  EXPECT_EQ(
      call("RemoveParticipant", R"({"room":"standup","identity":"alice","revoke_token_ts":"5"})",
           admin_of("standup"))
          .status,
      501U);
  EXPECT_EQ(
      call("RemoveParticipant", R"({"room":"standup","identity":"alice"})", admin_of("standup"))
          .status,
      200U);
  EXPECT_TRUE(is_closed(alice));
}

TEST_F(ControlRoomsTest, unmutes_only_where_the_operator_lets_it) {
  join({});
  const std::string body =
      R"({"room":"standup","identity":"alice","track_sid":"TR_none","muted":false})";
  EXPECT_EQ(call("MutePublishedTrack", body, admin_of("standup")).status, 412U);
  config::Config config = two_regions();
  config.rooms.remote_unmute = true;
  start(std::move(config));
  join({});
  EXPECT_EQ(call("MutePublishedTrack", body, admin_of("standup")).status, 404U);
}

TEST_F(ControlRoomsTest, moves_people_where_the_account_permits_them) {
  const SignalSessionId alice = join({.at = kVirginia});
  const Right right{.create = true, .admin = true, .room = "standup", .destination = "board"};
  const std::string body = R"({"room":"standup","identity":"alice","destinationRoom":"board"})";
  EXPECT_EQ(call("MoveParticipant", body, right).status, 404U) << "no such room";
  call("CreateRoom", R"({"name":"board"})", right);
  EXPECT_EQ(call("MoveParticipant", body, right).status, 403U)
      << "that room may be in London alone";
  Right elsewhere = right;
  elsewhere.destination = "other";
  EXPECT_EQ(call("MoveParticipant", body, elsewhere).status, 401U);
  call("CreateRoom", R"({"name":"other"})", right);
  EXPECT_EQ(call("MoveParticipant",
                 R"({"room":"standup","identity":"alice","destination_room":"other"})", elsewhere)
                .status,
            200U);
  EXPECT_EQ(last(alice, Response::kRoomMoved)->room_moved().room().name(), "other");
  const auto caller = last(alice, Response::kRefreshToken);
  ASSERT_TRUE(caller);
  EXPECT_TRUE(is_closed(alice));
}

TEST_F(ControlRoomsTest, a_call_into_a_client_is_answered_when_it_ends) {
  join({});
  const auto answer = control_->handle_http(
      request(
          "RoomService/PerformRpc",
          R"({"room":"standup","destination_identity":"alice","method":"m","response_timeout_ms":1000})",
          admin_of("standup")),
      now_);
  const auto* pending = std::get_if<signalling::PendingResponse>(&answer);
  ASSERT_NE(pending, nullptr);
  EXPECT_TRUE(control_->take_http_responses().empty());
  now_.monotonic = now_.monotonic + 1s;
  control_->handle_timeout(now_);
  const auto responses = control_->take_http_responses();
  ASSERT_EQ(responses.size(), 1U);
  EXPECT_EQ(responses[0].first, *pending);
  EXPECT_EQ(responses[0].second.status, 408U);
}

TEST_F(ControlRoomsTest, limits_are_said) {
  const Right right{.create = true};
  EXPECT_EQ(call("CreateRoom", "{}", right).status, 400U);
  EXPECT_EQ(call("CreateRoom", R"({"name":")" + std::string(257, 'x') + R"("})", right).status,
            400U);
  for (const std::string name : {"a", "b", "c"}) {
    EXPECT_EQ(call("CreateRoom", R"({"name":")" + name + R"("})", right).status, 200U);
  }
  const Reply full = call("CreateRoom", R"({"name":"d"})", right);
  EXPECT_EQ(full.status, 429U);
  EXPECT_EQ(full.text("code"), "resource_exhausted");
}

TEST_F(ControlRoomsTest, services_that_are_not_there_say_so) {
  for (const std::string path :
       {"Egress/StartEgress", "Ingress/CreateIngress", "SIP/CreateSIPParticipant"}) {
    const Reply reply = parse(http(request(path, "{}", {})));
    EXPECT_EQ(reply.status, 501U);
    EXPECT_EQ(reply.text("code"), "unimplemented");
  }
  EXPECT_EQ(parse(http(request("RoomService/Dance", "{}", {}))).text("code"), "bad_route");
  EXPECT_EQ(parse(http(request("Nothing/Dance", "{}", {}))).status, 404U);
}

TEST_F(ControlRoomsTest, tokens_configure_the_room_that_their_join_makes) {
  config::Config config = two_regions();
  config.rooms.presets["small"].max_participants = 1;
  start(std::move(config));
  api::JoinTokenRequest wanted;
  wanted.room = "standup";
  wanted.identity = "alice";
  wanted.room_config = R"({"metadata":"from the token"})";
  const std::string made = api::join_token(wanted, {"acme-key", "acme-secret", now_.wall});
  const auto opened = control_->open_signalling(
      get("/rtc/v1?access_token=" + made + "&join_request=" + wrapped(join_request())), now_);
  drain();
  ASSERT_TRUE(opened);
  EXPECT_EQ(last(*opened, Response::kJoin)->join().room().metadata(), "from the token");
}

TEST_F(ControlRoomsTest, without_auto_create_only_the_entitled_make_rooms) {
  config::Config config = two_regions();
  config.rooms.auto_create = false;
  start(std::move(config));
  const auto refused = open({}, join_request());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().status, 404U);
  EXPECT_EQ(refused.error().body, "requested room does not exist");
  EXPECT_EQ(http(get("/rtc/v1/validate?access_token=" + token("acme", "standup", "alice"))).status,
            404U);
  call("CreateRoom", R"({"name":"standup"})", {.create = true});
  EXPECT_TRUE(open({}, join_request()));
}

TEST_F(ControlRoomsTest, counts_calls) {
  call("ListRooms", "{}", {.list = true});
  call("ListRooms", "{}", {});
  http(request("RoomService/Dance", "{}", {}));
  std::map<std::string, std::uint64_t> counts;
  for (const auto& entry : control_->counters().room_calls) {
    counts[entry.method + " " + entry.code] = entry.count;
  }
  EXPECT_EQ(counts,
            (std::map<std::string, std::uint64_t>{
                {"ListRooms ok", 1}, {"ListRooms unauthenticated", 1}, {"other bad_route", 1}}));
}

TEST_F(ControlRoomsTest, explains_a_room_to_who_administers_it) {
  const Reply created = call("CreateRoom", R"({"name":"ward round"})", {.create = true});
  ASSERT_EQ(created.status, 200U);
  const auto explained = [&](const std::string& target, const Right& right) {
    signalling::HttpRequest asked = request("", "", right);
    asked.method = "GET";
    asked.target = target;
    return http(asked);
  };
  const auto text = explained("/debug/rooms/ward%20round", admin_of("ward round"));
  EXPECT_EQ(text.status, 200U);
  EXPECT_THAT(text.body, testing::HasSubstr("room ward round, 0 participants"));
  EXPECT_EQ(explained("/debug/rooms/ward%20round", admin_of("other")).status, 401U);
  EXPECT_EQ(explained("/debug/rooms/ward%20round", {.create = true}).status, 401U);
  Right stranger = admin_of("ward round");
  stranger.account = "uk-only";
  EXPECT_EQ(explained("/debug/rooms/ward%20round", stranger).status, 404U);
  EXPECT_EQ(explained("/debug/rooms/", admin_of("")).status, 404U);
  EXPECT_EQ(explained("/debug/rooms/%zz", admin_of("%zz")).status, 404U);
}

}  // namespace
}  // namespace meridian::node
