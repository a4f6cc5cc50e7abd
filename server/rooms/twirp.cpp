#include "rooms/twirp.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include <boost/json.hpp>
#include <google/protobuf/util/json_util.h>

#include "base/check.hpp"

namespace meridian::rooms {
namespace {

using signalling::HttpRequest;
using signalling::HttpResponse;

constexpr std::string_view kPrefix = "/twirp/";
constexpr std::string_view kPackage = "livekit.";

struct Named {
  std::string_view name;
  unsigned status;
};
/// In the order of TwirpCode.
constexpr std::array<Named, 14> kCodes{{{"unknown", 500},
                                        {"invalid_argument", 400},
                                        {"malformed", 400},
                                        {"deadline_exceeded", 408},
                                        {"not_found", 404},
                                        {"bad_route", 404},
                                        {"already_exists", 409},
                                        {"permission_denied", 403},
                                        {"unauthenticated", 401},
                                        {"resource_exhausted", 429},
                                        {"failed_precondition", 412},
                                        {"unimplemented", 501},
                                        {"internal", 500},
                                        {"unavailable", 503}}};

std::unexpected<TwirpError> bad_route(std::string text) {
  return std::unexpected(TwirpError{TwirpCode::kBadRoute, std::move(text)});
}

/// `application/json` of `Application/JSON; charset=utf-8`.
std::string media_type(std::string_view header) {
  std::string type(header.substr(0, header.find(';')));
  while (!type.empty() && type.back() == ' ') {
    type.pop_back();
  }
  std::ranges::transform(type, type.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return type;
}

boost::json::string_view view(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

std::string_view name_of(TwirpCode code) {
  return kCodes.at(static_cast<std::size_t>(code)).name;
}

unsigned http_status(TwirpCode code) {
  return kCodes.at(static_cast<std::size_t>(code)).status;
}

bool is_twirp_path(std::string_view path) {
  return path.starts_with(kPrefix);
}

TwirpResult<TwirpCall> read_call(const HttpRequest& request) {
  if (request.method != "POST") {
    return bad_route("calls are POST requests");
  }
  std::string_view name = request.path().substr(kPrefix.size());
  const std::size_t slash = name.find('/');
  if (!name.starts_with(kPackage) || slash == std::string_view::npos) {
    return bad_route("no such service");
  }
  TwirpCall call;
  call.service = name.substr(kPackage.size(), slash - kPackage.size());
  call.method = name.substr(slash + 1);
  const std::string type = media_type(request.header("Content-Type"));
  if (type == "application/protobuf") {
    call.encoding = TwirpEncoding::kProtobuf;
  } else if (type != "application/json") {
    return bad_route("the content type must be application/json or application/protobuf");
  }
  return call;
}

TwirpResult<void> decode(std::string_view body, TwirpEncoding encoding,
                         google::protobuf::Message& message) {
  bool is_read = false;
  if (encoding == TwirpEncoding::kProtobuf) {
    is_read = message.ParseFromArray(body.data(), static_cast<int>(body.size()));
  } else {
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    is_read =
        google::protobuf::util::JsonStringToMessage({body.data(), body.size()}, &message, options)
            .ok();
  }
  if (!is_read) {
    return std::unexpected(TwirpError{TwirpCode::kMalformed, "the request can't be decoded"});
  }
  return {};
}

HttpResponse make_response(const google::protobuf::Message& message, TwirpEncoding encoding) {
  if (encoding == TwirpEncoding::kProtobuf) {
    return {200, {{"Content-Type", "application/protobuf"}}, message.SerializeAsString()};
  }
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  options.preserve_proto_field_names = true;
  std::string json;
  MERIDIAN_CHECK(google::protobuf::util::MessageToJsonString(message, &json, options).ok());
  return HttpResponse::json(200, std::move(json));
}

HttpResponse make_response(const TwirpError& error) {
  boost::json::object body;
  body["code"] = view(name_of(error.code));
  body["msg"] = error.message;
  if (!error.meta.empty()) {
    boost::json::object meta;
    for (const auto& [name, value] : error.meta) {
      meta[name] = value;
    }
    body["meta"] = std::move(meta);
  }
  return HttpResponse::json(http_status(error.code), boost::json::serialize(body));
}

}  // namespace meridian::rooms
