#include "io/egress.hpp"

#include <algorithm>

#include "io/clock.hpp"

namespace meridian::io {

Egress::Egress(std::span<UdpSocket> sockets, SendPermission permission,
               metrics::WorkerCounters& worker_counters, IoCounters& counters)
    : sockets_(sockets),
      permission_(permission),
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
  std::size_t count = 0;
  for (const auto* datagram : std::span(lane.sources).first(lane.size)) {
    if (!permission_.may_send(permission_.context, datagram->transport)) {
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
  const UdpSocket::Sent result = sockets_[socket].send(std::span(lane.items).first(count));
  counters_.sends_refused.add(result.refused);
  record_sent(std::span(lane.sources).first(result.sent));
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
    if (permission_.may_send(permission_.context, oldest.datagram.transport)) {
      const SendItem item{oldest.datagram.to, Bytes(oldest.bytes).first(size)};
      const UdpSocket::Sent result = sockets_[socket].send({&item, 1});
      if (result.would_block) {
        return;
      }
      counters_.sends_refused.add(result.refused);
      const transport::OutboundDatagram* sent = &oldest.datagram;
      record_sent({&sent, 1});
    } else {
      counters_.sends_forbidden.increment();
    }
    lane.backlog.pop();
    --lane.waiting;
  }
}

void Egress::record_sent(std::span<const transport::OutboundDatagram* const> sent) {
  const Instant now = monotonic_now();
  for (const auto* datagram : sent) {
    if (!datagram->received.is_never()) {
      worker_counters_.forward_latency.record(now - datagram->received);
    }
  }
}

}  // namespace meridian::io
