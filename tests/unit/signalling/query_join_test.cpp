#include "signalling/query_join.hpp"

#include <gtest/gtest.h>

#include "api/base64url.hpp"
#include "base/bytes.hpp"

namespace meridian::signalling {
namespace {

livekit::JoinRequest read(const std::string& query) {
  HttpRequest request;
  request.target = "/rtc?" + query;
  auto join = read_query_join(request);
  EXPECT_TRUE(join.has_value());
  return join ? *std::move(join) : livekit::JoinRequest();
}

TEST(QueryJoin, reads_what_the_go_sdk_says) {
  const auto join = read(
      "auto_subscribe=0&sdk=go&os=linux&protocol=17&version=2.18.2&client_protocol=1&adaptive_"
      "stream=true&capabilities=CAP_PACKET_TRAILER,CAP_COMPRESSION_DEFLATE_RAW,CAP_NEWER&network="
      "wifi&device_model=x");
  EXPECT_EQ(join.client_info().sdk(), livekit::ClientInfo::GO);
  EXPECT_EQ(join.client_info().protocol(), 17);
  EXPECT_EQ(join.client_info().client_protocol(), 1);
  EXPECT_EQ(join.client_info().version(), "2.18.2");
  EXPECT_EQ(join.client_info().network(), "wifi");
  EXPECT_EQ(join.client_info().capabilities_size(), 2);
  EXPECT_FALSE(join.connection_settings().auto_subscribe());
  EXPECT_TRUE(join.connection_settings().adaptive_stream());
  EXPECT_FALSE(join.reconnect());
}

TEST(QueryJoin, has_the_defaults_of_livekit_server) {
  const auto join = read("");
  EXPECT_TRUE(join.connection_settings().auto_subscribe());
  EXPECT_FALSE(join.connection_settings().auto_subscribe_data_track());
  EXPECT_FALSE(join.connection_settings().has_subscriber_allow_pause());
  EXPECT_EQ(join.client_info().sdk(), livekit::ClientInfo::UNKNOWN);
  EXPECT_EQ(join.client_info().protocol(), 0);
}

TEST(QueryJoin, reads_a_resume_and_takes_the_sid_only_then) {
  const auto join = read("reconnect=1&sid=PA_1&reconnect_reason=3");
  EXPECT_TRUE(join.reconnect());
  EXPECT_EQ(join.participant_sid(), "PA_1");
  EXPECT_EQ(join.reconnect_reason(), livekit::RR_SUBSCRIBER_FAILED);
  EXPECT_EQ(read("sid=PA_1").participant_sid(), "");
  EXPECT_EQ(read("reconnect=1&reconnect_reason=99").reconnect_reason(), livekit::RR_UNKNOWN);
}

TEST(QueryJoin, reads_attributes_and_refuses_others) {
  const auto encoded = [](std::string_view json) { return api::base64url_encode(as_bytes(json)); };
  EXPECT_EQ(read("attributes=" + encoded(R"({"a":"b"})")).participant_attributes().at("a"), "b");
  HttpRequest request;
  for (const char* const bad : {"!", "e30x", "WzFd"}) {
    request.target = std::string("/rtc?attributes=") + bad;
    EXPECT_FALSE(read_query_join(request).has_value()) << bad;
  }
  request.target = "/rtc?attributes=" + encoded(R"({"a":1})");
  EXPECT_FALSE(read_query_join(request).has_value());
}

TEST(QueryJoin, does_not_take_what_is_too_long_or_no_number) {
  EXPECT_EQ(read("version=" + std::string(kMaxParameter + 1, 'x')).client_info().version(), "");
  EXPECT_EQ(read("protocol=-1").client_info().protocol(), 0);
  EXPECT_EQ(read("protocol=4294967295").client_info().protocol(), 1'000'000);
}

TEST(QueryJoin, learns_the_browser_from_the_user_agent) {
  const auto seen = [](const std::string& agent) {
    livekit::ClientInfo client;
    complete_client_info(client, agent);
    return client.browser() + " " + client.browser_version() + " on " + client.os();
  };
  EXPECT_EQ(seen("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            "Firefox 140.0 on Linux");
  EXPECT_EQ(
      seen("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
           "Gecko) Version/18.4 Safari/605.1.15"),
      "Safari 18.4 on macOS");
  EXPECT_EQ(seen("Mozilla/5.0 (iPhone; CPU iPhone OS 18_4 like Mac OS X) AppleWebKit/605.1.15 "
                 "(KHTML, like Gecko) CriOS/131.0 Mobile/15E148 Safari/604.1"),
            "Safari 131.0 on iOS");
  EXPECT_EQ(seen("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
                 "Chrome/131.0.0.0 Safari/537.36"),
            "Chrome 131.0.0.0 on Windows");
  EXPECT_EQ(seen(""), "  on ");
  livekit::ClientInfo known;
  known.set_browser("Own");
  known.set_os("OwnOS");
  complete_client_info(known, "Firefox/1 Linux");
  EXPECT_EQ(known.browser() + known.os(), "OwnOwnOS");
}

}  // namespace
}  // namespace meridian::signalling
