#include "rtcp/text.hpp"

#include <string>
#include <type_traits>

namespace meridian::rtcp {
namespace {

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

std::string text_of(const ReportBlocks& blocks) {
  std::string text;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const ReportBlock block = blocks[i];
    text += " [" + number(block.ssrc.value()) + " fraction " + number(block.fraction_lost) +
            " lost " + std::to_string(block.cumulative_lost) + " highest " +
            number(block.highest_sequence) + " jitter " + number(block.jitter) + " lsr " +
            number(block.last_sender_report) + " dlsr " + number(block.delay_since_last) + "]";
  }
  return text;
}

std::string text_of(const Skipped& packet) {
  return "type " + number(packet.packet_type);
}

std::string text_of(const SenderReport& packet) {
  return "SR " + number(packet.sender.value()) + " ntp " + number(packet.ntp.value()) + " rtp " +
         number(packet.rtp.value()) + " packets " + number(packet.packets) + " octets " +
         number(packet.octets) + text_of(packet.blocks);
}

std::string text_of(const ReceiverReport& packet) {
  return "RR " + number(packet.sender.value()) + text_of(packet.blocks);
}

std::string text_of(const SourceDescription& packet) {
  return "SDES " + number(packet.source.value()) + " cname " + std::string(packet.cname);
}

std::string text_of(const Bye& packet) {
  std::string text = "BYE";
  for (std::size_t i = 0; i < packet.sources.size(); ++i) {
    text += " " + number(packet.sources[i].value());
  }
  return packet.reason.empty() ? text : text + " reason " + std::string(packet.reason);
}

std::string text_of(const Nack& packet) {
  std::string text = "NACK " + number(packet.media.value()) + ":";
  for (NackCursor cursor = packet.sequences(); const auto sequence = cursor.next();) {
    text += " " + number(sequence->value());
  }
  return text;
}

std::string text_of(const TransportFeedback& packet) {
  std::string text = "TWCC #" + number(packet.feedback_count) + ":";
  for (StatusCursor cursor = packet.statuses(); const auto status = cursor.next();) {
    text += " " + number(status->sequence.value()) + "=";
    // Microseconds: a delta is a multiple of 250.
    text += status->arrival ? std::to_string(status->arrival->count() / 1000) : "lost";
  }
  return text;
}

std::string text_of(const PictureLoss& packet) {
  return "PLI " + number(packet.media.value());
}

std::string text_of(const FullIntra& packet) {
  std::string text = "FIR";
  for (std::size_t i = 0; i < packet.size(); ++i) {
    text += " " + number(packet[i].media.value()) + " #" + number(packet[i].sequence);
  }
  return text;
}

std::string text_of(const Remb& packet) {
  std::string text = "REMB " + number(packet.bitrate.value());
  for (std::size_t i = 0; i < packet.sources.size(); ++i) {
    text += " " + number(packet.sources[i].value());
  }
  return text;
}

}  // namespace

std::string to_text(const Packet& packet) {
  return std::visit([](const auto& kind) { return text_of(kind); }, packet);
}

std::string to_text(const Compound& compound) {
  std::string text;
  for (const Packet packet : compound) {
    text += to_text(packet) + "\n";
  }
  return text;
}

std::string_view to_text(ParseError error) {
  switch (error) {
    case ParseError::kTruncated:
      return "truncated";
    case ParseError::kTooLong:
      return "too long";
    case ParseError::kVersion:
      return "version";
    case ParseError::kLength:
      return "length";
    case ParseError::kPadding:
      return "padding";
    case ParseError::kReport:
      return "report";
    case ParseError::kSourceDescription:
      return "source description";
    case ParseError::kBye:
      return "bye";
    case ParseError::kFeedback:
      return "feedback";
    case ParseError::kCount:
      break;
  }
  return "unknown";
}

}  // namespace meridian::rtcp
