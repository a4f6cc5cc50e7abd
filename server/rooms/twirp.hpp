#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <google/protobuf/message.h>

#include "base/expected.hpp"
#include "signalling/http.hpp"

/// The transport of LiveKit's server API: Twirp v7 (twitchtv.github.io/twirp/docs/spec_v7.html),
/// which is POST with one message in and one out, in protobuf or protobuf's JSON. Pure functions.
namespace meridian::rooms {

/// The codes that clients of Twirp know.
enum class TwirpCode : std::uint8_t {
  kUnknown,
  kInvalidArgument,
  kMalformed,
  kDeadlineExceeded,
  kNotFound,
  kBadRoute,
  kAlreadyExists,
  kPermissionDenied,
  kUnauthenticated,
  kResourceExhausted,
  kFailedPrecondition,
  kUnimplemented,
  kInternal,
  kUnavailable,
};
/// `invalid_argument` and so on.
[[nodiscard]] std::string_view name_of(TwirpCode code);
[[nodiscard]] unsigned http_status(TwirpCode code);

struct TwirpError {
  TwirpCode code = TwirpCode::kInternal;
  std::string message;
  std::map<std::string, std::string> meta = {};
};
template <class T>
using TwirpResult = base::Expected<T, TwirpError>;

enum class TwirpEncoding : std::uint8_t { kJson, kProtobuf };

/// A call, taken from a request's method, path and content type.
struct TwirpCall {
  /// Without the package: `RoomService`.
  std::string_view service;
  std::string_view method;
  TwirpEncoding encoding = TwirpEncoding::kJson;
};

/// Whether the path is one of the server API's.
[[nodiscard]] bool is_twirp_path(std::string_view path);
/// Views into `request`. Error: bad_route.
[[nodiscard]] TwirpResult<TwirpCall> read_call(const signalling::HttpRequest& request);

/// Fills `message` from a body. JSON takes both spellings of names and ignores unknown ones. Error:
/// malformed.
[[nodiscard]] TwirpResult<void> decode(std::string_view body, TwirpEncoding encoding,
                                       google::protobuf::Message& message);

/// 200 in the encoding of the call. JSON as livekit-server makes it: names as in the .proto, values
/// that are the default too, 64-bit numbers as strings.
[[nodiscard]] signalling::HttpResponse make_response(const google::protobuf::Message& message,
                                                     TwirpEncoding encoding);
/// JSON {code, msg, meta}, whatever the encoding of the call.
[[nodiscard]] signalling::HttpResponse make_response(const TwirpError& error);

}  // namespace meridian::rooms
