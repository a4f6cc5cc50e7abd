#include <fstream>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/config.hpp"
#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::kSample;
using testing_support::problems_of;
using testing_support::sample_with;
using testing_support::warnings_of;

std::string read_file(const std::string& name) {
  std::ifstream file(std::string(MERIDIAN_SOURCE_DIR) + "/config/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ConfigParse, reads_the_sample) {
  const auto loaded = parse(kSample, "f");
  ASSERT_TRUE(loaded) << testing::PrintToString(problems_of(kSample));
  EXPECT_THAT(loaded->warnings, IsEmpty());
  const Config& config = loaded->config;
  ASSERT_EQ(config.regions.size(), 2U);
  EXPECT_EQ(config.regions[0].name, "uk");
  EXPECT_DOUBLE_EQ(config.regions[1].coordinates.longitude, -77.0);
  EXPECT_EQ(config.metrics_listen, SocketAddress::parse("127.0.0.1:7888"));
  EXPECT_FALSE(config.tls);
  EXPECT_EQ(config.limits, Limits{});
  EXPECT_EQ(config.data_dir, "data");
  EXPECT_EQ(config.web, Web{});
  EXPECT_EQ(config.log_level, LogLevel::kInfo);
  EXPECT_EQ(config.digest, audit::sha256({as_bytes(kSample)}));
}

TEST(ConfigParse, the_development_configuration_is_what_it_says) {
  const auto loaded = parse(read_file("dev.yaml"), "dev.yaml");
  ASSERT_TRUE(loaded) << testing::PrintToString(problems_of(read_file("dev.yaml")));
  const Config& config = loaded->config;
  ASSERT_EQ(config.pools.size(), 3U);
  EXPECT_EQ(config.pools[0].signalling[1].to_string(), "127.10.0.1:7880");
  EXPECT_EQ(config.pools[1].media.addresses[0].to_string(), "127.20.0.1");
  EXPECT_EQ(config.pools[2].signalling[0].to_string(), "127.0.0.1:7882");
  EXPECT_EQ(config.regions[2].url, "ws://127.0.0.1:7882");
  ASSERT_EQ(config.accounts.size(), 2U);
  EXPECT_EQ(config.accounts[0].api_keys[0], (ApiKey{"devkey", "secret"}));
  EXPECT_EQ(config.accounts[0].opted_in.size(), 3U);
  EXPECT_EQ(config.accounts[1].api_keys[0], (ApiKey{"ukkey", "uksecret"}));
  EXPECT_THAT(config.accounts[1].opted_in, IsEmpty());
  EXPECT_EQ(config.web.token_endpoint, TokenEndpoint::kDevelopment);
  EXPECT_EQ(config.metrics_listen->to_string(), "127.0.0.1:7888");
}

TEST(ConfigParse, the_production_example_has_neither_errors_nor_warnings) {
  const std::string text = read_file("production.example.yaml");
  EXPECT_THAT(problems_of(text), IsEmpty());
  EXPECT_THAT(warnings_of(text), IsEmpty());
}

TEST(ConfigParse, reads_every_key) {
  const auto loaded = parse(std::string(kSample) + R"(
limits: {rooms: 1, participants_per_room: 2, tracks_per_participant: 3,
  subscriptions_per_participant: 4, room_name_length: 5, identity_length: 6, name_length: 7,
  metadata_size: 8, attributes_size: 9, signal_message_size: 10, join_request_size: 11,
  data_packet_size: 12, dtls_handshakes: 13}
listen: {tls: {certificate: c.pem, key: k.pem}}
data_dir: /var/lib/meridian
web: {root: web, token_endpoint: off}
log: {level: debug}
)",
                            "f");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.limits, (Limits{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}));
  EXPECT_EQ(loaded->config.tls, (Tls{"c.pem", "k.pem"}));
  EXPECT_EQ(loaded->config.data_dir, "/var/lib/meridian");
  EXPECT_EQ(loaded->config.web, (Web{"web", TokenEndpoint::kOff}));
  EXPECT_EQ(loaded->config.log_level, LogLevel::kDebug);
}

TEST(ConfigParse, the_page_s_folder_must_not_hold_the_data) {
  const auto with = [](const std::string& data, const std::string& root) {
    return problems_of(std::string(kSample) + "data_dir: " + data + "\nweb: {root: " + root +
                       "}\n");
  };
  for (const char* root : {"/srv", "/srv/", "/srv/../srv"}) {
    EXPECT_THAT(with("/srv/data", root), ElementsAre(HasSubstr("is inside web.root")));
  }
  EXPECT_THAT(with("/srv", "/srv"), ElementsAre(HasSubstr("is inside web.root")));
  EXPECT_THAT(with("/srv-data", "/srv"), IsEmpty());
  EXPECT_THAT(with("/srv/data", "/srv/page"), IsEmpty());
}

TEST(ConfigParse, an_empty_file_lacks_its_two_lists) {
  EXPECT_THAT(problems_of(""),
              ElementsAre("pools: needs at least one entry", "regions: needs at least one entry"));
}

TEST(ConfigParse, text_that_is_no_yaml_is_named_with_its_line) {
  EXPECT_THAT(problems_of("a: b\nregions: [\n"), ElementsAre(HasSubstr("not valid YAML")));
  EXPECT_THAT(problems_of("--- {}\n--- {}\n"), ElementsAre(HasSubstr("only one document")));
  EXPECT_THAT(problems_of("just text"), testing::Contains("1: must have keys under it"));
  EXPECT_THAT(problems_of(std::string(kMaxConfigSize + 1, '#')),
              ElementsAre(HasSubstr("is longer than")));
}

