#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "io/egress.hpp"
#include "io/udp_socket.hpp"
#include "unit/node/worker_bed.hpp"

namespace meridian::test {

/// The workers of a WorkerBed with real sockets, driven turn by turn as `io` drives them, on the
/// calling thread and on simulated time. Joining is done without sockets; after start() all goes
/// through them.
class SocketBed {
 public:
  using Client = node::test::BedClient;

  explicit SocketBed(std::size_t workers) : bed(workers) {
    for (std::size_t i = 0; i < workers; ++i) {
      stations_.push_back(std::make_unique<Station>(bed.worker(i), bed.counters(i)));
    }
  }

  /// A connected client that will send from, and be sent to, `address`.
  Client& join(std::size_t worker, const SocketAddress& address) {
    Client& client = bed.add_client(worker);
    client.address = address;
    bed.open(client);
    client.peer->start(bed.now.monotonic);
    bed.pump();
    MERIDIAN_CHECK(client.peer->is_connected());
    return client;
  }
  void start() {
    for (std::size_t i = 0; i < stations_.size(); ++i) {
      bed.output(i).set_flush(&Station::send, stations_[i].get());
    }
  }

  /// Where clients on this machine reach a worker.
  [[nodiscard]] SocketAddress address(std::size_t worker) const {
    return {IpAddress::v4({127, 0, 0, 1}), stations_[worker]->sockets[0].local().port};
  }

  /// Sends what the client wants to send.
  void send(const Client& client, io::UdpSocket& from) {
    while (auto datagram = client.peer->poll_datagram()) {
      const io::SendItem item{address(client.worker.value()), *datagram};
      (void)from.send({&item, 1});
    }
  }
  /// Gives the client what has come for it.
  void receive(Client& client, io::UdpSocket& at) {
    io::UdpSocket::Received received;
    do {
      received = at.receive(client_batch_, bed.now);
      for (const io::ReceivedDatagram& datagram : client_batch_.datagrams()) {
        ++client.datagrams;
        client.peer->handle_datagram(datagram.bytes, bed.now.monotonic);
      }
    } while (received.count == io::ReceiveBatch::kMaxMessages);
  }

  /// One turn of a worker's loop: what waits in its socket, its relays, its timers, its sends.
  void turn(std::size_t index) {
    Station& station = *stations_[index];
    node::Worker& worker = bed.worker(index);
    io::UdpSocket::Received received;
    do {
      received = station.sockets[0].receive(station.batch, bed.now);
      std::size_t count = 0;
      for (const io::ReceivedDatagram& datagram : station.batch.datagrams()) {
        station.inbound[count++] = {.bytes = datagram.bytes,
                                    .from = datagram.from,
                                    .socket = 0,
                                    .received = datagram.received};
      }
      worker.handle_datagrams({station.inbound.data(), count}, bed.now);
    } while (received.count == io::ReceiveBatch::kMaxMessages);
    (void)worker.handle_relay(bed.now);
    if (worker.next_timeout() <= bed.now.monotonic) {
      worker.handle_timeout(bed.now);
    }
    while (worker.handle_handshakes(bed.now)) {
    }
    bed.output(index).flush();
    (void)worker.take_wakes();
  }

  /// What the kernel's full queue made wait or refused.
  [[nodiscard]] const io::IoCounters& io_counters(std::size_t worker) const {
    return stations_[worker]->counters;
  }

  node::test::WorkerBed bed;

 private:
  struct Station {
    Station(node::Worker& worker, metrics::WorkerCounters& worker_counters)
        : egress(sockets, {&may_send, &handle_sent, &worker}, worker_counters, counters) {}
    static bool may_send(void* worker, TransportId transport, Instant now) {
      return static_cast<node::Worker*>(worker)->may_send(transport, now);
    }
    static void handle_sent(void* worker, TransportId transport, Bytes datagram) {
      static_cast<node::Worker*>(worker)->handle_sent(transport, datagram);
    }
    static void send(void* station, transport::SendBatch& batch) {
      static_cast<Station*>(station)->egress.send(batch.datagrams());
    }
    static std::vector<io::UdpSocket> any_port() {
      auto opened = io::UdpSocket::open({IpAddress::v4({0, 0, 0, 0}), 0});
      MERIDIAN_CHECK(opened);
      std::vector<io::UdpSocket> sockets;
      sockets.push_back(std::move(*opened));
      return sockets;
    }

    std::vector<io::UdpSocket> sockets = any_port();
    io::IoCounters counters;
    io::Egress egress;
    io::ReceiveBatch batch;
    std::vector<node::InboundDatagram> inbound{io::ReceiveBatch::kMaxDatagrams};
  };

  std::vector<std::unique_ptr<Station>> stations_;
  io::ReceiveBatch client_batch_;
};

}  // namespace meridian::test
