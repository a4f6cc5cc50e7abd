#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "base/expected.hpp"
#include "ice/credentials.hpp"
#include "sdp/session.hpp"
#include "signalling/http.hpp"
#include "wire/livekit_rtc.pb.h"
#include "wire/livekit_session.pb.h"

/// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep) as HTTP: what their requests and answers look
/// like. Pure.
namespace meridian::signalling {

enum class StreamKind : std::uint8_t {
  kIngest,   // WHIP: the client sends
  kPlayout,  // WHEP: the client gets
};
/// `whip` or `whep`, as in paths and metrics.
[[nodiscard]] std::string_view name_of(StreamKind kind);

/// `/whip/v1` and `/whep/v1`, and below them the sessions that they made.
struct StreamPath {
  StreamKind kind = StreamKind::kIngest;
  /// `PA_…` of the participant; empty for the endpoint itself.
  std::string session;
};
[[nodiscard]] std::optional<StreamPath> parse_stream_path(std::string_view path);

inline constexpr std::string_view kSdpType = "application/sdp";
inline constexpr std::string_view kFragmentType = "application/trickle-ice-sdpfrag";  // RFC 8840
/// Lines of one fragment; a real one has a line for each candidate.
inline constexpr std::size_t kMaxFragmentLines = 512;

/// Whether the request's body is of that type, parameters such as a character set left aside.
[[nodiscard]] bool has_content_type(const HttpRequest& request, std::string_view type);

/// How a condition of the request (RFC 9110 section 13.1.1) compares with the session as it is.
enum class Precondition : std::uint8_t { kMissing, kFailed, kHolds, kAny };
/// `etag` without quotes. kAny is `If-Match: *`.
[[nodiscard]] Precondition check_precondition(const HttpRequest& request, std::string_view etag);

/// What a client says with PATCH (RFC 9725 section 4.3). Its candidates are passed over: where it
/// is, its own checks tell.
struct IceFragment {
  /// Empty in a fragment that only trickles.
  ice::Credentials credentials;
};
/// The error is a sentence.
[[nodiscard]] base::Expected<IceFragment, std::string> parse_fragment(std::string_view body);

/// The offer as it would be after an ICE restart to these credentials.
[[nodiscard]] std::string with_credentials(std::string_view offer,
                                           const ice::Credentials& credentials);
/// What a client has to learn after an ICE restart: the transport's lines of our answer.
[[nodiscard]] std::string restart_fragment(std::string_view answer);

/// The tracks that an offer sends, as a client with signalling would announce them: the first
/// picture is a camera's and the first sound a microphone's, or those of a shared screen, and what
/// comes after them is of unknown source. In the order of the sections.
[[nodiscard]] std::vector<livekit::AddTrackRequest> tracks_of(const sdp::Session& offer,
                                                              bool is_screen);

/// How many tracks of each kind an offer can receive.
struct Receivable {
  std::size_t audios = 0;
  std::size_t videos = 0;
};
[[nodiscard]] Receivable receivable(const sdp::Session& offer);

/// The answer to OPTIONS on a stream's path: what may be asked, and that any web page may.
[[nodiscard]] HttpResponse stream_preflight();
/// Adds one `Link` header for each URL of these servers (RFC 9725 section 4.6), with the
/// credentials that they want. Servers whose texts can't stand in a header are left out.
void add_ice_links(HttpResponse& response,
                   const google::protobuf::RepeatedPtrField<livekit::ICEServer>& servers);
/// JSON {error, message} as an answer.
[[nodiscard]] HttpResponse stream_error(unsigned status, std::string_view error,
                                        std::string_view message);

}  // namespace meridian::signalling
