#include "config/admin_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing_support::kSample;
using testing_support::problems_of;

constexpr std::string_view kDevelopment = "web: {token_endpoint: development}\n";

std::string with(std::string_view more) {
  return std::string(kSample) + std::string(more);
}

TEST(AdminReader, reads_a_provider) {
  const auto loaded = parse(with(R"(
admin:
  oidc: {issuer: "https://login.example", client_id: meridian, audience: api, scope: openid,
    role_claim: r, account_claim: a, amr: [otp, hwk], acr: [high]}
audit: {witnesses: ["https://witness.example/"], retention_days: 30}
)"),
                            "f");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.admin.oidc, (Oidc{"https://login.example",
                                             "meridian",
                                             "api",
                                             "openid",
                                             "r",
                                             "a",
                                             {"otp", "hwk"},
                                             {"high"}}));
  EXPECT_EQ(loaded->config.audit, (Audit{{"https://witness.example/"}, 30}));
}

TEST(AdminReader, without_any_nobody_administers_and_identities_go_after_90_days) {
  const auto loaded = parse(kSample, "f");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.admin, Admin{});
  EXPECT_EQ(loaded->config.audit.retention_days, 90U);
  EXPECT_THAT(loaded->config.audit.witnesses, IsEmpty());
}

TEST(AdminReader, static_tokens_are_for_development_only) {
  const std::string tokens =
      "admin: {static_tokens: [{name: ann, token: t, role: owner, account: a}]}\n";
  const auto loaded = parse(with(tokens + std::string(kDevelopment)), "f");
  ASSERT_TRUE(loaded);
  EXPECT_THAT(loaded->config.admin.static_tokens,
              ElementsAre(StaticToken{"ann", "t", AdminRole::kOwner, AccountId("a")}));
  EXPECT_THAT(problems_of(with(tokens)),
              ElementsAre(HasSubstr("admin.static_tokens: are for development only")));
}

TEST(AdminReader, a_role_belongs_to_an_account_and_the_operator_to_none) {
  const auto problems = [](std::string_view token) {
    return problems_of(
        with("admin: {static_tokens: [" + std::string(token) + "]}\n" + std::string(kDevelopment)));
  };
  EXPECT_THAT(problems("{name: o, token: t, role: operator}"), IsEmpty());
  EXPECT_THAT(problems("{name: o, token: t, role: operator, account: a}"),
              ElementsAre(HasSubstr("an operator belongs to no account")));
  EXPECT_THAT(problems("{name: o, token: t, role: owner}"), ElementsAre(HasSubstr("is missing")));
  EXPECT_THAT(problems("{name: o, token: t, role: king, account: a}"),
              ElementsAre(HasSubstr("must be one of owner, admin, auditor, operator, is king")));
  EXPECT_THAT(problems("{name: o, token: t, role: operator}, {name: p, token: t, role: operator}"),
              ElementsAre(HasSubstr("occurs twice")));
}

TEST(AdminReader, never_prints_a_token) {
  for (const std::string& problem :
       problems_of(with("admin: {static_tokens: [{name: o, token: horse, role: king}]}\n"))) {
    EXPECT_THAT(problem, testing::Not(HasSubstr("horse")));
  }
}

TEST(AdminReader, services_are_reached_by_https_and_people_have_two_factors) {
  EXPECT_THAT(problems_of(with("admin: {oidc: {issuer: 'http://login.example', client_id: c}}\n")),
              ElementsAre(HasSubstr("must be a URL that begins with https://")));
  EXPECT_THAT(problems_of(with("admin: {oidc: {issuer: 'http://127.0.0.1:9/', client_id: c}}\n")),
              IsEmpty());
  EXPECT_THAT(problems_of(with("admin: {oidc: {issuer: 'https://l', client_id: c, amr: []}}\n")),
              ElementsAre(HasSubstr("more than one factor")));
  EXPECT_THAT(problems_of(with("audit: {witnesses: ['ftp://w']}\n")),
              ElementsAre(HasSubstr("audit.witnesses[0]: must be a URL")));
  EXPECT_THAT(problems_of(with("audit: {retention_days: 0}\n")),
              ElementsAre(HasSubstr("must be a whole number from 1")));
}

TEST(AdminReader, roles_have_names) {
  for (const AdminRole role :
       {AdminRole::kOwner, AdminRole::kAdmin, AdminRole::kAuditor, AdminRole::kOperator}) {
    EXPECT_EQ(parse_admin_role(name_of(role)), role);
  }
}

}  // namespace
}  // namespace meridian::config
