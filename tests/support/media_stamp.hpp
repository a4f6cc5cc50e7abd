#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/time.hpp"

namespace meridian::test {

/// What synthetic media carries in its payload, so that whoever receives a packet knows where it is
/// from, what belongs to its frame, how old it is, and that not a byte was changed.
struct MediaStamp {
  static constexpr std::size_t kSize = 32;

  /// A track of a publisher; its owner chooses the number.
  std::uint32_t source = 0;
  /// Counts the frames of one layer, from 0.
  std::uint32_t frame = 0;
  std::uint16_t packet = 0;   // of this frame
  std::uint16_t packets = 1;  // in this frame
  std::uint8_t layer = 0;
  std::uint8_t temporal = 0;  // temporal layer of the frame
  bool is_key = false;
  bool is_silent = false;  // sound of nobody: a server need not send it on
  Instant sent;

  friend bool operator==(const MediaStamp&, const MediaStamp&) = default;
};

/// Hidden: each byte is another than plain, as under end-to-end encryption.
enum class StampForm : std::uint8_t { kPlain, kHidden };

/// Fills `out`, at least MediaStamp::kSize bytes: the stamp, bytes that look like media, and a
/// digest of it all.
void write_stamp(const MediaStamp& stamp, MutableBytes out, StampForm form = StampForm::kPlain);
/// Of either form. Nothing when the digest isn't that of the bytes.
[[nodiscard]] std::optional<MediaStamp> read_stamp(Bytes bytes);

}  // namespace meridian::test
