#include "signalling/join_request.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include "api/base64url.hpp"

namespace meridian::signalling {
namespace {

std::string gzip(const std::string& data) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string input = data;
  std::string out(data.size() + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string wrapped(const std::string& content, livekit::WrappedJoinRequest::Compression how) {
  livekit::WrappedJoinRequest request;
  request.set_compression(how);
  request.set_join_request(content);
  return api::base64url_encode(as_bytes(request.SerializeAsString()));
}

livekit::JoinRequest sample() {
  livekit::JoinRequest request;
  request.mutable_client_info()->set_protocol(17);
  request.mutable_publisher_offer()->set_sdp(std::string(5000, 'v'));
  return request;
}

TEST(JoinRequest, is_read_plain_or_compressed) {
  const std::string content = sample().SerializeAsString();
  const auto plain = decode_join_request(wrapped(content, livekit::WrappedJoinRequest::NONE));
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->client_info().protocol(), 17);
  const auto packed =
      decode_join_request(wrapped(gzip(content), livekit::WrappedJoinRequest::GZIP));
  ASSERT_TRUE(packed.has_value());
  EXPECT_EQ(packed->publisher_offer().sdp().size(), 5000U);
}

TEST(JoinRequest, takes_every_base64_that_clients_write) {
  for (const auto* text : {"-_8=", "-_8", "+/8=", "+/8"}) {
    const auto decoded = decode_base64(text);
    ASSERT_TRUE(decoded.has_value()) << text;
    EXPECT_EQ(*decoded, "\xfb\xff");
  }
  EXPECT_EQ(decode_base64(""), "");
  EXPECT_FALSE(decode_base64("a").has_value());
  EXPECT_FALSE(decode_base64("ab cd").has_value());
  EXPECT_FALSE(decode_base64("ab\x80\x80").has_value());
}

TEST(JoinRequest, says_what_is_wrong) {
  using enum JoinRequestError;
  EXPECT_EQ(decode_join_request("").error(), kMissing);
  EXPECT_EQ(decode_join_request("!").error(), kNotBase64);
  EXPECT_EQ(decode_join_request("____").error(), kNotProtobuf);
  EXPECT_EQ(decode_join_request(wrapped("\xff", livekit::WrappedJoinRequest::NONE)).error(),
            kNotProtobuf);
  EXPECT_EQ(decode_join_request(wrapped("no gzip", livekit::WrappedJoinRequest::GZIP)).error(),
            kNotGzip);
  EXPECT_EQ(decode_join_request(wrapped("", livekit::WrappedJoinRequest::Compression(7))).error(),
            kUnknownCompression);
  EXPECT_EQ(decode_join_request(std::string(kMaxJoinRequest + 1, 'A')).error(), kTooLarge);
  EXPECT_EQ(describe(kTooLarge), "join request too large");
  EXPECT_EQ(describe(kMissing), "join_request is required");
}

TEST(JoinRequest, does_not_inflate_without_bound) {
  const std::string bomb = gzip(std::string(8 * 1024 * 1024, '\0'));
  EXPECT_LT(bomb.size(), 100'000U);
  EXPECT_EQ(inflate_gzip(bomb, kMaxJoinRequest).error(), JoinRequestError::kTooLarge);
}

TEST(JoinRequest, refuses_a_torn_stream) {
  const std::string whole = gzip(std::string(100, 'x'));
  EXPECT_EQ(inflate_gzip(whole, 1000), std::string(100, 'x'));
  EXPECT_EQ(inflate_gzip(whole.substr(0, whole.size() - 9), 1000).error(),
            JoinRequestError::kNotGzip);
  EXPECT_EQ(inflate_gzip("", 1000).error(), JoinRequestError::kNotGzip);
}

}  // namespace
}  // namespace meridian::signalling
