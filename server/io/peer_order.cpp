#include "io/peer_order.hpp"

#include "base/check.hpp"

namespace meridian::io {

PeerOrder::PeerOrder() : tables_(std::make_unique<Tables>()) {}

PeerOrder::Peer& PeerOrder::find(const Datagram& datagram) {
  constexpr std::uint32_t kGoldenRatio = 0x9e3779b1U;
  constexpr unsigned kShift = 16;
  std::size_t index = ((datagram.transport.value() * kGoldenRatio) >> kShift) & (kSlots - 1);
  while (true) {
    Slot& slot = tables_->slots[index];
    if (slot.round != round_) {
      slot = {.round = round_, .peer = static_cast<std::uint16_t>(peer_count_)};
      Peer& added = tables_->peers[peer_count_++];
      added = {.transport = datagram.transport, .socket = datagram.socket};
      return added;
    }
    Peer& known = tables_->peers[slot.peer];
    if (known.transport == datagram.transport && known.socket == datagram.socket) {
      return known;
    }
    index = (index + 1) & (kSlots - 1);
  }
}

std::span<const PeerOrder::Datagram* const> PeerOrder::arrange(std::span<const Datagram> batch) {
  MERIDIAN_CHECK(batch.size() <= kMaxDatagrams);
  peer_count_ = 0;
  if (++round_ == 0) {  // wrapped: what is left in the slots could be taken for this round's
    tables_->slots = {};
    round_ = 1;
  }
  Peer* peer = nullptr;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const Datagram& datagram = batch[i];
    if (peer == nullptr || peer->transport != datagram.transport ||
        peer->socket != datagram.socket) {
      peer = &find(datagram);
    }
    const auto index = static_cast<std::uint16_t>(i);
    if (peer->last == kNone) {
      peer->first = index;
    } else {
      tables_->next[peer->last] = index;
    }
    peer->last = index;
    tables_->next[i] = kNone;
  }
  std::size_t count = 0;
  for (std::size_t p = 0; p < peer_count_; ++p) {
    for (std::uint16_t i = tables_->peers[p].first; i != kNone; i = tables_->next[i]) {
      tables_->order[count++] = &batch[i];
    }
  }
  return {tables_->order.data(), count};
}

}  // namespace meridian::io
