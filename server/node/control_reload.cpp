// A configuration that was read again: its accounts and closed pools take effect on running
// meetings.
#include <algorithm>

#include "api/bootstrap.hpp"
#include "node/control_state.hpp"

namespace meridian::node {

std::vector<directory::PolicyRefusal> Control::reload_accounts(const config::Config& next,
                                                               Now now) {
  State& s = *state_;
  s.config.config.digest = next.digest;
  s.signed_evidence.set_config(next.digest);
  s.ledger.set_config(next.digest);
  s.record(audit::Kind::kConfigLoaded, nullptr, next.digest, now);
  std::vector<directory::FileAccount> accounts = api::file_accounts(next);
  for (const directory::Account& present : s.directory.accounts()) {
    const bool is_left = std::ranges::none_of(accounts, [&](const directory::FileAccount& account) {
      return account.terms.account == present.id();
    });
    if (present.managed_by == directory::ManagedBy::kFile && is_left) {
      // Without keys nobody can join; who is in a meeting may end it.
      accounts.push_back({present.name, present.policy.terms(), present.signalling_host, {}});
    }
  }
  std::vector<directory::PolicyRefusal> refused;
  for (directory::FileAccount& account : accounts) {
    if (auto reloaded = s.reload(std::move(account), now); !reloaded) {
      refused.push_back(std::move(reloaded.error()));
    }
  }
  s.webhooks.configure(next.accounts);
  s.drain_signals(now);
  return refused;
}

directory::PolicyResult<void> Control::State::reload(directory::FileAccount account, Now now) {
  const AccountId id = account.terms.account;
  std::optional<residency::AccountPolicy::Terms> before;
  if (const directory::Account* present = directory.find_account(id)) {
    before = present->policy.terms();
  }
  const auto epoch = directory.reload_account(
      std::move(account), {.actor = "configuration", .reason = "reload"}, now.wall);
  if (!epoch) {
    return std::unexpected(epoch.error());
  }
  if (before) {
    const bool is_changed = *before != directory.find_account(id)->policy.terms();
    if (is_changed) {
      record_change(*directory.find_account(id), {.actor = "configuration", .reason = "reload"},
                    api::ChangeMode::kImmediate, now);
      follow_change(*before, {}, now);
    }
    return {};
  }
  distribute_policy();
  record(audit::Kind::kPolicyLoaded, directory.find_account(id),
         directory.find_account(id)->policy.digest(), now);
  return {};
}

void Control::reload_pools(const config::Config& next, Now now) {
  State& s = *state_;
  for (config::Pool& pool : s.config.config.pools) {
    const auto read = std::ranges::find(next.pools, pool.region, &config::Pool::region);
    if (read == next.pools.end() || read->is_closed == pool.is_closed) {
      continue;
    }
    pool.is_closed = read->is_closed;
    s.log(LogLevel::kInfo, pool.is_closed ? "pool_closed" : "pool_opened",
          {{"region", pool.region.value()}});
    if (pool.is_closed) {
      s.clear_pool(pool.region, now);
    }
  }
  s.report_pools();
  s.drain_signals(now);
}

void Control::State::clear_pool(const RegionId& region, Now now) {
  for (const auto& [key, meeting] : meetings) {
    (void)meeting->evict(
        [&](const meeting::Participant& participant) { return participant.region != region; }, now);
  }
}

}  // namespace meridian::node
