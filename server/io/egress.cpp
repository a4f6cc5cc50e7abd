#include "io/egress.hpp"

#include <algorithm>

#include "io/clock.hpp"

namespace meridian::io {

Egress::Egress(std::span<UdpSocket> sockets, SendGate gate,
               metrics::WorkerCounters& worker_counters, IoCounters& counters)
    : sockets_(sockets),
      gate_(gate),
      worker_counters_(worker_counters),
      counters_(counters),
      lanes_(std::make_unique<Lane[]>(sockets.size())) {}

void Egress::send(std::span<const transport::OutboundDatagram> batch) {
  for (const auto& datagram : batch) {
    if (datagram.socket >= sockets_.size()) {
      counters_.sends_refused.increment();
      continue;
    }
    Lane& lane = lanes_[datagram.socket];
    if (lane.waiting > 0) {
      keep(datagram.socket, datagram);  // not before those that already wait
      continue;
    }
    lane.sources[lane.size++] = &datagram;
    if (lane.size == UdpSocket::kMaxSendBatch) {
      flush(datagram.socket);
    }
  }
  for (std::size_t socket = 0; socket < sockets_.size(); ++socket) {
    flush(socket);
  }
}

void Egress::flush(std::size_t socket) {
  Lane& lane = lanes_[socket];
  if (lane.size == 0) {
    return;
  }
  std::size_t count = 0;
  const Instant now = monotonic_now();
  for (const auto* datagram : std::span(lane.sources).first(lane.size)) {
    if (!gate_.may_send(gate_.context, datagram->transport, now)) {
      counters_.sends_forbidden.increment();
      continue;
    }
    lane.items[count] = {datagram->to, datagram->bytes};
    lane.sources[count++] = datagram;
  }
  lane.size = 0;
  if (count == 0) {
    return;
  }
  lane.refused.fill(false);
  const UdpSocket::Sent result = sockets_[socket].send(std::span(lane.items).first(count),
                                                       std::span(lane.refused).first(count));
  counters_.sends_refused.add(result.refused);
  const Instant sent = monotonic_now();
  for (std::size_t i = 0; i < result.sent; ++i) {
    if (!lane.refused[i]) {
      record_sent(lane, *lane.sources[i], sent);
    }
  }
  for (std::size_t i = result.sent; i < count; ++i) {
    keep(socket, *lane.sources[i]);
  }
}

void Egress::keep(std::size_t socket, const transport::OutboundDatagram& datagram) {
  Lane& lane = lanes_[socket];
  Waiting* slot = lane.backlog.claim();
  if (slot == nullptr) {
    counters_.sends_lost.increment();
    return;
  }
  slot->datagram = datagram;
  std::ranges::copy(datagram.bytes, slot->bytes.begin());
  lane.backlog.publish();
  ++lane.waiting;
  counters_.sends_delayed.increment();
}

void Egress::handle_writable(std::size_t socket) {
  Lane& lane = lanes_[socket];
  while (lane.waiting > 0) {
    Waiting& oldest = *lane.backlog.front();
    const std::size_t size = oldest.datagram.bytes.size();
    const Instant now = monotonic_now();
    if (gate_.may_send(gate_.context, oldest.datagram.transport, now)) {
      const SendItem item{oldest.datagram.to, Bytes(oldest.bytes).first(size)};
      const UdpSocket::Sent result = sockets_[socket].send({&item, 1});
      if (result.would_block) {
        return;
      }
      counters_.sends_refused.add(result.refused);
      if (result.refused == 0) {
        transport::OutboundDatagram sent = oldest.datagram;
        sent.bytes = MutableBytes(oldest.bytes).first(size);
        record_sent(lane, sent, now);
      }
    } else {
      counters_.sends_forbidden.increment();
    }
    lane.backlog.pop();
    --lane.waiting;
  }
}

void Egress::record_sent(Lane& lane, const transport::OutboundDatagram& datagram, Instant now) {
  lane.handed_over += datagram.bytes.size();
  gate_.handle_sent(gate_.context, datagram.transport, datagram.bytes);
  if (!datagram.received.is_never()) {
    worker_counters_.forward_latency.record(now - datagram.received);
  }
}

}  // namespace meridian::io
