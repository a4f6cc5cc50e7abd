#include "residency/decide.hpp"

#include <algorithm>
#include <utility>

namespace meridian::residency {
namespace {

// The pool of the region that is live and has most room; nothing when there is none.
std::optional<std::size_t> best_pool(std::span<const PoolState> pools, const RegionId& region) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const PoolState& pool = pools[i];
    if (pool.region == region && pool.liveness == PoolState::Liveness::kLive && pool.free > 0 &&
        (!best || pool.free > pools[*best].free)) {
      best = i;
    }
  }
  return best;
}

}  // namespace

std::string_view name_of(DenialReason reason) {
  switch (reason) {
    case DenialReason::kUnknownAccount:
      return "unknown_account";
    case DenialReason::kInvalidOverride:
      return "invalid_override";
    case DenialReason::kRegionNotAllowed:
      return "region_not_allowed";
    case DenialReason::kRegionUnavailable:
      return "region_unavailable";
    case DenialReason::kAuditUnavailable:
      return "audit_unavailable";
    case DenialReason::kStaleEpoch:
      return "stale_epoch";
    case DenialReason::kGuestPolicyConflict:
      return "guest_policy_conflict";
  }
  return "";
}

unsigned http_status(DenialReason reason) {
  switch (reason) {
    case DenialReason::kUnknownAccount:
    case DenialReason::kInvalidOverride:
    case DenialReason::kRegionNotAllowed:
    case DenialReason::kStaleEpoch:
    case DenialReason::kGuestPolicyConflict:
      return 403;
    case DenialReason::kRegionUnavailable:
    case DenialReason::kAuditUnavailable:
      return 503;
  }
  return 503;
}

std::optional<LevelNames> merge(LevelNames meeting, const LevelNames& claimed) {
  for (const auto level : {&LevelNames::group, &LevelNames::user, &LevelNames::room}) {
    if ((meeting.*level).empty()) {
      meeting.*level = claimed.*level;
    } else if (!(claimed.*level).empty() && claimed.*level != meeting.*level) {
      return std::nullopt;
    }
  }
  return meeting;
}

bool is_strict(const AccountPolicy& host, const AccountPolicy* home) {
  return host.guest_mode() == GuestMode::kStrict ||
         (home != nullptr && home->guest_mode() == GuestMode::kStrict);
}

ClientDecision decide(const ClientQuestion& question) {
  if (question.policy == nullptr) {
    return Denied{DenialReason::kUnknownAccount, {}};
  }
  if (!question.levels) {
    return Denied{DenialReason::kInvalidOverride, {}};
  }
  const AccountPolicy& policy = *question.policy;
  const RegionSet effective = policy.effective(*question.levels);
  const RegionId& wish = question.hint.value_or(question.arrived_at);
  std::vector<RegionId> candidates = nearest_first(question.regions, effective, wish);
  if (question.seen && *question.seen < policy.epoch()) {
    return Denied{DenialReason::kStaleEpoch, std::move(candidates)};
  }
  const bool may_signal_here =
      policy.signalling_scope() == SignallingScope::kAny || effective.contains(question.arrived_at);
  const bool may_have_hint = !question.hint || effective.contains(*question.hint);
  if (!may_signal_here || !may_have_hint) {
    return Denied{DenialReason::kRegionNotAllowed, std::move(candidates)};
  }
  if (question.guest && is_strict(policy, question.guest->home)) {
    const AccountPolicy* home = question.guest->home;
    if (home == nullptr || !std::ranges::includes(home->effective(), question.guest->in_use)) {
      return Denied{DenialReason::kGuestPolicyConflict, {}};
    }
    std::erase_if(candidates,
                  [&](const RegionId& region) { return !home->effective().contains(region); });
    if (candidates.empty()) {
      return Denied{DenialReason::kGuestPolicyConflict, {}};
    }
  }
  for (const RegionId& region : candidates) {
    if (const auto pool = best_pool(question.pools, region)) {
      return ClientAllowed{region, *pool};
    }
  }
  return Denied{DenialReason::kRegionUnavailable, std::move(candidates)};
}

RelayDecision decide(const RelayQuestion& question) {
  if (question.policy == nullptr) {
    return Denied{DenialReason::kUnknownAccount, {}};
  }
  const RegionSet effective = question.policy->effective(question.levels);
  if (!effective.contains(question.from) || !effective.contains(question.to)) {
    return Denied{DenialReason::kRegionNotAllowed, {effective.begin(), effective.end()}};
  }
  return RelayAllowed{question.from, question.to};
}

}  // namespace meridian::residency
