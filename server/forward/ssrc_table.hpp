#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/rtp_types.hpp"

namespace meridian::forward {

/// What an SSRC of a transport is.
struct Source {
  std::uint8_t section = 0;  // index of the media section
  std::uint8_t layer = 0;
  bool is_retransmission = false;
  friend bool operator==(const Source&, const Source&) = default;
};

/// SSRC -> source of one transport. Fixed memory, no allocation; a hash table with linear probing,
/// at most half full. A source has one SSRC at a time: a new one takes the place of the old.
class SsrcTable {
 public:
  /// Room for 10 simulcast tracks of three layers with their retransmissions.
  static constexpr std::size_t kMaxSources = 64;

  [[nodiscard]] const Source* find(Ssrc ssrc) const;
  enum class Added : std::uint8_t { kNew, kKnown, kReplaced, kFull };
  Added add(Ssrc ssrc, Source source);
  /// Sections got new indices: `indices[old]` is the new one, nothing for a section that went,
  /// whose sources are forgotten.
  void renumber_sections(std::span<const std::optional<std::uint8_t>> indices);
  [[nodiscard]] std::optional<Ssrc> ssrc_of(Source source) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  static constexpr std::size_t kSlots = 128;
  static_assert(kSlots >= 2 * kMaxSources);
  struct Slot {
    Ssrc ssrc;
    Source source;
    bool is_used = false;
  };
  static std::size_t home(Ssrc ssrc) {
    return (ssrc.value() * 0x9e3779b1U) >> 25U;  // the top 7 bits: 0..127
  }
  void insert(Ssrc ssrc, Source source);
  template <class Keep>
  void rebuild(Keep keep);

  std::array<Slot, kSlots> slots_{};
  std::size_t size_ = 0;
};

}  // namespace meridian::forward
