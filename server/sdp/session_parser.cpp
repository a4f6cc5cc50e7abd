#include <algorithm>
#include <utility>

#include "sdp/attributes.hpp"
#include "sdp/session.hpp"
#include "sdp/text.hpp"

namespace meridian::sdp {
namespace {

class Parser {
 public:
  base::Expected<Session, SdpError> parse(std::string_view text) {
    if (text.size() > kMaxSize) {
      return std::unexpected(SdpError::kTooLarge);
    }
    bool is_first = true;
    while (!text.empty()) {
      std::string_view line = take(text, '\n');
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      if (auto error = is_first ? read_version(line) : read_line(line, text.empty())) {
        return std::unexpected(*error);
      }
      is_first = false;
    }
    if (is_first) {
      return std::unexpected(SdpError::kMissingVersion);
    }
    return std::move(session_);
  }

 private:
  using Result = std::optional<SdpError>;

  static Result read_version(std::string_view line) {
    return line == "v=0" ? Result{} : SdpError::kMissingVersion;
  }

  Result read_line(std::string_view line, bool is_last) {
    if (line.size() > kMaxLineSize) {
      return SdpError::kLineTooLong;
    }
    for (const char c : line) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
        return SdpError::kForbiddenByte;
      }
    }
    if (line.empty() && is_last) {
      return {};
    }
    if (line.size() < 2 || line[1] != '=') {
      return SdpError::kMalformedLine;
    }
    const std::string_view value = line.substr(2);
    switch (line[0]) {
      case 'o':
        return read_origin(value);
      case 'm':
        return read_media(value);
      case 'a':
        return read_attribute(value);
      default:
        return {};
    }
  }

  Result read_origin(std::string_view value) {
    take_word(value);
    const auto id = number<std::uint64_t>(take_word(value));
    const auto version = number<std::uint64_t>(take_word(value));
    if (!id || !version) {
      return SdpError::kMalformedLine;
    }
    session_.id = *id;
    session_.version = *version;
    return {};
  }

  Result read_media(std::string_view value) {
    if (session_.media.size() == kMaxSections) {
      return SdpError::kTooManySections;
    }
    attributes_ = 0;
    MediaSection& media = session_.media.emplace_back();
    media.direction = default_direction_;
    const std::string_view kind = take_word(value);
    if (kind == "audio") {
      media.kind = Kind::kAudio;
    } else if (kind == "video") {
      media.kind = Kind::kVideo;
    } else if (kind == "application") {
      media.kind = Kind::kApplication;
    } else {
      media.kind = Kind::kOther;
      media.other_kind = kind;
    }
    const auto port = number<std::uint16_t>(take_word(value));
    media.protocol = take_word(value);
    media.formats = words(value);
    if (kind.empty() || !port || media.protocol.empty() || media.formats.empty() ||
        media.formats.size() > kMaxFormats) {
      return SdpError::kMalformedMedia;
    }
    media.port = *port;
    if (is_rtp(media) && media.payload_types().size() != media.formats.size()) {
      return SdpError::kMalformedMedia;
    }
    return {};
  }

  Result read_attribute(std::string_view value) {
    if (++attributes_ > kMaxAttributesPerSection) {
      return SdpError::kTooManyAttributes;
    }
    const std::string_view name = take(value, ':');
    const bool is_fine = session_.media.empty()
                             ? read_session_attribute(name, value)
                             : read_media_attribute(session_.media.back(), name, value);
    return is_fine ? Result{} : SdpError::kMalformedAttribute;
  }

  bool read_session_attribute(std::string_view name, std::string_view value) {
    if (name == "group") {
      if (take_word(value) == "BUNDLE") {
        session_.bundles.push_back(words(value));
      }
      return true;
    }
    if (name == "ice-lite") {
      session_.ice_lite = true;
    } else if (name == "extmap-allow-mixed") {
      session_.extmap_allow_mixed = true;
    } else if (name == "msid-semantic") {
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      session_.msid_semantic = value;
    } else if (const auto way = parse_direction(name)) {
      default_direction_ = *way;
    } else {
      return read_transport_attribute(session_.transport, name, value).value_or(true);
    }
    return true;
  }

  Session session_;
  Direction default_direction_ = Direction::kSendRecv;
  std::size_t attributes_ = 0;
};

}  // namespace

base::Expected<Session, SdpError> parse(std::string_view text) {
  return Parser().parse(text);
}

std::vector<PayloadType> MediaSection::payload_types() const {
  std::vector<PayloadType> result;
  for (const std::string& format : formats) {
    if (const auto type = parse_payload_type(format)) {
      result.push_back(*type);
    }
  }
  return result;
}

}  // namespace meridian::sdp
