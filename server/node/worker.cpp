#include "node/worker.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <variant>

#include "base/check.hpp"
#include "dtls/certificate.hpp"
#include "forward/shard.hpp"
#include "metrics/worker_counters.hpp"
#include "residency/generation.hpp"
#include "rtp/packet.hpp"
#include "transport/demultiplexer.hpp"
#include "transport/transport.hpp"

namespace meridian::node {
namespace {

using metrics::DropReason;
using metrics::Traffic;
using rtp::PacketKind;
using transport::Transport;

/// Timers are looked at this often while there is anything; the finest need is the NACK's.
constexpr Duration kTick = 10ms;
/// Frames taken from one ring in one turn, so that a busy neighbour doesn't keep us from our own.
constexpr std::size_t kMaxRelayFrames = 256;
/// How long the last words of a closed transport (close_notify) may take to the socket.
constexpr Duration kFarewell = 100ms;

}  // namespace

struct Worker::State {
  State(WorkerConfig worker_config, transport::SendBatch& batch)
      : config(std::move(worker_config)),
        output(batch),
        shard({.random = config.random,
               .counters = config.counters,
               .output = batch,
               .relays_out = config.relays_out}) {}

  /// A transport with its peer in the shard.
  struct Member {
    std::unique_ptr<Transport> transport;
    forward::Peer* peer = nullptr;
  };
  struct Farewell {
    TransportId transport;
    Instant until;
  };

  // Datagrams.
  void handle(const InboundDatagram& datagram, Now now);
  void handle_stun(const InboundDatagram& datagram, const ice::Tuple& from, Now now);
  void handle_dtls(const InboundDatagram& datagram, Transport& to, const ice::Tuple& from, Now now);
  void handle_media(const InboundDatagram& datagram, Transport& to, const ice::Tuple& from,
                    PacketKind kind, Now now);
  void follow(Transport& transport, Now now);

  // Commands, one for each alternative of forward::Command.
  void handle(forward::ApplyPolicy&& command, Now now);
  void handle(forward::OpenTransport&& command, Now now);
  void handle(forward::RestartIce&& command, Now now);
  void handle(forward::CloseTransport&& command, Now now);
  void handle(forward::ConfigureReceive&& command, Now) { shard.configure(command); }
  void handle(forward::Publish&& command, Now) { shard.publish(command); }
  void handle(forward::Unpublish&& command, Now) { shard.unpublish(command.publication); }
  void handle(forward::MutePublication&& command, Now) { shard.mute(command); }
  void handle(forward::Subscribe&& command, Now now) { shard.subscribe(command, now.monotonic); }
  void handle(forward::Unsubscribe&& command, Now) { shard.unsubscribe(command.subscription); }
  void handle(forward::SetSubscription&& command, Now now) {
    shard.set_subscription(command, now.monotonic);
  }
  void handle(forward::OpenRelaySource&& command, Now);
  void handle(forward::OpenRelaySink&& command, Now);
  void handle(forward::CloseRelaySource&& command, Now) { shard.close_relay_source(command); }
  void handle(forward::SendSctpPacket&& command, Now now);

  [[nodiscard]] Member* find(TransportId id) {
    const auto found = members.find(id);
    return found != members.end() ? &found->second : nullptr;
  }
  void remove(TransportId id);
  void report(TransportId id, transport::TransportState state,
              transport::TransportFailure reason = transport::TransportFailure::kNone) {
    shard.events().emplace_back(
        forward::TransportStateChanged{.transport = id, .state = state, .reason = reason});
  }
  void drop(DropReason reason) { config.counters.drop(reason); }
  /// Whether the policy is the one under which our permits were admitted.
  [[nodiscard]] bool is_policy_current() const {
    return policy != nullptr && config.policy.load() == policy->generation();
  }

  WorkerConfig config;
  transport::SendBatch& output;
  forward::Shard shard;
  transport::Demultiplexer demultiplexer;
  std::unordered_map<TransportId, Member> members;
  residency::SharedPolicySnapshot policy;
  std::vector<Farewell> farewells;
  // Datagrams of one transport come and go together.
  Transport* last_sender = nullptr;
  Instant next_tick = Instant::never();
};

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
    drop(DropReason::kUnknownTuple);
  } else if (kind == PacketKind::kDtls) {
    handle_dtls(datagram, *to, from, now);
  } else {
    handle_media(datagram, *to, from, kind, now);
  }
}

