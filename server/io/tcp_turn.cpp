// What of TcpMedia is TURN: connections that come from other listeners, messages, allocations.
#include <algorithm>
#include <array>
#include <utility>

#include "io/tcp_connection.hpp"
#include "io/tcp_media.hpp"

namespace meridian::io {

void TcpMedia::take(TurnConnection handed, node::Worker& worker, const Now& now) {
  if (turn_ == nullptr || !has_room(handed.remote.ip) ||
      !bind_to_device(handed.socket.get(), turn_service_.device)) {
    counters_.tcp_refused.increment();
    return;
  }
  prepare_for_media(handed.socket.get());
  const Reference connection =
      admit({std::move(handed.socket), handed.remote}, kHandedOverSocket, now.monotonic);
  connection->protocol = Connection::Protocol::kTurn;
  connection->tls = std::move(handed.tls);
  hand_over(connection, handed.received, worker, now);
  if (connection->tls != nullptr) {
    decrypt(connection, worker, now);  // it may have read more than it gave
  }
}

void TcpMedia::hand_over_turn(const Reference& connection, MutableBytes bytes, node::Worker& worker,
                              const Now& now) {
  const auto taken = connection->messages.take(bytes, [&](MutableBytes message) {
    take_message(connection, message, now);
    if (inbound_count_ == kBatch) {
      pass(worker, now);
    }
  });
  pass(worker, now);
  if (taken == turn::StreamReader::Take::kMalformed) {
    malformed(*connection);
  }
}

void TcpMedia::take_message(const Reference& connection, MutableBytes message, const Now& now) {
  std::array<std::uint8_t, turn::Server::kMaxReply> reply{};
  const auto outcome = turn_->handle(message, connection->tuple, turn::Way::kStream, now, reply);
  switch (outcome.step) {
    case turn::Server::Step::kNothing:
      return;
    case turn::Server::Step::kReply:
      if (turn_->has_allocation(connection->tuple)) {
        prove(*connection);
      }
      return push(connection, {.datagram = Bytes(reply).first(outcome.reply_size)}, now.monotonic);
    case turn::Server::Step::kDeliver:
      inbound_[inbound_count_++] = {.bytes = outcome.payload,
                                    .from = outcome.relayed,
                                    .socket = kRelayedSocket,
                                    .received = now.monotonic,
                                    .relayed_for = outcome.participant};
      return;
    case turn::Server::Step::kWait:
      if (connection->parked.empty()) {
        parked_.push_back(connection);
      }
      connection->parked.assign(message.begin(), message.end());
      return;
  }
}

void TcpMedia::send_relayed(const transport::OutboundDatagram& datagram, Instant now) {
  const auto frame =
      turn_ != nullptr ? turn_->frame(datagram.to, datagram.bytes.size(), now) : std::nullopt;
  if (!frame) {
    counters_.sends_refused.increment();
    return;
  }
  if (frame->way == turn::Way::kDatagrams) {
    send_in_datagram(datagram, *frame);
    return;
  }
  const auto found = connections_.find(frame->client);
  if (found == connections_.end()) {
    counters_.sends_refused.increment();
    return;
  }
  found->second->transport = datagram.transport;
  push(found->second,
       {.transport = datagram.transport,
        .header = Bytes(frame->header).first(frame->header_size),
        .datagram = datagram.bytes,
        .padding = frame->padding},
       now);
}

void TcpMedia::send_in_datagram(const transport::OutboundDatagram& datagram,
                                const turn::Server::Frame& frame) {
  const std::size_t size = frame.header_size + datagram.bytes.size() + frame.padding;
  if (datagrams_.send == nullptr || size > transport::SendBatch::kSlotSize) {
    counters_.sends_refused.increment();
    return;
  }
  std::array<std::uint8_t, transport::SendBatch::kSlotSize> framed{};
  const auto behind = std::copy_n(frame.header.begin(), frame.header_size, framed.begin());
  std::ranges::copy(datagram.bytes, behind);
  transport::OutboundDatagram outer = datagram;
  outer.to = frame.client.remote;
  outer.socket = frame.client.socket;
  outer.bytes = MutableBytes(framed).first(size);
  datagrams_.send(datagrams_.context, outer);
}

void TcpMedia::end_allocations(Instant now) {
  if (turn_ == nullptr || turn_->size() == 0) {
    return;
  }
  for (const ice::Tuple& client : turn_->collect_ended(now)) {
    if (const auto found = connections_.find(client); found != connections_.end()) {
      end(*Reference(found->second), Manner::kReset);
    }
  }
}

void TcpMedia::follow(node::Worker& worker, const Now& now) {
  end_allocations(now.monotonic);
  for (const Reference& connection : std::exchange(parked_, {})) {
    std::vector<std::uint8_t> request = std::exchange(connection->parked, {});
    if (connection->owner != nullptr) {
      take_message(connection, request, now);  // an Allocate: it brings nothing for the worker
    }
  }
  pass(worker, now);
}

}  // namespace meridian::io
