#include "api/bootstrap.hpp"

namespace meridian::api {

directory::Contents directory_contents(const config::Config& config) {
  directory::Contents contents;
  contents.regions = config.regions;
  for (const config::Account& account : config.accounts) {
    residency::AccountPolicy policy({.account = account.id,
                                     .default_region = account.default_region,
                                     .opted_in = account.opted_in,
                                     .signalling_scope = account.signalling_scope},
                                    PolicyEpoch(1));
    contents.accounts.push_back({account.name, std::move(policy)});
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
