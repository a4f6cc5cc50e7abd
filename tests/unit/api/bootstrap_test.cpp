#include "api/bootstrap.hpp"

#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace meridian::api {
namespace {

TEST(Bootstrap, a_configuration_fills_the_directory) {
  std::ifstream file(MERIDIAN_SOURCE_DIR "/config/dev.yaml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto loaded = config::parse(text, "dev.yaml");
  ASSERT_TRUE(loaded);
  const directory::MemoryDirectory directory(directory_contents(loaded->config));

  ASSERT_EQ(directory.accounts().size(), 2U);
  EXPECT_EQ(directory.regions().size(), 3U);
  ASSERT_NE(directory.find_key("ukkey"), nullptr);
  EXPECT_EQ(directory.find_key("ukkey")->secret, "uksecret");
  const directory::Account* account = directory.find_account(directory.find_key("ukkey")->account);
  ASSERT_NE(account, nullptr);
  EXPECT_EQ(account->policy.effective(), residency::RegionSet{RegionId("uk-london")});
  EXPECT_EQ(account->policy.epoch(), PolicyEpoch(1));
  ASSERT_EQ(directory.pools().size(), 3U);
  EXPECT_EQ(
      directory.pools()[2],
      (residency::PoolState{RegionId("us-east"), residency::PoolState::Liveness::kLive, 1000}));
}

}  // namespace
}  // namespace meridian::api
