#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/packet_result.hpp"

namespace meridian::bwe {

/// A short burst at a chosen rate that tests what the link carries.
struct Probe {
  ProbeCluster cluster = kNoCluster;
  Bitrate rate;
  std::size_t bytes = 0;
  std::size_t packets = 0;
};

/// The rate at which the packets of a probe went through. Fixed memory.
class ProbeEstimator {
 public:
  static constexpr std::size_t kMaxClusters = 4;
  /// Part of a probe that must have arrived before it says something.
  static constexpr double kRequired = 0.8;
  /// The packets of one probe are sent and arrive within this.
  static constexpr Duration kMaxInterval = 1s;
  /// Arrival faster than this times the sending is not credible.
  static constexpr double kMaxRatio = 2.0;
  /// Received below this part of what was sent: that is the link's limit, of which this is used.
  static constexpr double kFullRatio = 0.9;
  static constexpr double kUtilization = 0.95;

  void on_probe(const Probe& probe);
  /// A packet of a probe that arrived; the rate as soon as the probe has one. `inherent_loss`: what
  /// the way loses of anything, and so of a probe.
  [[nodiscard]] std::optional<Bitrate> on_packet(const PacketResult& packet,
                                                 double inherent_loss = 0);

 private:
  struct Cluster {
    Probe probe;
    std::size_t packets = 0;
    double bytes = 0;
    double last_sent_size = 0;
    double first_received_size = 0;
    Instant first_sent = Instant::never();
    Instant last_sent;
    Instant first_received = Instant::never();
    Instant last_received;
  };
  static void add(Cluster& cluster, const PacketResult& packet);
  [[nodiscard]] static std::optional<Bitrate> rate(const Cluster& cluster, double inherent_loss);

  std::array<Cluster, kMaxClusters> clusters_{};
  std::size_t next_ = 0;
};

}  // namespace meridian::bwe
