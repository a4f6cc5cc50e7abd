#include "signalling/frames.hpp"

#include <string>

#include <gtest/gtest.h>

namespace meridian::signalling {
namespace {

Bytes bytes(const std::string& text) {
  return as_bytes(text);
}

TEST(Frames, decodes_binary_and_text_alike) {
  livekit::SignalRequest request;
  request.mutable_mute()->set_sid("TR_1");
  request.mutable_mute()->set_muted(true);
  const auto binary = decode_request(bytes(request.SerializeAsString()), FrameKind::kBinary);
  ASSERT_TRUE(binary.has_value());
  EXPECT_EQ(binary->mute().sid(), "TR_1");
  const auto text = decode_request(bytes(R"({"mute":{"sid":"TR_1","muted":true},"newField":1})"),
                                   FrameKind::kText);
  ASSERT_TRUE(text.has_value());
  EXPECT_TRUE(text->mute().muted());
}

TEST(Frames, takes_names_in_both_cases) {
  for (const auto* json : {R"({"addTrack":{"cid":"a","disableDtx":true}})",
                           R"({"add_track":{"cid":"a","disable_dtx":true}})"}) {
    const auto request = decode_request(bytes(json), FrameKind::kText);
    ASSERT_TRUE(request.has_value()) << json;
    EXPECT_TRUE(request->add_track().disable_dtx());
  }
}

TEST(Frames, says_what_is_wrong) {
  EXPECT_EQ(decode_request(bytes("\xff\xff\xff"), FrameKind::kBinary).error(),
            FrameError::kMalformed);
  EXPECT_EQ(decode_request(bytes("{"), FrameKind::kText).error(), FrameError::kMalformed);
  EXPECT_EQ(decode_request({}, FrameKind::kBinary).error(), FrameError::kEmpty);
  EXPECT_EQ(decode_request(bytes("{}"), FrameKind::kText).error(), FrameError::kEmpty);
  const std::string huge(kMaxSignalMessage + 1, 'x');
  EXPECT_EQ(decode_request(bytes(huge), FrameKind::kBinary).error(), FrameError::kTooLarge);
}

TEST(Frames, encodes_in_the_kind_that_is_wanted) {
  livekit::SignalResponse response;
  response.mutable_pong_resp()->set_timestamp(5);
  const auto binary = encode_response(response, FrameKind::kBinary);
  livekit::SignalResponse back;
  ASSERT_TRUE(back.ParseFromArray(binary.data(), static_cast<int>(binary.size())));
  EXPECT_EQ(back.pong_resp().timestamp(), 5);
  const auto text = encode_response(response, FrameKind::kText);
  EXPECT_EQ(as_text(text), R"({"pongResp":{"timestamp":"5"}})");
}

}  // namespace
}  // namespace meridian::signalling
