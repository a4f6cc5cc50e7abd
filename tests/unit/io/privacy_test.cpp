// docs/privacy.md against the program: every field that is held or written is in its tables, and
// nothing else is.
#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <sqlite3.h>
#include <string>

#include <boost/json.hpp>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include "api/grants.hpp"
#include "api/jwt.hpp"
#include "audit/commitment.hpp"
#include "audit/json.hpp"
#include "audit/note.hpp"
#include "audit/record.hpp"
#include "audit/transit_report.hpp"
#include "io/metrics_text.hpp"
#include "io/sqlite_store.hpp"
#include "io/webhook_store.hpp"
#include "residency/policy.hpp"
#include "unit/io/temporary_folder.hpp"
#include "wire/livekit_models.pb.h"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;
using Names = std::set<std::string>;
using audit::Json;

const audit::Digest kDigest = audit::sha256({as_bytes("a digest")});

std::string source_file(const std::string& name) {
  return TemporaryFolder::read(fs::path(MERIDIAN_SOURCE_DIR) / name);
}

/// By heading: what stands in backticks in the first columns of the tables below it.
std::map<std::string, Names> documented() {
  std::map<std::string, Names> sections;
  std::string heading;
  std::istringstream text(source_file("docs/privacy.md"));
  static const std::regex kCode("`([^`]+)`");
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("#")) {
      heading = line.substr(line.find_first_not_of("# "));
    } else if (line.starts_with("| `")) {
      const std::string cell = line.substr(0, line.find(" | "));
      for (std::sregex_iterator match(cell.begin(), cell.end(), kCode), end; match != end;
           ++match) {
        EXPECT_TRUE(sections[heading].insert((*match)[1]).second)
            << (*match)[1] << " stands twice under " << heading;
      }
    }
  }
  return sections;
}

void expect_documented(const std::string& heading, const Names& held) {
  static const std::map<std::string, Names> kSections = documented();
  const auto section = kSections.find(heading);
  ASSERT_NE(section, kSections.end()) << "docs/privacy.md has no table under " << heading;
  const Names& listed = section->second;
  Names missing;
  Names stale;
  std::ranges::set_difference(held, listed, std::inserter(missing, missing.end()));
  std::ranges::set_difference(listed, held, std::inserter(stale, stale.end()));
  EXPECT_EQ(missing, Names()) << "the node holds these, and docs/privacy.md doesn't say so under "
                              << heading;
  EXPECT_EQ(stale, Names()) << "docs/privacy.md has these under " << heading
                            << ", and the node doesn't hold them";
}

Names keys_of(const std::string& text) {
  const auto json = Json::parse(text);
  EXPECT_TRUE(json) << text;
  Names keys;
  for (const auto& [key, value] : json->object()) {
    keys.insert(key);
  }
  return keys;
}

void collect_keys(const Json& json, Names& keys) {
  for (const auto& [key, value] : json.object()) {
    keys.insert(key);
    collect_keys(value, keys);
  }
  for (const Json& element : json.array()) {
    collect_keys(element, keys);
  }
}

Names matches_of(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  Names found;
  for (std::sregex_iterator match(text.begin(), text.end(), regex), end; match != end; ++match) {
    found.insert((*match)[1]);
  }
  return found;
}

Names fields_of(const google::protobuf::Descriptor& message) {
  Names names;
  for (int i = 0; i < message.field_count(); ++i) {
    names.insert(message.field(i)->name());
  }
  return names;
}

/// Visits the text of each source below `folder` whose name ends with `ending`.
void for_each_source(const char* folder, std::string_view ending,
                     const std::function<void(const std::string&)>& visit) {
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(MERIDIAN_SOURCE_DIR) / folder)) {
    if (entry.path().string().ends_with(ending)) {
      visit(TemporaryFolder::read(entry.path()));
    }
  }
}

// ---- In memory ----------------------------------------------------------------------------------

