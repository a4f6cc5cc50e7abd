#include "support/livekit_offer.hpp"

#include <algorithm>
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
    const std::size_t end = sdp.find('\n');
    std::string_view line = sdp.substr(0, end);
    sdp.remove_prefix(end == std::string_view::npos ? sdp.size() : end + 1);
    while (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
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
