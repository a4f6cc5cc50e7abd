#include "rooms/twirp.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "wire/livekit_room.pb.h"

namespace meridian::rooms {
namespace {

using testing::HasSubstr;

signalling::HttpRequest post(const std::string& target, const std::string& type) {
  signalling::HttpRequest request;
  request.method = "POST";
  request.target = target;
  request.headers = {{"Content-Type", type}};
  return request;
}

TEST(Twirp, reads_calls) {
  const auto request =
      post("//twirp/livekit.RoomService/ListRooms", "Application/JSON; charset=utf-8");
  const auto call = read_call(request);
  ASSERT_TRUE(call);
  EXPECT_EQ(call->service, "RoomService");
  EXPECT_EQ(call->method, "ListRooms");
  EXPECT_EQ(call->encoding, TwirpEncoding::kJson);
  const auto binary = post("/twirp/livekit.RoomService/ListRooms", "application/protobuf");
  EXPECT_EQ(read_call(binary)->encoding, TwirpEncoding::kProtobuf);
}

TEST(Twirp, other_routes_are_bad) {
  auto get = post("/twirp/livekit.RoomService/ListRooms", "application/json");
  get.method = "GET";
  for (const auto& request : {get, post("/twirp/livekit.RoomService/ListRooms", "text/plain"),
                              post("/twirp/livekit.RoomService", "application/json"),
                              post("/twirp/RoomService/ListRooms", "application/json")}) {
    const auto call = read_call(request);
    ASSERT_FALSE(call) << request.target;
    EXPECT_EQ(call.error().code, TwirpCode::kBadRoute);
  }
}

TEST(Twirp, json_takes_both_spellings_numbers_as_text_and_unknown_fields) {
  livekit::CreateRoomRequest request;
  ASSERT_TRUE(decode(R"({"name":"a","empty_timeout":"10","departureTimeout":5,"colour":"red"})",
                     TwirpEncoding::kJson, request));
  EXPECT_EQ(request.empty_timeout(), 10U);
  EXPECT_EQ(request.departure_timeout(), 5U);
  livekit::SendDataRequest data;
  ASSERT_TRUE(decode(R"({"data":"aGk=","kind":"LOSSY"})", TwirpEncoding::kJson, data));
  EXPECT_EQ(data.data(), "hi");
  EXPECT_EQ(data.kind(), livekit::DataPacket::LOSSY);
  ASSERT_TRUE(decode(R"({"kind":1})", TwirpEncoding::kJson, data));
  EXPECT_EQ(data.kind(), livekit::DataPacket::LOSSY);
}

TEST(Twirp, what_cannot_be_decoded_is_malformed) {
  livekit::CreateRoomRequest request;
  for (const std::string body : {"{", "[]", R"({"empty_timeout":"many"})"}) {
    const auto decoded = decode(body, TwirpEncoding::kJson, request);
    ASSERT_FALSE(decoded) << body;
    EXPECT_EQ(decoded.error().code, TwirpCode::kMalformed);
  }
  EXPECT_FALSE(decode("\x0a\xff", TwirpEncoding::kProtobuf, request));
}

TEST(Twirp, json_answers_have_protobuf_names_defaults_and_wide_numbers_as_text) {
  livekit::Room room;
  room.set_sid("RM_1");
  room.set_creation_time(7);
  const auto response = make_response(room, TwirpEncoding::kJson);
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.headers.front().value, "application/json");
  EXPECT_THAT(response.body, HasSubstr(R"("creation_time":"7")"));
  EXPECT_THAT(response.body, HasSubstr(R"("num_participants":0)"));
  const auto binary = make_response(room, TwirpEncoding::kProtobuf);
  EXPECT_EQ(binary.headers.front().value, "application/protobuf");
  livekit::Room back;
  ASSERT_TRUE(back.ParseFromString(binary.body));
  EXPECT_EQ(back.sid(), "RM_1");
}

TEST(Twirp, errors_are_json_with_the_status_of_their_code) {
  const auto response = make_response(TwirpError{TwirpCode::kNotFound, "none", {{"a", "b"}}});
  EXPECT_EQ(response.status, 404U);
  EXPECT_EQ(response.body, R"({"code":"not_found","msg":"none","meta":{"a":"b"}})");
  EXPECT_EQ(http_status(TwirpCode::kUnauthenticated), 401U);
  EXPECT_EQ(http_status(TwirpCode::kPermissionDenied), 403U);
  EXPECT_EQ(http_status(TwirpCode::kDeadlineExceeded), 408U);
  EXPECT_EQ(http_status(TwirpCode::kFailedPrecondition), 412U);
  EXPECT_EQ(http_status(TwirpCode::kResourceExhausted), 429U);
  EXPECT_EQ(http_status(TwirpCode::kUnimplemented), 501U);
  EXPECT_EQ(http_status(TwirpCode::kUnavailable), 503U);
  EXPECT_EQ(name_of(TwirpCode::kUnavailable), "unavailable");
}

}  // namespace
}  // namespace meridian::rooms
