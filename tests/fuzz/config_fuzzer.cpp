// A configuration of any bytes is either read or refused with problems that say something.
// Covers: server/config/yaml_node.cpp server/config/parse.cpp server/config/pool_reader.cpp
// Covers: server/config/account_reader.cpp server/config/admin_reader.cpp
// Covers: server/config/preset_reader.cpp
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "config/config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace meridian;
  const auto loaded = config::parse(as_text({data, size}), "fuzz.yaml");
  if (!loaded) {
    MERIDIAN_CHECK(!loaded.error().empty());
    for (const config::Problem& problem : loaded.error()) {
      MERIDIAN_CHECK(!problem.message.empty());
    }
    return 0;
  }
  // What is accepted keeps its promises.
  for (const config::Pool& pool : loaded->config.pools) {
    MERIDIAN_CHECK(loaded->config.region(pool.region) != nullptr);
    MERIDIAN_CHECK(!pool.media.addresses.empty() && pool.workers >= 1);
    MERIDIAN_CHECK(pool.media.port + pool.workers - 1 <= 65535);
  }
  for (const config::Account& account : loaded->config.accounts) {
    MERIDIAN_CHECK(loaded->config.region(account.default_region) != nullptr);
  }
  return 0;
}
