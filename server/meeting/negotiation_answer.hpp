#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "meeting/negotiation_offer.hpp"
#include "meeting/negotiator.hpp"
#include "sdp/codecs.hpp"

/// The pieces of an answer, each a function of the offered section and of what was decided.
namespace meridian::meeting {

/// The enabled codecs in the order in which the client is to prefer them: RED first where the
/// policy allows it, else left out.
[[nodiscard]] std::vector<sdp::OfferedCodec> codecs_to_receive(
    const std::vector<sdp::OfferedCodec>& offered, const std::vector<rtp::Codec>& enabled,
    const PublishPolicy& policy);
/// All codecs, since the source may change its own without a new offer; those of the source first,
/// and of H264 the profile that every decoder has. Where a source sends RED, loss is repaired by it
/// and NACK is left out.
[[nodiscard]] std::vector<sdp::OfferedCodec> codecs_to_send(std::vector<sdp::OfferedCodec> offered,
                                                            const std::vector<rtp::Codec>& source);
[[nodiscard]] std::vector<rtp::CodecBinding> bindings_of(
    const std::vector<sdp::OfferedCodec>& codecs);

/// Extensions that are offered and that Meridian can use, and their ids. The same for every use of
/// a section: an extension that Chromium offered and that an answer left out is missing from the
/// sections that it adds later, and there rid is needed for simulcast.
[[nodiscard]] rtp::ExtensionMap accepted_extensions(
    const sdp::MediaSection& offer, bool allows_mixed,
    PlayoutDelayUse playout_delay = PlayoutDelayUse::kNone);
/// Of these, the ones that packets to the client may carry.
[[nodiscard]] rtp::ExtensionMap extensions_to_send(const sdp::MediaSection& offer,
                                                   const rtp::ExtensionMap& accepted);

/// The section refused: port 0, no transport (RFC 8829 section 5.3.1).
[[nodiscard]] sdp::MediaSection rejected(const sdp::MediaSection& offer);
/// The section accepted, with what every section of this transport has.
[[nodiscard]] sdp::MediaSection accepted(const sdp::MediaSection& offer,
                                         const ice::Credentials& local,
                                         const dtls::Fingerprint& fingerprint);
void write_codecs(sdp::MediaSection& answer, const std::vector<sdp::OfferedCodec>& codecs);
/// The accepted ones of the offer's lines, with their direction seen from this side.
void write_extensions(sdp::MediaSection& answer, const sdp::MediaSection& offer,
                      const rtp::ExtensionMap& accepted);
/// Opus parameters that ask the client for DTX and stereo as the track wants them.
void write_publish_policy(sdp::MediaSection& answer, const std::vector<sdp::OfferedCodec>& codecs,
                          const PublishPolicy& policy);
void write_simulcast(sdp::MediaSection& answer, std::span<const rtp::Token> rids);
/// a=msid, a=ssrc and the RTX pairing of a track sent by this side.
void write_sender(sdp::MediaSection& answer, const SenderSpec& spec, const SendBinding& binding);
void write_data(sdp::MediaSection& answer);
/// All candidates and their end (RFC 8839 section 5.1).
void write_candidates(sdp::MediaSection& answer, const LocalDescription& local);
/// UDP host candidate: type preference 126, earlier addresses preferred (RFC 8445 section 5.1.2.1).
[[nodiscard]] std::uint32_t host_priority(std::size_t index);
/// The same for a passive TCP candidate: lower than any over UDP (RFC 6544 section 4.2).
[[nodiscard]] std::uint32_t tcp_priority(std::size_t index);

}  // namespace meridian::meeting
