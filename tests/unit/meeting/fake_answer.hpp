#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

#include "sdp/session.hpp"

namespace meridian::meeting {

/// What a browser answers to an offer of this side on its subscriber connection. `change` sees each
/// section before it is written.
inline std::string fake_answer(std::string_view offer, const std::string& ufrag = "clnt",
                               const std::function<void(sdp::MediaSection&)>& change = {}) {
  sdp::Session session = sdp::parse(offer).value();
  session.ice_lite = false;
  session.id = 77;
  for (sdp::MediaSection& media : session.media) {
    media.transport.ice_ufrag = ufrag;
    media.transport.ice_pwd = "0123456789012345678901";
    media.transport.fingerprints = {
        "sha-256 9C:55:BE:0A:3C:33:70:55:96:A8:80:75:B1:D9:84:87:94:E2:CC:27:E1:FC:B9:8F:AC:B4:70:"
        "0C:2F:8C:D8:27"};
    media.transport.setup = sdp::Setup::kActive;
    media.direction = sdp::reversed(media.direction);
    media.candidates.clear();
    media.ssrcs.clear();
    media.ssrc_groups.clear();
    media.msids.clear();
    if (change) {
      change(media);
    }
  }
  std::erase_if(session.bundles.front(), [&](const std::string& mid) {
    return std::ranges::any_of(session.media, [&](const sdp::MediaSection& media) {
      return media.mid == mid && media.is_rejected();
    });
  });
  return session.to_string();
}

}  // namespace meridian::meeting
