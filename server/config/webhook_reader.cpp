#include "config/webhook_reader.hpp"

#include <algorithm>
#include <utility>

namespace meridian::config {
namespace {

std::string read_receiver_url(const YamlNode& node) {
  std::string url = node.required_text();
  const bool is_plain = url.starts_with("http://");
  if (!url.empty() && !is_plain && !url.starts_with("https://")) {
    node.error("must be a URL that begins with https:// or http://");
  }
  const bool is_here = url.starts_with("http://127.0.0.1") || url.starts_with("http://localhost");
  if (is_plain && !is_here) {
    node.warning("is not https, so that everybody on the way reads what is sent");
  }
  return url;
}

std::vector<std::string> read_events(const YamlNode& node) {
  std::vector<std::string> events;
  for (const YamlNode& element : node.elements()) {
    events.push_back(element.required_text());
    if (std::ranges::find(kWebhookEvents, events.back()) == kWebhookEvents.end()) {
      element.error("is no event of this node");
    }
  }
  return events;
}

WebhookContent read_content(const YamlNode& node) {
  const auto text = node.text();
  if (text && *text != "full" && *text != "ids") {
    node.error("must be full or ids, is " + *text);
  }
  return text == "ids" ? WebhookContent::kIds : WebhookContent::kFull;
}

}  // namespace

std::vector<Webhook> read_webhooks(const YamlNode& node, const Account& account,
                                   const std::vector<residency::Region>& regions) {
  std::vector<Webhook> webhooks;
  for (const YamlNode& element : node.elements()) {
    element.expect_keys({"url", "region", "content", "api_key", "events", "except"});
    Webhook webhook;
    webhook.url = read_receiver_url(element["url"]);
    webhook.content = read_content(element["content"]);
    webhook.region = RegionId(element["region"].text().value_or(""));
    if (webhook.region.empty() && webhook.content == WebhookContent::kFull) {
      element["region"].error(
          "is missing: names and metadata leave only for a region that the account permits; say "
          "where the receiver is, or content: ids");
    } else if (!webhook.region.empty() &&
               std::ranges::find(regions, webhook.region, &residency::Region::id) ==
                   regions.end()) {
      element["region"].error("there is no region " + webhook.region.value());
    }
    webhook.api_key = element["api_key"].text().value_or("");
    if (!webhook.api_key.empty() && std::ranges::find(account.api_keys, webhook.api_key,
                                                      &ApiKey::key) == account.api_keys.end()) {
      element["api_key"].error("is no key of this account");
    }
    webhook.events = read_events(element["events"]);
    webhook.except = read_events(element["except"]);
    if (std::ranges::find(webhooks, webhook.url, &Webhook::url) != webhooks.end()) {
      element["url"].error("is there twice");
    }
    webhooks.push_back(std::move(webhook));
  }
  if (webhooks.size() > kMaxWebhooks) {
    node.error("has more than " + std::to_string(kMaxWebhooks) + " receivers");
  }
  return webhooks;
}

}  // namespace meridian::config
