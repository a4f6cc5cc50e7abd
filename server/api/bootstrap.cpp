#include "api/bootstrap.hpp"

namespace meridian::api {

directory::Contents directory_contents(const config::Config& config) {
  directory::Contents contents;
  contents.regions = config.regions;
  contents.presets = config.presets;
  for (const config::Account& account : config.accounts) {
    contents.accounts.push_back(directory::Account{
        .name = account.name,
        .policy =
            residency::AccountPolicy(account.terms(config.presets, config.regions), PolicyEpoch(1)),
        .actor = "configuration",
        .signalling_host = account.signalling_host,
    });
    for (const config::ApiKey& key : account.api_keys) {
      contents.keys.push_back({key.key, key.secret, account.id});
    }
  }
  for (const config::Pool& pool : config.pools) {
    contents.pools.push_back(
        {pool.region, residency::PoolState::Liveness::kLive, pool.participants});
  }
  return contents;
}

}  // namespace meridian::api
