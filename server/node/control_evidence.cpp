// What a Control writes down beside permits: who was behind an id, changes, and what passed.
#include <algorithm>
#include <variant>

#include "node/control_state.hpp"

namespace meridian::node {

audit::Digest Control::State::commit_to(const signalling::JoinIntent& intent,
                                        const meeting::RoomSid& room,
                                        const meeting::ParticipantSid& sid, Now now,
                                        audit::Opening& opening) {
  opening.account = intent.caller.account;
  opening.pseudonym = sid.value();
  opening.room_sid = room.value();
  opening.time = now.wall;
  opening.room_name = intent.room;
  opening.identity = intent.grant.identity.value();
  return audit::commit(opening, config.random);
}

void Control::State::keep_opening(audit::Opening opening) {
  const directory::Account* account = directory.find_account(opening.account);
  if (account == nullptr) {
    return;
  }
  const RegionId& home = account->policy.default_region();
  if (std::ranges::any_of(config.config.pools,
                          [&](const config::Pool& pool) { return pool.region == home; })) {
    signed_evidence.keep(home, std::move(opening));
  }
}

void Control::State::record_change(const directory::Account& owner, const directory::Author& author,
                                   api::ChangeMode mode, Now now) {
  const residency::AccountPolicy& policy = owner.policy;
  audit::Opening opening;
  opening.account = owner.id();
  opening.pseudonym = "epoch-" + std::to_string(policy.epoch().value());
  opening.time = now.wall;
  opening.identity = author.actor;
  opening.reason = author.reason;
  audit::Record record;
  record.time = now.wall;
  record.account = owner.id();
  record.kind = audit::Kind::kPolicyChanged;
  record.epoch = policy.epoch();
  record.digest = policy.digest();
  record.reason = mode == api::ChangeMode::kGraceful ? "graceful" : "immediate";
  record.commitment = audit::commit(opening, config.random);
  (void)audit.append(std::move(record));
  keep_opening(std::move(opening));
}

void Control::State::record_dry(const api::ChangeOutcome& outcome) {
  audit::Record record;
  record.time = outcome.dry_at.value_or(outcome.requested_at);
  record.account = outcome.account;
  record.kind = audit::Kind::kChangeDry;
  record.epoch = outcome.epoch;
  record.count = outcome.still_sending.size();
  record.reason = outcome.covered_by_lease.empty() ? "answered" : "covered_by_lease";
  (void)audit.append(std::move(record));
}

void Control::State::collect_data(meeting::Meeting& meeting) {
  for (const auto& [region, counts] : meeting.take_data_transit()) {
    for (const auto direction : {metrics::Direction::kIn, metrics::Direction::kOut}) {
      ledger.note_data(meeting.room().number, region, direction,
                       counts.at(metrics::TransitKind::kData, direction));
    }
  }
}

std::optional<RoomNumber> Control::State::room_of(const forward::Command& command) const {
  if (const auto* transport = std::get_if<forward::OpenTransport>(&command)) {
    return transport->room;
  }
  if (const auto* sink = std::get_if<forward::OpenRelaySink>(&command)) {
    return sink->room;
  }
  if (const auto* source = std::get_if<forward::OpenRelaySource>(&command)) {
    return source->room;
  }
  return std::nullopt;
}

void Control::note_erased(const AccountId& account, std::string pseudonym, std::uint64_t rows,
                          Now now) {
  audit::Record record;
  record.time = now.wall;
  record.account = account;
  record.kind = audit::Kind::kPersonErased;
  record.reason = pseudonym.empty() ? "retention" : "request";
  record.participant_sid = std::move(pseudonym);
  record.count = rows;
  (void)state_->audit.append(std::move(record));
}

bool Control::is_waiting_for_reports() const {
  return state_->ledger.is_waiting();
}

void Control::finish_evidence(Now now) {
  state_->signed_evidence.finish(state_->ledger, now);
}

std::vector<Stored> Control::take_stored() {
  return state_->signed_evidence.take_stored();
}

}  // namespace meridian::node
