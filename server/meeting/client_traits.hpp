#pragma once

#include <vector>

#include "base/time.hpp"
#include "rtp/media.hpp"
#include "wire/livekit_models.pb.h"

/// In what clients differ from each other beyond what they say of themselves. Pure.
namespace meridian::meeting {

/// Whether Opus may be sent to it as RED; it is never asked to send RED either.
[[nodiscard]] bool plays_red(const livekit::ClientInfo& client);
/// Whether a media section whose track is gone may carry another one.
[[nodiscard]] bool reuses_sections(const livekit::ClientInfo& client);
/// How long the answer to an offer in its join waits: the Go SDK (v2.19) reads answers before it
/// has set its own description, and then never connects.
[[nodiscard]] Duration first_answer_delay(const livekit::ClientInfo& client);
/// What it is told about itself; the same rules as livekit-server's.
[[nodiscard]] livekit::ClientConfiguration client_configuration(const livekit::ClientInfo& client);
/// Of these codecs, the ones that it may publish.
[[nodiscard]] std::vector<rtp::Codec> without_disabled(std::vector<rtp::Codec> codecs,
                                                       const livekit::ClientInfo& client);

}  // namespace meridian::meeting
