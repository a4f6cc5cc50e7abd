#include "meeting/tracks.hpp"

#include <algorithm>

#include "meeting/limits.hpp"
#include "meeting/track_info.hpp"
#include "sdp/codecs.hpp"

namespace meridian::meeting {
namespace {

using Reason = livekit::RequestResponse;

livekit::SignalResponse request_response(livekit::RequestResponse::Reason reason) {
  livekit::SignalResponse message;
  message.mutable_request_response()->set_reason(reason);
  return message;
}

}  // namespace

livekit::RequestResponse::Reason Tracks::refusal(const Participant& publisher,
                                                 const livekit::AddTrackRequest& request) const {
  const livekit::ParticipantPermission& permission = publisher.info.permission();
  const auto& sources = permission.can_publish_sources();
  // A list may hold names that we don't know, which don't allow tracks of unknown source.
  const bool is_listed =
      request.source() != livekit::UNKNOWN &&
      std::ranges::find(sources, static_cast<int>(request.source())) != sources.end();
  if (!permission.can_publish() || (!sources.empty() && !is_listed)) {
    return Reason::NOT_ALLOWED;
  }
  if (request.type() != livekit::AUDIO && request.type() != livekit::VIDEO) {
    return Reason::UNSUPPORTED_TYPE;
  }
  if (!request.sid().empty()) {
    return backup_refusal(publisher, request);
  }
  if (request.cid().empty()) {
    return Reason::INVALID_REQUEST;
  }
  const auto pending = static_cast<std::size_t>(std::ranges::count_if(
      publisher.publications, [](const auto& p) { return !p->is_published(); }));
  const bool is_full =
      pending >= kMaxPendingTracks || publisher.queued_tracks.size() >= kMaxPendingTracks ||
      publisher.publications.size() >= room_.services.limits.tracks_per_participant;
  if (is_full || request.name().size() > room_.services.limits.name_length ||
      request.ByteSizeLong() > kMaxAddTrackBytes) {
    return Reason::LIMIT_EXCEEDED;
  }
  return Reason::OK;
}

livekit::RequestResponse::Reason Tracks::backup_refusal(const Participant& publisher,
                                                        const livekit::AddTrackRequest& request) {
  const auto track = std::ranges::find_if(publisher.publications, [&](const auto& publication) {
    return publication->sid.value() == request.sid() && !publication->is_backup();
  });
  if (track == publisher.publications.end()) {
    return Reason::NOT_FOUND;
  }
  const rtp::Codec codec = backup_codec((*track)->info);
  const bool is_it = request.simulcast_codecs_size() == 1 &&
                     !request.simulcast_codecs(0).cid().empty() &&
                     sdp::codec_from_mime_type(request.simulcast_codecs(0).codec()) == codec;
  if (codec == rtp::Codec::kUnknown || !is_it || publisher.find_backup(**track) != nullptr) {
    return Reason::UNSUPPORTED_TYPE;
  }
  return request.ByteSizeLong() > kMaxAddTrackBytes ? Reason::LIMIT_EXCEEDED : Reason::OK;
}

void Tracks::add_backup(Participant& publisher, const livekit::AddTrackRequest& request, Now now) {
  const Publication& track = *publisher.find_track(TrackSid(request.sid()));
  auto publication = std::make_unique<Publication>();
  publication->sid = track.sid;
  publication->id = room_.services.numbers.new_publication(room_.number);
  publication->backup_of = track.id;
  publication->cid = request.simulcast_codecs(0).cid();
  publication->info = make_backup_info(track.info, request);
  publication->kind = track.kind;
  room_.roster.index_track(publisher, *publication);
  Publication& added = *publisher.publications.emplace_back(std::move(publication));
  livekit::SignalResponse message;
  message.mutable_track_published()->set_cid(request.cid());
  *message.mutable_track_published()->mutable_track() = track.info;
  room_.send(publisher, std::move(message));
  claim_section(publisher, added, now);
}

void Tracks::handle_add(Participant& publisher, const livekit::AddTrackRequest& request, Now now) {
  const auto existing = std::ranges::find_if(publisher.publications, [&](const auto& p) {
    return !request.cid().empty() && p->cid == request.cid();
  });
  const bool is_repeated = request.sid().empty() && existing != publisher.publications.end();
  if (is_repeated && !(*existing)->is_published()) {
    tell_published(publisher, **existing);
    return;
  }
  auto reason = refusal(publisher, request);
  if (reason == Reason::OK && is_repeated) {
    publisher.queued_tracks.push_back(request);
    reason = Reason::QUEUED;
  }
  if (reason != Reason::OK) {
    livekit::SignalResponse message = request_response(reason);
    *message.mutable_request_response()->mutable_add_track() = request;
    room_.send(publisher, std::move(message));
    return;
  }
  if (!request.sid().empty()) {
    add_backup(publisher, request, now);
    return;
  }
  auto publication = std::make_unique<Publication>();
  publication->sid = TrackSid(new_sid("TR_", room_.services.random));
  publication->id = room_.services.numbers.new_publication(room_.number);
  publication->cid = request.cid();
  publication->info = make_track_info(request, publication->sid.value());
  publication->kind = kind_of(publication->info);
  room_.roster.index_track(publisher, *publication);
  Publication& added = *publisher.publications.emplace_back(std::move(publication));
  tell_published(publisher, added);
  claim_section(publisher, added, now);
}

void Tracks::tell_published(const Participant& publisher, const Publication& publication) const {
  livekit::SignalResponse message;
  auto& published = *message.mutable_track_published();
  published.set_cid(publication.cid);
  *published.mutable_track() = publication.info;
  room_.send(publisher, std::move(message));
}

void Tracks::claim_section(Participant& publisher, Publication& publication, Now now) {
  const auto is_for_other = [&](const PublishedSection& section) {
    return std::ranges::any_of(publisher.publications, [&](const auto& p) {
      return !p->is_published() && p->cid == section.track_id && p.get() != &publication;
    });
  };
  auto found = std::ranges::find_if(publisher.unclaimed, [&](const PublishedSection& section) {
    return section.kind == publication.kind && section.track_id == publication.cid;
  });
  if (found == publisher.unclaimed.end()) {
    found = std::ranges::find_if(publisher.unclaimed, [&](const PublishedSection& section) {
      return section.kind == publication.kind && !is_for_other(section);
    });
  }
  if (found == publisher.unclaimed.end()) {
    return;
  }
  const PublishedSection section = std::move(*found);
  publisher.unclaimed.erase(found);
  publish(publisher, publication, section, now);
  configure_receive(publisher);
}

void Tracks::publish(Participant& publisher, Publication& publication,
                     const PublishedSection& section, Now now) {
  publication.section = section;
  publication.codecs.clear();
  for (const rtp::CodecBinding& binding : section.codecs) {
    publication.codecs.push_back(binding.codec);
  }
  if (publication.is_backup()) {
    Publication& track = *publisher.find_track(*publication.backup_of);
    complete_backup_info(track.info, section, publication.cid);
    publication.info.set_muted(track.info.muted());
  } else {
    complete_track_info(publication.info, section);
  }
  room_.command(publisher.worker,
                forward::Publish{
                    .publication = publication.id,
                    .transport = publisher.uplink.transport,
                    .room = room_.number,
                    .kind = publication.kind,
                    .is_screen_share = publication.info.source() == livekit::SCREEN_SHARE,
                    .is_encrypted = publication.info.encryption() != livekit::Encryption::NONE,
                    .loudest = room_.options.loudest_of(publication.info.source()),
                });
  if (publication.info.muted()) {
    room_.command(publisher.worker, forward::MutePublication{publication.id, true});
  }
  if (!publication.is_backup()) {
    room_.note(RoomEventKind::kTrackPublished, now.wall, &publisher, &publication);
  }
  updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  updates_.mark_room(now.monotonic);
  // Others must know of the track before they are sent a description that carries it.
  updates_.flush(now.monotonic);
  if (publication.is_backup()) {
    // Those who wait for it have a subscription to the other codec, which ends first.
    subscriptions_.reconcile_track(publisher, *publisher.find_track(*publication.backup_of), now);
  }
  subscriptions_.reconcile_track(publisher, publication, now);
}

void Tracks::configure_receive(Participant& publisher) const {
  const auto lookup = [&](const PublishedSection& section) -> PublishTerms {
    for (const auto& publication : publisher.publications) {
      if (publication->is_published() && publication->section->mid == section.mid) {
        return {publication->id, publish_policy(publication->info)};
      }
    }
    return {};
  };
  room_.command(publisher.worker, forward::ConfigureReceive{
                                      publisher.uplink.transport, publisher.negotiator.extensions(),
                                      publisher.negotiator.receive_sections(lookup)});
}

void Tracks::end(Participant& publisher, Publication& publication, Now now) {
  speakers_.forget(publisher, publication.id);
  if (publication.is_published()) {
    subscriptions_.drop_track(publication, publisher, now);
    if (!publisher.is_forwarded()) {
      room_.command(publisher.worker, forward::Unpublish{publication.id});
    }
    if (!publication.is_backup()) {
      room_.note(RoomEventKind::kTrackUnpublished, now.wall, &publisher, &publication);
    }
  }
  room_.roster.forget_track(publication);
  room_.services.numbers.release(publication.id);
}

void Tracks::unpublish(Participant& publisher, PublicationId id, Now now) {
  const auto found =
      std::ranges::find_if(publisher.publications, [&](const auto& p) { return p->id == id; });
  if (found == publisher.publications.end()) {
    return;
  }
  end(publisher, **found, now);
  const std::string cid = (*found)->cid;
  const std::optional<PublicationId> track = (*found)->backup_of;
  publisher.publications.erase(found);
  if (track) {
    // Who got it can't play the other codec, but hears of that anew.
    if (Publication* other = publisher.find_track(*track)) {
      other->cannot_play.clear();
      subscriptions_.reconcile_track(publisher, *other, now);
    }
  } else {
    std::vector<PublicationId> backups;
    for (const auto& publication : publisher.publications) {
      if (publication->backup_of == id) {
        backups.push_back(publication->id);
      }
    }
    for (const PublicationId backup : backups) {
      unpublish(publisher, backup, now);
    }
  }
  updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  updates_.mark_room(now.monotonic);
  const auto queued =
      std::ranges::find(publisher.queued_tracks, cid, &livekit::AddTrackRequest::cid);
  if (queued != publisher.queued_tracks.end()) {
    const livekit::AddTrackRequest request = std::move(*queued);
    publisher.queued_tracks.erase(queued);
    handle_add(publisher, request, now);
  }
}

void Tracks::unpublish_all(Participant& publisher, Now now) {
  publisher.queued_tracks.clear();
  for (const auto& publication : publisher.publications) {
    end(publisher, *publication, now);
  }
  publisher.publications.clear();
}

void Tracks::handle_mute(Participant& publisher, const livekit::MuteTrackRequest& request,
                         Now now) {
  Publication* publication = publisher.find_track(TrackSid(request.sid()));
  if (publication == nullptr) {
    livekit::SignalResponse message = request_response(Reason::NOT_FOUND);
    *message.mutable_request_response()->mutable_mute() = request;
    room_.send(publisher, std::move(message));
    return;
  }
  if (publication->info.muted() == request.muted()) {
    return;
  }
  publication->info.set_muted(request.muted());
  const Publication* backup = publisher.find_backup(*publication);
  if (backup != nullptr && backup->is_published()) {
    room_.command(publisher.worker, forward::MutePublication{backup->id, request.muted()});
  }
  if (publication->is_published()) {
    room_.command(publisher.worker, forward::MutePublication{publication->id, request.muted()});
    updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  }
}

void Tracks::handle_features(Participant& publisher, const livekit::UpdateLocalAudioTrack& request,
                             Now now) {
  static constexpr int kMaxFeatures = 16;
  Publication* publication = publisher.find_track(TrackSid(request.track_sid()));
  if (publication == nullptr || publication->kind != rtp::MediaKind::kAudio ||
      request.features_size() > kMaxFeatures) {
    livekit::SignalResponse message =
        request_response(publication == nullptr ? Reason::NOT_FOUND : Reason::INVALID_REQUEST);
    *message.mutable_request_response()->mutable_update_audio_track() = request;
    room_.send(publisher, std::move(message));
    return;
  }
  *publication->info.mutable_audio_features() = request.features();
  updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
}

void Tracks::handle_size(Participant& publisher, const livekit::UpdateLocalVideoTrack& request,
                         Now now) {
  Publication* publication = publisher.find_track(TrackSid(request.track_sid()));
  if (publication == nullptr || publication->kind != rtp::MediaKind::kVideo) {
    livekit::SignalResponse message =
        request_response(publication == nullptr ? Reason::NOT_FOUND : Reason::INVALID_REQUEST);
    *message.mutable_request_response()->mutable_update_video_track() = request;
    room_.send(publisher, std::move(message));
    return;
  }
  publication->info.set_width(request.width());
  publication->info.set_height(request.height());
  updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
}

void Tracks::handle(const forward::LayerStarted& event, Now now) {
  Participant* publisher = room_.roster.find(event.publication);
  Publication* publication =
      publisher == nullptr ? nullptr : publisher->find_track(event.publication);
  if (publication == nullptr || !publication->is_published()) {
    return;
  }
  publication->codecs = event.codec == rtp::Codec::kRed
                            ? std::vector{rtp::Codec::kRed, rtp::Codec::kOpus}
                            : std::vector{event.codec};
  publisher->touch();  // rooms that it is forwarded to follow
  if (!publication->is_backup() && set_track_codec(publication->info, event.codec)) {
    updates_.mark(*publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  }
}

void Tracks::handle(const forward::LayersWanted& event, Now now) {
  Participant* publisher = room_.roster.find(event.publication);
  Publication* publication =
      publisher == nullptr ? nullptr : publisher->find_track(event.publication);
  if (publication == nullptr || publication->kind != rtp::MediaKind::kVideo) {
    return;
  }
  publication->dynacast.handle(event, now.monotonic);
  tell_layers(*publisher, *publication, now.monotonic);
}

void Tracks::tell_layers(Participant& publisher, Publication& publication, Instant now) const {
  if (!publication.dynacast.take_change(now)) {
    return;
  }
  const Publication* track =
      publication.is_backup() ? publisher.find_track(*publication.backup_of) : &publication;
  if (track != nullptr) {
    subscriptions_.tell_layers(publisher, *track);
  }
}

void Tracks::handle_timeout(Now now) {
  for (const auto& publisher : room_.roster.all()) {
    for (const auto& publication : publisher->publications) {
      tell_layers(*publisher, *publication, now.monotonic);
    }
  }
}

Instant Tracks::next_timeout() const {
  Instant next = Instant::never();
  for (const auto& publisher : room_.roster.all()) {
    for (const auto& publication : publisher->publications) {
      next = std::min(next, publication->dynacast.next_timeout());
    }
  }
  return next;
}

}  // namespace meridian::meeting
