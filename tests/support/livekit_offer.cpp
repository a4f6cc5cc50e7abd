#include "support/livekit_offer.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "support/synthetic_track.hpp"

namespace meridian::test {
namespace {

constexpr std::string_view kAudioLines =
    "c=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n"
    "a=fmtp:111 minptime=10;useinbandfec=1\r\n";
constexpr std::string_view kVideoLines =
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
    "a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\n"
    "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n";
static_assert(offered::kOpus == 111 && offered::kRed == 63 && offered::kVp8 == 96 &&
              offered::kVp8Rtx == 97 && offered::kAudioLevelId == 1 &&
              offered::kTransportSequenceId == 3 && offered::kMidId == 4 && offered::kRidId == 10 &&
              offered::kRepairedRidId == 11);

/// Of transport-wide numbers, the end of its URI.
constexpr std::string_view kNumbers = "transport-wide-cc-extensions-01";

std::string_view take_word(std::string_view& text) {
  const std::size_t end = text.find(' ');
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

std::uint32_t to_number(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line.substr(0, line.find('\r'));
}

bool is_spoken(std::string_view payload_type) {
  const std::uint32_t number = to_number(payload_type);
  return number == offered::kOpus || number == offered::kVp8 || number == offered::kVp8Rtx;
}

/// An m= line with the payload types that are spoken; the section is rejected when there are none.
std::string taken_section(std::string_view line) {
  std::string_view rest = line;
  const std::string_view kind = take_word(rest);
  const std::string_view port = take_word(rest);
  const std::string_view protocol = take_word(rest);
  if (kind == "m=application") {
    return std::string(line);
  }
  const std::string_view first = rest.substr(0, rest.find(' '));
  std::string types;
  while (!rest.empty()) {
    if (const std::string_view type = take_word(rest); is_spoken(type)) {
      types.append(" ").append(type);
    }
  }
  const bool is_taken = !types.empty();
  return std::string(kind) + " " + std::string(is_taken ? port : "0") + " " +
         std::string(protocol) + (is_taken ? types : " " + std::string(first));
}

/// A line of a section of the offer in the answer; empty: it isn't there.
std::string taken_line(std::string_view line) {
  static constexpr std::array<std::string_view, 5> kKept = {"a=mid:", "a=rtcp-mux", "a=rtcp-rsize",
                                                            "a=sctp-port:", "a=inactive"};
  static constexpr std::array<std::string_view, 3> kOfTypes = {
      "a=rtpmap:", "a=rtcp-fb:", "a=fmtp:"};
  const auto starts = [line](std::string_view start) { return line.starts_with(start); };
  if (std::ranges::any_of(kKept, starts) || (starts("a=extmap:") && line.ends_with(kNumbers))) {
    return std::string(line);
  }
  if (starts("a=sendonly") || starts("a=sendrecv")) {
    return "a=recvonly";
  }
  const auto* const found = std::ranges::find_if(kOfTypes, starts);
  return found != kOfTypes.end() && is_spoken(line.substr(found->size())) ? std::string(line) : "";
}

}  // namespace

OfferBuilder::OfferBuilder(ice::Credentials credentials, const dtls::Fingerprint& fingerprint,
                           SoundRepair repair)
    : credentials_(std::move(credentials)),
      fingerprint_(fingerprint.to_string()),
      repair_(repair) {}

void OfferBuilder::add_receiving(rtp::MediaKind kind, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    sections_.push_back({.kind = kind, .sends = false, .cid = {}, .rids = {}});
  }
}

std::string OfferBuilder::add_sending(rtp::MediaKind kind, std::string cid,
                                      std::vector<std::string> rids) {
  sections_.push_back(
      {.kind = kind, .sends = true, .cid = std::move(cid), .rids = std::move(rids)});
  return std::to_string(sections_.size());  // the data section is 0
}

void OfferBuilder::name_sources(std::string_view mid, std::string_view cname, Ssrc primary,
                                Ssrc rtx) {
  const std::string first = std::to_string(primary.value());
  const std::string second = std::to_string(rtx.value());
  const std::string end = " cname:" + std::string(cname) + "\r\n";
  std::string lines = "a=ssrc:" + first + end;
  if (rtx != Ssrc{}) {
    lines = "a=ssrc-group:FID " + first + " " + second + "\r\n" + lines + "a=ssrc:" + second + end;
  }
  sections_.at(to_number(mid) - 1).source_lines = std::move(lines);
}

void OfferBuilder::stop_sending(std::string_view mid) {
  sections_.at(to_number(mid) - 1).cid.clear();
}

std::string OfferBuilder::transport_lines(std::size_t mid) const {
  std::string lines =
      "a=ice-ufrag:" + credentials_.ufrag + "\r\na=ice-pwd:" + credentials_.password +
      "\r\na=fingerprint:" + fingerprint_ + "\r\na=mid:" + std::to_string(mid) + "\r\n";
  // Peer can only begin DTLS, so that servers that would like to must not be left the choice.
  lines += "a=setup:active\r\n";
  return lines + (plain_ ? host_candidate(*plain_) : "a=ice-options:trickle\r\n");
}

std::string OfferBuilder::section_lines(const Section& section) const {
  std::string lines(kVideoLines);
  if (section.kind == rtp::MediaKind::kAudio) {
    lines = "m=audio 9 UDP/TLS/RTP/SAVPF 111";
    lines.append(repair_.has_red ? " 63\r\n" : "\r\n").append(kAudioLines);
    lines += repair_.has_nack ? "a=rtcp-fb:111 nack\r\n" : "";
    lines += repair_.has_red ? "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" : "";
  }
  if (!section.sends) {
    return lines + "a=recvonly\r\n";
  }
  if (section.cid.empty()) {
    return lines + "a=inactive\r\n";
  }
  lines += "a=sendonly\r\na=msid:stream " + section.cid + "\r\n" + section.source_lines;
  std::string list;
  for (const std::string& rid : section.rids) {
    lines += "a=rid:" + rid + " send\r\n";
    list += (list.empty() ? "" : ";") + rid;
  }
  return list.empty() ? lines : lines + "a=simulcast:send " + list + "\r\n";
}

std::string OfferBuilder::text() {
  std::string group;
  std::string body;
  if (!plain_) {
    group = " 0";
    body = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n" +
           transport_lines(0) + "a=sctp-port:5000\r\na=max-message-size:262144\r\n";
  }
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    group += " " + std::to_string(i + 1);
    body += section_lines(sections_[i]) + transport_lines(i + 1);
  }
  return "v=0\r\no=- 4611731400430051336 " + std::to_string(++version_) +
         " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE" + group +
         "\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n" + body;
}