void Worker::State::handle_stun(const InboundDatagram& datagram, const ice::Tuple& from, Now now) {
  const auto taken = demultiplexer.handle_stun(datagram.bytes, from, now.monotonic, output);
  if (!taken) {
    drop(taken.error());
    return;
  }
  config.counters.in(Traffic::kStun).add(datagram.bytes.size());
  follow(**taken, now);
}

void Worker::State::handle_dtls(const InboundDatagram& datagram, Transport& to,
                                const ice::Tuple& from, Now now) {
  const auto taken = to.handle_dtls(datagram.bytes, from, now.monotonic, output);
  if (!taken) {
    drop(taken.error());
  } else {
    config.counters.in(Traffic::kDtls).add(datagram.bytes.size());
  }
  while (auto packet = to.poll_sctp()) {
    shard.events().emplace_back(
        forward::SctpPacketReceived{.transport = to.id(), .packet = std::move(*packet)});
  }
  follow(to, now);
}

void Worker::State::handle_media(const InboundDatagram& datagram, Transport& to,
                                 const ice::Tuple& from, PacketKind kind, Now now) {
  Member* member = find(to.id());
  MERIDIAN_CHECK(member != nullptr);
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
  if (is_rtp) {
    shard.handle_rtp(*member->peer, plain, datagram.received, now.monotonic);
  } else {
    config.counters.in(Traffic::kRtcp).add(plain.size());
    shard.handle_rtcp(*member->peer, plain, datagram.received, now.monotonic);
  }
}

void Worker::State::follow(Transport& changed, Now now) {
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

void Worker::State::handle(forward::ApplyPolicy&& command, Now) {
  if (command.snapshot == nullptr ||
      (policy != nullptr && command.snapshot->generation() < policy->generation())) {
    return;
  }
  policy = std::move(command.snapshot);
  std::vector<TransportId> denied;
  for (auto& [id, member] : members) {
    if (!policy->admits(member.transport->permit())) {
      denied.push_back(id);
    }
  }
  for (const TransportId id : denied) {
    find(id)->transport->revoke();
    remove(id);
    report(id, transport::TransportState::kFailed, transport::TransportFailure::kNotPermitted);
  }
  shard.readmit_relays(*policy);
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
                                   .remote_fingerprint = command.remote_fingerprint},
      config.certificate, now.monotonic);
  if (demultiplexer.add(*opened) != transport::Demultiplexer::Add::kAdded) {
    report(id, transport::TransportState::kFailed, transport::TransportFailure::kLimit);
    return;
  }
  Transport& added = *opened;
  members.emplace(
      id, Member{.transport = std::move(opened), .peer = &shard.add_peer(added, command.room)});
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
  farewells.push_back({.transport = command.transport, .until = now.monotonic + kFarewell});
  remove(command.transport);
}

void Worker::State::remove(TransportId id) {
  Member* member = find(id);
  if (last_sender == member->transport.get()) {
    last_sender = nullptr;
  }
  shard.remove_peer(id);
  demultiplexer.remove(*member->transport);
  members.erase(id);
  config.counters.transports.decrement();
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
  if (now.monotonic < state.next_tick) {
    return;
  }
  for (auto& [id, member] : state.members) {
    if (now.monotonic >= member.transport->next_timeout()) {
      member.transport->handle_timeout(now.monotonic, state.output);
      state.follow(*member.transport, now);
    }
  }
  state.shard.handle_timeout(now.monotonic);
  std::erase_if(state.farewells,
                [&](const State::Farewell& farewell) { return now.monotonic >= farewell.until; });
  const bool is_idle = state.shard.is_idle() && state.farewells.empty();
  state.next_tick = is_idle ? Instant::never() : now.monotonic + kTick;
}

Instant Worker::next_timeout() const {
  return state_->next_tick;
}

bool Worker::may_send(TransportId transport) {
  State& state = *state_;
  if (!state.is_policy_current()) {
    return false;
  }
  if (state.last_sender != nullptr && state.last_sender->id() == transport) {
    return state.last_sender->is_permitted();
  }
  if (const State::Member* member = state.find(transport)) {
    state.last_sender = member->transport.get();
    return state.last_sender->is_permitted();
  }
  return std::ranges::any_of(state.farewells, [&](const State::Farewell& farewell) {
    return farewell.transport == transport;
  });
}

std::uint64_t Worker::take_wakes() {
  return state_->shard.take_wakes();
}

std::vector<forward::Event> Worker::take_events() {
  std::vector<forward::Event>& events = state_->shard.events();
  return events.empty() ? std::vector<forward::Event>() : std::exchange(events, {});
}

}  // namespace meridian::node
