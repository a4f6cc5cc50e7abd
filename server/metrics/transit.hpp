#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What passed through a region on behalf of one meeting: the numbers of a transit report.
namespace meridian::metrics {

/// What a leg connects. Each is counted at its own sockets or ring.
enum class TransitLeg : std::uint8_t {
  kClient,  // datagrams between a client and a worker
  kRelay,   // frames between two shards, counted separately at both ends
  kData,    // messages of data channels, inside kClient's DTLS datagrams; counted where routed
  kCount,
};
/// What the bytes were.
enum class TransitKind : std::uint8_t { kRtp, kRtcp, kStun, kDtls, kData, kCount };
enum class Direction : std::uint8_t { kIn, kOut, kCount };

constexpr std::string_view name(TransitLeg leg) {
  constexpr std::array<std::string_view, 3> kNames = {"client", "relay", "data"};
  return kNames[static_cast<std::size_t>(leg)];
}
constexpr std::string_view name(TransitKind kind) {
  constexpr std::array<std::string_view, 5> kNames = {"rtp", "rtcp", "stun", "dtls", "data"};
  return kNames[static_cast<std::size_t>(kind)];
}
constexpr std::string_view name(Direction direction) {
  constexpr std::array<std::string_view, 2> kNames = {"in", "out"};
  return kNames[static_cast<std::size_t>(direction)];
}

/// Packets and their bytes. For datagrams: UDP payload as on the wire; for relays: RTP bytes; for
/// data: bytes of the message.
struct TransitCount {
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;

  void add(std::size_t size) {
    ++packets;
    bytes += size;
  }
  TransitCount& operator+=(const TransitCount& other) {
    packets += other.packets;
    bytes += other.bytes;
    return *this;
  }
  friend bool operator==(const TransitCount&, const TransitCount&) = default;
};

/// Counts of one leg in both directions, by kind. Plain numbers: one thread.
class TransitCounts {
 public:
  [[nodiscard]] TransitCount& at(TransitKind kind, Direction direction) {
    return counts_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(direction)];
  }
  [[nodiscard]] const TransitCount& at(TransitKind kind, Direction direction) const {
    return counts_[static_cast<std::size_t>(kind)][static_cast<std::size_t>(direction)];
  }
  TransitCounts& operator+=(const TransitCounts& other) {
    for (std::size_t kind = 0; kind < counts_.size(); ++kind) {
      for (std::size_t direction = 0; direction < counts_[kind].size(); ++direction) {
        counts_[kind][direction] += other.counts_[kind][direction];
      }
    }
    return *this;
  }
  [[nodiscard]] bool empty() const { return *this == TransitCounts{}; }
  friend bool operator==(const TransitCounts&, const TransitCounts&) = default;

 private:
  std::array<std::array<TransitCount, static_cast<std::size_t>(Direction::kCount)>,
             static_cast<std::size_t>(TransitKind::kCount)>
      counts_{};
};

}  // namespace meridian::metrics
