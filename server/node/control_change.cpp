// A change of routing while meetings run: what is stopped, who has to move, and when it is dry.
#include <algorithm>

#include "node/control_state.hpp"

namespace meridian::node {
namespace {

using residency::AccountPolicy;
using residency::RegionSet;

/// How often a graceful change looks whether everybody has moved.
constexpr Duration kGraceCheck = 100ms;
/// How much of the grace may pass until everybody has been asked, in parts of it.
constexpr std::size_t kAskedWithin = 2;
/// At least so many people are asked in one look, so that a small meeting moves together.
constexpr std::size_t kMinBatch = 3;
/// Requests that may wait for a change to be dry.
constexpr std::size_t kMaxWaiting = 256;

/// What either of two versions allows: the least that only takes what is in neither.
std::map<std::string, RegionSet, std::less<>> either(
    const std::map<std::string, RegionSet, std::less<>>& a,
    const std::map<std::string, RegionSet, std::less<>>& b) {
  std::map<std::string, RegionSet, std::less<>> both;
  for (const auto& [name, regions] : a) {
    if (const auto other = b.find(name); other != b.end()) {
      RegionSet& all = both[name] = regions;
      all.insert(other->second.begin(), other->second.end());
    }
  }
  return both;
}

AccountPolicy::Terms either(AccountPolicy::Terms a, const AccountPolicy::Terms& b) {
  a.opted_in.insert(b.opted_in.begin(), b.opted_in.end());
  a.levels.groups = either(a.levels.groups, b.levels.groups);
  a.levels.rooms = either(a.levels.rooms, b.levels.rooms);
  std::map<std::string, residency::UserSetting, std::less<>> users;
  for (const auto& [name, setting] : a.levels.users) {
    const auto other = b.levels.users.find(name);
    if (other == b.levels.users.end()) {
      continue;
    }
    residency::UserSetting& both = users[name];
    both.group = setting.group == other->second.group ? setting.group : std::string();
    if (setting.regions && other->second.regions) {
      both.regions = setting.regions;
      both.regions->insert(other->second.regions->begin(), other->second.regions->end());
    }
  }
  a.levels.users = std::move(users);
  return a;
}

}  // namespace

// ---- What a policy does to those who are here
// ----------------------------------------------------

std::vector<Control::State::Displaced> Control::State::displaced(const AccountPolicy& policy) {
  std::vector<Displaced> found;
  report_pools();
  std::vector<residency::PoolState> pools(directory.pools().begin(), directory.pools().end());
  for (const auto& [key, meeting] : meetings) {
    if (key.first != policy.account()) {
      continue;
    }
    for (const auto& participant : meeting->room().roster.all()) {
      const residency::LevelNames& levels = meeting->room().levels;
      if (participant->is_forwarded() || policy.allows(participant->region, levels)) {
        continue;
      }
      Displaced one{.room_sid = meeting->room().sid.value(),
                    .participant_sid = participant->info.sid(),
                    .from = participant->region,
                    .to = std::nullopt,
                    .reason = {}};
      const auto decision =
          residency::decide(residency::ClientQuestion{.policy = &policy,
                                                      .levels = levels,
                                                      .seen = {},
                                                      .guest = {},
                                                      .arrived_at = policy.default_region(),
                                                      .hint = std::nullopt,
                                                      .regions = directory.regions(),
                                                      .pools = pools});
      if (const auto* allowed = std::get_if<residency::ClientAllowed>(&decision)) {
        one.to = allowed->region;
        --pools[allowed->pool].free;  // the next one finds it taken
      } else {
        one.reason = residency::name_of(std::get<residency::Denied>(decision).reason);
      }
      found.push_back(std::move(one));
    }
  }
  return found;
}

directory::PolicyResult<api::ChangePreview> Control::preview_change(
    const api::ChangeRequest& request) {
  return state_->preview_change(request);
}

directory::PolicyResult<api::ChangePreview> Control::State::preview_change(
    const api::ChangeRequest& request) {
  State& s = *this;
  auto terms = s.directory.check_change(request.terms, request.expected, request.author.authority);
  if (!terms) {
    return std::unexpected(std::move(terms.error()));
  }
  const AccountPolicy next(std::move(*terms), PolicyEpoch(request.expected.value() + 1));
  api::ChangePreview preview{.epoch = request.expected, .would_move = {}, .would_refuse = {}};
  for (State::Displaced& one : s.displaced(next)) {
    if (one.to && preview.would_move.size() < api::kMaxListedPeople) {
      preview.would_move.push_back({std::move(one.room_sid), std::move(one.participant_sid),
                                    std::move(one.from), std::move(*one.to)});
    } else if (!one.to && preview.would_refuse.size() < api::kMaxListedPeople) {
      preview.would_refuse.push_back({std::move(one.room_sid), std::move(one.participant_sid),
                                      std::move(one.from), std::move(one.reason)});
    }
  }
  return preview;
}

// ---- The change
// ----------------------------------------------------------------------------------

directory::PolicyResult<PolicyEpoch> Control::begin_change(api::ChangeRequest request, Now now) {
  return state_->begin_change(std::move(request), now);
}

directory::PolicyResult<PolicyEpoch> Control::State::begin_change(api::ChangeRequest request,
                                                                  Now now) {
  State& s = *this;
  const AccountId account = request.terms.account;
  const directory::Account* owner = s.directory.find_account(account);
  const std::optional<AccountPolicy::Terms> before =
      owner != nullptr ? std::optional(owner->policy.terms()) : std::nullopt;
  const auto changed = s.directory.change_policy(std::move(request.terms), request.expected,
                                                 request.author, now.wall);
  if (!changed) {
    return changed;
  }
  if (changed != request.expected) {
    s.record_change(*s.directory.find_account(account), request.author, request.mode, now);
  }
  s.follow_change(*before, {.mode = request.mode, .grace = request.grace}, now);
  s.drain_signals(now);
  return changed;
}

void Control::State::follow_change(const AccountPolicy::Terms& before, const Manner& manner,
                                   Now now) {
  const directory::Account* owner = directory.find_account(before.account);
  const AccountPolicy& policy = owner->policy;
  if (changes.find(before.account, policy.epoch()) != nullptr) {
    return;  // the same terms again
  }
  api::ChangeOutcome outcome;
  outcome.account = before.account;
  outcome.epoch = policy.epoch();
  outcome.requested_at = now.wall;
  changes.open(std::move(outcome));
  if (policy.terms() == before) {
    changes.revoke(before.account, policy.epoch(), config.policy.load(), {}, now);
    return finish_changes();
  }
  record(audit::Kind::kPolicyLoaded, owner, policy.digest(), now);
  ledger.note_policy(policy, now.wall);
  // What an earlier change still tolerates ends with the next one, unless that is as patient.
  AccountPolicy::Terms tolerated = before;
  if (const auto grace = graces.find(before.account); grace != graces.end()) {
    tolerated = either(grace->second.tolerated, before);
    graces.erase(grace);
  }
  const std::size_t people = displaced(policy).size();
  if (manner.mode == api::ChangeMode::kGraceful && people > 0) {
    const Duration grace = std::min(manner.grace, api::kMaxGrace);
    const auto looks = static_cast<std::size_t>(grace / kGraceCheck) / kAskedWithin;
    graces[before.account] = {.tolerated = either(tolerated, policy.terms()),
                              .until = now.monotonic + grace,
                              .next_check = now.monotonic + kGraceCheck,
                              .batch = std::max(kMinBatch, people / std::max(looks, 1UL) + 1)};
    distribute_policy();
    for_each_meeting(before.account, [&](meeting::Meeting& meeting) { meeting.renew_tokens(now); });
    ask_to_move(policy, graces[before.account].batch, now);
    return;
  }
  enforce(tolerated, now);
}

void Control::State::for_each_meeting(const AccountId& account,
                                      const std::function<void(meeting::Meeting&)>& work) {
  for (const auto& [key, meeting] : meetings) {
    if (key.first == account) {
      work(*meeting);
    }
  }
}

/// Asked to reconnect, people come back where the policy now sends them; those who are still here
/// when the grace is over are sent away. A few at a time, so that they are not all without sound
/// and picture at once, and the permitted regions take them one after the other.
void Control::State::ask_to_move(const AccountPolicy& policy, std::size_t batch, Now now) {
  for_each_meeting(policy.account(), [&](meeting::Meeting& meeting) {
    batch -= meeting.ask_to_move(
        [&](const meeting::Participant& participant) {
          return policy.allows(participant.region, meeting.room().levels);
        },
        policy.epoch(), batch, now);
  });
}

void Control::State::enforce(const AccountPolicy::Terms& before, Now now) {
  // From this advance on no worker sends or decrypts anything until it has the new snapshot.
  distribute_policy();
  const AccountPolicy& policy = directory.find_account(before.account)->policy;
  RegionSet affected = before.opted_in;
  std::erase_if(affected, [&](const RegionId& id) { return policy.effective().contains(id); });
  std::map<std::string, Displaced> fates;
  for (Displaced& one : displaced(policy)) {
    affected.insert(one.from);
    fates.emplace(one.participant_sid, std::move(one));
  }
  record_revocations(policy, now);
  for (const auto& [key, meeting] : meetings) {
    if (key.first != before.account) {
      continue;
    }
    const auto evicted = meeting->evict(
        [&](const meeting::Participant& participant) {
          return policy.allows(participant.region, meeting->room().levels);
        },
        now);
    for (const meeting::Meeting::Evicted& one : evicted) {
      note_evicted(policy, fates.at(one.sid.value()), one);
    }
  }
  review_forwards(policy, now);
  // Guests elsewhere whose own account this is may not be where they are any more.
  for (const auto& [key, meeting] : meetings) {
    meeting->evict_conflicting_guests(RegionId(), now);
  }
  std::vector<WorkerPlacement> awaited;
  std::ranges::copy_if(config.workers, std::back_inserter(awaited),
                       [&](const WorkerPlacement& w) { return affected.contains(w.region); });
  for (const PolicyEpoch epoch : changes.unrevoked(before.account)) {
    changes.revoke(before.account, epoch, config.policy.load(), awaited, now);
  }
  finish_changes();
}

void Control::State::note_evicted(const AccountPolicy& policy, const Displaced& fate,
                                  const meeting::Meeting::Evicted& evicted) {
  for (const TransportId transport : evicted.transports) {
    changes.remember(policy.account(), policy.epoch(), transport, evicted.sid.value());
  }
  api::ChangeOutcome& outcome = *changes.edit(policy.account(), policy.epoch());
  if (fate.to && outcome.moved.size() < api::kMaxListedPeople) {
    outcome.moved.push_back({fate.room_sid, fate.participant_sid, fate.from, evicted.was_told});
  } else if (!fate.to && outcome.failed.size() < api::kMaxListedPeople) {
    outcome.failed.push_back({fate.room_sid, fate.participant_sid, fate.from, fate.reason});
  }
}

void Control::State::record_revocations(const AccountPolicy& policy, Now now) {
  for (const auto& [key, meeting] : meetings) {
    if (key.first != policy.account()) {
      continue;
    }
    for (const auto& participant : meeting->room().roster.all()) {
      if (participant->is_forwarded() ||
          policy.allows(participant->region, meeting->room().levels)) {
        continue;
      }
      audit::Record record;
      record.time = now.wall;
      record.account = policy.account();
      record.kind = audit::Kind::kPermitRevoked;
      record.leg = audit::Leg::kClient;
      record.region = participant->region;
      record.epoch = policy.epoch();
      record.digest = policy.digest();
      record.room_sid = meeting->room().sid.value();
      record.participant_sid = participant->info.sid();
      record.reason = residency::name_of(residency::DenialReason::kRegionNotAllowed);
      (void)audit.append(std::move(record));
    }
  }
}

// ---- Grace, answers and time
// ---------------------------------------------------------------------

void Control::State::check_graces(Now now) {
  for (auto grace = graces.begin(); grace != graces.end();) {
    Grace& one = grace->second;
    if (now.monotonic < one.next_check) {
      ++grace;
      continue;
    }
    one.next_check = now.monotonic + kGraceCheck;
    const directory::Account* owner = directory.find_account(grace->first);
    if (now.monotonic < one.until && !displaced(owner->policy).empty()) {
      ask_to_move(owner->policy, one.batch, now);
      ++grace;
      continue;
    }
    const AccountPolicy::Terms tolerated = std::move(one.tolerated);
    grace = graces.erase(grace);
    enforce(tolerated, now);
  }
}

Instant Control::State::next_change_timeout() const {
  Instant next = changes.next_timeout();
  for (const auto& [account, grace] : graces) {
    next = std::min(next, grace.next_check);
  }
  return next;
}

void Control::State::finish_changes() {
  for (const api::ChangeOutcome* outcome : changes.take_finished()) {
    log(LogLevel::kInfo, "policy_dry",
        {{"account", outcome->account.value()},
         {"epoch", std::to_string(outcome->epoch.value())},
         {"moved", std::to_string(outcome->moved.size())},
         {"failed", std::to_string(outcome->failed.size())},
         {"covered_by_lease", std::to_string(outcome->covered_by_lease.size())}});
    record_dry(*outcome);
    std::erase_if(waiting_replies, [&](const WaitingReply& reply) {
      if (reply.account != outcome->account || reply.epoch != outcome->epoch) {
        return false;
      }
      respond(reply.request, reply.render(*outcome));
      return true;
    });
  }
}

signalling::HttpAnswer Control::State::answer_when_dry(const AccountId& account, PolicyEpoch epoch,
                                                       RenderOutcome render) {
  const api::ChangeOutcome* outcome = changes.find(account, epoch);
  if (outcome != nullptr && outcome->is_finished) {
    return render(*outcome);
  }
  if (outcome == nullptr || waiting_replies.size() >= kMaxWaiting) {
    return signalling::HttpResponse::text(503, "too many changes are under way\n");
  }
  const signalling::PendingResponse request = defer();
  waiting_replies.push_back({request, account, epoch, std::move(render)});
  return request;
}

const api::ChangeOutcome* Control::find_change(const AccountId& account, PolicyEpoch epoch) const {
  return state_->changes.find(account, epoch);
}

// ---- Distribution
// --------------------------------------------------------------------------------

void Control::State::distribute_policy() {
  const std::uint64_t generation = config.policy.advance();
  residency::SharedPolicySnapshot snapshot;
  if (graces.empty()) {
    snapshot = directory.snapshot(generation);
  } else {
    std::vector<AccountPolicy> policies;
    RegionSet regions;
    // What they are tolerated in ends with the grace, which a control thread that hangs can't end.
    std::set<AccountId> restricted;
    for (const directory::Account& account : directory.accounts()) {
      const auto grace = graces.find(account.id());
      if (grace != graces.end()) {
        restricted.insert(account.id());
      }
      policies.push_back(grace == graces.end()
                             ? account.policy
                             : AccountPolicy(grace->second.tolerated, account.policy.epoch()));
    }
    for (const residency::Region& region : directory.regions()) {
      regions.insert(region.id);
    }
    snapshot = std::make_shared<const residency::PolicySnapshot>(generation, policies, regions,
                                                                 std::move(restricted));
  }
  for (const WorkerPlacement& worker : config.workers) {
    outbox.commands.emplace_back(worker.index, forward::ApplyPolicy{snapshot});
  }
}

}  // namespace meridian::node
