#include "config/webhook_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

struct Read {
  std::vector<Webhook> webhooks;
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
};

Read read(std::string_view text) {
  Report report{"f", {}, {}};
  const auto document = YamlNode::parse(text, report);
  Account account;
  account.api_keys = {{"key", "secret"}};
  const std::vector<residency::Region> regions = {
      {.id = RegionId("uk"), .name = "", .jurisdictions = {}, .coordinates = {}, .url = ""}};
  Read result;
  result.webhooks = read_webhooks(document.value(), account, regions);
  for (const Problem& problem : report.errors) {
    result.problems.push_back(problem.to_string());
  }
  for (const Problem& problem : report.warnings) {
    result.warnings.push_back(problem.to_string());
  }
  return result;
}

TEST(WebhookReader, reads_receivers) {
  const Read result = read(
      "- {url: 'https://a.example/x', region: uk, api_key: key, events: [room_started]}\n"
      "- {url: 'https://b.example', content: ids, except: [track_published]}\n");
  EXPECT_TRUE(result.problems.empty());
  ASSERT_EQ(result.webhooks.size(), 2U);
  EXPECT_EQ(result.webhooks[0].region, RegionId("uk"));
  EXPECT_EQ(result.webhooks[0].content, WebhookContent::kFull);
  EXPECT_THAT(result.webhooks[0].events, ElementsAre("room_started"));
  EXPECT_EQ(result.webhooks[1].content, WebhookContent::kIds);
  EXPECT_THAT(result.webhooks[1].except, ElementsAre("track_published"));
}

TEST(WebhookReader, content_needs_a_region) {
  EXPECT_THAT(read("- {url: 'https://a.example'}\n").problems,
              ElementsAre(HasSubstr("region: is missing")));
  EXPECT_THAT(read("- {url: 'https://a.example', region: mars}\n").problems,
              ElementsAre(HasSubstr("there is no region mars")));
}

TEST(WebhookReader, checks_urls_keys_and_events) {
  EXPECT_THAT(read("- {url: 'ftp://a.example', region: uk}\n").problems,
              ElementsAre(HasSubstr("begins with https://")));
  EXPECT_THAT(read("- {url: 'https://a', region: uk, api_key: other}\n").problems,
              ElementsAre(HasSubstr("no key of this account")));
  EXPECT_THAT(read("- {url: 'https://a', region: uk, events: [egress_started]}\n").problems,
              ElementsAre(HasSubstr("no event of this node")));
  EXPECT_THAT(read("- {url: 'https://a', region: uk, content: some}\n").problems,
              ElementsAre(HasSubstr("must be full or ids")));
  EXPECT_THAT(read("- {url: 'https://a', region: uk}\n- {url: 'https://a', region: uk}\n").problems,
              ElementsAre(HasSubstr("twice")));
  EXPECT_THAT(read("- {url: 'http://a.example', region: uk}\n").warnings,
              ElementsAre(HasSubstr("is not https")));
  EXPECT_TRUE(read("- {url: 'http://127.0.0.1:9/', region: uk}\n").warnings.empty());
}

}  // namespace
}  // namespace meridian::config
