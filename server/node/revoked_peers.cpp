#include "node/revoked_peers.hpp"

namespace meridian::node {

void RevokedPeers::add(TransportId transport, const std::vector<ice::Tuple>& tuples, Instant now) {
  if (tuples.empty() || peers_.size() >= kMaxPeers) {
    return;
  }
  peers_[transport] = {
      .until = now + kMemory,
      .total = {.transport = transport, .datagrams = 0, .bytes = 0},
      .reported = 0,
  };
  for (const ice::Tuple& tuple : tuples) {
    tuples_[tuple] = transport;
  }
}

bool RevokedPeers::take(const ice::Tuple& from, std::size_t bytes) {
  if (tuples_.empty()) {
    return false;
  }
  const auto found = tuples_.find(from);
  if (found == tuples_.end()) {
    return false;
  }
  forward::StillSending& total = peers_.at(found->second).total;
  ++total.datagrams;
  total.bytes += bytes;
  return true;
}

void RevokedPeers::poll(Instant now, std::vector<forward::Event>& events) {
  if (peers_.empty() || now < next_report_) {
    return;
  }
  next_report_ = now + kReportInterval;
  for (auto& [transport, peer] : peers_) {
    if (peer.total.datagrams != peer.reported) {
      peer.reported = peer.total.datagrams;
      events.emplace_back(peer.total);
    }
  }
  std::erase_if(tuples_, [&](const auto& entry) { return peers_.at(entry.second).until <= now; });
  std::erase_if(peers_, [&](const auto& entry) { return entry.second.until <= now; });
}

}  // namespace meridian::node
