#include "bwe/probe_estimator.hpp"

#include <algorithm>

namespace meridian::bwe {

void ProbeEstimator::on_probe(const Probe& probe) {
  clusters_[next_] = {};
  clusters_[next_].probe = probe;
  next_ = (next_ + 1) % kMaxClusters;
}

void ProbeEstimator::add(Cluster& cluster, const PacketResult& packet) {
  if (packet.sent.sent_at < cluster.first_sent) {
    cluster.first_sent = packet.sent.sent_at;
  }
  if (packet.sent.sent_at >= cluster.last_sent) {
    cluster.last_sent = packet.sent.sent_at;
    cluster.last_sent_size = packet.sent.size;
  }
  if (packet.received < cluster.first_received) {
    cluster.first_received = packet.received;
    cluster.first_received_size = packet.sent.size;
  }
  cluster.last_received = std::max(cluster.last_received, packet.received);
  cluster.bytes += packet.sent.size;
  ++cluster.packets;
}

std::optional<Bitrate> ProbeEstimator::rate(const Cluster& cluster, double inherent_loss) {
  const double arriving = 1 - inherent_loss;
  const auto required = [&](std::size_t whole) {
    return kRequired * arriving * static_cast<double>(whole);
  };
  if (static_cast<double>(cluster.packets) < required(cluster.probe.packets) ||
      cluster.bytes < required(cluster.probe.bytes)) {
    return std::nullopt;
  }
  const Duration sent = cluster.last_sent - cluster.first_sent;
  const Duration received = cluster.last_received - cluster.first_received;
  if (sent <= Duration::zero() || sent > kMaxInterval || received <= Duration::zero() ||
      received > kMaxInterval) {
    return std::nullopt;
  }
  const double send_rate = rate_of(cluster.bytes - cluster.last_sent_size, sent);
  const double receive_rate = rate_of(cluster.bytes - cluster.first_received_size, received);
  if (receive_rate > kMaxRatio * send_rate) {
    return std::nullopt;
  }
  if (receive_rate < kFullRatio * send_rate) {
    return to_bitrate(kUtilization * receive_rate / arriving);
  }
  return to_bitrate(std::min(send_rate, receive_rate) / arriving);
}

std::optional<Bitrate> ProbeEstimator::on_packet(const PacketResult& packet, double inherent_loss) {
  if (packet.sent.cluster == kNoCluster) {
    return std::nullopt;
  }
  for (Cluster& cluster : clusters_) {
    if (cluster.probe.cluster == packet.sent.cluster) {
      add(cluster, packet);
      return rate(cluster, inherent_loss);
    }
  }
  return std::nullopt;
}

}  // namespace meridian::bwe