std::string answer_to(std::string_view offer, const ice::Credentials& credentials,
                      const dtls::Fingerprint& fingerprint,
                      const std::optional<SocketAddress>& local) {
  const std::string transport =
      "c=IN IP4 0.0.0.0\r\na=ice-ufrag:" + credentials.ufrag +
      "\r\na=ice-pwd:" + credentials.password + "\r\na=fingerprint:" + fingerprint.to_string() +
      "\r\na=setup:active\r\n" + (local ? host_candidate(*local) : "a=ice-options:trickle\r\n");
  std::string head = "v=0\r\no=- 4611731400430051337 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n";
  std::string sections;
  bool is_data = false;
  while (!offer.empty()) {
    const std::string_view line = take_line(offer);
    if (line.starts_with("a=group:BUNDLE")) {
      head.append(line).append("\r\n");
    } else if (line.starts_with("m=")) {
      is_data = line.starts_with("m=application");
      sections.append(taken_section(line)).append("\r\n").append(transport);
      sections += is_data ? "a=max-message-size:262144\r\n" : "";
    } else if (!sections.empty() && !(is_data && line.starts_with("a=send"))) {
      const std::string taken = taken_line(line);
      sections += taken.empty() ? "" : taken + "\r\n";
    }
  }
  return head + sections;
}

std::string host_candidate(const SocketAddress& address) {
  return "a=candidate:1 1 udp 2130706431 " + address.ip.to_string() + " " +
         std::to_string(address.port) + " typ host\r\na=end-of-candidates\r\n";
}

std::optional<SocketAddress> candidate_address(std::string_view text) {
  constexpr std::string_view kStart = "candidate:";
  const std::size_t start = text.find(kStart);
  if (start == std::string_view::npos) {
    return std::nullopt;
  }
  text.remove_prefix(start + kStart.size());
  take_word(text);  // foundation
  take_word(text);  // component
  const std::string_view transport = take_word(text);
  take_word(text);  // priority
  const auto ip = IpAddress::parse(take_word(text));
  const std::uint32_t port = to_number(take_word(text));
  if (!ip || (transport != "udp" && transport != "UDP")) {
    return std::nullopt;
  }
  return SocketAddress{*ip, static_cast<std::uint16_t>(port)};
}

Answer Answer::parse(std::string_view sdp) {
  Answer answer;
  Section* section = nullptr;
  bool is_media = false;
  while (!sdp.empty()) {
    const std::string_view line = take_line(sdp);
    const auto value = [&line](std::string_view key) -> std::optional<std::string_view> {
      return line.starts_with(key) ? std::optional(line.substr(key.size())) : std::nullopt;
    };
    if (line.starts_with("m=")) {
      is_media = !line.starts_with("m=application");
      section = is_media ? &answer.sections.emplace_back() : nullptr;
      if (section != nullptr) {
        section->kind =
            line.starts_with("m=audio") ? rtp::MediaKind::kAudio : rtp::MediaKind::kVideo;
        std::string_view rest = line;
        take_word(rest);
        section->is_accepted = take_word(rest) != "0";
      }
    } else if (const auto ufrag = value("a=ice-ufrag:")) {
      answer.remote.ufrag = *ufrag;
    } else if (const auto password = value("a=ice-pwd:")) {
      answer.remote.password = *password;
    } else if (const auto print = value("a=fingerprint:")) {
      answer.fingerprint = dtls::Fingerprint::parse(*print);
    } else if (line.starts_with("a=candidate:")) {
      if (const auto address = candidate_address(line)) {
        answer.candidates.push_back(*address);
      }
    } else if (auto extension = value("a=extmap:"); extension && extension->ends_with(kNumbers)) {
      answer.transport_sequence_id = static_cast<std::uint8_t>(to_number(*extension));
    } else if (section == nullptr) {
      continue;
    } else if (const auto mid = value("a=mid:")) {
      section->mid = *mid;
    } else if (line == "a=sendonly") {
      section->server_sends = true;
    } else if (line == "a=recvonly") {
      section->server_receives = true;
    } else if (line == "a=sendrecv") {
      section->server_sends = true;
      section->server_receives = true;
    } else if (auto msid = value("a=msid:")) {
      take_word(*msid);
      section->track_sid = *msid;
    } else if (auto group = value("a=ssrc-group:FID ")) {
      section->ssrc = Ssrc(to_number(take_word(*group)));
      section->rtx_ssrc = Ssrc(to_number(take_word(*group)));
    } else if (auto ssrc = value("a=ssrc:"); ssrc && section->ssrc == Ssrc{}) {
      section->ssrc = Ssrc(to_number(take_word(*ssrc)));
    }
  }
  return answer;
}

}  // namespace meridian::test
