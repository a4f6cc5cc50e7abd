#include "node/worker.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "node/worker_state.hpp"

namespace meridian::node {
namespace {

/// Timers are looked at no more often than this; the finest need is the NACK's.
constexpr Duration kTick = 10ms;
/// Frames taken from one ring in one turn, so that a busy neighbour doesn't keep us from our own.
constexpr std::size_t kMaxRelayFrames = 256;
/// How long the last words of a closed transport (close_notify) may take to the socket.
constexpr Duration kFarewell = 100ms;

}  // namespace

Worker::Worker(WorkerConfig config, transport::SendBatch& output)
    : state_(std::make_unique<State>(std::move(config), output)) {
  MERIDIAN_CHECK(state_->config.relays_out.size() <= WorkerConfig::kMaxWorkers);
}

Worker::~Worker() = default;

// ---- Datagrams ---------------------------------------------------------------------------------

void Worker::handle_datagrams(std::span<const InboundDatagram> batch, Now now) {
  if (!state_->is_policy_current()) {
    // Nothing is decrypted under a policy that we haven't seen; it comes within a turn or two.
    for (std::size_t i = 0; i < batch.size(); ++i) {
      state_->drop(DropReason::kPermitStale);
    }
    return;
  }
  for (const InboundDatagram& datagram : batch) {
    state_->handle(datagram, now);
  }
  state_->shard.flush(now.monotonic);
}

void Worker::State::handle(const InboundDatagram& datagram, Now now) {
  const ice::Tuple from{.remote = datagram.from, .socket = datagram.socket};
  const PacketKind kind = rtp::classify(datagram.bytes);
  if (kind == PacketKind::kUnknown || kind == PacketKind::kTurn) {
    drop(DropReason::kUnknownProtocol);
    return;
  }
  if (kind == PacketKind::kStun) {
    handle_stun(datagram, from, now);
    return;
  }
  Transport* to = demultiplexer.find(from);
  if (to == nullptr) {
    drop_stranger(datagram, from, DropReason::kUnknownTuple);
  } else if (kind == PacketKind::kDtls) {
    handle_dtls(datagram, *to, from, now);
  } else {
    handle_media(datagram, *to, from, kind, now);
  }
}

void Worker::State::handle_stun(const InboundDatagram& datagram, const ice::Tuple& from, Now now) {
  const auto taken =
      demultiplexer.handle_stun(datagram.bytes, from, now.monotonic, output, datagram.relayed_for);
  if (!taken) {
    drop_stranger(datagram, from, taken.error());
    return;
  }
  revoked.forget(from);
  config.counters.in(Traffic::kStun).add(datagram.bytes.size());
  find((*taken)->id())->transit.at(TransitKind::kStun, Direction::kIn).add(datagram.bytes.size());
  follow(**taken, now);
}

void Worker::State::drop_stranger(const InboundDatagram& datagram, const ice::Tuple& from,
                                  DropReason reason) {
  drop(revoked.take(from, datagram.bytes.size()) ? DropReason::kPermitRevoked : reason);
}

void Worker::State::handle_dtls(const InboundDatagram& datagram, Transport& to,
                                const ice::Tuple& from, Now now) {
  Member& member = *find(to.id());
  if (!is_covered(member, now.monotonic)) {
    drop(DropReason::kLeaseExpired);
    return;
  }
  const bool is_handshake = !to.is_connected() && !to.is_over();
  if (!is_handshake) {
    take_dtls(member, datagram.bytes, from, now);
  } else if (datagram.bytes.size() > Transport::kMaxDatagram) {
    drop(DropReason::kOversized);
  } else if (!waiting_handshakes.push(to.id(), from, datagram.bytes)) {
    drop(DropReason::kHandshakesFull);  // the client sends it again
  }
}

void Worker::State::take_dtls(Member& member, Bytes datagram, const ice::Tuple& from, Now now) {
  Transport& to = *member.transport;
  const auto taken = to.handle_dtls(datagram, from, now.monotonic, output);
  if (!taken) {
    drop(taken.error());
  } else {
    config.counters.in(Traffic::kDtls).add(datagram.size());
    member.transit.at(TransitKind::kDtls, Direction::kIn).add(datagram.size());
  }
  while (auto packet = to.poll_sctp()) {
    shard.events().emplace_back(
        forward::SctpPacketReceived{.transport = to.id(), .packet = std::move(*packet)});
  }
  set_handshaking(member, to.is_handshaking());
  follow(to, now);
}

bool Worker::State::take_handshake(const HandshakeQueue::Waiting& waiting, Now now) {
  Member* member = find(waiting.transport);
  if (member == nullptr) {
    drop(DropReason::kTransportClosed);
    return false;
  }
  if (!is_covered(*member, now.monotonic)) {
    drop(DropReason::kLeaseExpired);
    return false;
  }
  if (!member->is_handshaking && handshakes >= config.max_handshakes) {
    drop(DropReason::kHandshakesFull);
    return false;
  }
  take_dtls(*member, waiting.bytes(), waiting.from, now);
  return true;
}

void Worker::State::set_handshaking(Member& member, bool is_handshaking) {
  if (member.is_handshaking == is_handshaking) {
    return;
  }
  member.is_handshaking = is_handshaking;
  if (is_handshaking) {
    ++handshakes;
    config.counters.handshakes.increment();
  } else {
    --handshakes;
    config.counters.handshakes.decrement();
  }
}

bool Worker::handle_handshakes(Now now) {
  State& state = *state_;
  if (!state.is_policy_current()) {
    return false;  // they wait until the policy is known
  }
  std::size_t steps = 0;
  while (const HandshakeQueue::Waiting* waiting = state.waiting_handshakes.front()) {
    if (steps == WorkerConfig::kHandshakesPerTurn) {
      return true;
    }
    steps += state.take_handshake(*waiting, now) ? 1 : 0;
    state.waiting_handshakes.pop();
  }
  return false;
}

void Worker::State::handle_media(const InboundDatagram& datagram, Transport& to,
                                 const ice::Tuple& from, PacketKind kind, Now now) {
  Member* member = find(to.id());
  MERIDIAN_CHECK(member != nullptr);
  if (!is_covered(*member, now.monotonic)) {
    drop(DropReason::kLeaseExpired);
    return;
  }
  if (!member->peer->budget.take(1, now.monotonic)) {
    drop(DropReason::kRateLimited);
    return;
  }
  const bool is_rtp = kind == PacketKind::kRtp;
  const auto length =
      is_rtp ? to.unprotect_rtp(datagram.bytes, from) : to.unprotect_rtcp(datagram.bytes, from);
  if (!length) {
    drop(length.error());
    return;
  }
  const Bytes plain = datagram.bytes.first(*length);
  member->transit.at(is_rtp ? TransitKind::kRtp : TransitKind::kRtcp, Direction::kIn)
      .add(datagram.bytes.size());
  if (is_rtp) {
    shard.handle_rtp(*member->peer, plain, datagram.received, now.monotonic);
  } else {
    config.counters.in(Traffic::kRtcp).add(plain.size());
    shard.handle_rtcp(*member->peer, plain, datagram.received, now.monotonic);
  }
}

void Worker::State::follow(Transport& changed, Now now) {
  next_transport = std::min(next_transport, changed.next_timeout());
  while (const auto event = changed.poll_event()) {
    report(changed.id(), event->state, event->reason);
    if (event->state == transport::TransportState::kConnected) {
      shard.handle_connected(changed.id(), now.monotonic);
    }
  }
}

// ---- Commands ----------------------------------------------------------------------------------

void Worker::handle_command(forward::Command&& command, Now now) {
  std::visit([&](auto&& one) { state_->handle(std::forward<decltype(one)>(one), now); },
             std::move(command));
  if (state_->next_tick.is_never() && !state_->shard.is_idle()) {
    state_->next_tick = now.monotonic + kTick;
  }
}

void Worker::State::handle(forward::OpenTransport&& command, Now now) {
  const TransportId id = command.transport;
  if (find(id) != nullptr) {
    return;
  }
  if (policy == nullptr || !policy->admits(command.permit)) {
    report(id, transport::TransportState::kFailed, transport::TransportFailure::kNotPermitted);
    return;
  }
  auto opened = std::make_unique<Transport>(
      std::move(command.permit),
      transport::TransportSettings{.id = id,
                                   .local = std::move(command.local),
                                   .remote = std::move(command.remote),
                                   .remote_fingerprint = command.remote_fingerprint,
                                   .participant = command.participant},
      config.certificate, now.monotonic);
  if (demultiplexer.add(*opened) != transport::Demultiplexer::Add::kAdded) {
    report(id, transport::TransportState::kFailed, transport::TransportFailure::kLimit);
    return;
  }
  Transport& added = *opened;
  next_transport = std::min(next_transport, added.next_timeout());
  members.emplace(id, Member{.transport = std::move(opened),
                             .peer = &shard.add_peer(added, command.room),
                             .room = command.room,
                             .is_restricted = policy->is_restricted(added.permit()),
                             .transit = {}});
  ++participants[command.participant];
  config.counters.transports.increment();
}

void Worker::State::handle(forward::RestartIce&& command, Now now) {
  Member* member = find(command.transport);
  if (member == nullptr) {
    return;
  }
  if (demultiplexer.restart_ice(*member->transport, command.local, command.remote) !=
      transport::Demultiplexer::Add::kAdded) {
    report(command.transport, transport::TransportState::kFailed,
           transport::TransportFailure::kLimit);
  }
  follow(*member->transport, now);
}

void Worker::State::handle(forward::CloseTransport&& command, Now now) {
  Member* member = find(command.transport);
  if (member == nullptr) {
    return;
  }
  member->transport->close(output);
  leaving.push_back({.member = remove(command.transport), .until = now.monotonic + kFarewell});
}

Worker::State::Member Worker::State::remove(TransportId id) {
  auto node = members.extract(id);
  Member member = std::move(node.mapped());
  last_sender = nullptr;
  set_handshaking(member, false);
  shard.remove_peer(id);
  member.peer = nullptr;
  demultiplexer.remove(*member.transport);
  const auto of_participant = participants.find(member.transport->participant());
  if (--of_participant->second == 0) {
    participants.erase(of_participant);
  }
  config.counters.transports.decrement();
  return member;
}

void Worker::State::handle(forward::OpenRelaySource&& command, Now) {
  if (policy != nullptr && policy->admits(command.permit)) {
    shard.open_relay_source(std::move(command));
  }
}

void Worker::State::handle(forward::OpenRelaySink&& command, Now) {
  if (policy != nullptr && policy->admits(command.permit)) {
    shard.open_relay_sink(std::move(command));
  }
}

void Worker::State::handle(forward::SendSctpPacket&& command, Now) {
  Member* member = find(command.transport);
  if (member == nullptr) {
    return;
  }
  if (const auto sent = member->transport->send_sctp(output, command.packet); !sent) {
    drop(sent.error());
  } else {
    config.counters.out(Traffic::kDtls).add(command.packet.size());
  }
}

// ---- Relays, time, output ----------------------------------------------------------------------

bool Worker::handle_relay(Now now) {
  bool has_more = false;
  if (!state_->is_policy_current()) {
    return has_more;  // what waits in the rings is as old as the policy: taken when that is known
  }
  for (std::size_t i = 0; i < state_->config.relays_in.size(); ++i) {
    forward::RelayRing* ring = state_->config.relays_in[i];
    for (std::size_t n = 0; ring != nullptr && n < kMaxRelayFrames; ++n) {
      const forward::RelaySlot* slot = ring->front();
      if (slot == nullptr) {
        break;
      }
      state_->shard.handle_relay(WorkerIndex(static_cast<std::uint16_t>(i)), *slot, now.monotonic);
      ring->pop();
    }
    has_more = has_more || (ring != nullptr && ring->front() != nullptr);
  }
  state_->shard.flush(now.monotonic);
  return has_more;
}

void Worker::handle_timeout(Now now) {
  State& state = *state_;
  if (now.monotonic >= state.shard.next_release()) {
    state.shard.release(now.monotonic);
  }
  if (now.monotonic < state.next_tick) {
    return;
  }
  if (now.monotonic >= state.next_transport) {
    state.handle_transport_timeouts(now);
  }
  state.shard.handle_timeout(now.monotonic);
  state.handle_policy_timeout(now.monotonic);
  const bool is_idle = state.shard.is_idle() && state.leaving.empty() && state.revoked.empty();
  state.next_tick = is_idle ? Instant::never() : now.monotonic + kTick;
}

/// Most timeouts only move later, with each consent check: all are looked at when the first one
/// known has come, and what is then the first is known.
void Worker::State::handle_transport_timeouts(Now now) {
  next_transport = Instant::never();
  for (auto& [id, member] : members) {
    config.counters.peers_looked_at.increment();
    Transport& one = *member.transport;
    if (now.monotonic >= one.next_timeout()) {
      one.handle_timeout(now.monotonic, output);
      set_handshaking(member, one.is_handshaking());
      follow(one, now);
    }
    next_transport = std::min(next_transport, one.next_timeout());
  }
}

Instant Worker::State::next_due() const {
  if (!leaving.empty() || !revoked.empty()) {
    return {};
  }
  return std::min({shard.next_timeout(), next_transport, next_transit});
}

void Worker::handle_load(const forward::WorkerLoad& load) {
  using Small = forward::LayerAllocation::Small;
  state_->shard.set_small(load.level >= forward::LoadLevel::kStrained ? Small::kLowest
                                                                      : Small::kAsWished);
  metrics::WorkerCounters& counters = state_->config.counters;
  constexpr float kPerMille = 1000;
  counters.load_level.set(static_cast<std::uint64_t>(load.level));
  counters.load_share.set(static_cast<std::uint64_t>(load.share * kPerMille));
  state_->shard.events().emplace_back(load);
}

Instant Worker::next_timeout() const {
  const Instant tick = state_->next_tick.is_never()
                           ? Instant::never()
                           : std::max(state_->next_tick, state_->next_due());
  return std::min(tick, state_->shard.next_release());
}

std::uint64_t Worker::take_wakes() {
  return state_->shard.take_wakes();
}

std::vector<forward::Event> Worker::take_events() {
  std::vector<forward::Event>& events = state_->shard.events();
  return events.empty() ? std::vector<forward::Event>() : std::exchange(events, {});
}

}  // namespace meridian::node
