#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "forward/commands.hpp"
#include "forward/media_packet.hpp"

namespace meridian::forward {

/// What the publication's layers look like at the moment.
struct LayerView {
  /// Simulcast layers that are negotiated; 1 for audio, plain video and SVC.
  std::uint8_t count = 1;
  /// Bit i: packets of layer i are coming.
  std::uint8_t live = 0;
};

enum class Verdict : std::uint8_t {
  kIgnore,   // not of the stream that this subscriber gets
  kDrop,     // of that stream, but of a temporal or spatial layer that is left out
  kForward,  // send it
  kSwitch,   // send it; the stream begins here, or goes on with another layer or generation, or
             // with fewer spatial layers that only a key frame leads to
};

/// Decides for one subscription which packets it gets: one simulcast layer, or the spatial layers
/// of an SVC stream up to a limit, and the temporal layers up to a limit. Goes to another simulcast
/// layer, and to a higher spatial one, only where a key frame begins, and keeps what it has until
/// then. Pure state machine, no clock.
class LayerSelector {
 public:
  void set_target(const LayerTarget& target);
  [[nodiscard]] const LayerTarget& target() const { return target_; }

  [[nodiscard]] Verdict decide(std::uint8_t layer, const MediaPacket& packet,
                               const LayerView& view);
  /// Packets are being missed: nothing is forwarded before the next key frame.
  void lose_stream();
  /// Whether the packet is of the stream that is being forwarded.
  [[nodiscard]] bool is_current(std::uint8_t layer, const MediaPacket& packet) const {
    return current_ == layer && generation_ == packet.generation;
  }

  /// After kForward or kSwitch: whether this packet is the last of the picture for this subscriber,
  /// since the spatial layers above it are left out.
  [[nodiscard]] bool ends_picture(const MediaPacket& packet, const LayerView& view) const {
    return view.count <= 1 && packet.ends_frame &&
           packet.spatial == limits_of(packet.sequence).spatial;
  }

  /// The layer whose key frame is waited for; nothing when all is as wanted.
  [[nodiscard]] std::optional<std::uint8_t> awaits_key_frame(const LayerView& view) const;
  /// The simulcast layer being forwarded.
  [[nodiscard]] std::optional<std::uint8_t> current() const { return current_; }

 private:
  /// Highest layers that are forwarded.
  struct Limits {
    std::uint8_t spatial = 0;
    std::uint8_t temporal = 0;
    friend bool operator==(const Limits&, const Limits&) = default;
  };
  /// The limits were others before the frame that begins at `from`.
  struct Change {
    ExtendedSequence from;
    Limits before;
  };
  /// Changes that packets still under way can be from before.
  static constexpr std::size_t kChanges = 4;

  [[nodiscard]] Limits limits_of(ExtendedSequence sequence) const;
  [[nodiscard]] Limits next_limits(const MediaPacket& packet) const;
  [[nodiscard]] bool is_left_out(const MediaPacket& packet, const LayerView& view);
  [[nodiscard]] std::uint8_t desired(const LayerView& view) const;
  void begin(std::uint8_t layer, const MediaPacket& packet);
  /// Whether the stream goes on with fewer spatial layers from a key frame on.
  [[nodiscard]] bool adjust_limits(const MediaPacket& packet);

  LayerTarget target_;
  std::optional<std::uint8_t> current_;
  std::uint32_t generation_ = 0;
  Limits limits_;
  ExtendedSequence newest_;
  std::array<Change, kChanges> changes_{};  // the last `change_count_` % kChanges first
  std::size_t change_count_ = 0;
  std::uint8_t highest_spatial_seen_ = 0;
  /// Where the stream was when it was lost: a key frame from before that is no beginning, but came
  /// twice.
  struct Lost {
    std::uint8_t layer = 0;
    std::uint32_t generation = 0;
    ExtendedSequence newest;
  };
  std::optional<Lost> lost_;
  /// Frames of lower spatial layers were left out since the last key frame, so that only the next
  /// one leads down.
  bool has_left_lower_out_ = false;
};

}  // namespace meridian::forward
