#include "signalling/http.hpp"

#include <algorithm>

#include <gtest/gtest.h>

namespace meridian::signalling {
namespace {

HttpRequest get(std::string target) {
  HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  return request;
}

std::string header_of(const HttpResponse& response, std::string_view name) {
  const auto found = std::ranges::find(response.headers, name, &HttpHeader::name);
  return found == response.headers.end() ? std::string() : found->value;
}

TEST(HttpRequest, separates_path_and_query_and_collapses_slashes) {
  EXPECT_EQ(get("/rtc/v1?access_token=x").path(), "/rtc/v1");
  EXPECT_EQ(get("//rtc").path(), "/rtc");
  EXPECT_EQ(get("///").path(), "/");
  EXPECT_EQ(get("").path(), "");
}

TEST(HttpRequest, decodes_query_parameters) {
  const HttpRequest request = get("/rtc?a=1&join_request=ab%2Bc%3D+&empty=&flag");
  EXPECT_EQ(request.query("a"), "1");
  EXPECT_EQ(request.query("join_request"), "ab+c=+");
  EXPECT_EQ(request.query("empty"), "");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_FALSE(request.query("join").has_value());
  EXPECT_FALSE(get("/rtc").query("a").has_value());
  for (const auto* malformed : {"/?a=%", "/?a=%4", "/?a=%zz"}) {
    EXPECT_FALSE(get(malformed).query("a").has_value()) << malformed;
  }
}

TEST(HttpRequest, finds_headers_and_tokens_without_case) {
  HttpRequest request = get("/rtc");
  request.headers = {{"authorization", "bearer abc.def"}};
  EXPECT_EQ(request.header("Authorization"), "bearer abc.def");
  EXPECT_EQ(request.header("Accept"), "");
  request.target = "/rtc?access_token=in.query";
  EXPECT_EQ(request.query("access_token"), "in.query");
}

TEST(HttpResponse, lets_any_page_read_it) {
  HttpResponse response = HttpResponse::json(403, "{}");
  allow_every_origin(response);
  EXPECT_EQ(response.status, 403U);
  EXPECT_EQ(header_of(response, "Content-Type"), "application/json");
  EXPECT_EQ(header_of(response, "Access-Control-Allow-Origin"), "*");
  const HttpResponse answer = preflight();
  EXPECT_EQ(answer.status, 204U);
  EXPECT_TRUE(header_of(answer, "Access-Control-Allow-Headers").contains("Authorization"));
  EXPECT_TRUE(header_of(answer, "Access-Control-Allow-Methods").contains("PATCH"));
  EXPECT_EQ(header_of(answer, "Access-Control-Max-Age"), "86400");
}

}  // namespace
}  // namespace meridian::signalling
