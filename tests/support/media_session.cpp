#include "support/media_session.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <variant>

#include "rtcp/compound_writer.hpp"
#include "rtp/extensions.hpp"
#include "rtp/packet.hpp"
#include "rtp/red.hpp"
#include "rtp/vp8.hpp"

namespace meridian::test {
namespace {

/// Under which this client reports; it sends no media under it.
constexpr Ssrc kReporter{1};

bool is_rtcp(Bytes datagram) {
  return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223;
}

bool is_media(Bytes datagram) {
  return datagram.size() >= 12 && datagram[0] >= 128 && datagram[0] <= 191 && !is_rtcp(datagram);
}

struct Content {
  MediaStamp stamp;
  bool is_retransmission = false;
};

/// What is in a packet, whatever track it is of.
std::optional<Content> content_of(Bytes packet) {
  const auto view = rtp::PacketView::parse(packet);
  if (!view || view->payload().empty()) {
    return std::nullopt;
  }
  Bytes payload = view->payload();
  const std::uint8_t type = view->payload_type().value();
  if (type == offered::kVp8Rtx) {
    payload = payload.subspan(std::min<std::size_t>(2, payload.size()));
  }
  std::size_t header = 1;
  if (type == offered::kRed) {
    const auto red = rtp::parse_red(payload);
    payload = red ? red->primary().payload : Bytes{};
  } else if (type != offered::kOpus) {
    const auto descriptor = rtp::parse_vp8(payload);
    header += descriptor ? descriptor->size : payload.size();
  }
  const auto stamp = read_stamp(payload.subspan(std::min(header, payload.size())));
  if (!stamp) {
    return std::nullopt;
  }
  return Content{.stamp = *stamp, .is_retransmission = type == offered::kVp8Rtx};
}

/// FNV-1a, eight bytes at a time.
std::uint64_t add_digest(std::uint64_t digest, std::uint64_t value) {
  return (digest ^ value) * 0x100000001b3ULL;
}

std::uint64_t add_digest(std::uint64_t digest, Bytes bytes) {
  for (Bytes rest = bytes; !rest.empty();) {
    std::uint64_t word = 0;
    const std::size_t count = std::min(rest.size(), sizeof word);
    std::memcpy(&word, rest.data(), count);
    digest = add_digest(digest, word);
    rest = rest.subspan(count);
  }
  return digest;
}

}  // namespace

MediaSession::MediaSession(MediaSettings settings, ice::Credentials credentials, std::uint64_t seed)
    : settings_(std::move(settings)),
      credentials_(std::move(credentials)),
      peer_({.local = credentials_,
             .remote = {},
             .server_fingerprint = std::nullopt,
             .dtls = {.srtp_profiles = settings_.srtp_profiles},
             .check_interval = settings_.check_interval},
            seed) {}

// ---- What is negotiated -------------------------------------------------------------------------

bool MediaSession::apply(const Answer& description, Instant now) {
  if (!server_address_) {
    if (description.candidates.empty()) {
      return false;
    }
    server_address_ = description.candidates.front();
    server_credentials_ = description.remote;
    peer_.set_remote(description.remote, description.fingerprint);
    peer_.set_server_address(*server_address_);
    peer_.start(now);
    next_tick_ = now + kTick;
    next_report_ = now + kReportInterval;
  } else if (description.remote != server_credentials_) {
    server_credentials_ = description.remote;
    peer_.restart_ice(credentials_, description.remote, now);
  }
  transport_sequence_id_ = description.transport_sequence_id;
  apply_sending(description);
  apply_receiving(description, now);
  start_accepted(now);
  drain_peer(now);
  return true;
}

void MediaSession::apply_sending(const Answer& description) {
  for (const Answer::Section& section : description.sections) {
    for (auto& [source, track] : sent_) {
      if (track.mid == section.mid) {
        track.is_accepted = section.is_accepted && section.server_receives;
      }
    }
  }
}

void MediaSession::apply_receiving(const Answer& description, Instant now) {
  std::map<Ssrc, ReceivedTrack*> current;
  for (const Answer::Section& section : description.sections) {
    if (!section.server_sends || section.ssrc == Ssrc{}) {
      continue;
    }
    const auto known = by_ssrc_.find(section.ssrc);
    if (known != by_ssrc_.end() && known->second->traits().sid == section.track_sid) {
      current.insert(*known);
      continue;
    }
    received_.push_back(std::make_unique<ReceivedTrack>(ReceivedTrack::Traits{
        .sid = section.track_sid,
        .mid = section.mid,
        .kind = section.kind,
        .ssrc = section.ssrc,
        .rtx_ssrc = section.rtx_ssrc,
        .asks_again = section.rtx_ssrc != Ssrc{} ||
                      (section.kind == rtp::MediaKind::kAudio && settings_.asks_for_sound)}));
    current.emplace(section.ssrc, received_.back().get());
  }
  by_ssrc_ = std::move(current);
  for (const Packet& early : std::exchange(early_, {})) {
    take_rtp(early, now);
  }
}

const ReceivedTrack* MediaSession::receiving(std::string_view track_sid) const {
  for (const auto& [ssrc, track] : by_ssrc_) {
    if (track->traits().sid == track_sid) {
      return track;
    }
  }
  return nullptr;
}

void MediaSession::close() {
  peer_.close();
  move_datagrams();
}

// ---- Out ----------------------------------------------------------------------------------------

SyntheticTrack::Output MediaSession::sender() {
  return [this](const OutgoingPacket& packet) {
    move_datagrams();
    if (!peer_.send_rtp(packet.bytes)) {
      return;
    }
    if (auto encrypted = peer_.poll_datagram()) {
      datagrams_.push_back(
          {.bytes = std::move(*encrypted),
           .media = ClientDatagram::Media{.stamp = packet.stamp,
                                          .is_retransmission = packet.is_retransmission}});
    }
  };
}

void MediaSession::move_datagrams() {
  while (auto datagram = peer_.poll_datagram()) {
    datagrams_.push_back({.bytes = std::move(*datagram), .media = std::nullopt});
  }
}

std::optional<ClientDatagram> MediaSession::poll_datagram() {
  if (datagrams_.empty()) {
    return std::nullopt;
  }
  ClientDatagram datagram = std::move(datagrams_.front());
  datagrams_.pop_front();
  return datagram;
}

void MediaSession::start_accepted(Instant now) {
  for (auto& [source, track] : sent_) {
    if (track.is_accepted && !track.is_muted && is_connected() && !track.media->is_running()) {
      track.media->start(now);
    }
  }
}

bool MediaSession::send_sctp(Bytes packet) {
  speaks_sctp_ = true;
  const bool is_sent = peer_.send_sctp(packet);
  move_datagrams();
  return is_sent;
}

Instant MediaSession::next_timeout() const {
  if (!server_address_) {
    return Instant::never();
  }
  Instant next = std::min(next_tick_, peer_.next_timeout());
  for (const auto& [source, track] : sent_) {
    next = std::min(next, track.media->next_timeout());
  }
  return next;
}

void MediaSession::handle_timeout(Instant now) {
  if (!server_address_) {
    return;
  }
  if (now >= peer_.next_timeout()) {
    peer_.handle_timeout(now);
  }
  if (is_connected()) {
    for (auto& [source, track] : sent_) {
      track.media->handle_timeout(now, transport_sequence_, sender());
    }
  }
  if (now >= next_tick_) {
    next_tick_ = now + kTick;
    if (is_connected()) {
      send_feedback(now);
      send_transport_feedback(now);
      send_reports(now);
    }
  }
  drain_peer(now);
}

void MediaSession::send_feedback(Instant now) {
  std::array<std::uint8_t, rtcp::CompoundWriter::kMaxSize> buffer;
  rtcp::CompoundWriter writer(buffer);
  const auto add = [&](auto call) {
    while (call() == rtcp::Added::kFull) {
      peer_.send_rtcp(writer.bytes());
      writer.clear();
    }
  };
  for (const auto& [ssrc, track] : by_ssrc_) {
    const std::vector<SequenceNumber> missing = track->take_nacks(now);
    for (std::span<const SequenceNumber> rest(missing); !rest.empty();) {
      add([&] { return writer.add_nack(kReporter, ssrc, rest); });
    }
    if (track->traits().kind == rtp::MediaKind::kVideo && track->take_key_frame_request(now)) {
      add([&] { return writer.add_picture_loss(kReporter, ssrc); });
    }
  }
  if (!writer.empty()) {
    peer_.send_rtcp(writer.bytes());
  }
}

void MediaSession::send_transport_feedback(Instant now) {
  std::array<std::uint8_t, rtcp::CompoundWriter::kMaxSize> buffer;
  while (const auto report = arrivals_.poll(now)) {
    rtcp::CompoundWriter writer(buffer);
    rtcp::Arrivals arrivals{.base = report->base, .times = report->times};
    (void)writer.add_transport_feedback(kReporter, kReporter, report->feedback_count, arrivals);
    const std::size_t written = report->times.size() - arrivals.times.size();
    arrivals_.on_reported(written, now);
    if (written == 0) {
      return;
    }
    peer_.send_rtcp(writer.bytes());
  }
}

void MediaSession::send_reports(Instant now) {
  std::array<std::uint8_t, rtcp::CompoundWriter::kMaxSize> buffer;
  rtcp::CompoundWriter writer(buffer);
  const auto add = [&](auto call) {
    while (call() == rtcp::Added::kFull) {
      peer_.send_rtcp(writer.bytes());
      writer.clear();
    }
  };
  std::vector<rtcp::SenderReport> reports;
  for (auto& [source, track] : sent_) {
    track.media->add_reports(now, reports);
  }
  for (const rtcp::SenderReport& report : reports) {
    std::span<const rtcp::ReportBlock> none;
    add([&] { return writer.add_sender_report(report, none); });
    add([&] { return writer.add_cname(report.sender, settings_.cname); });
  }
  if (now >= next_report_) {
    next_report_ = now + kReportInterval;
    std::vector<rtcp::ReportBlock> blocks;
    for (const auto& [ssrc, track] : by_ssrc_) {
      if (const auto block = track->take_report(now)) {
        blocks.push_back(*block);
      }
    }
    for (std::span<const rtcp::ReportBlock> rest(blocks); !rest.empty();) {
      add([&] { return writer.add_receiver_report(kReporter, rest); });
    }
  }
  if (!writer.empty()) {
    peer_.send_rtcp(writer.bytes());
  }
}

// ---- In -----------------------------------------------------------------------------------------

void MediaSession::handle_datagram(Bytes datagram, Instant now) {
  const bool was_connected = is_connected();
  peer_.handle_datagram(datagram, now);
  if (!was_connected && is_connected()) {
    start_accepted(now);
  }
  drain_peer(now);
}

void MediaSession::handle_lost_datagram(Bytes datagram) {
  if (!is_media(datagram) || !is_connected() || observer_ == nullptr) {
    return;
  }
  peer_.handle_datagram(datagram, Instant{});
  while (const auto packet = peer_.poll_rtp()) {
    if (const auto content = content_of(*packet)) {
      observer_->on_media(content->stamp, content->is_retransmission, MediaObserver::Fate::kLost);
    }
  }
}

void MediaSession::drain_peer(Instant now) {
  while (const auto packet = peer_.poll_rtp()) {
    if (observer_ != nullptr) {
      if (const auto content = content_of(*packet)) {
        observer_->on_media(content->stamp, content->is_retransmission,
                            MediaObserver::Fate::kArrived);
      }
    }
    digest_packet(*packet, now);
    take_rtp(*packet, now);
  }
  while (const auto packet = peer_.poll_rtcp()) {
    handle_rtcp(*packet, now);
  }
  while (!speaks_sctp_ && peer_.poll_sctp()) {
  }
  move_datagrams();
}

void MediaSession::digest_packet(const Packet& packet, Instant now) {
  const auto time = static_cast<std::uint64_t>(now.since_origin().count());
  media_digest_ = add_digest(add_digest(media_digest_, time), packet);
  if (const auto view = rtp::PacketView::parse(packet)) {
    constexpr std::size_t kVp8Descriptor = 6;
    constexpr std::size_t kRtxHeader = 2;
    const std::uint8_t type = view->payload_type().value();
    const std::size_t clear = type == offered::kVp8      ? kVp8Descriptor
                              : type == offered::kVp8Rtx ? kVp8Descriptor + kRtxHeader
                                                         : 0;
    const auto head = static_cast<std::size_t>(view->payload().data() - packet.data()) +
                      std::min(clear, view->payload().size());
    heads_digest_ = add_digest(add_digest(heads_digest_, time), packet.size());
    heads_digest_ = add_digest(heads_digest_, Bytes(packet).first(head));
  }
}

void MediaSession::take_rtp(const Packet& packet, Instant now) {
  const auto view = rtp::PacketView::parse(packet);
  if (!view) {
    ++corrupt_packets_;
    return;
  }
  if (const auto number = rtp::read_transport_sequence(view->extension(transport_sequence_id_))) {
    arrivals_.on_packet(*number, now);
  }
  if (const auto primary = by_ssrc_.find(view->ssrc()); primary != by_ssrc_.end()) {
    if (!view->payload().empty()) {
      primary->second->handle_media(*view, view->sequence(), view->payload(),
                                    ReceivedTrack::Origin::kPrimary, now);
    }
    return;
  }
  for (const auto& [ssrc, track] : by_ssrc_) {
    if (track->traits().rtx_ssrc == view->ssrc() && view->payload().size() > 2) {
      track->handle_media(*view, SequenceNumber(load_u16(view->payload().data())),
                          view->payload().subspan(2), ReceivedTrack::Origin::kRetransmission, now);
      return;
    }
  }
  ++unknown_packets_;
  if (early_.size() < kMaxEarlyPackets) {
    early_.push_back(packet);
  }
}

void MediaSession::handle_rtcp(Bytes packet, Instant now) {
  const auto compound = rtcp::Compound::parse(packet);
  if (!compound) {
    ++corrupt_packets_;
    return;
  }
  for (const rtcp::Packet& part : *compound) {
    if (const auto* nack = std::get_if<rtcp::Nack>(&part)) {
      for (auto& [source, track] : sent_) {
        track.media->handle_nack(*nack, transport_sequence_, sender());
      }
    } else if (const auto* loss = std::get_if<rtcp::PictureLoss>(&part)) {
      for (auto& [source, track] : sent_) {
        track.media->handle_key_frame_request(loss->media);
      }
    } else if (const auto* intra = std::get_if<rtcp::FullIntra>(&part)) {
      for (std::size_t i = 0; i < intra->size(); ++i) {
        for (auto& [source, track] : sent_) {
          track.media->handle_key_frame_request((*intra)[i].media);
        }
      }
    } else if (const auto* report = std::get_if<rtcp::SenderReport>(&part)) {
      if (const auto found = by_ssrc_.find(report->sender); found != by_ssrc_.end()) {
        found->second->handle_sender_report(*report, now);
      }
    } else if (const auto* receiver = std::get_if<rtcp::ReceiverReport>(&part)) {
      for (std::size_t i = 0; i < receiver->blocks.size(); ++i) {
        for (auto& [source, track] : sent_) {
          track.media->handle_report_block(receiver->blocks[i]);
        }
      }
    } else if (std::holds_alternative<rtcp::TransportFeedback>(part)) {
      ++transport_feedbacks_;
    }
  }
}

}  // namespace meridian::test
