#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "base/ids.hpp"
#include "residency/lease.hpp"
#include "residency/permit.hpp"
#include "residency/policy.hpp"

namespace meridian::residency {

/// The one thing that workers share: a number that moves whenever any policy changes, and the
/// node's lease on it. A worker reads the number once a batch and before each send; when it differs
/// from the generation of the worker's snapshot, it sends nothing until it has the new snapshot and
/// has re-admitted its permits.
class PolicyGeneration {
 public:
  [[nodiscard]] std::uint64_t load() const { return value_.load(std::memory_order_acquire); }
  /// Control thread only. The value that load() gives from now on.
  std::uint64_t advance() { return value_.fetch_add(1, std::memory_order_acq_rel) + 1; }

  [[nodiscard]] Lease& lease() { return lease_; }
  [[nodiscard]] const Lease& lease() const { return lease_; }

 private:
  alignas(64) std::atomic<std::uint64_t> value_{0};
  Lease lease_;
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// All policies as of one generation, immutable: the control thread makes it and hands a
/// shared_ptr to each worker in a command. Reading it neither locks nor allocates.
class PolicySnapshot {
 public:
  PolicySnapshot() = default;
  /// `regions`: all that there are. A meeting that may be in each of them is not restricted;
  /// without `regions` every one is. `restricted`: accounts that are in any case.
  PolicySnapshot(std::uint64_t generation, std::span<const AccountPolicy> policies,
                 const RegionSet& regions = {}, std::set<AccountId> restricted = {});

  [[nodiscard]] std::uint64_t generation() const { return generation_; }

  /// Whether the meeting may still have media in the permit's region. False for a void permit, an
  /// unknown account, and an epoch that this snapshot hasn't seen yet (it is then older than the
  /// permit: give workers the snapshot before the permit).
  template <class Leg>
  [[nodiscard]] bool admits(const Permit<Leg>& permit) const {
    const auto admits_under = [&](const LevelNames& levels) {
      return admits(permit.account(), permit.region(), levels, permit.epoch());
    };
    return permit.is_valid() && admits_under(permit.levels()) &&
           (!permit.narrowed() || admits_under(*permit.narrowed()));
  }
  /// Whether there is a region where the meeting of the permit may not be: then it stops when the
  /// lease runs out, since a policy that we haven't heard of may forbid this one, too.
  template <class Leg>
  [[nodiscard]] bool is_restricted(const Permit<Leg>& permit) const {
    return is_restricted(permit.account(), permit.levels()) ||
           (permit.narrowed() && is_restricted(permit.account(), *permit.narrowed()));
  }

 private:
  /// Null for an unknown account.
  [[nodiscard]] const AccountPolicy* find(const AccountId& account) const;
  [[nodiscard]] bool admits(const AccountId& account, const RegionId& region,
                            const LevelNames& levels, PolicyEpoch epoch) const;
  [[nodiscard]] bool is_restricted(const AccountId& account, const LevelNames& levels) const;

  std::uint64_t generation_ = 0;
  std::vector<AccountPolicy> policies_;  // sorted by account
  RegionSet regions_;
  std::set<AccountId> restricted_;
};

using SharedPolicySnapshot = std::shared_ptr<const PolicySnapshot>;

}  // namespace meridian::residency
