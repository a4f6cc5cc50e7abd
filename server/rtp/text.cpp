#include "rtp/text.hpp"

#include <array>
#include <cstdio>

namespace meridian::rtp {

std::string to_text(const PacketView& packet) {
  std::array<char, 128> head{};
  std::snprintf(head.data(), head.size(),
                "RTP ssrc=0x%08x seq=%u ts=%u pt=%u m=%d ext=", packet.ssrc().value(),
                unsigned{packet.sequence().value()}, packet.timestamp().value(),
                unsigned{packet.payload_type().value()}, packet.marker() ? 1 : 0);
  std::string text = head.data();
  if (packet.extension_count() == 0) {
    text += '-';
  }
  for (std::size_t i = 0; i < packet.extension_count(); ++i) {
    const auto [id, value] = packet.extension_at(i);
    text += i == 0 ? "" : ",";
    text += std::to_string(id) + ':' + std::to_string(value.size());
  }
  text += " payload=" + std::to_string(packet.payload().size());
  text += " pad=" + std::to_string(packet.padding_size());
  return text;
}

std::string_view to_text(Codec codec) {
  switch (codec) {
    case Codec::kUnknown:
      return "unknown";
    case Codec::kOpus:
      return "opus";
    case Codec::kRed:
      return "red";
    case Codec::kPcmu:
      return "PCMU";
    case Codec::kPcma:
      return "PCMA";
    case Codec::kVp8:
      return "VP8";
    case Codec::kVp9:
      return "VP9";
    case Codec::kH264:
      return "H264";
    case Codec::kAv1:
      return "AV1";
  }
  return "unknown";
}

std::string_view to_text(ParseError error) {
  switch (error) {
    case ParseError::kTooShort:
      return "too short";
    case ParseError::kTooLong:
      return "too long";
    case ParseError::kBadVersion:
      return "bad version";
    case ParseError::kCsrcPastEnd:
      return "CSRC list past the end";
    case ParseError::kExtensionPastEnd:
      return "extension block past the end";
    case ParseError::kExtensionItemPastEnd:
      return "extension element past its block";
    case ParseError::kTooManyExtensions:
      return "too many extensions";
    case ParseError::kBadPadding:
      return "bad padding";
  }
  return "unknown";
}

}  // namespace meridian::rtp
