#include "api/bootstrap.hpp"

#include <utility>

namespace meridian::api {
namespace {

directory::Contents places(const config::Config& config) {
  directory::Contents contents;
  contents.regions = config.regions;
  contents.presets = config.presets;
  for (const config::Pool& pool : config.pools) {
    contents.pools.push_back(
        {pool.region, residency::PoolState::Liveness::kLive, pool.participants});
  }
  return contents;
}

}  // namespace

std::vector<directory::FileAccount> file_accounts(const config::Config& config) {
  std::vector<directory::FileAccount> accounts;
  for (const config::Account& account : config.accounts) {
    directory::FileAccount& made = accounts.emplace_back(
        directory::FileAccount{.name = account.name,
                               .terms = account.terms(config.presets, config.regions),
                               .signalling_host = account.signalling_host,
                               .keys = {}});
    for (const config::ApiKey& key : account.api_keys) {
      made.keys.push_back({key.key, key.secret, account.id});
    }
  }
  return accounts;
}

directory::Contents directory_contents(const config::Config& config) {
  directory::Contents contents = places(config);
  for (directory::FileAccount& account : file_accounts(config)) {
    contents.accounts.push_back(directory::Account{
        .name = std::move(account.name),
        .policy = residency::AccountPolicy(std::move(account.terms), PolicyEpoch(1)),
        .actor = "configuration",
        .signalling_host = std::move(account.signalling_host),
    });
    contents.keys.insert(contents.keys.end(), account.keys.begin(), account.keys.end());
  }
  return contents;
}

directory::StartingPoint starting_point(const config::Config& config,
                                        directory::RecordedPolicies recorded, UnixTime now) {
  return {.contents = places(config),
          .accounts = file_accounts(config),
          .recorded = std::move(recorded),
          .now = now};
}

}  // namespace meridian::api
