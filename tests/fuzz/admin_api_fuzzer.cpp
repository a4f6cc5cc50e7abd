// Calls of the administration API as anybody can send them: the first line is method and target,
// the second the role that the token has, the rest the body.
// Covers: server/api/admin_api.cpp server/api/admin_accounts.cpp server/api/admin_routing.cpp
// Covers: server/api/routing_json.cpp server/api/url.cpp
#include <cstddef>
#include <cstdint>

#include <boost/json.hpp>

#include "api/admin_api.hpp"
#include "api/routing_json.hpp"
#include "base/bytes.hpp"
#include "base/check.hpp"
#include "base/random.hpp"
#include "directory/memory_directory.hpp"

namespace {

using namespace meridian;

constexpr Now kNow{Instant::from_origin(1h), UnixTime::from_seconds(1'700'000'000)};

directory::Contents contents() {
  directory::Contents contents;
  contents.regions = {
      {RegionId("uk-london"), "London", {"uk"}, {51.5, -0.1}, "wss://london.meet.example"},
      {RegionId("us-east"), "Virginia", {"us"}, {38.9, -77.0}, "wss://192.0.2.7:7880"}};
  residency::AccountPolicy::Terms terms;
  terms.account = AccountId("dev");
  terms.default_region = RegionId("uk-london");
  terms.opted_in = {RegionId("us-east")};
  contents.accounts.push_back({.name = "dev",
                               .policy = residency::AccountPolicy(terms, PolicyEpoch(1)),
                               .managed_by = directory::ManagedBy::kStore});
  contents.keys = {{"devkey", "secret", AccountId("dev")}};
  for (const residency::Region& region : contents.regions) {
    contents.pools.push_back({region.id, residency::PoolState::Liveness::kLive, 10});
  }
  return contents;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  directory::MemoryDirectory directory(contents());
  SeededRandomSource random(1);
  const AccountId dev("dev");
  config::Admin admin;
  admin.static_tokens = {{"o", "owner", config::AdminRole::kOwner, dev},
                         {"a", "admin", config::AdminRole::kAdmin, dev},
                         {"u", "auditor", config::AdminRole::kAuditor, dev},
                         {"p", "operator", config::AdminRole::kOperator, AccountId()}};
  api::AdminApi api({.directory = directory, .random = random, .admin = admin, .limits = {}});

  std::string_view body = as_text({data, size});
  std::string_view line = take_line(body);
  const std::size_t space = line.find(' ');
  const std::string authorization = "Bearer " + std::string(take_line(body));
  const auto result = api.handle(
      {.method = line.substr(0, space),
       .target = space == std::string_view::npos ? std::string_view() : line.substr(space + 1),
       .authorization = authorization,
       .if_match = "\"1\"",
       .accept = "application/json",
       .body = body,
       .arrived_at = RegionId("uk-london")},
      kNow);
  if (const auto* response = std::get_if<api::AdminResponse>(&result.answer)) {
    MERIDIAN_CHECK(response->status >= 200 && response->status < 600);
    // What was found wrong is always said, as JSON.
    MERIDIAN_CHECK(response->status == 204 || boost::json::parse(response->body).is_object());
  }
  // Nothing that a caller sends takes the default region away.
  const auto& policy = directory.find_account(dev)->policy;
  MERIDIAN_CHECK(policy.effective().contains(policy.default_region()));
  if (const auto* task = std::get_if<api::AdminTask>(&result.answer)) {
    if (const auto* change = std::get_if<api::ChangeRouting>(task)) {
      // What is handed on is what the directory takes.
      MERIDIAN_CHECK(directory.change_policy(change->request.terms, change->request.expected,
                                             change->request.author, kNow.wall));
      (void)api::routing_document(*directory.find_account(dev));
    }
  }
  return 0;
}
