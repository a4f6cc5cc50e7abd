#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/media_packet.hpp"

namespace meridian::forward {

/// The loudest publications of one room among those that this worker sees, by the levels in their
/// packets (RFC 6464), which end-to-end encryption leaves readable. Somebody loud takes a place
/// with the first packet; a place is kept through the pauses of speech.
class LoudestSounds {
 public:
  /// How fast somebody's loudness is forgotten: a pause of 300 ms costs 9 dB.
  static constexpr double kDecayPerSecond = 30;
  /// By how many dB somebody must be louder to take the place of another.
  static constexpr double kMargin = 6;
  static constexpr std::size_t kMaxPlaces = 64;

  /// `places`: 1 to kMaxPlaces.
  explicit LoudestSounds(std::size_t places);

  /// A packet of `publication` with its `level` in dB below full scale, 0 to 127. Whether the
  /// publication is among the loudest.
  bool observe(PublicationId publication, std::uint8_t level, Instant now);
  void remove(PublicationId publication);

 private:
  struct Place {
    PublicationId publication;
    double loudness = 0;  // dB above silence, at `since`
    Instant since;
    [[nodiscard]] double at(Instant now) const;
  };
  std::size_t places_;
  std::vector<Place> loudest_;  // as much room as there are places
};

/// Which packets of a publication's sound are sent on. Silence is sent as a publisher does with
/// discontinuous transmission: a little of it after speech, then now and then a packet. What is
/// sent comes in talkspurts (RFC 3551, section 4.1), between which subscribers miss nothing.
class Talkspurts {
 public:
  /// Of digital silence, the lowest level that RFC 6464 has.
  static constexpr std::uint8_t kSilence = 127;
  /// Silence that still belongs to what was said.
  static constexpr Duration kHangover = 200ms;
  /// Between packets of silence, as Opus has it (RFC 6716, section 2.1.9).
  static constexpr Duration kSilenceInterval = 400ms;
  /// Packets lost directly before a talkspurt that may still come, and be its beginning.
  static constexpr std::uint64_t kMaxMissing = 16;

  /// Why a packet isn't sent on.
  enum class Withheld : std::uint8_t { kSilence, kNotLoudest, kOutside };
  struct Verdict {
    /// The number of the first packet of the talkspurt, when the packet is sent on.
    std::optional<ExtendedSequence> talkspurt;
    Withheld reason = Withheld::kSilence;
  };
  /// `level`: nothing where the publisher says none, who is always sent on.
  [[nodiscard]] Verdict take(const MediaPacket& packet, std::optional<std::uint8_t> level,
                             bool is_loudest);

 private:
  [[nodiscard]] bool is_due(const MediaPacket& packet, bool is_silent, bool is_loudest);

  bool has_begun_ = false;
  std::uint32_t generation_ = 0;
  ExtendedSequence newest_;
  /// Of the newest packet, when that was sent on.
  std::optional<ExtendedSequence> talkspurt_;
  Instant silent_since_ = Instant::never();
  Instant last_sent_;
};

}  // namespace meridian::forward
