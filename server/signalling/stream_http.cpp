#include "signalling/stream_http.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <boost/json.hpp>

#include "meeting/negotiation_offer.hpp"

namespace meridian::signalling {
namespace {

constexpr std::string_view kVersion = "/v1";

std::string lowered(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_space(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

/// The next line without its end; `text` is what follows it.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
}

bool is_sending(const sdp::MediaSection& media) {
  return !media.is_rejected() && sdp::sends(media.direction) &&
         (media.kind == sdp::Kind::kAudio || media.kind == sdp::Kind::kVideo);
}

livekit::TrackSource source_of(bool is_audio, bool is_first, bool is_screen) {
  if (!is_first) {
    return livekit::UNKNOWN;
  }
  if (is_screen) {
    return is_audio ? livekit::SCREEN_SHARE_AUDIO : livekit::SCREEN_SHARE;
  }
  return is_audio ? livekit::MICROPHONE : livekit::CAMERA;
}

/// Subscribers choose by quality; sizes are not known.
void add_layers(livekit::AddTrackRequest& track, std::size_t count) {
  static constexpr std::array kQualities = {livekit::LOW, livekit::MEDIUM, livekit::HIGH};
  for (std::size_t i = 0; i < std::min(count, kQualities.size()) && count > 1; ++i) {
    track.add_layers()->set_quality(kQualities.at(i));
  }
}

/// Whether a text can stand in a header: control characters would end it.
bool is_printable(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

/// Whether a URL can stand between the angle brackets of a link (RFC 8288 section 3).
bool is_link_target(std::string_view url) {
  return is_printable(url) && url.find_first_of("<> \"") == std::string_view::npos;
}

/// A quoted-string (RFC 9110 section 5.6.4).
std::string quoted_string(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      result += '\\';
    }
    result += c;
  }
  return result + '"';
}

}  // namespace

std::string_view name_of(StreamKind kind) {
  return kind == StreamKind::kIngest ? "whip" : "whep";
}

std::optional<StreamPath> parse_stream_path(std::string_view path) {
  for (const StreamKind kind : {StreamKind::kIngest, StreamKind::kPlayout}) {
    const std::string endpoint = "/" + std::string(name_of(kind)) + std::string(kVersion);
    if (path == endpoint) {
      return StreamPath{.kind = kind, .session = {}};
    }
    if (path.starts_with(endpoint + "/")) {
      const std::string_view session = path.substr(endpoint.size() + 1);
      if (!session.empty() && !session.contains('/')) {
        return StreamPath{.kind = kind, .session = std::string(session)};
      }
    }
  }
  return std::nullopt;
}

bool has_content_type(const HttpRequest& request, std::string_view type) {
  const std::string_view header = request.header("Content-Type");
  return lowered(trim(header.substr(0, header.find(';')))) == type;
}

Precondition check_precondition(const HttpRequest& request, std::string_view etag) {
  std::string_view list = trim(request.header("If-Match"));
  if (list.empty()) {
    return Precondition::kMissing;
  }
  if (list == "*") {
    return Precondition::kAny;
  }
  const std::string wanted = "\"" + std::string(etag) + "\"";
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (trim(list.substr(0, comma)) == wanted) {  // a weak tag (W/"…") never matches
      return Precondition::kHolds;
    }
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return Precondition::kFailed;
}

base::Expected<IceFragment, std::string> parse_fragment(std::string_view body) {
  static constexpr std::string_view kUfrag = "a=ice-ufrag:";
  static constexpr std::string_view kPassword = "a=ice-pwd:";
  IceFragment fragment;
  std::size_t lines = 0;
  while (!body.empty()) {
    const std::string_view line = take_line(body);
    if (line.empty() && body.empty()) {
      break;
    }
    if (++lines > kMaxFragmentLines) {
      return std::unexpected("the fragment has too many lines");
    }
    const bool is_line =
        line.size() > 2 && line[1] == '=' && line[0] >= 'a' && line[0] <= 'z' &&
        std::ranges::none_of(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
    if (!is_line) {
      return std::unexpected("the fragment has a line that isn't SDP");
    }
    // Every section of a bundle says the same; the first one counts.
    if (line.starts_with(kUfrag) && fragment.credentials.ufrag.empty()) {
      fragment.credentials.ufrag = line.substr(kUfrag.size());
    } else if (line.starts_with(kPassword) && fragment.credentials.password.empty()) {
      fragment.credentials.password = line.substr(kPassword.size());
    }
  }
  if (lines == 0) {
    return std::unexpected("the fragment is empty");
  }
  if (fragment.credentials.ufrag.empty() != fragment.credentials.password.empty()) {
    return std::unexpected("ice-ufrag and ice-pwd go together");
  }
  return fragment;
}

std::string with_credentials(std::string_view offer, const ice::Credentials& credentials) {
  std::string result;
  while (!offer.empty()) {
    const std::string_view line = take_line(offer);
    if (line.starts_with("a=ice-ufrag:")) {
      result += "a=ice-ufrag:" + credentials.ufrag;
    } else if (line.starts_with("a=ice-pwd:")) {
      result += "a=ice-pwd:" + credentials.password;
    } else {
      result += line;
    }
    result += "\r\n";
  }
  return result;
}

std::string restart_fragment(std::string_view answer) {
  std::string result;
  bool has_candidates = false;
  while (!answer.empty()) {
    const std::string_view line = take_line(answer);
    if (has_candidates && line.starts_with("m=")) {
      break;  // the first section that has candidates speaks for the whole bundle
    }
    has_candidates |= line.starts_with("a=candidate:");
    for (const std::string_view wanted :
         {"a=ice-lite", "a=group:BUNDLE",
          "m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"}) {
      if (line.starts_with(wanted)) {
        result += line;
        result += "\r\n";
        break;
      }
    }
  }
  return result;
}

std::vector<livekit::AddTrackRequest> tracks_of(const sdp::Session& offer, bool is_screen) {
  std::vector<livekit::AddTrackRequest> tracks;
  bool had_audio = false;
  bool had_video = false;
  for (const sdp::MediaSection& media : offer.media) {
    if (!is_sending(media)) {
      continue;
    }
    const bool is_audio = media.kind == sdp::Kind::kAudio;
    bool& had = is_audio ? had_audio : had_video;
    livekit::AddTrackRequest& track = tracks.emplace_back();
    // A name of ours: encoders may call all of their tracks the same.
    track.set_cid("section-" + std::to_string(tracks.size()));
    track.set_type(is_audio ? livekit::AUDIO : livekit::VIDEO);
    track.set_source(source_of(is_audio, !had, is_screen));
    if (!is_audio) {
      add_layers(track, meeting::offered_rids(media).size());
    }
    had = true;
  }
  return tracks;
}

Receivable receivable(const sdp::Session& offer) {
  Receivable result;
  for (const sdp::MediaSection& media : offer.media) {
    if (media.is_rejected() || !sdp::receives(media.direction)) {
      continue;
    }
    result.audios += media.kind == sdp::Kind::kAudio ? 1 : 0;
    result.videos += media.kind == sdp::Kind::kVideo ? 1 : 0;
  }
  return result;
}

HttpResponse stream_preflight() {
  HttpResponse response = preflight();
  response.with("Accept-Post", std::string(kSdpType))
      .with("Accept-Patch", std::string(kFragmentType));
  return response;
}

void add_ice_links(HttpResponse& response,
                   const google::protobuf::RepeatedPtrField<livekit::ICEServer>& servers) {
  for (const livekit::ICEServer& server : servers) {
    if (!is_printable(server.username()) || !is_printable(server.credential())) {
      continue;
    }
    std::string parameters = R"(; rel="ice-server")";
    if (!server.username().empty()) {
      parameters += "; username=" + quoted_string(server.username()) +
                    "; credential=" + quoted_string(server.credential()) +
                    R"(; credential-type="password")";
    }
    for (const std::string& url : server.urls()) {
      if (is_link_target(url)) {
        std::string link = "<";
        link.append(url).append(">").append(parameters);
        response.with("Link", std::move(link));
      }
    }
  }
}

HttpResponse stream_error(unsigned status, std::string_view error, std::string_view message) {
  return HttpResponse::json(
      status, boost::json::serialize(boost::json::object{{"error", error}, {"message", message}}));
}

}  // namespace meridian::signalling