TEST(Privacy, lists_the_claims_of_a_token) {
  api::Claims claims;
  claims.identity = claims.name = claims.metadata = claims.sha256 = claims.room_preset = "x";
  claims.kind = api::ParticipantKind::kAgent;
  claims.kind_details = {"x"};
  claims.attributes = {{"x", "x"}};
  claims.room_config = R"({"name":"x"})";
  claims.video.emplace().room_join = true;
  claims.sip.emplace().admin = true;
  claims.routing.emplace().group = "x";
  claims.expires = UnixTime::from_seconds(2);
  const std::string token =
      api::make_token(claims, {.key = "k", .secret = "s", .now = UnixTime::from_seconds(1)});
  const auto read = api::decode_jwt(token);
  ASSERT_TRUE(read);
  Names names;
  for (const auto& claim : boost::json::parse(read->payload).as_object()) {
    names.emplace(claim.key());
  }
  expect_documented("Token", names);
}

TEST(Privacy, lists_what_is_known_of_participants_and_their_clients) {
  expect_documented("Participant", fields_of(*livekit::ParticipantInfo::descriptor()));
  expect_documented("Client", fields_of(*livekit::ClientInfo::descriptor()));
}

// ---- Written down -------------------------------------------------------------------------------

TEST(Privacy, lists_the_columns_of_the_table_of_identities) {
  audit::Opening opening;
  opening.account = AccountId("a");
  expect_documented("Table of identities", keys_of(to_line(opening)));
}

TEST(Privacy, lists_the_fields_and_kinds_of_audit_records) {
  audit::Record record;
  record.sequence = 1;
  record.time = UnixTime::from_seconds(1);
  record.account = AccountId("a");
  record.leg = audit::Leg::kClient;
  record.region = RegionId("r");
  record.epoch = PolicyEpoch(1);
  record.digest = record.commitment = kDigest;
  record.count = record.status = 1;
  for (std::string* text : {&record.node, &record.room_sid, &record.participant_sid, &record.reason,
                            &record.actor, &record.key}) {
    *text = "x";
  }
  expect_documented("Audit log: fields", keys_of(canonical(record)));
  Names kinds;
  for (int kind = 0; kind <= static_cast<int>(audit::kLastKind); ++kind) {
    kinds.emplace(name_of(static_cast<audit::Kind>(kind)));
  }
  expect_documented("Audit log: kinds", kinds);
}

TEST(Privacy, lists_the_fields_of_reports_and_checkpoints) {
  audit::RegionTransit region;
  region.region = RegionId("r");
  for (metrics::TransitCounts& leg : region.legs) {
    for (int kind = 0; kind < static_cast<int>(metrics::TransitKind::kCount); ++kind) {
      for (const auto direction : {metrics::Direction::kIn, metrics::Direction::kOut}) {
        leg.at(static_cast<metrics::TransitKind>(kind), direction).add(1);
      }
    }
  }
  audit::TransitReport report;
  report.epochs = {{PolicyEpoch(1), kDigest, UnixTime(), {RegionId("r")}}};
  report.regions = {region};
  report.relays = {{RegionId("r"), RegionId("r"), {1, 1}, {1, 1}}};
  report.denials = {{RegionId("r"), "x", 1}};
  Names keys;
  const auto json = Json::parse(canonical(report));
  ASSERT_TRUE(json);
  collect_keys(*json, keys);
  expect_documented("Transit reports", keys);

  // The first three lines of a note are told apart by their place (C2SP tlog-checkpoint).
  Names lines = {"origin", "lines", "root"};
  std::istringstream text(to_text(audit::CheckpointBody{.origin = "o",
                                                        .lines = 1,
                                                        .root = kDigest,
                                                        .node = kDigest,
                                                        .config = kDigest,
                                                        .time = UnixTime()}));
  int number = 0;
  for (std::string line; std::getline(text, line) && !line.empty();) {
    if (++number > 3) {
      lines.insert(line.substr(0, line.find(' ')));
    }
  }
  expect_documented("Checkpoints", lines);
}

