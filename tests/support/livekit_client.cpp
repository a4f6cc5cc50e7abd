#include "support/livekit_client.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "api/base64url.hpp"
#include "api/jwt.hpp"
#include "base/check.hpp"
#include "wire/livekit_rtc.pb.h"

namespace meridian::test {
namespace {

constexpr Duration kTokenLife = 1h;
constexpr int kProtocol = 17;

ice::Credentials make_credentials(RandomSource& random) {
  return {.ufrag = random.alphanumeric(8), .password = random.alphanumeric(24)};
}

/// Apart from the seeds of other participants, which are near each other.
constexpr std::uint64_t kDownlinkSeed = std::uint64_t{1} << 40U;

MediaSettings media_settings(const LivekitSettings& settings) {
  return {.cname = settings.identity,
          .check_interval = settings.check_interval,
          .srtp_profiles = settings.srtp_profiles,
          .asks_for_sound = settings.sound.has_nack};
}

std::string access_token(const LivekitSettings& settings, UnixTime now) {
  const std::string payload =
      R"({"iss":")" + settings.api_key + R"(","sub":")" + settings.identity + R"(","nbf":)" +
      std::to_string(now.seconds()) + R"(,"exp":)" + std::to_string((now + kTokenLife).seconds()) +
      R"(,"video":{"roomJoin":true,"room":")" + settings.room + R"("})" +
      (settings.routing_claim.empty() ? std::string()
                                      : R"(,"meridian":)" + settings.routing_claim) +
      "}";
  return api::sign_jwt(payload, settings.api_secret);
}

/// livekit-server wants the padding.
std::string padded_base64url(const std::string& bytes) {
  std::string text = api::base64url_encode(as_bytes(bytes));
  while (text.size() % 4 != 0) {
    text += "=";
  }
  return text;
}

std::uint32_t source_of(const livekit::TrackInfo& track) {
  std::uint32_t source = 0;
  std::from_chars(track.name().data(), track.name().data() + track.name().size(), source);
  return source;
}

void describe_camera(const TrackShape& shape, livekit::AddTrackRequest& request) {
  static constexpr std::array<std::uint32_t, 3> kHeights = {180, 360, 720};
  const std::size_t count = std::min(shape.layers.size(), kHeights.size());
  const std::size_t first = kHeights.size() - count;
  for (std::size_t i = 0; i < count; ++i) {
    livekit::VideoLayer& layer = *request.add_layers();
    layer.set_quality(static_cast<livekit::VideoQuality>(count == 1 ? 2 : i));
    layer.set_height(kHeights[first + i]);
    layer.set_width(kHeights[first + i] * 16 / 9);
  }
  request.set_width(1280);
  request.set_height(720);
  request.set_source(livekit::CAMERA);
}

}  // namespace

LivekitClient::LivekitClient(LivekitSettings settings, std::uint64_t seed)
    : settings_(std::move(settings)),
      random_(seed),
      media_(media_settings(settings_), make_credentials(random_), seed + 1),
      offer_(media_.credentials(), media_.peer().fingerprint(), settings_.sound) {
  if (settings_.signalling == Signalling::kV0) {
    downlink_ = std::make_unique<MediaSession>(media_settings(settings_), make_credentials(random_),
                                               seed ^ kDownlinkSeed);
    return;
  }
  offer_.add_receiving(rtp::MediaKind::kAudio, settings_.receiving_sections);
  offer_.add_receiving(rtp::MediaKind::kVideo, settings_.receiving_sections);
}

LivekitClient::~LivekitClient() = default;

std::string LivekitClient::join_target(UnixTime now) {
  if (settings_.signalling == Signalling::kV0) {
    return "/rtc?access_token=" + access_token(settings_, now) +
           "&sdk=cpp&protocol=" + std::to_string(kProtocol) +
           "&auto_subscribe=" + (settings_.auto_subscribe ? "1" : "0") +
           "&adaptive_stream=" + (settings_.adaptive_stream ? "1" : "0");
  }
  livekit::JoinRequest join;
  join.mutable_client_info()->set_sdk(livekit::ClientInfo::CPP);
  join.mutable_client_info()->set_protocol(kProtocol);
  join.mutable_connection_settings()->set_auto_subscribe(settings_.auto_subscribe);
  join.mutable_connection_settings()->set_adaptive_stream(settings_.adaptive_stream);
  livekit::SessionDescription& offer = *join.mutable_publisher_offer();
  offer.set_type("offer");
  offer.set_id(++last_offer_id_);
  offer.set_sdp(offer_.text());
  is_offer_outstanding_ = true;
  for (livekit::AddTrackRequest& track : first_tracks_) {
    *join.add_add_track_requests() = std::move(track);
  }
  first_tracks_.clear();
  send_local_address(Link::kFirst);
  livekit::WrappedJoinRequest wrapped;
  wrapped.set_join_request(join.SerializeAsString());
  return "/rtc/v1?access_token=" + access_token(settings_, now) +
         "&join_request=" + padded_base64url(wrapped.SerializeAsString());
}

void LivekitClient::send_request(const livekit::SignalRequest& request) {
  std::vector<std::uint8_t> frame(request.ByteSizeLong());
  MERIDIAN_CHECK(request.SerializeToArray(frame.data(), static_cast<int>(frame.size())));
  signals_.push_back(std::move(frame));
}

std::optional<std::vector<std::uint8_t>> LivekitClient::poll_signal() {
  if (signals_.empty()) {
    return std::nullopt;
  }
  auto frame = std::move(signals_.front());
  signals_.pop_front();
  return frame;
}

void LivekitClient::request_negotiation() {
  if (is_offer_outstanding_ || !is_joined()) {
    needs_offer_ = true;
  } else {
    send_offer();
  }
}

void LivekitClient::send_offer() {
  needs_offer_ = false;
  is_offer_outstanding_ = true;
  livekit::SignalRequest request;
  request.mutable_offer()->set_type("offer");
  request.mutable_offer()->set_id(++last_offer_id_);
  request.mutable_offer()->set_sdp(offer_.text());
  send_request(request);
}

// ---- What a person does -------------------------------------------------------------------------

void LivekitClient::publish(std::uint32_t source, TrackShape shape) {
  std::vector<std::string> rids;
  for (const VideoLayerShape& layer : shape.layers) {
    if (!layer.rid.empty()) {
      rids.push_back(layer.rid);
    }
  }
  SentTrack track;
  track.cid = "cid-" + std::to_string(source);
  const bool has_rids = !rids.empty();
  track.mid = offer_.add_sending(shape.kind, track.cid, std::move(rids));
  livekit::AddTrackRequest add;
  add.set_cid(track.cid);
  add.set_name(std::to_string(source));
  if (shape.kind == rtp::MediaKind::kAudio) {
    add.set_type(livekit::AUDIO);
    add.set_source(livekit::MICROPHONE);
    add.set_encryption(shape.is_encrypted ? livekit::Encryption::GCM : livekit::Encryption::NONE);
  } else {
    add.set_type(livekit::VIDEO);
    describe_camera(shape, add);
  }
  track.media = std::make_unique<SyntheticTrack>(source, std::move(shape), track.mid, random_);
  if (!has_rids) {
    offer_.name_sources(track.mid, settings_.identity, track.media->ssrc(0),
                        track.media->rtx_ssrc(0));
  }
  media_.sent().insert_or_assign(source, std::move(track));
  if (settings_.signalling == Signalling::kV0 ? !is_joined() : last_offer_id_ == 0) {
    first_tracks_.push_back(std::move(add));
    return;
  }
  send_add_track(std::move(add));
  request_negotiation();
}

void LivekitClient::send_add_track(livekit::AddTrackRequest add) {
  livekit::SignalRequest request;
  *request.mutable_add_track() = std::move(add);
  send_request(request);
}

void LivekitClient::unpublish(std::uint32_t source) {
  const auto found = media_.sent().find(source);
  if (found != media_.sent().end()) {
    offer_.stop_sending(found->second.mid);
    media_.sent().erase(found);
    request_negotiation();
  }
}

void LivekitClient::set_muted(std::uint32_t source, Muted muted, Instant now) {
  const auto found = media_.sent().find(source);
  if (found == media_.sent().end() || found->second.is_muted == (muted == Muted::kYes)) {
    return;
  }
  SentTrack& track = found->second;
  track.is_muted = muted == Muted::kYes;
  livekit::SignalRequest request;
  request.mutable_mute()->set_sid(track.sid);
  request.mutable_mute()->set_muted(track.is_muted);
  send_request(request);
  if (track.is_muted) {
    track.media->stop();
  } else {
    media_.start_accepted(now);
  }
}

void LivekitClient::set_subscribed(std::string_view track_sid, Wanted wanted) {
  livekit::SignalRequest request;
  request.mutable_subscription()->add_track_sids(std::string(track_sid));
  request.mutable_subscription()->set_subscribe(wanted == Wanted::kYes);
  send_request(request);
}

void LivekitClient::set_max_layer(std::string_view track_sid, int layer) {
  livekit::SignalRequest request;
  request.mutable_track_setting()->add_track_sids(std::string(track_sid));
  request.mutable_track_setting()->set_quality(static_cast<livekit::VideoQuality>(layer));
  send_request(request);
}

void LivekitClient::set_size(std::string_view track_sid, std::uint32_t width,
                             std::uint32_t height) {
  livekit::SignalRequest request;
  request.mutable_track_setting()->add_track_sids(std::string(track_sid));
  request.mutable_track_setting()->set_width(width);
  request.mutable_track_setting()->set_height(height);
  send_request(request);
}

void LivekitClient::leave() {
  livekit::SignalRequest request;
  request.mutable_leave()->set_action(livekit::LeaveRequest::DISCONNECT);
  request.mutable_leave()->set_reason(livekit::CLIENT_INITIATED);
  send_request(request);
  media_.close();
  if (downlink_) {
    downlink_->close();
  }
}

void LivekitClient::restart_ice() {
  media_.set_credentials(make_credentials(random_));
  offer_.set_credentials(media_.credentials());
  request_negotiation();
}

// ---- What the server says -----------------------------------------------------------------------

void LivekitClient::handle_signal(Bytes frame, Instant now) {
  livekit::SignalResponse response;
  if (!response.ParseFromArray(frame.data(), static_cast<int>(frame.size()))) {
    refusals_.emplace_back("a message that can't be decoded");
    return;
  }
  using Response = livekit::SignalResponse;
  switch (response.message_case()) {
    case Response::kJoin:
      handle_join(response.join(), now);
      break;
    case Response::kOffer:
      handle_offer(response.offer(), now);
      break;
    case Response::kAnswer:
      handle_answer(response.answer(), now);
      break;
    case Response::kTrickle:
      handle_trickle(response.trickle(), now);
      break;
    case Response::kUpdate:
      for (const livekit::ParticipantInfo& info : response.update().participants()) {
        handle_participant(info);
      }
      break;
    case Response::kTrackPublished:
      for (auto& [source, track] : media_.sent()) {
        if (track.cid == response.track_published().cid()) {
          track.sid = response.track_published().track().sid();
        }
      }
      break;
    case Response::kMediaSectionsRequirement:
      offer_.add_receiving(rtp::MediaKind::kAudio,
                           response.media_sections_requirement().num_audios());
      offer_.add_receiving(rtp::MediaKind::kVideo,
                           response.media_sections_requirement().num_videos());
      request_negotiation();
      break;
    case Response::kSubscribedQualityUpdate:
      handle_quality(response.subscribed_quality_update());
      break;
    case Response::kLeave:
      leave_ = Leave{.action = response.leave().action(), .reason = response.leave().reason()};
      break;
    case Response::kRequestResponse:
      refusals_.push_back(
          livekit::RequestResponse::Reason_Name(response.request_response().reason()));
      break;
    case Response::kSpeakersChanged:
      ++speaker_updates_;
      break;
    default:
      break;
  }
}

void LivekitClient::handle_quality(const livekit::SubscribedQualityUpdate& update) {
  for (auto& [source, track] : media_.sent()) {
    if (track.sid != update.track_sid() || update.subscribed_codecs().empty()) {
      continue;
    }
    int highest = -1;
    for (const livekit::SubscribedQuality& quality : update.subscribed_codecs(0).qualities()) {
      highest = quality.enabled() ? std::max<int>(highest, quality.quality()) : highest;
    }
    track.media->set_max_layer(highest);
  }
}

void LivekitClient::handle_participant(const livekit::ParticipantInfo& info) {
  if (info.sid() == sid_) {
    return;
  }
  const bool is_gone = info.state() == livekit::ParticipantInfo::DISCONNECTED;
  std::erase_if(remote_tracks_, [&](const auto& entry) {
    return entry.second.participant_sid == info.sid() &&
           (is_gone || std::ranges::none_of(info.tracks(), [&](const livekit::TrackInfo& track) {
              return track.sid() == entry.first;
            }));
  });
  for (const livekit::TrackInfo& track : info.tracks()) {
    if (!is_gone) {
      remote_tracks_.insert_or_assign(
          track.sid(), RemoteTrack{.participant_sid = info.sid(),
                                   .sid = track.sid(),
                                   .source = source_of(track),
                                   .kind = track.type() == livekit::AUDIO ? rtp::MediaKind::kAudio
                                                                          : rtp::MediaKind::kVideo,
                                   .is_muted = track.muted()});
    }
  }
}

void LivekitClient::handle_join(const livekit::JoinResponse& join, Instant now) {
  sid_ = join.participant().sid();
  region_ = join.server_region();
  for (const livekit::ParticipantInfo& other : join.other_participants()) {
    handle_participant(other);
  }
  if (settings_.signalling == Signalling::kV1) {
    return;
  }
  next_ping_ = now + kPingInterval;
  const bool offers = !join.subscriber_primary() || join.fast_publish() || !first_tracks_.empty();
  for (livekit::AddTrackRequest& track : first_tracks_) {
    send_add_track(std::move(track));
  }
  first_tracks_.clear();
  if (offers) {
    send_offer();
    send_local_address(Link::kFirst);
  }
}

void LivekitClient::handle_answer(const livekit::SessionDescription& description, Instant now) {
  if (description.id() != last_offer_id_) {
    return;
  }
  is_offer_outstanding_ = false;
  apply(Link::kFirst, Answer::parse(description.sdp()), now);
  if (needs_offer_) {
    send_offer();
  }
}

void LivekitClient::handle_offer(const livekit::SessionDescription& description, Instant now) {
  if (!downlink_) {
    refusals_.emplace_back("an offer, over one connection");
    return;
  }
  const bool is_first = !downlink_->server_address() && !waiting_[index(Link::kSubscriber)];
  livekit::SignalRequest request;
  request.mutable_answer()->set_type("answer");
  request.mutable_answer()->set_id(description.id());
  request.mutable_answer()->set_sdp(
      answer_to(description.sdp(), downlink_->credentials(), downlink_->peer().fingerprint()));
  send_request(request);
  if (is_first) {
    send_local_address(Link::kSubscriber);
  }
  apply(Link::kSubscriber, Answer::parse(description.sdp()), now);
}

/// Applies it now, or when the address has come.
void LivekitClient::apply(Link link, Answer description, Instant now) {
  const auto& trickled = trickled_[index(link)];
  const bool is_first = !server_address(link);
  if (is_first && description.candidates.empty()) {
    if (!trickled) {
      waiting_[index(link)] = std::move(description);
      return;
    }
    description.candidates.push_back(*trickled);
  }
  if (!of(link).apply(description, now)) {
    refusals_.emplace_back("a description without candidates");
  } else if (is_first) {
    next_ping_ = std::min(next_ping_, now + kPingInterval);
  }
}

void LivekitClient::handle_trickle(const livekit::TrickleRequest& trickle, Instant now) {
  const Link link = trickle.target() == livekit::SUBSCRIBER ? Link::kSubscriber : Link::kFirst;
  // JSON, in which a candidate has nothing that would be escaped.
  const auto address = candidate_address(trickle.candidateinit());
  if (!address || !has_link(link) || trickled_[index(link)] || server_address(link)) {
    return;
  }
  trickled_[index(link)] = address;
  if (auto& waiting = waiting_[index(link)]) {
    apply(link, *std::exchange(waiting, std::nullopt), now);
  }
}

void LivekitClient::send_local_address(Link link) {
  const auto& address = local_[index(link)];
  if (!address) {
    return;
  }
  const std::string lines = host_candidate(*address);
  const std::string candidate = lines.substr(2, lines.find('\r') - 2);
  livekit::SignalRequest request;
  livekit::TrickleRequest& trickle = *request.mutable_trickle();
  trickle.set_candidateinit(R"({"candidate":")" + candidate +
                            R"(","sdpMid":"0","sdpMLineIndex":0})");
  trickle.set_target(link == Link::kSubscriber ? livekit::SUBSCRIBER : livekit::PUBLISHER);
  trickle.set_final(true);
  send_request(request);
}

bool LivekitClient::is_connected() const {
  if (!downlink_) {
    return media_.is_connected();
  }
  return downlink_->is_connected() && (last_offer_id_ == 0 || media_.is_connected());
}

void LivekitClient::set_observer(MediaObserver* observer) {
  media_.set_observer(observer);
  if (downlink_) {
    downlink_->set_observer(observer);
  }
}

Instant LivekitClient::next_timeout() const {
  const Instant next = std::min(next_ping_, media_.next_timeout());
  return downlink_ ? std::min(next, downlink_->next_timeout()) : next;
}

void LivekitClient::handle_timeout(Instant now) {
  media_.handle_timeout(now);
  if (downlink_) {
    downlink_->handle_timeout(now);
  }
  if (now >= next_ping_) {
    next_ping_ = now + kPingInterval;
    livekit::SignalRequest request;
    request.mutable_ping_req()->set_timestamp(now.since_origin() / 1ms);
    send_request(request);
  }
}

}  // namespace meridian::test
