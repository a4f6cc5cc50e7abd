#include "io/site.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

std::string header(const HttpReply& reply, std::string_view name) {
  for (const auto& field : reply.response.headers) {
    if (field.name == name) {
      return field.value;
    }
  }
  return {};
}

signalling::HttpRequest get(std::string target) {
  signalling::HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  return request;
}

class SiteTest : public testing::Test {
 protected:
  SiteTest() {
    (void)folder_.write("index.html", "<p>hello");
    (void)folder_.write("admin/index.html", "<p>regions");
    (void)folder_.write("assets/a.js", "plain");
    (void)folder_.write("assets/a.js.gz", "packed");
    residency::Region region;
    region.url = "wss://london.example/base";
    site_.emplace(*StaticFiles::load(folder_.path()), std::vector{region});
  }
  TemporaryFolder folder_;
  std::optional<Site> site_;
};

TEST_F(SiteTest, serves_the_page_whatever_the_query_is) {
  const auto reply = site_->find(get("/?room=hello&name=x"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->response.status, 200U);
  EXPECT_EQ(reply->body(), "<p>hello");
}

TEST_F(SiteTest, allows_no_scripts_but_its_own_and_connections_only_to_the_regions) {
  const std::string policy = header(*site_->find(get("/")), "Content-Security-Policy");
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("script-src 'self';"), std::string::npos);
  EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string::npos);
  EXPECT_NE(policy.find("connect-src 'self' wss://london.example https://london.example"),
            std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(header(*site_->find(get("/")), "X-Content-Type-Options"), "nosniff");
}

TEST_F(SiteTest, the_administrators_page_reaches_the_place_of_sign_in_and_no_region) {
  site_->allow_sign_in_at("https://login.example/oauth2/token");
  for (const char* path : {"/admin", "/admin/", "/admin?code=abc&state=def", "/admin/index.html"}) {
    const auto reply = site_->find(get(path));
    ASSERT_TRUE(reply) << path;
    EXPECT_EQ(reply->body(), "<p>regions");
    const std::string policy = header(*reply, "Content-Security-Policy");
    EXPECT_TRUE(policy.ends_with("connect-src 'self' https://login.example")) << policy;
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_NE(header(*reply, "Permissions-Policy").find("camera=()"), std::string::npos);
  }
  EXPECT_EQ(header(*site_->find(get("/")), "Content-Security-Policy").find("login.example"),
            std::string::npos);
  site_->allow_sign_in_at("");
  EXPECT_TRUE(header(*site_->find(get("/admin")), "Content-Security-Policy")
                  .ends_with("connect-src 'self'"));
}

TEST_F(SiteTest, an_address_that_could_break_out_of_the_policy_is_left_out) {
  site_->allow_sign_in_at("https://login.example; script-src */x");
  EXPECT_TRUE(header(*site_->find(get("/admin")), "Content-Security-Policy")
                  .ends_with("connect-src 'self'"));
}

TEST_F(SiteTest, answers_not_modified_to_the_tag_that_it_gave) {
  auto request = get("/");
  request.headers.push_back({"if-none-match", header(*site_->find(request), "ETag")});
  const auto reply = site_->find(request);
  EXPECT_EQ(reply->response.status, 304U);
  EXPECT_TRUE(reply->body().empty());
}

TEST_F(SiteTest, sends_the_compressed_file_only_to_who_takes_it) {
  auto request = get("/assets/a.js");
  EXPECT_EQ(site_->find(request)->body(), "plain");
  request.headers.push_back({"Accept-Encoding", "deflate, gzip;q=0.8"});
  const auto reply = site_->find(request);
  EXPECT_EQ(reply->body(), "packed");
  EXPECT_EQ(header(*reply, "Content-Encoding"), "gzip");
  EXPECT_EQ(header(*reply, "Vary"), "Accept-Encoding");
}

TEST_F(SiteTest, leaves_other_methods_and_unknown_paths_to_others) {
  auto request = get("/");
  request.method = "POST";
  EXPECT_FALSE(site_->find(request));
  EXPECT_FALSE(site_->find(get("/rtc/v1/validate")));
}

TEST(Site, without_files_the_root_says_how_to_build_them) {
  const Site site({}, {});
  const auto reply = site.find(get("/"));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->response.status, 200U);
  EXPECT_TRUE(reply->body().starts_with("OK"));
  EXPECT_FALSE(site.find(get("/index.html")));
}

}  // namespace
}  // namespace meridian::io