/// `table.column` of each.
Names columns_of(const fs::path& database) {
  sqlite3* handle = nullptr;
  EXPECT_EQ(sqlite3_open(database.c_str(), &handle), SQLITE_OK);
  Names columns;
  const auto collect = [](void* names, int, char** values, char**) {
    static_cast<Names*>(names)->insert(std::string(values[0]) + "." + values[1]);
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(handle,
                         "SELECT t.name, c.name FROM sqlite_master t"
                         " JOIN pragma_table_info(t.name) c WHERE t.type = 'table'",
                         collect, &columns, nullptr),
            SQLITE_OK);
  sqlite3_close(handle);
  return columns;
}

TEST(Privacy, lists_the_columns_of_the_policy_store) {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "policy.db";
  ASSERT_TRUE(SqliteStore::open(path));
  expect_documented("policy.db", columns_of(path));
}

TEST(Privacy, lists_the_columns_of_the_queue_of_webhooks) {
  const TemporaryFolder folder;
  const RegionId region("r");
  {
    WebhookStore store({.data_dir = folder.path(), .regions = {region}});
    node::StoredWebhook event;
    event.region = region;
    store.store({event});
  }
  expect_documented("queue.db", columns_of(folder.path() / "webhooks" / "r" / "queue.db"));
}

TEST(Privacy, lists_the_fields_of_a_policy) {
  residency::AccountPolicy::Terms terms;
  terms.account = AccountId("a");
  terms.default_region = RegionId("r");
  expect_documented("Policy", keys_of(canonical(terms)));
}

TEST(Privacy, lists_the_fields_of_log_lines) {
  Names fields;
  static const std::regex kCall(R"(\blog(::(debug|info|warning|error|write))?\()");
  const auto collect = [&](const std::string& text) {
    for (std::sregex_iterator call(text.begin(), text.end(), kCall), end; call != end; ++call) {
      const auto start = static_cast<std::size_t>(call->position());
      const std::string statement = text.substr(start, text.find(';', start) - start);
      fields.merge(matches_of(statement, R"re(\{\s*"([a-z_]+)"\s*,)re"));
    }
  };
  for_each_source("server", ".cpp", collect);
  EXPECT_TRUE(fields.contains("participant")) << "the calls were not found";
  expect_documented("Log lines", fields);
}

TEST(Privacy, lists_the_labels_of_metrics) {
  const metrics::WorkerCounters worker;
  const IoCounters io;
  const std::array workers = {WorkerMetrics{RegionId("r"), &worker, &io}};
  node::ControlCounters control;
  control.refusals.emplace_back("x", 1);
  control.room_calls.push_back({"x", "x", 1});
  control.worker_people.push_back({WorkerIndex(0), RegionId("r"), 1});
  const std::string text = render_metrics({.workers = workers,
                                           .control = control,
                                           .http = {},
                                           .is_audit_writable = true,
                                           .certificate_left = {}});
  expect_documented("Metrics", matches_of(text, R"re([{,]([a-z_]+)=")re"));
}

TEST(Privacy, lists_what_the_pages_keep_in_the_browser) {
  Names keys;
  const auto collect = [&](const std::string& text) {
    if (text.contains("Storage.setItem(")) {
      keys.merge(matches_of(text, "'(meridian-[a-z-]+)'"));
    }
    EXPECT_FALSE(text.contains("document.cookie"));
    EXPECT_FALSE(text.contains("localStorage"));
    EXPECT_FALSE(text.contains("indexedDB"));
  };
  for (const char* folder : {"web/src", "web/admin"}) {
    for (const char* ending : {".ts", ".tsx"}) {
      for_each_source(folder, ending, collect);
    }
  }
  expect_documented("Pages", keys);
}

}  // namespace
}  // namespace meridian::io
