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
  while (!batch.empty()) {
    const std::size_t count = std::min(batch.size(), PeerOrder::kMaxDatagrams);
    const Datagrams ordered = order_.arrange(batch.first(count));
    batch = batch.subspan(count);
    // A peer is reached over one socket, and so are nearly all peers of a worker.
    for (auto first = ordered.begin(); first != ordered.end();) {
      const std::uint8_t socket = (*first)->socket;
      const auto end = std::find_if(first, ordered.end(),
                                    [&](const auto* next) { return next->socket != socket; });
      if (socket < sockets_.size()) {
        send_to(socket, {first, end});
      } else if (streams_.send != nullptr) {
        std::for_each(first, end,
                      [&](const auto* next) { streams_.send(streams_.context, *next); });
      } else {
        counters_.sends_refused.add(static_cast<std::uint64_t>(end - first));
      }
      first = end;
    }
  }
}

void Egress::send_to(std::size_t socket, Datagrams datagrams) {
  Step step;
  while (!datagrams.empty() && !step.would_block && lanes_[socket].waiting == 0) {
    step = send_some(socket, datagrams);
    datagrams = datagrams.subspan(step.done);
  }
  for (const auto* datagram : datagrams) {
    keep(socket, *datagram);  // not before those that already wait
  }
}

Egress::Step Egress::send_some(std::size_t socket, Datagrams datagrams) {
  Step step{.done = fill(sockets_[socket], datagrams, monotonic_now()), .would_block = false};
  UdpSocket::Sent result;
  if (call_.datagram_count() > 0) {
    result = sockets_[socket].send(call_);
    record(lanes_[socket], result);
  }
  if (result.sent < call_.datagram_count()) {
    // What the call did not come to is checked again before the next.
    const auto rest = std::ranges::find(datagrams, sources_[result.sent]);
    step.done = static_cast<std::size_t>(rest - datagrams.begin());
  }
  counters_.sends_forbidden.add(step.done - result.sent);
  step.would_block = result.would_block;
  return step;
}

/// Takes datagrams from the front into the call while there is room, those of a transport only when
/// it may still send; returns how many it looked at.
std::size_t Egress::fill(UdpSocket& socket, Datagrams datagrams, Instant now) {
  call_.reset(socket.grouping());
  const transport::OutboundDatagram* checked = nullptr;
  bool may_send = false;
  std::size_t taken = 0;
  for (const auto* datagram : datagrams) {
    if (checked == nullptr || checked->transport != datagram->transport) {
      if (call_.message_count() == SendCall::kMaxMessages) {
        break;
      }
      checked = datagram;
      may_send = gate_.may_send(gate_.context, datagram->transport, now);
    }
    if (may_send) {
      if (!call_.add(datagram->to, datagram->bytes)) {
        break;
      }
      sources_[call_.datagram_count() - 1] = datagram;
    }
    ++taken;
  }
  return taken;
}

void Egress::record(Lane& lane, const UdpSocket::Sent& result) {
  const Instant now = monotonic_now();
  counters_.send_calls.add(result.calls);
  counters_.sends_refused.add(result.refused);
  if (result.was_split) {
    counters_.sends_split.increment();
    counters_.messages_sent.add(result.sent);
  } else {
    for (std::size_t message = 0, sent = 0; sent < result.sent; ++message) {
      const std::size_t segments = call_.segments(message);
      counters_.messages_sent.increment();
      counters_.segments_sent.add(segments > 1 ? segments : 0);
      sent += segments;
    }
  }
  for (std::size_t i = 0; i < result.sent; ++i) {
    if (!call_.is_refused(i)) {
      record_sent(lane, *sources_[i], now);
    }
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
  slot->datagram.bytes = MutableBytes(slot->bytes).first(datagram.bytes.size());
  std::ranges::copy(datagram.bytes, slot->bytes.begin());
  lane.backlog.publish();
  ++lane.waiting;
  counters_.sends_delayed.increment();
}

void Egress::handle_writable(std::size_t socket) {
  Lane& lane = lanes_[socket];
  Step step;
  while (lane.waiting > 0 && !step.would_block) {
    const std::size_t count = std::min(lane.waiting, oldest_.size());
    for (std::size_t i = 0; i < count; ++i) {
      oldest_[i] = &lane.backlog.peek(i)->datagram;
    }
    step = send_some(socket, std::span(oldest_).first(count));
    for (std::size_t i = 0; i < step.done; ++i) {
      lane.backlog.pop();
    }
    lane.waiting -= step.done;
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
