#include "config/livekit_import.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::config {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view kTypical = R"(
port: 7880
bind_addresses: ["", "::1"]
region: Frankfurt 1
rtc:
  port_range_start: 50000
  port_range_end: 60000
  tcp_port: 7881
  use_external_ip: true
  stun_servers: ["stun.example.org:3478"]
redis:
  address: localhost:6379
keys:
  APIkey: "a secret of more than thirty-two characters"
logging:
  level: warn
prometheus:
  port: 6789
limit:
  max_metadata_size: 1000
  bytes_per_sec: 1000000
room:
  auto_create: false
  enable_remote_unmute: true
  empty_timeout: 60
  playout_delay: {enabled: true, min: 100, max: 2000}
  room_configurations:
    webinar: {max_participants: 100, metadata: '{"kind":"webinar"}', min_playout_delay: 500}
webhook:
  api_key: APIkey
  urls: ["https://hooks.example.org/livekit"]
node_selector:
  kind: regionaware
  regions: [{name: Frankfurt 1, lat: 50.1, lon: 8.7}]
something_new: 5
)";

TEST(LivekitImport, makes_a_configuration_that_this_node_reads) {
  const auto imported = import_livekit(kTypical, "livekit.yaml");
  ASSERT_TRUE(imported) << imported.error().front().to_string();
  const auto loaded = parse(imported->yaml, "made");
  ASSERT_TRUE(loaded) << loaded.error().front().to_string() << "\n" << imported->yaml;
  const Config& config = loaded->config;
  EXPECT_EQ(config.regions.front().id, RegionId("frankfurt-1"));
  EXPECT_EQ(config.regions.front().coordinates.latitude, 50.1);
  EXPECT_EQ(config.pools.front().signalling.size(), 2U);
  EXPECT_EQ(config.pools.front().signalling[1].to_string(), "[::1]:7880");
  EXPECT_EQ(config.pools.front().media.port, 50000);
  EXPECT_EQ(config.pools.front().media.public_address_from, "stun.example.org:3478");
  EXPECT_EQ(config.accounts.front().api_keys.front().key, "APIkey");
  EXPECT_EQ(config.accounts.front().webhooks.front().url, "https://hooks.example.org/livekit");
  EXPECT_EQ(config.limits.metadata_size, 1000U);
  EXPECT_FALSE(config.rooms.auto_create);
  EXPECT_TRUE(config.rooms.remote_unmute);
  EXPECT_EQ(config.rooms.defaults.empty_timeout, 60U);
  EXPECT_EQ(config.rooms.presets.at("webinar").max_participants, 100U);
  EXPECT_EQ(config.rooms.defaults.min_playout_delay, 100U);
  EXPECT_EQ(config.rooms.defaults.max_playout_delay, 2000U);
  EXPECT_EQ(config.rooms.presets.at("webinar").min_playout_delay, 500U);
  EXPECT_EQ(config.rooms.presets.at("webinar").metadata, R"({"kind":"webinar"})");
  EXPECT_EQ(config.log_level, LogLevel::kWarning);
  EXPECT_EQ(config.metrics_listen->port, 6789);
}

TEST(LivekitImport, says_what_has_no_counterpart) {
  const auto imported = import_livekit(kTypical, "livekit.yaml");
  ASSERT_TRUE(imported);
  for (const char* path : {"redis: ", "rtc.tcp_port: ", "limit.bytes_per_sec: ", "node_selector: ",
                           "rtc.port_range_start: ", "webhook.urls: "}) {
    EXPECT_THAT(imported->notes, Contains(StartsWith(path)));
  }
  EXPECT_THAT(imported->notes, Contains("something_new: has no counterpart"));
  EXPECT_EQ(imported->notes.size(), 7U) << testing::PrintToString(imported->notes);
}

TEST(LivekitImport, fills_in_what_is_not_said) {
  const auto imported = import_livekit("keys: {devkey: secret}", "livekit.yaml");
  ASSERT_TRUE(imported);
  const auto loaded = parse(imported->yaml, "made");
  ASSERT_TRUE(loaded) << loaded.error().front().to_string();
  EXPECT_EQ(loaded->config.pools.front().media.port, 7882);
  EXPECT_EQ(loaded->config.pools.front().signalling.front().port, 7880);
  EXPECT_TRUE(imported->notes.empty());
}

TEST(LivekitImport, a_playout_delay_that_is_not_enabled_stays_out) {
  const auto imported = import_livekit(
      "keys: {devkey: secret}\nroom: {playout_delay: {enabled: false, min: 100}}", "livekit.yaml");
  ASSERT_TRUE(imported);
  const auto loaded = parse(imported->yaml, "made");
  ASSERT_TRUE(loaded) << loaded.error().front().to_string();
  EXPECT_FALSE(loaded->config.rooms.defaults.min_playout_delay);
  EXPECT_TRUE(imported->notes.empty());
}

TEST(LivekitImport, values_cannot_break_out_of_their_place) {
  const auto imported =
      import_livekit("keys: {a: \"x\\\"}]\\nadmin: {static_tokens: []}\"}", "livekit.yaml");
  ASSERT_TRUE(imported);
  const auto loaded = parse(imported->yaml, "made");
  ASSERT_TRUE(loaded) << loaded.error().front().to_string();
  EXPECT_EQ(loaded->config.accounts.front().api_keys.front().secret,
            "x\"}]\nadmin: {static_tokens: []}");
}

TEST(LivekitImport, what_is_no_configuration_is_an_error) {
  EXPECT_FALSE(import_livekit("[", "f"));
  EXPECT_FALSE(import_livekit("- a", "f"));
  EXPECT_FALSE(import_livekit("keys: 5", "f"));
}

}  // namespace
}  // namespace meridian::config
