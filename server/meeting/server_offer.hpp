#pragma once

#include <vector>

#include "meeting/negotiator.hpp"
#include "sdp/codecs.hpp"
#include "sdp/session.hpp"

/// The pieces of an offer to a client's subscriber connection. Pure.
namespace meridian::meeting {

/// Everything that can be forwarded, under the payload types of livekit-server; RED only where the
/// client takes it. Of H264 the profiles that every decoder has, in packetization mode 1.
[[nodiscard]] std::vector<sdp::OfferedCodec> offerable_codecs(rtp::MediaKind kind, bool takes_red);

/// A section with what every section of this transport has; the client is to be the DTLS client.
[[nodiscard]] sdp::MediaSection offered_section(const rtp::Token& mid, sdp::Kind kind,
                                                const ice::Credentials& local,
                                                const dtls::Fingerprint& fingerprint);
/// Header extensions of packets to the client. No mid: every SSRC is signalled.
void write_offered_extensions(sdp::MediaSection& offer, rtp::MediaKind kind,
                              PlayoutDelayUse playout_delay = PlayoutDelayUse::kNone);

/// The codecs of an answered section that were offered in it.
[[nodiscard]] std::vector<sdp::OfferedCodec> answered_codecs(const sdp::MediaSection& answer,
                                                             rtp::MediaKind kind, bool takes_red);

}  // namespace meridian::meeting
