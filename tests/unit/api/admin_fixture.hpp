#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/admin_api.hpp"
#include "api/grants.hpp"
#include "directory/memory_directory.hpp"

namespace meridian::api::testing_support {

/// An administration API over three regions and two accounts: `dev`, which the store manages, and
/// `filed`, which comes from the file. Tokens are `owner`, `admin`, `auditor` (of dev), `other`
/// (the owner of filed) and `operator`.
class AdminFixture : public testing::Test {
 protected:
  static constexpr Now kNow{Instant::from_origin(1h), UnixTime::from_seconds(1'700'000'000)};
  static inline const RegionId kLondon{"uk-london"};
  static inline const RegionId kFrankfurt{"eu-frankfurt"};
  static inline const RegionId kVirginia{"us-east"};

  static directory::Account account(const char* id, residency::RegionSet opted_in,
                                    directory::ManagedBy managed_by) {
    residency::AccountPolicy::Terms terms;
    terms.account = AccountId(id);
    terms.default_region = kLondon;
    terms.opted_in = std::move(opted_in);
    return {.name = id,
            .policy = residency::AccountPolicy(std::move(terms), PolicyEpoch(1)),
            .managed_by = managed_by,
            .actor = "configuration",
            .reason = "start",
            .time = kNow.wall};
  }
  static directory::Contents contents() {
    directory::Contents contents;
    contents.regions = {
        {kLondon, "London", {"uk"}, {51.5, -0.1}, "wss://london.meet.example"},
        {kFrankfurt, "Frankfurt", {"eu", "de"}, {50.1, 8.7}, "wss://frankfurt.meet.example"},
        {kVirginia, "Virginia", {"us"}, {38.9, -77.0}, "wss://192.0.2.7:7880"}};
    contents.accounts.push_back(
        account("dev", {kFrankfurt, kVirginia}, directory::ManagedBy::kStore));
    contents.accounts.push_back(account("filed", {}, directory::ManagedBy::kFile));
    contents.keys = {{"devkey", "secret", AccountId("dev")},
                     {"filedkey", "filedsecret", AccountId("filed")}};
    for (const residency::Region& region : contents.regions) {
      contents.pools.push_back({region.id, residency::PoolState::Liveness::kLive, 10});
    }
    return contents;
  }
  static config::Admin admin() {
    const AccountId dev("dev");
    config::Admin admin;
    admin.static_tokens = {{"owner-dev", "owner", Role::kOwner, dev},
                           {"admin-dev", "admin", Role::kAdmin, dev},
                           {"auditor-dev", "auditor", Role::kAuditor, dev},
                           {"owner-filed", "other", Role::kOwner, AccountId("filed")},
                           {"operator", "operator", Role::kOperator, AccountId()}};
    return admin;
  }

  struct Ask {
    std::string_view token = "owner";
    std::string_view body = {};
    std::string_view if_match = {};
    std::string_view accept = {};
  };
  AdminResult handle(std::string_view method, std::string_view target, Ask ask) {
    const std::string authorization = "Bearer " + std::string(ask.token);
    return api_.handle({.method = method,
                        .target = target,
                        .authorization = ask.token.empty() ? std::string_view() : authorization,
                        .if_match = ask.if_match,
                        .accept = ask.accept,
                        .body = ask.body,
                        .arrived_at = kLondon},
                       kNow);
  }
  AdminResponse response(std::string_view method, std::string_view target, Ask ask) {
    AdminResult result = handle(method, target, ask);
    auto* answer = std::get_if<AdminResponse>(&result.answer);
    EXPECT_NE(answer, nullptr) << method << " " << target << " gave a task";
    return answer == nullptr ? AdminResponse{} : std::move(*answer);
  }
  /// The body of an answer that is expected to have this status.
  boost::json::value call(unsigned status, std::string_view method, std::string_view target,
                          Ask ask) {
    const AdminResponse answer = response(method, target, ask);
    EXPECT_EQ(answer.status, status) << method << " " << target << ": " << answer.body;
    return answer.body.empty() ? boost::json::value() : boost::json::parse(answer.body);
  }
  std::string error(unsigned status, std::string_view method, std::string_view target, Ask ask) {
    const boost::json::value body = call(status, method, target, ask);
    const auto* object = body.if_object();
    return object != nullptr && object->contains("error")
               ? std::string(object->at("error").as_string())
               : std::string();
  }
  template <class Task>
  Task task(std::string_view method, std::string_view target, Ask ask) {
    AdminResult result = handle(method, target, ask);
    auto* answer = std::get_if<AdminTask>(&result.answer);
    if (answer == nullptr || !std::holds_alternative<Task>(*answer)) {
      ADD_FAILURE() << method << " " << target << " gave no such task: "
                    << (answer == nullptr ? std::get<AdminResponse>(result.answer).body : "");
      return {};
    }
    return std::get<Task>(*answer);
  }
  template <class Query>
  Query query(std::string_view method, std::string_view target, Ask ask) {
    const auto found = task<EvidenceQuery>(method, target, ask);
    EXPECT_TRUE(std::holds_alternative<Query>(found)) << target;
    return std::holds_alternative<Query>(found) ? std::get<Query>(found) : Query{};
  }

  directory::MemoryDirectory directory_{contents()};
  SeededRandomSource random_{7};
  AdminApi api_{{.directory = directory_, .random = random_, .admin = admin(), .limits = {}}};
};

}  // namespace meridian::api::testing_support
