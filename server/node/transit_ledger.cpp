#include "node/transit_ledger.hpp"

#include <algorithm>
#include <variant>

namespace meridian::node {

using metrics::Direction;
using metrics::TransitKind;
using metrics::TransitLeg;

TransitLedger::TransitLedger(std::string node, audit::Digest config,
                             std::vector<RegionId> worker_regions)
    : node_(std::move(node)), config_(config), worker_regions_(std::move(worker_regions)) {}

void TransitLedger::open(RoomNumber room, const residency::AccountPolicy& policy,
                         std::string room_sid, UnixTime now) {
  Meeting& meeting = meetings_[room];
  meeting.report.account = policy.account();
  meeting.report.room_sid = std::move(room_sid);
  meeting.report.node = node_;
  meeting.report.config = config_;
  meeting.report.started = now;
  add_epoch(meeting, policy, now);
}

void TransitLedger::add_epoch(Meeting& meeting, const residency::AccountPolicy& policy,
                              UnixTime now) {
  auto& epochs = meeting.report.epochs;
  if (!epochs.empty() && epochs.back().epoch >= policy.epoch()) {
    return;
  }
  if (epochs.size() >= kMaxEpochs) {
    epochs.erase(epochs.begin());
  }
  const auto& permitted = policy.effective();
  // A wall clock that was set back doesn't disorder the epochs.
  const UnixTime since = epochs.empty() ? now : std::max(now, epochs.back().since);
  epochs.push_back({.epoch = policy.epoch(),
                    .policy = policy.digest(),
                    .since = since,
                    .permitted = {permitted.begin(), permitted.end()}});
}

void TransitLedger::note_policy(const residency::AccountPolicy& policy, UnixTime now) {
  for (auto& [room, meeting] : meetings_) {
    if (meeting.report.account == policy.account() && !meeting.give_up) {
      add_epoch(meeting, policy, now);
    }
  }
}

TransitLedger::Meeting* TransitLedger::find(RoomNumber room) {
  const auto found = meetings_.find(room);
  return found == meetings_.end() ? nullptr : &found->second;
}

audit::RegionTransit& TransitLedger::region_of(Meeting& meeting, const RegionId& region) {
  audit::RegionTransit& transit = meeting.regions[region];
  transit.region = region;
  return transit;
}

void TransitLedger::note_command(WorkerIndex worker, const forward::Command& command,
                                 std::optional<RoomNumber> room) {
  Meeting* meeting = room ? find(*room) : nullptr;
  if (meeting == nullptr) {
    return;
  }
  if (const auto* transport = std::get_if<forward::OpenTransport>(&command)) {
    meeting->open_legs.insert(
        {Leg::Kind::kTransport, worker, transport->transport.value(), WorkerIndex()});
    ++region_of(*meeting, transport->permit.region()).transports;
    transports_[transport->transport] = {*room, transport->permit.region(), {}};
    meeting->transports.push_back(transport->transport);
  } else if (const auto* source = std::get_if<forward::OpenRelaySource>(&command)) {
    meeting->open_legs.insert({Leg::Kind::kSource, worker, source->sink.value(), source->to});
  } else if (const auto* sink = std::get_if<forward::OpenRelaySink>(&command)) {
    meeting->open_legs.insert({Leg::Kind::kSink, worker, sink->publication.value(), sink->from});
  }
}

void TransitLedger::note_denial(RoomNumber room, const RegionId& region, std::string_view reason) {
  if (Meeting* meeting = find(room)) {
    std::pair key(region, std::string(reason));
    if (meeting->denials.size() >= kMaxDenials && !meeting->denials.contains(key)) {
      key = {RegionId(), "other"};
    }
    ++meeting->denials[key];
  }
}

void TransitLedger::note_data(RoomNumber room, const RegionId& region, Direction direction,
                              const metrics::TransitCount& count) {
  if (Meeting* meeting = find(room)) {
    region_of(*meeting, region).leg(TransitLeg::kData).at(TransitKind::kData, direction) += count;
  }
}

void TransitLedger::finish_leg(Meeting& meeting, const Leg& leg) {
  meeting.open_legs.erase(leg);
}

void TransitLedger::handle(WorkerIndex worker, const forward::TransportTransit& event) {
  Meeting* meeting = find(event.room);
  if (meeting == nullptr) {
    return;
  }
  region_of(*meeting, event.region).leg(TransitLeg::kClient) += event.counts;
  if (event.is_final) {
    finish_leg(*meeting, {Leg::Kind::kTransport, worker, event.transport.value(), WorkerIndex()});
  }
}

void TransitLedger::handle(WorkerIndex worker, const forward::RelayTransit& event) {
  Meeting* meeting = find(event.room);
  if (meeting == nullptr || event.peer.value() >= worker_regions_.size()) {
    return;
  }
  region_of(*meeting, event.region).leg(TransitLeg::kRelay) += event.counts;
  const RegionId& other = worker_regions_[event.peer.value()];
  metrics::TransitCount sent;
  metrics::TransitCount received;
  for (std::size_t kind = 0; kind < static_cast<std::size_t>(TransitKind::kCount); ++kind) {
    sent += event.counts.at(static_cast<TransitKind>(kind), Direction::kOut);
    received += event.counts.at(static_cast<TransitKind>(kind), Direction::kIn);
  }
  const auto flow = [&](const RegionId& from, const RegionId& to) -> audit::RelayFlow& {
    audit::RelayFlow& found = meeting->relays[{from, to}];
    found.from = from;
    found.to = to;
    return found;
  };
  if (sent != metrics::TransitCount{}) {
    flow(event.region, other).sent += sent;
  }
  if (received != metrics::TransitCount{}) {
    flow(other, event.region).received += received;
  }
  if (event.is_final) {
    finish_leg(*meeting, {event.is_source ? Leg::Kind::kSource : Leg::Kind::kSink, worker,
                          event.publication.value(), event.peer});
  }
}

void TransitLedger::handle(const forward::StillSending& event) {
  const auto found = transports_.find(event.transport);
  if (found == transports_.end()) {
    return;
  }
  Transport& transport = found->second;
  Meeting* meeting = find(transport.room);
  if (meeting == nullptr || event.datagrams < transport.refused.packets) {
    return;
  }
  region_of(*meeting, transport.region).refused +=
      {event.datagrams - transport.refused.packets, event.bytes - transport.refused.bytes};
  transport.refused = {event.datagrams, event.bytes};
}

void TransitLedger::close(RoomNumber room, Now now) {
  if (Meeting* meeting = find(room); meeting != nullptr && !meeting->give_up) {
    meeting->give_up = now.monotonic + kFinalWait;
    meeting->report.ended = now.wall;
    ended_.push_back(room);
  }
}

audit::TransitReport TransitLedger::assemble(const Meeting& meeting) {
  audit::TransitReport report = meeting.report;
  for (const auto& [id, region] : meeting.regions) {
    report.regions.push_back(region);
  }
  for (const auto& [ends, flow] : meeting.relays) {
    report.relays.push_back(flow);
  }
  for (const auto& [key, count] : meeting.denials) {
    report.denials.push_back({key.first, key.second, count});
  }
  return report;
}

std::optional<audit::TransitReport> TransitLedger::running(const AccountId& account,
                                                           const std::string& room_sid,
                                                           UnixTime now) const {
  const auto found = std::ranges::find_if(meetings_, [&](const auto& entry) {
    const audit::TransitReport& report = entry.second.report;
    return report.account == account && report.room_sid == room_sid;
  });
  if (found == meetings_.end()) {
    return std::nullopt;
  }
  audit::TransitReport report = assemble(found->second);
  report.status = audit::ReportStatus::kRunning;
  report.ended = now;
  return report;
}

std::vector<audit::TransitReport> TransitLedger::take_finished(Instant now) {
  std::vector<audit::TransitReport> finished;
  std::erase_if(ended_, [&](RoomNumber room) {
    const auto entry = meetings_.find(room);
    const Meeting& meeting = entry->second;
    const bool is_complete = meeting.open_legs.empty();
    if (!is_complete && now < *meeting.give_up) {
      return false;
    }
    audit::TransitReport report = assemble(meeting);
    report.status = is_complete ? audit::ReportStatus::kFinal : audit::ReportStatus::kIncomplete;
    finished.push_back(std::move(report));
    for (const TransportId transport : meeting.transports) {
      transports_.erase(transport);
    }
    meetings_.erase(entry);
    return true;
  });
  return finished;
}

std::vector<audit::TransitReport> TransitLedger::take_all(UnixTime now) {
  for (auto& [room, meeting] : meetings_) {
    if (!meeting.give_up) {
      meeting.report.ended = now;
      ended_.push_back(room);
    }
    meeting.give_up = Instant();
  }
  return take_finished(Instant::never());
}

bool TransitLedger::is_waiting() const {
  return !meetings_.empty();
}

Instant TransitLedger::next_timeout() const {
  return ended_.empty() ? Instant::never() : *meetings_.at(ended_.front()).give_up;
}

}  // namespace meridian::node
