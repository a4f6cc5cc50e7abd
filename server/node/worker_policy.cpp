// What of a worker may stay and what may leave: policy, lease, last words, and what passed.
#include <algorithm>
#include <utility>

#include "node/worker_state.hpp"

namespace meridian::node {
namespace {

constexpr Duration kTransitInterval = 5s;

TransitKind kind_of(Bytes datagram) {
  switch (rtp::classify(datagram)) {
    case PacketKind::kRtp:
      return TransitKind::kRtp;
    case PacketKind::kRtcp:
      return TransitKind::kRtcp;
    case PacketKind::kStun:
      return TransitKind::kStun;
    default:
      return TransitKind::kDtls;  // nothing else is ever sent
  }
}

std::vector<ice::Tuple> tuples_of(const Transport& transport) {
  std::vector<ice::Tuple> tuples;
  tuples.reserve(transport.ice().tuple_count());
  for (std::size_t i = 0; i < transport.ice().tuple_count(); ++i) {
    tuples.push_back(transport.ice().tuple_at(i));
  }
  return tuples;
}

}  // namespace

// ---- The policy moves ---------------------------------------------------------------------------

void Worker::State::handle(forward::ApplyPolicy&& command, Now now) {
  if (command.snapshot == nullptr ||
      (policy != nullptr && command.snapshot->generation() < policy->generation())) {
    return;
  }
  policy = std::move(command.snapshot);
  readmit(now);
  undrained = policy->generation();
}

void Worker::State::handle(forward::NarrowRoom&& command, Now now) {
  for (auto& [id, member] : members) {
    if (member.room == command.room) {
      member.transport->narrow(command.levels);
    }
  }
  for (Leaving& closed : leaving) {
    if (closed.member.room == command.room) {
      closed.member.transport->narrow(command.levels);
    }
  }
  shard.narrow_relays(command.room, command.levels);
  if (policy != nullptr) {
    readmit(now);
  }
}

void Worker::State::readmit(Now now) {
  std::vector<TransportId> denied;
  for (auto& [id, member] : members) {
    member.is_restricted = policy->is_restricted(member.transport->permit());
    if (!policy->admits(member.transport->permit())) {
      denied.push_back(id);
    }
  }
  std::ranges::sort(denied);  // whatever order the table has
  for (const TransportId id : denied) {
    revoke(id, now);
  }
  revoke_leaving();
  shard.readmit_relays(*policy);
}

void Worker::State::revoke(TransportId id, Now now) {
  const std::vector<ice::Tuple> tuples = tuples_of(*find(id)->transport);
  Member member = remove(id);
  member.transport->revoke();
  revoked.add(id, tuples, now.monotonic);
  report_transit(member, Report::kFinal);
  report(id, transport::TransportState::kFailed, transport::TransportFailure::kNotPermitted);
}

void Worker::State::revoke_leaving() {
  std::erase_if(leaving, [&](Leaving& closed) {
    if (policy->admits(closed.member.transport->permit())) {
      return false;
    }
    report_transit(closed.member, Report::kFinal);
    return true;
  });
  last_sender = nullptr;
}

std::optional<std::uint64_t> Worker::undrained() const {
  return state_->undrained;
}

void Worker::handle_drained(std::uint64_t generation) {
  State& state = *state_;
  if (state.undrained && *state.undrained <= generation) {
    state.shard.events().emplace_back(forward::PolicyApplied{*state.undrained});
    state.undrained.reset();
  }
}

// ---- What leaves --------------------------------------------------------------------------------

Worker::State::Member* Worker::State::find_sender(TransportId id) {
  if (last_sender != nullptr && last_sender->transport->id() == id) {
    return last_sender;
  }
  last_sender = find(id);
  if (last_sender == nullptr) {
    const auto closed = std::ranges::find_if(
        leaving, [id](const Leaving& one) { return one.member.transport->id() == id; });
    return closed != leaving.end() ? &closed->member : nullptr;
  }
  return last_sender;
}

bool Worker::may_send(TransportId transport, Instant now) {
  State& state = *state_;
  if (!state.is_policy_current()) {
    return false;
  }
  const State::Member* sender = state.find_sender(transport);
  return sender != nullptr && state.may_use(*sender, now);
}

bool Worker::may_relay(TransportId participant) const {
  // Transports that the policy does not admit any more are removed when it is applied.
  return participant != TransportId{} && state_->participants.contains(participant);
}

bool Worker::is_policy_current() const {
  return state_->is_policy_current();
}

void Worker::handle_sent(TransportId transport, Bytes datagram) {
  if (State::Member* sender = state_->find_sender(transport)) {
    sender->transit.at(kind_of(datagram), Direction::kOut).add(datagram.size());
  }
}

// ---- What passed --------------------------------------------------------------------------------

void Worker::State::report_transit(Member& member, Report kind) {
  if (kind == Report::kInterim && member.transit.empty()) {
    return;
  }
  shard.events().emplace_back(
      forward::TransportTransit{.transport = member.transport->id(),
                                .room = member.room,
                                .region = member.transport->permit().region(),
                                .counts = std::exchange(member.transit, {}),
                                .is_final = kind == Report::kFinal});
}

void Worker::State::handle_policy_timeout(Instant now) {
  std::erase_if(leaving, [&](Leaving& closed) {
    if (now < closed.until) {
      return false;
    }
    report_transit(closed.member, Report::kFinal);
    return true;
  });
  revoked.poll(now, shard.events());
  if (now < next_transit) {
    return;
  }
  next_transit = now + kTransitInterval;
  for (auto& [id, member] : members) {
    report_transit(member, Report::kInterim);
  }
}

}  // namespace meridian::node
