#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/allocator.hpp"
#include "forward/media_packet.hpp"

namespace meridian::forward {

/// What the layers of a video track cost, measured from what its publisher sends, or told by the
/// other end of a relay. Fixed memory.
class LayerRates {
 public:
  static constexpr std::size_t kSpatial = 4;
  static constexpr std::size_t kTemporal = 4;
  /// Of one layer by itself, bit/s: what it adds to the ones below it in time (and, without
  /// simulcast, in space).
  using Table = std::array<std::array<std::uint32_t, kTemporal>, kSpatial>;

  /// Long enough that a key frame weighs as much as it does on average.
  static constexpr Duration kInterval = 500ms;
  static constexpr double kSmoothing = 0.25;
  /// What has come for a shorter time says nothing yet.
  static constexpr Duration kShortest = 250ms;
  /// A layer that was never seen is taken for so much, and each above it for so many times as much.
  static constexpr Bitrate kAssumedLowest = Bitrate(150'000);
  static constexpr std::uint64_t kAssumedRatio = 3;
  /// Frames further apart are of two streams.
  static constexpr Duration kLongest = 3s;
  /// Beside its payload: RTP header, extensions and the tag.
  static constexpr std::size_t kPacketOverhead = 40;

  /// A packet of the publisher, of simulcast layer `layer`, or of the spatial layer of a single
  /// stream. There all layers below count, also where only key frames need them (K-SVC): with a key
  /// frame they are sent, and a step to another size takes one.
  void on_packet(std::uint8_t layer, std::uint8_t temporal, std::size_t bytes, Instant arrival);
  /// Looks at what came since the last call; to be called each kInterval or so.
  void update(Instant now);
  [[nodiscard]] const Table& table() const { return rates_; }
  /// In place of measuring.
  void set_table(const Table& rates) { rates_ = rates; }

  /// The ladder of `count` simulcast layers, or, with 1, of the spatial layers of one stream. Bit i
  /// of `available`: layer i can be had; without any, all are taken as being on their way.
  [[nodiscard]] Ladder ladder(std::uint8_t count, std::uint8_t available) const;

 private:
  [[nodiscard]] Ladder simulcast_ladder(std::uint8_t count, std::uint8_t available) const;
  [[nodiscard]] Ladder single_ladder() const;
  /// Rungs of one row, from the temporal layer `first` on.
  static void add_row(Ladder& ladder, std::uint8_t spatial,
                      const std::array<std::uint64_t, kTemporal>& each, std::uint8_t first);

  struct Window {
    std::array<std::uint32_t, kTemporal> bytes{};  // since `began`
    Instant began = Instant::never();
    std::uint32_t updates = 0;
  };

  std::array<Window, kSpatial> windows_{};
  Table rates_{};
};

}  // namespace meridian::forward
