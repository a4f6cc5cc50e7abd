#include "api/admin_principal.hpp"

#include <gtest/gtest.h>

namespace meridian::api {
namespace {

TEST(AdminPrincipal, ways_to_sign_in_have_names) {
  EXPECT_EQ(name_of(SignedInBy::kOidc), "oidc");
  EXPECT_EQ(name_of(SignedInBy::kStaticToken), "static_token");
}

TEST(AdminPrincipal, sees_its_own_account_only_unless_it_is_the_operator) {
  const Principal owner{"o", Role::kOwner, AccountId("a"), {}, {}};
  EXPECT_TRUE(owner.sees(AccountId("a")));
  EXPECT_FALSE(owner.sees(AccountId("b")));
  EXPECT_TRUE((Principal{"op", Role::kOperator, {}, {}, {}}.sees(AccountId("b"))));
}

TEST(AdminPrincipal, static_tokens_are_found_whole_and_never_empty) {
  const config::StaticToken tokens[] = {{"one", "secret-1", Role::kOwner, AccountId("a")},
                                        {"two", "secret-2", Role::kOperator, {}},
                                        {"none", "", Role::kOperator, {}}};
  EXPECT_EQ(find_static_token(tokens, "secret-2"), &tokens[1]);
  EXPECT_EQ(find_static_token(tokens, "secret-"), nullptr);
  EXPECT_EQ(find_static_token(tokens, "secret-1 "), nullptr);
  EXPECT_EQ(find_static_token(tokens, ""), nullptr);
}

}  // namespace
}  // namespace meridian::api
