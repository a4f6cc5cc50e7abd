#include "meeting/client_traits.hpp"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <tuple>

#include "sdp/codecs.hpp"
#include "sdp/text.hpp"

namespace meridian::meeting {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

bool is_browser(const livekit::ClientInfo& client, std::string_view name) {
  return equals_ignoring_case(client.browser(), name);
}

/// Major and minor number; what isn't a number counts as 0.
std::pair<unsigned, unsigned> version_of(std::string_view text) {
  const unsigned major = sdp::number<unsigned>(sdp::take(text, '.')).value_or(0);
  return {major, sdp::number<unsigned>(sdp::take(text, '.')).value_or(0)};
}

}  // namespace

bool plays_red(const livekit::ClientInfo& client) {
  return !is_browser(client, "Firefox") && !is_browser(client, "Safari");
}

bool reuses_sections(const livekit::ClientInfo& client) {
  return !is_browser(client, "Safari");
}

Duration first_answer_delay(const livekit::ClientInfo& client) {
  return client.sdk() == livekit::ClientInfo::GO ? Duration(50ms) : Duration::zero();
}

livekit::ClientConfiguration client_configuration(const livekit::ClientInfo& client) {
  livekit::ClientConfiguration configuration;
  livekit::DisabledCodecs& disabled = *configuration.mutable_disabled_codecs();
  if (is_browser(client, "Safari")) {
    disabled.add_codecs()->set_mime("video/AV1");
    if (version_of(client.browser_version()) > std::pair(18U, 3U)) {
      disabled.add_publish()->set_mime("video/VP9");
    }
  }
  const bool has_no_h264 =
      equals_ignoring_case(client.os(), "Linux") || equals_ignoring_case(client.os(), "Android");
  if (is_browser(client, "Firefox") && has_no_h264) {
    disabled.add_publish()->set_mime("video/H264");
  }
  if (disabled.codecs().empty() && disabled.publish().empty()) {
    configuration.clear_disabled_codecs();
  }
  return configuration;
}

std::vector<rtp::Codec> without_disabled(std::vector<rtp::Codec> codecs,
                                         const livekit::ClientInfo& client) {
  const livekit::DisabledCodecs disabled = client_configuration(client).disabled_codecs();
  const auto names = [](const auto& list, rtp::Codec codec) {
    return std::ranges::any_of(list, [codec](const livekit::Codec& entry) {
      return sdp::codec_from_mime_type(entry.mime()) == codec;
    });
  };
  std::erase_if(codecs, [&](rtp::Codec codec) {
    return names(disabled.codecs(), codec) || names(disabled.publish(), codec) ||
           (codec == rtp::Codec::kRed && !plays_red(client));
  });
  return codecs;
}

}  // namespace meridian::meeting
