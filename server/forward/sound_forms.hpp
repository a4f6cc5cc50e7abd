#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hpp"
#include "base/rtp_types.hpp"
#include "forward/history.hpp"
#include "forward/media_packet.hpp"

namespace meridian::forward {

/// The packets of one batch in the forms in which subscribers take Opus: without the redundancy
/// that a publisher sent (RFC 2198), or with redundancy that it didn't. Each form is made once, for
/// the first subscriber that needs it, and shared by all. Never to be asked about packets that are
/// encrypted end to end, in which blocks can't be told apart. One a worker; about 40 KiB.
class SoundForms {
 public:
  /// Packets of a batch; of more than that no form is made.
  static constexpr std::size_t kPackets = 32;
  /// Frames of before that a packet carries once more: as a rule, and where very much is lost.
  static constexpr std::size_t kRedundantFrames = 2;
  static constexpr std::size_t kMostRedundantFrames = 3;
  /// Of the payload with all its blocks, so that the packet passes every way.
  static constexpr std::size_t kMaxPayload = 1100;

  SoundForms();

  /// Another batch: what was given out before is gone.
  void clear() { count_ = 0; }

  /// The current audio of a packet of kRed; a view into its payload. Empty: it can't be read.
  [[nodiscard]] Bytes plain(const MediaPacket& packet);
  /// A packet of either codec as the payload of kRed, with the `frames` (at most
  /// kMostRedundantFrames) before it that `history` has of its stream, as many as fit. Payload
  /// types of the blocks are 0. Empty: it is too large, or can't be read.
  [[nodiscard]] Bytes redundant(const MediaPacket& packet, const History& history,
                                std::size_t frames);

 private:
  struct Form {
    const MediaPacket* packet = nullptr;
    std::size_t frames = 0;  // of before; 0: plain
    Bytes payload;
  };
  [[nodiscard]] Form* find(const MediaPacket& packet, std::size_t frames);
  [[nodiscard]] Form* add(const MediaPacket& packet, std::size_t frames);

  std::array<Form, kPackets> forms_{};
  std::size_t count_ = 0;
  std::unique_ptr<std::uint8_t[]> memory_;  // kMaxPayload for each form
};

/// The frame in a packet of either codec; empty when there is none.
[[nodiscard]] Bytes sound_frame(const MediaPacket& packet);

}  // namespace meridian::forward
