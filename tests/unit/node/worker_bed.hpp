#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dtls/certificate.hpp"
#include "metrics/worker_counters.hpp"
#include "node/worker.hpp"
#include "residency/generation.hpp"
#include "residency/policy.hpp"
#include "support/peer.hpp"
#include "support/permits.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::node::test {

using forward::test::PacketBytes;

/// A client of one worker.
struct BedClient {
  WorkerIndex worker;
  TransportId id;
  SocketAddress address;
  ice::Credentials server;
  ice::Credentials local;
  std::unique_ptr<meridian::test::Peer> peer;
  std::size_t datagrams = 0;  // that reached it

  std::vector<PacketBytes> take_rtp() {
    std::vector<PacketBytes> packets;
    while (auto packet = peer->poll_rtp()) {
      packets.push_back(std::move(*packet));
    }
    return packets;
  }
};

/// Workers of one node with relay rings between all of them, and a network without delay. Every
/// datagram that leaves passes the check that `io` makes.
class WorkerBed {
 public:
  static constexpr Duration kCentury = std::chrono::hours(24 * 365 * 100);

  explicit WorkerBed(std::size_t count = 1, std::size_t max_handshakes = 512)
      : rings_(count * count) {
    for (std::size_t i = 0; i < count; ++i) {
      slots_.push_back(std::make_unique<Slot>());
    }
    for (auto& ring : rings_) {
      ring = std::make_unique<forward::RelayRing>(256);
    }
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<forward::RelayRing*> in(count);
      std::vector<forward::RelayRing*> out(count);
      for (std::size_t k = 0; k < count; ++k) {
        in[k] = rings_[k * count + i].get();
        out[k] = rings_[i * count + k].get();
      }
      slots_[i]->worker =
          std::make_unique<Worker>(WorkerConfig{.index = WorkerIndex(static_cast<std::uint16_t>(i)),
                                                .region = RegionId("uk-london"),
                                                .certificate = certificate_,
                                                .policy = generation_,
                                                .random = random_,
                                                .counters = slots_[i]->counters,
                                                .relays_in = std::move(in),
                                                .relays_out = std::move(out),
                                                .max_handshakes = max_handshakes},
                                   slots_[i]->output);
    }
    allow();
  }

  // ---- Policy

  /// All workers learn that the account may be here.
  void allow() { apply({policy_}); }
  void deny() { apply({}); }
  /// The account's region is all that there are.
  void allow_everywhere() { apply({policy_}, {RegionId("uk-london")}); }
  /// The lease as it was asked for then.
  void set_lease(Instant asked) { generation_.lease().renew(generation_.load(), asked); }
  /// The policy moves, and the workers don't know yet.
  void advance() { generation_.advance(); }
  void apply(const std::vector<residency::AccountPolicy>& policies,
             const residency::RegionSet& regions = {}) {
    const auto snapshot =
        std::make_shared<const residency::PolicySnapshot>(generation_.advance(), policies, regions);
    // For ever; tests about the lease take it away. What sends through real sockets asks by the
    // machine's clock, which may be far ahead of ours.
    generation_.lease().renew(snapshot->generation(), now.monotonic + kCentury);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      command(i, forward::ApplyPolicy{.snapshot = snapshot});
    }
  }

  // ---- Clients

  BedClient& add_client(std::size_t worker = 0) {
    const auto number = static_cast<std::uint32_t>(clients_.size() + 1);
    const std::string suffix = std::to_string(number);
    BedClient client;
    client.worker = WorkerIndex(static_cast<std::uint16_t>(worker));
    client.id = TransportId(number);
    client.address = {IpAddress::v4({198, 51, 100, static_cast<std::uint8_t>(number)}), 5000};
    client.server = {"server" + suffix, "server-password-" + suffix};
    client.local = {"client" + suffix, "client-password-" + suffix};
    client.peer = std::make_unique<meridian::test::Peer>(
        meridian::test::PeerSettings{.local = client.local,
                                     .remote = client.server,
                                     .server_fingerprint = certificate_.fingerprint(),
                                     .dtls = {}},
        number);
    clients_.push_back(std::move(client));
    return clients_.back();
  }
  void open(BedClient& client) {
    command(client.worker.value(),
            forward::OpenTransport{.transport = client.id,
                                   .room = RoomNumber(1),
                                   .permit = office.client(),
                                   .local = client.server,
                                   .remote = client.local,
                                   .remote_fingerprint = client.peer->fingerprint(),
                                   .participant = client.id});
  }
  /// A connected client.
  BedClient& join(std::size_t worker = 0) {
    BedClient& client = add_client(worker);
    open(client);
    client.peer->start(now.monotonic);
    pump();
    MERIDIAN_CHECK(client.peer->is_connected());
    return client;
  }

  // ---- Running

  void command(std::size_t worker, forward::Command&& one) {
    slots_[worker]->worker->handle_command(std::move(one), now);
    flush(worker);
  }
  /// Delivers until nothing moves.
  void pump() {
    bool has_moved = true;
    while (has_moved) {
      has_moved = false;
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        has_moved |= deliver(i);
        has_moved |= relay(i);
      }
    }
  }
  void run_for(Duration duration) {
    const Instant end = now.monotonic + duration;
    while (now.monotonic < end) {
      now.monotonic = now.monotonic + 10ms;
      now.wall = now.wall + 10ms;
      for (BedClient& client : clients_) {
        client.peer->handle_timeout(now.monotonic);
      }
      for (std::size_t i = 0; i < slots_.size(); ++i) {
        if (slots_[i]->worker->next_timeout() <= now.monotonic) {
          slots_[i]->worker->handle_timeout(now);
          flush(i);
        }
      }
      pump();
    }
  }
  void send(BedClient& client, const PacketBytes& packet) {
    client.peer->send_rtp(packet);
    pump();
  }
  /// One datagram from anywhere.
  void inject(std::size_t worker, const SocketAddress& from, PacketBytes datagram) {
    const std::array batch = {
        InboundDatagram{.bytes = datagram, .from = from, .socket = 0, .received = now.monotonic}};
    slots_[worker]->worker->handle_datagrams(batch, now);
    handshake(worker);
    flush(worker);
  }

  [[nodiscard]] Worker& worker(std::size_t index = 0) { return *slots_[index]->worker; }
  [[nodiscard]] metrics::WorkerCounters& counters(std::size_t index = 0) {
    return slots_[index]->counters;
  }
  [[nodiscard]] std::uint64_t dropped(metrics::DropReason reason, std::size_t index = 0) const {
    return slots_[index]->counters.dropped[static_cast<std::size_t>(reason)].value();
  }
  /// Datagrams that `io` would have refused to send.
  [[nodiscard]] std::size_t withheld() const { return withheld_; }
  [[nodiscard]] transport::SendBatch& output(std::size_t index = 0) {
    return slots_[index]->output;
  }

  template <class Type>
  std::vector<Type> take_events(std::size_t worker = 0) {
    std::vector<Type> typed;
    for (forward::Event& event : slots_[worker]->worker->take_events()) {
      if (auto* one = std::get_if<Type>(&event)) {
        typed.push_back(std::move(*one));
      }
    }
    return typed;
  }

  Now now{Instant::from_origin(100s), UnixTime::from_seconds(1'800'000'000)};
  meridian::test::PermitOffice office;

 private:
  struct Slot {
    metrics::WorkerCounters counters;
    transport::SendBatch output;
    std::unique_ptr<Worker> worker;
  };

  bool deliver(std::size_t index) {
    std::vector<PacketBytes> datagrams;
    std::vector<InboundDatagram> batch;
    for (BedClient& client : clients_) {
      while (client.worker.value() == index) {
        auto datagram = client.peer->poll_datagram();
        if (!datagram) {
          break;
        }
        datagrams.push_back(std::move(*datagram));
        batch.push_back(
            {.bytes = {}, .from = client.address, .socket = 0, .received = now.monotonic});
      }
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      batch[i].bytes = datagrams[i];
    }
    slots_[index]->worker->handle_datagrams(batch, now);
    handshake(index);
    return flush(index) || !batch.empty();
  }
  void handshake(std::size_t index) {
    while (slots_[index]->worker->handle_handshakes(now)) {
    }
  }
  bool relay(std::size_t index) {
    const std::uint64_t wakes = slots_[index]->worker->take_wakes();
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (((wakes >> i) & 1U) != 0) {
        while (slots_[i]->worker->handle_relay(now)) {
        }
        flush(i);
      }
    }
    return wakes != 0;
  }
  bool flush(std::size_t index) {
    Slot& slot = *slots_[index];
    const std::vector<transport::OutboundDatagram> datagrams(slot.output.datagrams().begin(),
                                                             slot.output.datagrams().end());
    std::vector<std::pair<BedClient*, PacketBytes>> arrived;
    for (const transport::OutboundDatagram& datagram : datagrams) {
      if (!slot.worker->may_send(datagram.transport, now.monotonic)) {
        ++withheld_;
        continue;
      }
      slot.worker->handle_sent(datagram.transport, datagram.bytes);
      for (BedClient& client : clients_) {
        if (client.address == datagram.to) {
          arrived.emplace_back(&client, PacketBytes(datagram.bytes.begin(), datagram.bytes.end()));
        }
      }
    }
    slot.output.clear();
    for (auto& [client, bytes] : arrived) {
      ++client->datagrams;
      client->peer->handle_datagram(bytes, now.monotonic);
    }
    return !arrived.empty();
  }

  dtls::Certificate certificate_ = dtls::Certificate::make(UnixTime::from_seconds(1'800'000'000));
  residency::PolicyGeneration generation_;
  residency::AccountPolicy policy_{
      {.account = AccountId("acme"), .default_region = RegionId("uk-london"), .opted_in = {}},
      PolicyEpoch(1)};
  SeededRandomSource random_{1};
  std::vector<std::unique_ptr<forward::RelayRing>> rings_;  // [from * count + to]
  std::vector<std::unique_ptr<Slot>> slots_;
  std::deque<BedClient> clients_;
  std::size_t withheld_ = 0;
};

}  // namespace meridian::node::test
