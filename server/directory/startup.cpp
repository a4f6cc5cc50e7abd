#include "directory/startup.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "audit/text.hpp"

namespace meridian::directory {
namespace {

using residency::AccountPolicy;
using Entries = std::vector<PolicyStore::Entry>;
using Terms = AccountPolicy::Terms;

const PolicyStore::Entry* find(const Entries& entries, const AccountId& id) {
  const auto found = std::ranges::find_if(
      entries, [&](const PolicyStore::Entry& entry) { return entry.account.id == id; });
  return found == entries.end() ? nullptr : &*found;
}

const RecordedPolicy* find(const RecordedPolicies& recorded, const AccountId& id) {
  const auto found = recorded.find(id);
  return found == recorded.end() ? nullptr : &found->second;
}

StartRefusal confirmable(const AccountId& account, std::string message) {
  return {account, "account " + account.value() + ": " + std::move(message), true};
}
StartRefusal broken(const AccountId& account, std::string message) {
  return {account, "account " + account.value() + ": " + std::move(message), false};
}

// The digest of terms as programs before the store wrote them to their audit logs (version 1).
audit::Digest digest_before_store(const Terms& terms) {
  std::string text = R"({"account":)";
  audit::append_json_string(text, terms.account.value());
  text += R"(,"default_region":)";
  audit::append_json_string(text, terms.default_region.value());
  text += R"(,"opted_in":[)";
  std::string_view separator;
  for (const RegionId& region : terms.opted_in) {
    text += separator;
    audit::append_json_string(text, region.value());
    separator = ",";
  }
  text += R"(],"signalling_scope":)";
  audit::append_json_string(text, name_of(terms.signalling_scope));
  text += R"(,"v":1})";
  return audit::sha256({as_bytes(text)});
}

// Whether the store is behind what the audit log says, or says something else.
std::optional<StartRefusal> check_recorded(const AccountId& id, const PolicyVersion* stored,
                                           const RecordedPolicy* recorded) {
  if (recorded == nullptr) {
    return std::nullopt;
  }
  const PolicyEpoch epoch = stored == nullptr ? PolicyEpoch{} : stored->policy.epoch();
  if (epoch < recorded->epoch) {
    return confirmable(id, "the audit log has its policy of epoch " +
                               std::to_string(recorded->epoch.value()) +
                               ", but the newest on record has " + std::to_string(epoch.value()) +
                               ": the data folder is older than the log");
  }
  if (epoch == recorded->epoch && stored->policy.digest() != recorded->digest) {
    return confirmable(id, "its policy of epoch " + std::to_string(epoch.value()) +
                               " is not the one in the audit log");
  }
  return std::nullopt;
}

class Starter {
 public:
  Starter(const StartingPoint& from, Entries entries) : from_(from), entries_(std::move(entries)) {
    start_.contents = from.contents;
  }

  void add_file_account(const FileAccount& account) {
    const AccountId& id = account.terms.account;
    const PolicyStore::Entry* entry = find(entries_, id);
    if (entry != nullptr && entry->account.managed_by == ManagedBy::kStore) {
      refusals_.push_back(
          broken(id, "is in the configuration and in the store; remove it from one"));
      return;
    }
    const PolicyVersion* stored = entry == nullptr ? nullptr : &entry->version;
    const RecordedPolicy* recorded = find(from_.recorded, id);
    const bool is_from_before_store = stored == nullptr && recorded != nullptr &&
                                      recorded->epoch == PolicyEpoch(1) &&
                                      recorded->digest == digest_before_store(account.terms);
    auto refusal = check_recorded(id, stored, is_from_before_store ? nullptr : recorded);
    if (refusal) {
      refusals_.push_back(std::move(*refusal));
      return;
    }
    const PolicyEpoch first(is_from_before_store ? 2 : 1);
    PolicyVersion version{AccountPolicy(account.terms, first), "configuration", "first start",
                          from_.now};
    if (stored != nullptr && !is_within(version.policy.terms(), stored->policy.terms())) {
      refusals_.push_back(confirmable(
          id, "the configuration permits more than the policy of epoch " +
                  std::to_string(stored->policy.epoch().value()) + ", the last on record"));
      return;
    }
    const StoredAccount about{id, account.name, ManagedBy::kFile, account.signalling_host};
    if (stored != nullptr) {
      add_successor(about, *stored, account.terms, "configuration", "narrower at start");
    } else {
      start_.versions.push_back({about, version});
      add(about, std::move(version));
    }
    for (const ApiKey& key : account.keys) {
      add_key(key);
    }
  }

