#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "dtls/certificate.hpp"
#include "forward/shard.hpp"
#include "metrics/transit.hpp"
#include "metrics/worker_counters.hpp"
#include "node/handshake_queue.hpp"
#include "node/revoked_peers.hpp"
#include "node/worker.hpp"
#include "residency/generation.hpp"
#include "rtp/packet.hpp"
#include "transport/demultiplexer.hpp"
#include "transport/transport.hpp"

namespace meridian::node {

using metrics::Direction;
using metrics::DropReason;
using metrics::Traffic;
using metrics::TransitKind;
using rtp::PacketKind;
using transport::Transport;

/// Everything that a Worker holds. worker.cpp: datagrams, commands, time; worker_policy.cpp: what
/// may stay and what may leave, and what passed.
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
    RoomNumber room;
    /// Its account stops when the lease runs out.
    bool is_restricted = true;
    bool is_handshaking = false;
    /// What passed since the last report.
    metrics::TransitCounts transit;
  };
  /// A closed transport whose last words may still leave.
  struct Leaving {
    Member member;
    Instant until;
  };

  // Datagrams.
  void handle(const InboundDatagram& datagram, Now now);
  void handle_stun(const InboundDatagram& datagram, const ice::Tuple& from, Now now);
  void handle_dtls(const InboundDatagram& datagram, Transport& to, const ice::Tuple& from, Now now);
  void take_dtls(Member& member, Bytes datagram, const ice::Tuple& from, Now now);
  /// Whether that took a step of a handshake.
  bool take_handshake(const HandshakeQueue::Waiting& waiting, Now now);
  void set_handshaking(Member& member, bool is_handshaking);
  void handle_media(const InboundDatagram& datagram, Transport& to, const ice::Tuple& from,
                    PacketKind kind, Now now);
  void follow(Transport& transport, Now now);

  // Commands, one for each alternative of forward::Command.
  void handle(forward::ApplyPolicy&& command, Now now);
  void handle(forward::NarrowRoom&& command, Now now);
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
  void handle(forward::LimitDownlink&& command, Now) { shard.limit_downlink(command); }
  void handle(forward::OpenRelaySource&& command, Now);
  void handle(forward::OpenRelaySink&& command, Now);
  void handle(forward::CloseRelaySource&& command, Now) { shard.close_relay_source(command); }
  void handle(forward::SendSctpPacket&& command, Now now);

  [[nodiscard]] Member* find(TransportId id) {
    const auto found = members.find(id);
    return found != members.end() ? &found->second : nullptr;
  }
  /// Takes a transport out of everything; nullptr in its Member::peer from then on.
  Member remove(TransportId id);
  void report(TransportId id, transport::TransportState state,
              transport::TransportFailure reason = transport::TransportFailure::kNone) {
    shard.events().emplace_back(
        forward::TransportStateChanged{.transport = id, .state = state, .reason = reason});
  }
  void drop(DropReason reason) { config.counters.drop(reason); }
  /// For a datagram that belongs to no transport.
  void drop_stranger(const InboundDatagram& datagram, const ice::Tuple& from, DropReason reason);

  // Policy and lease (worker_policy.cpp).
  /// Closes what the policy does not admit any more.
  void readmit(Now now);
  void revoke(TransportId id, Now now);
  void revoke_leaving();
  [[nodiscard]] bool is_covered(const Member& member, Instant now) const {
    return !member.is_restricted || config.policy.lease().covers(policy->generation(), now);
  }
  [[nodiscard]] bool may_use(const Member& member, Instant now) const {
    return member.transport->is_permitted() && is_covered(member, now);
  }
  /// The member or the leaving one whose datagram this is; null when it is gone.
  [[nodiscard]] Member* find_sender(TransportId id);
  enum class Report : std::uint8_t { kInterim, kFinal };
  void report_transit(Member& member, Report kind);
  void handle_policy_timeout(Instant now);
  void handle_transport_timeouts(Now now);
  /// When the next thing is due that ticks are for.
  [[nodiscard]] Instant next_due() const;
  /// Whether the policy is the one under which our permits were admitted.
  [[nodiscard]] bool is_policy_current() const {
    return policy != nullptr && config.policy.load() == policy->generation();
  }

  WorkerConfig config;
  transport::SendBatch& output;
  forward::Shard shard;
  transport::Demultiplexer demultiplexer;
  std::unordered_map<TransportId, Member> members;
  /// How many of them each participant has.
  std::unordered_map<TransportId, std::size_t> participants;
  HandshakeQueue waiting_handshakes;
  std::size_t handshakes = 0;
  residency::SharedPolicySnapshot policy;
  std::vector<Leaving> leaving;
  RevokedPeers revoked;
  /// Applied, and what was handed to the system before has not left yet.
  std::optional<std::uint64_t> undrained;
  // Datagrams of one transport come and go together.
  Member* last_sender = nullptr;
  Instant next_transit;
  /// Not after the first timeout of any transport.
  Instant next_transport = Instant::never();
  /// Not earlier than this; never() without anything that time matters to.
  Instant next_tick = Instant::never();
};

}  // namespace meridian::node
