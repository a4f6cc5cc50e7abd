#include "io/config_file.hpp"

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

TEST(ConfigFile, reads_what_is_in_the_repository) {
  const auto loaded = load_config_file(std::string(MERIDIAN_SOURCE_DIR) + "/config/dev.yaml");
  ASSERT_TRUE(loaded);
  EXPECT_FALSE(loaded->config.accounts.empty());
}

TEST(ConfigFile, a_file_that_cannot_be_read_is_a_problem_with_its_name) {
  for (const char* path : {"/nowhere/at/all.yaml", "/"}) {
    const auto loaded = load_config_file(path);
    ASSERT_FALSE(loaded);
    EXPECT_TRUE(loaded.error()[0].to_string().starts_with(path));
  }
}

TEST(ConfigFile, an_empty_file_is_read_and_lacks_everything) {
  const auto loaded = load_config_file("/dev/null");
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error()[0].message.contains("needs at least one entry"));
}

}  // namespace
}  // namespace meridian::io