TEST(ConfigParse, finds_all_mistakes_in_the_order_of_their_lines) {
  std::string text = sample_with("latitude: 51.5", "latitude: 151.5");
  text.replace(text.find("workers: 2"), 10, "workers: x");
  text.replace(text.find("[us]"), 4, "[um]");
  EXPECT_THAT(problems_of(text),
              ElementsAre("3: regions[0].latitude: must be a number from -90 to 90, is 151.5",
                          "12: pools[0].workers: must be a whole number from 1 to 64, is x",
                          "25: accounts[0].opted_in[0]: there is no region um"));
}

TEST(ConfigParse, a_pool_is_open_unless_it_is_closed) {
  EXPECT_FALSE(parse(kSample, "f")->config.pools[0].is_closed);
  EXPECT_TRUE(
      parse(sample_with("    workers: 2", "    closed: true"), "f")->config.pools[0].is_closed);
  EXPECT_FALSE(
      parse(sample_with("    workers: 2", "    closed: false"), "f")->config.pools[0].is_closed);
  EXPECT_THAT(problems_of(sample_with("    workers: 2", "    closed: perhaps")),
              ElementsAre("12: pools[0].closed: must be true or false, is perhaps"));
}

TEST(ConfigParse, a_pool_says_how_many_of_a_room_a_worker_takes) {
  EXPECT_EQ(parse(kSample, "f")->config.pools[0].people_per_worker, 50U);
  EXPECT_EQ(parse(sample_with("    workers: 2", "    people_per_worker: 1"), "f")
                ->config.pools[0]
                .people_per_worker,
            1U);
  EXPECT_THAT(
      problems_of(sample_with("    workers: 2", "    people_per_worker: 0")),
      ElementsAre("12: pools[0].people_per_worker: must be a whole number from 1 to 100000, is 0"));
}

TEST(ConfigParse, an_unknown_key_names_the_one_that_was_meant) {
  EXPECT_THAT(problems_of(sample_with("metrics:", "metric:")),
              ElementsAre("27: metric: unknown key, did you mean metrics?"));
  EXPECT_THAT(problems_of(sample_with("    workers: 2", "    wrokers: 2")),
              ElementsAre("12: pools[0].wrokers: unknown key, did you mean workers?"));
  EXPECT_THAT(problems_of(std::string(kSample) + "nonsense_at_large: 1\n"),
              ElementsAre("29: nonsense_at_large: unknown key"));
}

TEST(ConfigParse, checks_regions) {
  EXPECT_THAT(problems_of(sample_with("id: us\n", "id: uk\n")),
              testing::Contains("6: regions[1].id: the region uk is defined twice"));
  EXPECT_THAT(problems_of(sample_with("id: uk", "id: UK")),
              testing::Contains(HasSubstr("must be at most 64 of the characters")));
  EXPECT_THAT(problems_of(sample_with("    latitude: 51.5\n", "")),
              ElementsAre("2: regions[0].latitude: is missing"));
  EXPECT_THAT(problems_of(sample_with("ws://127.0.0.1:7880", "127.0.0.1:7880")),
              ElementsAre(HasSubstr("must be a URL")));
  EXPECT_EQ(parse(sample_with("7880", "7880///"), "f")->config.regions[0].url,
            "ws://127.0.0.1:7880");
}

TEST(ConfigParse, checks_limits_and_words) {
  const auto problems_with = [](const std::string& more) {
    return problems_of(std::string(kSample) + more);
  };
  EXPECT_THAT(problems_with("limits: {rooms: 0}"),
              ElementsAre("29: limits.rooms: must be a whole number from 1 to 100000, is 0"));
  EXPECT_THAT(problems_with("log: {level: loud}"),
              ElementsAre("29: log.level: must be one of debug, info, warning, error, is loud"));
  EXPECT_THAT(problems_with("listen: {tls: {key: k}}"),
              ElementsAre("29: listen.tls.certificate: is missing"));
}

TEST(ConfigParse, no_address_is_listened_on_twice) {
  EXPECT_THAT(problems_of(sample_with("\"127.0.0.1:7881\"", "\"127.0.0.1:7880\"")),
              ElementsAre("18: pools[1].signalling: 127.0.0.1:7880 is listened on already"));
  EXPECT_THAT(problems_of(sample_with("127.0.0.1:7888", "0.0.0.0:7881")),
              ElementsAre("28: metrics.listen: 0.0.0.0:7881 is listened on already"));
  EXPECT_THAT(problems_of(sample_with("127.0.0.1:7888", "127.0.0.1:0")), IsEmpty());
}

TEST(ConfigParse, warns_of_an_account_that_nobody_here_serves) {
  std::string text = sample_with("pools:\n  - region: uk", "pools:\n  - region: us");
  const std::size_t second = text.find("  - region: us\n    signalling");
  text.erase(second, text.find("accounts:") - second);
  text.replace(text.find("[us]"), 4, "[]");
  EXPECT_THAT(warnings_of(text), ElementsAre(HasSubstr("refuses every join")));
}

TEST(ConfigParse, warns_of_an_open_token_endpoint) {
  const std::string open = "web: {token_endpoint: development}\n";
  EXPECT_THAT(warnings_of(std::string(kSample) + open), IsEmpty());
  EXPECT_THAT(warnings_of(sample_with("\"127.0.0.1:7880\"", "\"0.0.0.0:7880\"") + open),
              ElementsAre(HasSubstr("anybody can join any meeting")));
}

}  // namespace
}  // namespace meridian::config
