#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "meeting/negotiator.hpp"

/// What must hold of a client's description before anything is made of it.
namespace meridian::meeting {

/// A parsed offer or answer whose transport, BUNDLE group and mids are sound.
struct CheckedDescription {
  sdp::Session session;
  /// One for each section; empty only for a rejected section that has none.
  std::vector<rtp::Token> mids;
  /// Whether the section is offered as usable: not rejected, and of a kind that is answered.
  std::vector<bool> is_live;
  ice::Credentials credentials;
  dtls::Fingerprint fingerprint;
  std::optional<DataSection> data;
  /// Whether header extensions with ids above 14 may be used (RFC 8285 section 6).
  bool allows_mixed_extensions = false;
};

enum class DescriptionType : std::uint8_t { kOffer, kAnswer };
/// Of an answer, `a=setup` is not looked at: our offer left no choice, and pion answers `passive`
/// to every ICE-lite offer while it is the DTLS client all the same.
[[nodiscard]] base::Expected<CheckedDescription, NegotiationError> check_description(
    std::string_view text, DescriptionType type = DescriptionType::kOffer);

/// Simulcast rids that the client sends, as the offer orders them; at most kMaxSimulcastLayers.
[[nodiscard]] std::vector<rtp::Token> offered_rids(const sdp::MediaSection& media);
/// The same, lowest layer first: by the names q h f and 2 1 0 where used, else as offered, since
/// the order of a=simulcast is that of the layers (wire convention of LiveKit clients).
[[nodiscard]] std::vector<rtp::Token> lowest_first(std::vector<rtp::Token> rids);
/// Primary SSRCs with their RTX, from a=ssrc and a=ssrc-group; at most kMaxSignalledSources.
[[nodiscard]] std::vector<rtp::SignalledSource> signalled_sources(const sdp::MediaSection& media);
/// a=msid of the section, else of its first a=ssrc that has one; parts may be empty.
[[nodiscard]] sdp::Msid offered_msid(const sdp::MediaSection& media);
/// Whether the client would rather get Opus in two channels (RFC 7587 section 6.1, `stereo`).
[[nodiscard]] bool offers_stereo(const sdp::MediaSection& media);

}  // namespace meridian::meeting