  void add_store_account(const PolicyStore::Entry& entry) {
    const AccountId& id = entry.account.id;
    if (auto refusal = check_recorded(id, &entry.version, find(from_.recorded, id))) {
      refusals_.push_back(std::move(*refusal));
      return;
    }
    Terms terms = entry.version.policy.terms();
    if (!terms.preset.empty()) {
      const auto preset =
          std::ranges::find(from_.contents.presets, terms.preset, &residency::Preset::name);
      if (preset == from_.contents.presets.end()) {
        refusals_.push_back(
            broken(id, "is under the preset " + terms.preset + ", which the configuration lacks"));
        return;
      }
      terms = residency::tighten(std::move(terms), *preset, from_.contents.regions);
    }
    add_successor(entry.account, entry.version, residency::fix(std::move(terms)), "configuration",
                  "its preset is tighter now");
  }

  void add_key(const ApiKey& key) {
    if (!keys_.insert(key.key).second) {
      refusals_.push_back(broken(key.account, "the API key " + key.key + " is another account's"));
      return;
    }
    start_.contents.keys.push_back(key);
  }
  [[nodiscard]] const Entries& entries() const { return entries_; }

  base::Expected<Start, std::vector<StartRefusal>> finish() && {
    if (!refusals_.empty()) {
      return std::unexpected(std::move(refusals_));
    }
    return std::move(start_);
  }

 private:
  // What is on record, or a version above it when the terms differ.
  void add_successor(const StoredAccount& about, const PolicyVersion& last, const Terms& terms,
                     std::string actor, std::string reason) {
    PolicyVersion version = last;
    AccountPolicy policy(terms, PolicyEpoch(last.policy.epoch().value() + 1));
    if (policy.digest() != last.policy.digest()) {
      version = {std::move(policy), std::move(actor), std::move(reason), from_.now};
      start_.versions.push_back({about, version});
    }
    add(about, std::move(version));
  }
  void add(const StoredAccount& about, PolicyVersion version) {
    start_.contents.accounts.push_back(Account{.name = about.name,
                                               .policy = std::move(version.policy),
                                               .managed_by = about.managed_by,
                                               .actor = std::move(version.actor),
                                               .reason = std::move(version.reason),
                                               .time = version.time,
                                               .signalling_host = about.signalling_host});
  }

  const StartingPoint& from_;
  const Entries entries_;
  Start start_;
  std::set<std::string> keys_;
  std::vector<StartRefusal> refusals_;
};

std::vector<StartRefusal> unreadable(const base::Error& error) {
  return {{AccountId(), "the policy store can't be read: " + error.message, false}};
}

}  // namespace

base::Expected<Start, std::vector<StartRefusal>> start(const StartingPoint& from,
                                                       const PolicyStore& store) {
  auto entries = store.accounts();
  if (!entries) {
    return std::unexpected(unreadable(entries.error()));
  }
  const auto keys = store.keys();
  if (!keys) {
    return std::unexpected(unreadable(keys.error()));
  }
  Starter starter(from, std::move(*entries));
  for (const FileAccount& account : from.accounts) {
    starter.add_file_account(account);
  }
  std::set<AccountId> managed;
  for (const PolicyStore::Entry& entry : starter.entries()) {
    const bool is_in_file = std::ranges::any_of(from.accounts, [&](const FileAccount& account) {
      return account.terms.account == entry.account.id;
    });
    // An account that left the file stays on record, and is served no more.
    if (entry.account.managed_by == ManagedBy::kStore && !is_in_file) {
      starter.add_store_account(entry);
      managed.insert(entry.account.id);
    }
  }
  for (const ApiKey& key : *keys) {
    if (managed.contains(key.account)) {
      starter.add_key(key);
    }
  }
  return std::move(starter).finish();
}

base::Expected<NewVersion, base::Error> confirm(const StartingPoint& from, const PolicyStore& store,
                                                const AccountId& account, const Author& author) {
  const auto entries = store.accounts();
  if (!entries) {
    return std::unexpected(entries.error());
  }
  const PolicyStore::Entry* entry = find(*entries, account);
  const auto in_file = std::ranges::find_if(from.accounts, [&](const FileAccount& candidate) {
    return candidate.terms.account == account;
  });
  const bool is_in_store = entry != nullptr && entry->account.managed_by == ManagedBy::kStore;
  if (in_file == from.accounts.end() && !is_in_store) {
    return base::fail("there is no account " + account.value());
  }
  if (in_file != from.accounts.end() && is_in_store) {
    return base::fail("account " + account.value() +
                      " is in the configuration and in the store; remove it from one");
  }
  const RecordedPolicy* recorded = find(from.recorded, account);
  const std::uint64_t last = std::max(entry == nullptr ? 0 : entry->version.policy.epoch().value(),
                                      recorded == nullptr ? 0 : recorded->epoch.value());
  const Terms& terms = is_in_store ? entry->version.policy.terms() : in_file->terms;
  const StoredAccount about = is_in_store ? entry->account
                                          : StoredAccount{account, in_file->name, ManagedBy::kFile,
                                                          in_file->signalling_host};
  return NewVersion{
      about, {AccountPolicy(terms, PolicyEpoch(last + 1)), author.actor, author.reason, from.now}};
}

}  // namespace meridian::directory
