#include "signalling/join_request.hpp"

#include <array>
#include <cstdint>

#include <zlib.h>

namespace meridian::signalling {
namespace {

/// By character: its six bits, or -1. Both alphabets of RFC 4648, sections 4 and 5.
constexpr auto kBase64Values = [] {
  std::array<std::int16_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::int16_t>(i);
  }
  values['-'] = 62;
  values['_'] = 63;
  return values;
}();

/// Ends the stream on every way out.
class Inflater {
 public:
  Inflater() { ready_ = inflateInit2(&stream_, 16 + MAX_WBITS) == Z_OK; }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready_) {
      inflateEnd(&stream_);
    }
  }
  [[nodiscard]] bool ready() const { return ready_; }
  z_stream& stream() { return stream_; }

 private:
  z_stream stream_{};
  bool ready_ = false;
};

}  // namespace

std::string_view describe(JoinRequestError error) {
  switch (error) {
    case JoinRequestError::kMissing:
      return "join_request is required";
    case JoinRequestError::kTooLarge:
      return "join request too large";
    case JoinRequestError::kNotBase64:
      return "cannot base64 decode wrapped join request";
    case JoinRequestError::kNotProtobuf:
      return "cannot unmarshal join request";
    case JoinRequestError::kNotGzip:
      return "cannot read decompressed join request";
    case JoinRequestError::kUnknownCompression:
      return "unknown compression of join request";
  }
  return "invalid join request";
}

base::Expected<std::string, JoinRequestError> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=') {
    text.remove_suffix(1);
  }
  std::string out(text.size() / 4 * 3 + 2, '\0');
  std::size_t size = 0;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const int value = kBase64Values[static_cast<std::uint8_t>(c)];
    if (value < 0) {
      return std::unexpected(JoinRequestError::kNotBase64);
    }
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      out[size++] = static_cast<char>((bits >> count) & 0xffU);
    }
  }
  if (count >= 6) {  // one character alone holds no byte
    return std::unexpected(JoinRequestError::kNotBase64);
  }
  out.resize(size);
  return out;
}

base::Expected<std::string, JoinRequestError> inflate_gzip(std::string_view data,
                                                           std::size_t limit) {
  Inflater inflater;
  if (!inflater.ready()) {
    return std::unexpected(JoinRequestError::kNotGzip);
  }
  std::string input(data);  // zlib's input pointer isn't const
  z_stream& stream = inflater.stream();
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  std::string out;
  std::array<char, 16 * 1024> chunk;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    const std::size_t produced = chunk.size() - stream.avail_out;
    if ((status != Z_OK && status != Z_STREAM_END) || (status == Z_OK && produced == 0)) {
      return std::unexpected(JoinRequestError::kNotGzip);
    }
    if (out.size() + produced > limit) {
      return std::unexpected(JoinRequestError::kTooLarge);
    }
    out.append(chunk.data(), produced);
  }
  return out;
}

base::Expected<livekit::JoinRequest, JoinRequestError> decode_join_request(
    std::string_view parameter) {
  if (parameter.empty()) {
    return std::unexpected(JoinRequestError::kMissing);
  }
  if (parameter.size() > kMaxJoinRequest) {
    return std::unexpected(JoinRequestError::kTooLarge);
  }
  const auto raw = decode_base64(parameter);
  if (!raw) {
    return std::unexpected(raw.error());
  }
  livekit::WrappedJoinRequest wrapped;
  if (!wrapped.ParseFromString(*raw)) {
    return std::unexpected(JoinRequestError::kNotProtobuf);
  }
  std::string content;
  switch (wrapped.compression()) {
    case livekit::WrappedJoinRequest::NONE:
      content = wrapped.join_request();
      break;
    case livekit::WrappedJoinRequest::GZIP: {
      auto inflated = inflate_gzip(wrapped.join_request(), kMaxJoinRequest);
      if (!inflated) {
        return std::unexpected(inflated.error());
      }
      content = std::move(*inflated);
      break;
    }
    default:
      return std::unexpected(JoinRequestError::kUnknownCompression);
  }
  livekit::JoinRequest request;
  if (!request.ParseFromString(content)) {
    return std::unexpected(JoinRequestError::kNotProtobuf);
  }
  return request;
}

}  // namespace meridian::signalling
