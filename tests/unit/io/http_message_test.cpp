#include "io/http_message.hpp"

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

constexpr UnixTime kTime = UnixTime::from_seconds(784'111'777);  // the example of RFC 9110

TEST(HttpMessage, writes_dates_as_rfc_9110_wants_them) {
  EXPECT_EQ(http_date(kTime), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(HttpMessage, writes_status_headers_and_length) {
  HttpReply reply{signalling::HttpResponse::text(404, "gone\n"), nullptr};
  reply.response.headers = {{"Content-Type", "text/plain"}};
  EXPECT_EQ(render_head(reply, KeepAlive::kYes, kTime),
            "HTTP/1.1 404 Not Found\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
            "Content-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n");
}

TEST(HttpMessage, takes_the_length_of_a_shared_body) {
  HttpReply reply;
  reply.shared_body = std::make_shared<const std::string>(1234, 'x');
  EXPECT_NE(render_head(reply, KeepAlive::kNo, kTime).find("Content-Length: 1234\r\n"),
            std::string::npos);
}

TEST(HttpMessage, gives_no_length_where_there_is_no_body) {
  HttpReply reply;
  for (const unsigned status : {204U, 304U}) {
    reply.response.status = status;
    EXPECT_EQ(render_head(reply, KeepAlive::kNo, kTime).find("Content-Length"), std::string::npos);
  }
}

TEST(HttpMessage, leaves_out_headers_that_would_end_a_header) {
  HttpReply reply;
  reply.response.headers = {{"X-Room", "a\r\nSet-Cookie: b"}, {"X\nY", "c"}, {"X-Good", "d"}};
  const std::string head = render_head(reply, KeepAlive::kNo, kTime);
  EXPECT_EQ(head.find("Set-Cookie"), std::string::npos);
  EXPECT_EQ(head.find("X\nY"), std::string::npos);
  EXPECT_NE(head.find("X-Good: d\r\n"), std::string::npos);
}

TEST(HttpMessage, finds_tokens_in_lists) {
  EXPECT_TRUE(lists_token("gzip", "gzip"));
  EXPECT_TRUE(lists_token("br, GZIP ;q=0.5", "gzip"));
  EXPECT_FALSE(lists_token("gzip;q=0", "gzip"));
  EXPECT_FALSE(lists_token("gzip; q=0.000", "gzip"));
  EXPECT_FALSE(lists_token("xgzip, gzipx", "gzip"));
  EXPECT_FALSE(lists_token("", "gzip"));
}

}  // namespace
}  // namespace meridian::io
