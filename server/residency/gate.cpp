#include "residency/gate.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.hpp"

namespace meridian::residency {
namespace {

// Without any, decide() refuses.
LevelNames levels_of(const ClientQuestion& question) {
  return question.levels.value_or(LevelNames{});
}

}  // namespace

base::Expected<ClientAdmission, Denied> Gate::admit(const ClientQuestion& question,
                                                    const Subject& subject, UnixTime now) {
  const Context context{question.policy, levels_of(question), audit::Leg::kClient, subject, now};
  const RegionId& asked = question.hint.value_or(question.arrived_at);
  ClientDecision decision = decide(question);
  if (auto* denied = std::get_if<Denied>(&decision)) {
    return refuse(context, asked, std::move(*denied));
  }
  const ClientAllowed& allowed = std::get<ClientAllowed>(decision);
  if (log_.room() < 1) {
    return refuse(context, allowed.region, {DenialReason::kAuditUnavailable, {}});
  }
  return ClientAdmission{grant<ClientLeg>(context, allowed.region), allowed.pool};
}

base::Expected<RelayAdmission, Denied> Gate::admit(const RelayQuestion& question,
                                                   const Subject& subject, UnixTime now) {
  const Context context{question.policy, question.levels, audit::Leg::kRelay, subject, now};
  RelayDecision decision = decide(question);
  if (auto* denied = std::get_if<Denied>(&decision)) {
    // The record names the end that was in the way.
    const bool is_source_fine = std::ranges::binary_search(denied->permitted, question.from);
    const RegionId& region = is_source_fine ? question.to : question.from;
    return refuse(context, region, std::move(*denied));
  }
  if (!can_admit_relay()) {
    return refuse(context, question.from, {DenialReason::kAuditUnavailable, {}});
  }
  return RelayAdmission{grant<RelayLeg>(context, question.from),
                        grant<RelayLeg>(context, question.to)};
}

base::Expected<Permit<ClientLeg>, Denied> Gate::admit_again(const ClientQuestion& question,
                                                            const RegionId& region,
                                                            const Subject& subject, UnixTime now) {
  const Context context{question.policy, levels_of(question), audit::Leg::kClient, subject, now};
  if (!question.levels) {
    return refuse(context, region, {DenialReason::kInvalidOverride, {}});
  }
  // The same rule as for a relay that stays where it is: the region must be in the effective set.
  RelayDecision decision = decide(RelayQuestion{
      .policy = question.policy, .levels = levels_of(question), .from = region, .to = region});
  if (auto* denied = std::get_if<Denied>(&decision)) {
    return refuse(context, region, std::move(*denied));
  }
  if (log_.room() < 1) {
    return refuse(context, region, {DenialReason::kAuditUnavailable, {}});
  }
  return grant<ClientLeg>(context, region);
}

template <class Leg>
Permit<Leg> Gate::grant(const Context& context, const RegionId& region) {
  const auto appended = record(context, audit::Kind::kPermitGranted, region, {});
  MERIDIAN_CHECK(appended == audit::Log::Append::kAppended);
  ++grants_;
  return Permit<Leg>(context.policy->account(), region, context.policy->epoch(), context.levels);
}

std::unexpected<Denied> Gate::refuse(const Context& context, const RegionId& region,
                                     Denied denied) {
  ++denials_[static_cast<std::size_t>(denied.reason)];
  // A denial stands even when the log is full: nothing was allowed that would need its record.
  (void)record(context, audit::Kind::kPermitDenied, region, name_of(denied.reason));
  return std::unexpected(std::move(denied));
}

audit::Log::Append Gate::record(const Context& context, audit::Kind kind, const RegionId& region,
                                std::string_view reason) {
  audit::Record record;
  record.time = context.now;
  record.kind = kind;
  record.leg = context.leg;
  record.region = region;
  record.room_sid = context.subject.room_sid;
  record.participant_sid = context.subject.participant_sid;
  record.reason = reason;
  if (context.policy != nullptr) {
    record.account = context.policy->account();
    record.epoch = context.policy->epoch();
    record.digest = context.policy->digest();
  }
  if (kind == audit::Kind::kPermitGranted) {
    record.commitment = context.subject.commitment;
    return log_.append(std::move(record));
  }
  // Whoever is refused may come back ten times a second.
  return log_.append_or_count(std::move(record));
}

}  // namespace meridian::residency
