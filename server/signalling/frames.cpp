#include "signalling/frames.hpp"

#include <string>

#include <google/protobuf/util/json_util.h>

#include "base/check.hpp"

namespace meridian::signalling {
namespace {

bool decode_json(Bytes message, livekit::SignalRequest& request) {
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const std::string_view text = as_text(message);
  return google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &request, options)
      .ok();
}

}  // namespace

base::Expected<livekit::SignalRequest, FrameError> decode_request(Bytes message, FrameKind kind) {
  if (message.size() > kMaxSignalMessage) {
    return std::unexpected(FrameError::kTooLarge);
  }
  livekit::SignalRequest request;
  const bool decoded =
      kind == FrameKind::kBinary
          ? request.ParseFromArray(message.data(), static_cast<int>(message.size()))
          : decode_json(message, request);
  if (!decoded) {
    return std::unexpected(FrameError::kMalformed);
  }
  if (request.message_case() == livekit::SignalRequest::MESSAGE_NOT_SET) {
    return std::unexpected(FrameError::kEmpty);
  }
  return request;
}

std::vector<std::uint8_t> encode_response(const livekit::SignalResponse& response, FrameKind kind) {
  if (kind == FrameKind::kBinary) {
    std::vector<std::uint8_t> bytes(response.ByteSizeLong());
    MERIDIAN_CHECK(response.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())));
    return bytes;
  }
  std::string json;
  MERIDIAN_CHECK(google::protobuf::util::MessageToJsonString(response, &json).ok());
  return {json.begin(), json.end()};
}

}  // namespace meridian::signalling
