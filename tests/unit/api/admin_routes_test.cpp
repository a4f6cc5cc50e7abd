#include "api/admin_routes.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

namespace meridian::api {
namespace {

using testing::UnorderedElementsAreArray;

std::set<std::string> roles_of(const Access& access) {
  std::set<std::string> roles;
  for (const Role role : {Role::kOwner, Role::kAdmin, Role::kAuditor, Role::kOperator}) {
    if (access.allows(role)) {
      roles.emplace(config::name_of(role));
    }
  }
  if (access.is_public()) {
    roles.emplace("public");
  }
  if (access.takes_participants()) {
    roles.emplace("participant");
  }
  return roles;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

TEST(AdminRoutes, are_those_of_the_description_with_its_roles) {
  const YAML::Node paths =
      YAML::LoadFile(std::string(MERIDIAN_SOURCE_DIR) + "/docs/openapi.yaml")["paths"];
  std::set<std::string> described;
  for (const auto& path : paths) {
    if (!is_admin_path(path.first.as<std::string>())) {
      continue;  // WHIP and WHEP
    }
    for (const auto& operation : path.second) {
      if (operation.first.as<std::string>() != "parameters") {
        described.insert(operation.first.as<std::string>() + " " + path.first.as<std::string>());
      }
    }
  }
  std::set<std::string> routes;
  for (const Route& route : admin_routes()) {
    routes.insert(lower(route.method) + " " + std::string(route.pattern));
    const YAML::Node operation = paths[std::string(route.pattern)][lower(route.method)];
    ASSERT_TRUE(operation) << route.name;
    EXPECT_EQ(operation["operationId"].as<std::string>(), route.name);
    const auto roles = operation["x-roles"].as<std::vector<std::string>>();
    EXPECT_EQ(std::set<std::string>(roles.begin(), roles.end()), roles_of(route.access))
        << route.name;
    EXPECT_EQ(&route_of(route.operation), &route);
  }
  EXPECT_THAT(routes, UnorderedElementsAreArray(described));
}

// Every role against every route, written out once more: who changes the table has to mean it.
TEST(AdminRoutes, nobody_but_these_may_change_something) {
  const std::map<std::string, std::set<std::string>> changing = {
      {"createAccount", {"operator"}},
      {"createKey", {"owner"}},
      {"rotateKey", {"owner"}},
      {"revokeKey", {"owner", "operator"}},
      {"putRouting", {"owner", "admin", "operator"}},
      {"erasePerson", {"owner"}},
  };
  const std::set<std::string> everybody = {"owner", "admin", "auditor", "operator"};
  const std::map<std::string, std::set<std::string>> special = {
      {"getSignIn", {"public"}},
      {"findPeople", {"owner"}},
      {"getAuditKeys", {"public"}},
      {"getRegions", {"participant", "owner", "admin", "auditor", "operator"}},
  };
  for (const Route& route : admin_routes()) {
    const std::string name(route.name);
    const auto expected = changing.contains(name)  ? changing.at(name)
                          : special.contains(name) ? special.at(name)
                                                   : everybody;
    EXPECT_EQ(roles_of(route.access), expected) << name;
    EXPECT_EQ(route.method != "GET", changing.contains(name)) << name;
    EXPECT_FALSE(route.method != "GET" && route.access.allows(Role::kAuditor)) << name;
  }
}

TEST(AdminRoutes, are_found_by_method_and_path) {
  const auto key = match_route("POST", "/v1/accounts/dev/keys/a%2Fb/rotate");
  ASSERT_TRUE(key);
  EXPECT_EQ(key->route->operation, Operation::kRotateKey);
  EXPECT_EQ(key->account, "dev");
  EXPECT_EQ(key->item, "a/b");
  EXPECT_EQ(match_route("HEAD", "/v1/me")->route->operation, Operation::kGetMe);
  EXPECT_EQ(match_route("GET", "/v1/accounts/x/routing/history")->route->operation,
            Operation::kGetRoutingHistory);
}

TEST(AdminRoutes, paths_that_are_none_are_404_and_other_methods_405) {
  for (const char* path :
       {"/v1", "/v1/", "/v1/me/", "/v1//me", "/v1/accounts//keys", "/v2/me", "/v1/accounts/%zz",
        "/v1/accounts/dev/routing/changes/", "/v1/accounts/dev/routing/changes/1/2", "/V1/me"}) {
    const auto found = match_route("GET", path);
    ASSERT_FALSE(found) << path;
    EXPECT_EQ(found.error().allowed, "") << path;
  }
  EXPECT_EQ(match_route("PATCH", "/v1/accounts").error().allowed, "GET, POST");
  EXPECT_EQ(match_route("POST", "/v1/accounts/dev/routing").error().allowed, "GET, PUT");
  EXPECT_TRUE(is_admin_path("/v1/whatever"));
  EXPECT_FALSE(is_admin_path("/v10"));
  EXPECT_FALSE(is_admin_path("/rtc/v1"));
}

}  // namespace
}  // namespace meridian::api
