#include "meeting/subscriptions.hpp"

#include <algorithm>
#include <variant>

#include "meeting/limits.hpp"
#include "meeting/track_info.hpp"

namespace meridian::meeting {
namespace {

bool names_participant(const livekit::TrackPermission& permission,
                       const livekit::ParticipantInfo& info) {
  return permission.participant_identity().empty()
             ? permission.participant_sid() == info.sid()
             : permission.participant_identity() == info.identity();
}

/// Whether the publisher's tracks come to that worker over a relay. Those of another room do on the
/// publisher's own worker, too.
bool is_relayed(const Participant& publisher, WorkerIndex worker) {
  return worker != publisher.worker || publisher.is_forwarded();
}

}  // namespace

bool Subscriptions::is_wanted(const Participant& subscriber, const Publication& publication) const {
  if (!subscriber.info.permission().can_subscribe() || subscriber.is_forwarded()) {
    return false;
  }
  const auto wish = subscriber.wishes.find(publication.sid);
  return wish == subscriber.wishes.end() ? subscriber.settings.auto_subscribe() : wish->second;
}

bool Subscriptions::is_allowed(const Participant& subscriber, const Participant& publisher,
                               const std::optional<livekit::SubscriptionPermission>& access,
                               const Publication& publication) {
  if (publisher.is_hidden()) {
    return false;  // clients drop tracks of people that they don't know
  }
  if (!access || access->all_participants() || subscriber.info.permission().recorder() ||
      subscriber.info.permission().agent()) {
    return true;
  }
  return std::ranges::any_of(access->track_permissions(), [&](const auto& permission) {
    return names_participant(permission, subscriber.info) &&
           (permission.all_tracks() ||
            std::ranges::find(permission.track_sids(), publication.sid.value()) !=
                permission.track_sids().end());
  });
}

void Subscriptions::reconcile_all(Participant& subscriber, Now now) {
  for (const auto& publisher : room_.roster.all()) {
    for (const auto& publication : publisher->publications) {
      reconcile(subscriber, *publisher, *publication, now);
    }
  }
}

void Subscriptions::reconcile_track(Participant& publisher, Publication& publication, Now now) {
  for (const auto& subscriber : room_.roster.all()) {
    reconcile(*subscriber, publisher, publication, now);
  }
}

void Subscriptions::reconcile(Participant& subscriber, Participant& publisher,
                              Publication& publication, Now now) {
  if (&subscriber == &publisher) {
    return;
  }
  const bool should = publication.is_published() && is_wanted(subscriber, publication) &&
                      is_allowed(subscriber, publisher, publisher.access, publication) &&
                      is_chosen(subscriber, publisher, publication);
  const bool is = subscriber.subscriptions.contains(publication.id);
  if (should && !is) {
    start(subscriber, publisher, publication, now);
  } else if (is && !should) {
    stop(subscriber, publication, now);
  }
}

bool Subscriptions::is_chosen(const Participant& subscriber, Participant& publisher,
                              const Publication& publication) {
  if (publication.is_backup()) {
    const Publication* track = publisher.find_track(*publication.backup_of);
    return track != nullptr && track->cannot_play.contains(subscriber.sid());
  }
  const Publication* backup = publisher.find_backup(publication);
  return backup == nullptr || !backup->is_published() ||
         !publication.cannot_play.contains(subscriber.sid());
}

void Subscriptions::fall_back(Participant& subscriber, Participant& publisher,
                              Publication& publication, Now now) {
  const rtp::Codec codec = backup_codec(publication.info);
  if (publication.is_backup() || codec == rtp::Codec::kUnknown) {
    tell_error(subscriber, publication.sid, livekit::SE_CODEC_UNSUPPORTED);
    return;
  }
  const bool is_first = publication.cannot_play.empty();
  publication.cannot_play.insert(subscriber.sid());
  const Publication* backup = publisher.find_backup(publication);
  if (backup != nullptr && backup->is_published()) {
    reconcile(subscriber, publisher, publication, now);
    reconcile(subscriber, publisher, *publisher.find_track(backup->id), now);
  } else if (is_first) {
    tell_layers(publisher, publication);
  }
}

void Subscriptions::tell_layers(const Participant& publisher, const Publication& track) const {
  const Publication* backup = publisher.find_backup(track);
  std::vector<CodecLayers> codecs = {{track.info.mime_type(), track.dynacast.told()}};
  if (backup != nullptr || !track.cannot_play.empty()) {
    codecs.push_back({track.info.codecs(1).mime_type(),
                      backup != nullptr ? backup->dynacast.told() : Dynacast::kAllLayers});
  }
  livekit::SignalResponse message;
  *message.mutable_subscribed_quality_update() = quality_update(track.sid.value(), codecs);
  room_.send(publisher, std::move(message));
}

void Subscriptions::start(Participant& subscriber, const Participant& publisher,
                          Publication& publication, Now now) {
  if (subscriber.subscriptions.size() >= room_.services.limits.subscriptions_per_participant) {
    tell_error(subscriber, publication.sid, livekit::SE_UNKNOWN);
    return;
  }
  const Subscription subscription{
      .id = room_.services.numbers.new_subscription(),
      .target = target_for(subscriber, publication),
  };
  const auto added = subscriber.add_sender({
      .subscription = subscription.id,
      .kind = publication.kind,
      .participant_sid = publisher.info.sid(),
      .track_sid = publication.sid.value(),
      .stream = room_.options.sync_streams ? publication.info.stream() : std::string(),
      .codecs = publication.codecs,
      .stereo = publication.info.stereo(),
  });
  if (added != AddSender::kAdded) {
    tell_error(subscriber, publication.sid, livekit::SE_UNKNOWN);
    return;
  }
  subscriber.subscriptions.emplace(publication.id, subscription);
  if (subscriber.has_negotiated() && subscriber.has_signal()) {
    subscriber.pace.want(now.monotonic);
  }
}

void Subscriptions::stop(Participant& subscriber, Publication& publication, Now now) {
  const auto found = subscriber.subscriptions.find(publication.id);
  unbind(subscriber, found->second.id);
  subscriber.remove_sender(found->second.id);
  subscriber.subscriptions.erase(found);
  if (subscriber.has_signal() && subscriber.needs_negotiation()) {
    subscriber.pace.want(now.monotonic);
  }
}

void Subscriptions::handle_wish(Participant& subscriber, const livekit::UpdateSubscription& request,
                                Now now) {
  std::vector<TrackSid> tracks;
  const auto collect = [&tracks](const auto& sids) {
    for (const std::string& sid : sids) {
      if (tracks.size() < kMaxTracksPerRequest) {
        tracks.emplace_back(sid);
      }
    }
  };
  collect(request.track_sids());
  for (const livekit::ParticipantTracks& entry : request.participant_tracks()) {
    collect(entry.track_sids());
  }
  for (const TrackSid& sid : tracks) {
    if (!subscriber.wishes.contains(sid) && subscriber.wishes.size() >= kMaxTrackPreferences) {
      break;
    }
    subscriber.wishes[sid] = request.subscribe();
    Participant* publisher = room_.roster.publisher_of(sid);
    Publication* publication = publisher == nullptr ? nullptr : publisher->find_track(sid);
    if (publication != nullptr && !publisher->is_hidden()) {
      for (const auto& codec : publisher->publications) {
        if (codec->sid == sid) {
          reconcile(subscriber, *publisher, *codec, now);
        }
      }
    } else if (request.subscribe()) {
      tell_error(subscriber, sid, livekit::SE_TRACK_NOTFOUND);
    }
  }
}

forward::LayerTarget Subscriptions::target_for(const Participant& subscriber,
                                               const Publication& publication) {
  forward::LayerTarget target;
  const auto settings = subscriber.track_settings.find(publication.sid);
  if (settings == subscriber.track_settings.end()) {
    return target;
  }
  const livekit::UpdateTrackSettings& wanted = settings->second;
  target.is_enabled = !wanted.disabled();
  if (publication.kind == rtp::MediaKind::kVideo) {
    target.max_spatial = wanted.width() > 0
                             ? layer_for_size(publication.info, wanted.width(), wanted.height())
                             : layer_for_quality(wanted.quality());
    target.max_temporal = temporal_for_rate(wanted.fps());
    // 1 is the highest, 0 says nothing.
    target.priority = wanted.priority() > 0 ? ~wanted.priority() : 0;
  }
  return target;
}

void Subscriptions::handle_settings(Participant& subscriber,
                                    const livekit::UpdateTrackSettings& request) {
  livekit::UpdateTrackSettings settings = request;
  settings.clear_track_sids();
  std::size_t count = 0;
  for (const std::string& text : request.track_sids()) {
    const TrackSid sid(text);
    if (++count > kMaxTracksPerRequest ||
        (!subscriber.track_settings.contains(sid) &&
         subscriber.track_settings.size() >= kMaxTrackPreferences)) {
      break;
    }
    subscriber.track_settings[sid] = settings;
    const Participant* publisher = room_.roster.publisher_of(sid);
    if (publisher == nullptr) {
      continue;
    }
    for (const auto& publication : publisher->publications) {
      const auto found = subscriber.subscriptions.find(publication->id);
      if (publication->sid != sid || found == subscriber.subscriptions.end()) {
        continue;
      }
      Subscription& subscription = found->second;
      const forward::LayerTarget target = target_for(subscriber, *publication);
      if (target != subscription.target) {
        subscription.target = target;
        if (subscription.state == Subscription::State::kBound) {
          room_.command(subscriber.worker, forward::SetSubscription{subscription.id, target});
        }
      }
    }
  }
}

void Subscriptions::handle(const forward::StreamPaused& event) {
  const Participant* subscriber = room_.roster.find(event.transport);
  const Participant* publisher = room_.roster.find(event.publication);
  if (subscriber == nullptr || publisher == nullptr ||
      !subscriber->subscriptions.contains(event.publication)) {
    return;
  }
  const auto track = std::ranges::find(publisher->publications, event.publication,
                                       [](const auto& publication) { return publication->id; });
  if (track == publisher->publications.end()) {
    return;
  }
  livekit::SignalResponse message;
  livekit::StreamStateInfo& state = *message.mutable_stream_state_update()->add_stream_states();
  state.set_participant_sid(publisher->info.sid());
  state.set_track_sid((*track)->sid.value());
  state.set_state(event.is_paused ? livekit::PAUSED : livekit::ACTIVE);
  room_.send(*subscriber, std::move(message));
}

void Subscriptions::handle_permission(Participant& publisher,
                                      livekit::SubscriptionPermission permission, Now now) {
  if (static_cast<std::size_t>(permission.track_permissions_size()) > kMaxTrackPermissions) {
    permission.mutable_track_permissions()->DeleteSubrange(
        static_cast<int>(kMaxTrackPermissions),
        permission.track_permissions_size() - static_cast<int>(kMaxTrackPermissions));
  }
  const auto before = std::exchange(publisher.access, std::move(permission));
  publisher.touch();  // rooms that it is forwarded to follow
  for (const auto& publication : publisher.publications) {
    for (const auto& subscriber : room_.roster.all()) {
      if (subscriber.get() == &publisher) {
        continue;
      }
      const bool is_now = is_allowed(*subscriber, publisher, publisher.access, *publication);
      const bool was = is_allowed(*subscriber, publisher, before, *publication);
      if (is_now == was || !publication->is_published()) {
        continue;
      }
      if (!publication->is_backup()) {
        livekit::SignalResponse message;
        auto& update = *message.mutable_subscription_permission_update();
        update.set_participant_sid(publisher.info.sid());
        update.set_track_sid(publication->sid.value());
        update.set_allowed(is_now);
        room_.send(*subscriber, std::move(message));
      }
      reconcile(*subscriber, publisher, *publication, now);
    }
  }
}

void Subscriptions::apply(Participant& subscriber, const SenderChanges& changes, Now now) {
  for (const SubscriptionId id : changes.unbound) {
    unbind(subscriber, id);
  }
  for (const SendBinding& binding : changes.bound) {
    bind(subscriber, binding, now);
  }
  std::vector<PublicationId> unplayable;
  for (auto& [publication_id, subscription] : subscriber.subscriptions) {
    if (std::ranges::find(changes.unsupported, subscription.id) != changes.unsupported.end()) {
      subscription.state = Subscription::State::kUnsupported;
      unplayable.push_back(publication_id);
    }
  }
  for (const PublicationId id : unplayable) {  // which changes the subscriptions
    Participant* publisher = room_.roster.find(id);
    Publication* publication = publisher == nullptr ? nullptr : publisher->find_track(id);
    if (publication != nullptr) {
      fall_back(subscriber, *publisher, *publication, now);
    }
  }
}

void Subscriptions::bind(Participant& subscriber, const SendBinding& binding, Now now) {
  const auto found = std::ranges::find_if(subscriber.subscriptions, [&](const auto& entry) {
    return entry.second.id == binding.subscription;
  });
  if (found == subscriber.subscriptions.end()) {
    return;
  }
  Subscription& subscription = found->second;
  Participant* publisher = room_.roster.find(found->first);
  Publication* publication = publisher == nullptr ? nullptr : publisher->find_track(found->first);
  if (publication == nullptr) {
    return;
  }
  if (!ensure_relay(subscriber, *publisher, *publication, now)) {
    subscription.state = Subscription::State::kDenied;
    has_denied_ = true;
    subscriber.remove_sender(subscription.id);
    tell_error(subscriber, publication->sid, livekit::SE_UNKNOWN);
    return;
  }
  subscription.state = Subscription::State::kBound;
  ++publication->bound[subscriber.worker];
  ++bound_;
  room_.command(subscriber.worker, forward::Subscribe{
                                       .subscription = subscription.id,
                                       .publication = publication->id,
                                       .transport = subscriber.downlink().transport,
                                       .mid = binding.mid,
                                       .ssrc = binding.ssrc,
                                       .rtx_ssrc = binding.rtx_ssrc,
                                       .codecs = binding.codecs,
                                       .extensions = binding.extensions,
                                       .target = subscription.target,
                                       .playout_delay = room_.options.playout_delay,
                                   });
  if (!publication->subscriber_told && !publication->is_backup()) {
    tell_subscribed(*publisher, *publication);
  }
}

void Subscriptions::tell_subscribed(const Participant& publisher, Publication& track) const {
  track.subscriber_told = true;
  livekit::SignalResponse message;
  message.mutable_track_subscribed()->set_track_sid(track.sid.value());
  room_.send(publisher, std::move(message));
}

void Subscriptions::unbind(Participant& subscriber, SubscriptionId id) {
  const auto found = std::ranges::find_if(subscriber.subscriptions,
                                          [&](const auto& entry) { return entry.second.id == id; });
  if (found == subscriber.subscriptions.end() ||
      found->second.state != Subscription::State::kBound) {
    return;
  }
  found->second.state = Subscription::State::kWaiting;
  --bound_;
  room_.command(subscriber.worker, forward::Unsubscribe{id});
  Participant* publisher = room_.roster.find(found->first);
  Publication* publication = publisher == nullptr ? nullptr : publisher->find_track(found->first);
  if (publication != nullptr) {
    release(*publication, *publisher, subscriber.worker);
  }
}

residency::RelayQuestion Subscriptions::relay_question(const Participant& subscriber,
                                                       const Participant& publisher,
                                                       const residency::LevelNames& levels) const {
  const directory::Account* account = room_.services.directory.find_account(room_.account);
  return {.policy = account == nullptr ? nullptr : &account->policy,
          .levels = levels,
          .from = publisher.region,
          .to = subscriber.region};
}

const residency::LevelNames* Subscriptions::obstacle(const Participant& subscriber,
                                                     const Participant& publisher) const {
  const auto forbids = [&](const residency::LevelNames& levels) {
    return std::holds_alternative<residency::Denied>(
        residency::decide(relay_question(subscriber, publisher, levels)));
  };
  if (publisher.forwarded && forbids(publisher.forwarded->levels)) {
    return &publisher.forwarded->levels;
  }
  return forbids(room_.levels) ? &room_.levels : nullptr;
}

bool Subscriptions::ensure_relay(const Participant& subscriber, const Participant& publisher,
                                 const Publication& publication, Now now) {
  if (!is_relayed(publisher, subscriber.worker) || publication.bound.contains(subscriber.worker)) {
    return true;
  }
  // Asked under the levels that forbid it, so that the record says which ones do.
  const residency::LevelNames* forbidding = obstacle(subscriber, publisher);
  auto admission = room_.services.gate.admit(
      relay_question(subscriber, publisher, forbidding != nullptr ? *forbidding : room_.levels),
      residency::Subject{room_.sid.value(), subscriber.info.sid()}, now.wall);
  if (!admission || forbidding != nullptr) {
    return false;
  }
  if (publisher.forwarded) {
    admission->source.narrow(publisher.forwarded->levels);
    admission->sink.narrow(publisher.forwarded->levels);
  }
  const PublicationId source = publication.source.value_or(publication.id);
  room_.command(publisher.worker, forward::OpenRelaySource{
                                      .publication = source,
                                      .to = subscriber.worker,
                                      .permit = std::move(admission->source),
                                      .sink = publication.id,
                                      .room = room_.number,
                                  });
  room_.command(subscriber.worker,
                forward::OpenRelaySink{
                    .publication = publication.id,
                    .room = room_.number,
                    .kind = publication.kind,
                    .is_screen_share = publication.info.source() == livekit::SCREEN_SHARE,
                    .is_encrypted = publication.info.encryption() != livekit::Encryption::NONE,
                    .loudest = room_.options.loudest_of(publication.info.source()),
                    .from = publisher.worker,
                    .permit = std::move(admission->sink),
                    .source = source,
                });
  return true;
}

void Subscriptions::close_relay(const Publication& publication, const Participant& publisher,
                                WorkerIndex worker) const {
  room_.command(worker, forward::Unpublish{publication.id});
  room_.command(publisher.worker, forward::CloseRelaySource{
                                      .publication = publication.source.value_or(publication.id),
                                      .to = worker,
                                      .sink = publication.id,
                                  });
}

void Subscriptions::release(Publication& publication, const Participant& publisher,
                            WorkerIndex worker) {
  const auto found = publication.bound.find(worker);
  if (found == publication.bound.end() || --found->second > 0) {
    return;
  }
  publication.bound.erase(found);
  if (is_relayed(publisher, worker)) {
    close_relay(publication, publisher, worker);
  }
}

void Subscriptions::drop_track(Publication& publication, const Participant& publisher, Now now) {
  for (const auto& subscriber : room_.roster.all()) {
    const auto found = subscriber->subscriptions.find(publication.id);
    if (found == subscriber->subscriptions.end()) {
      continue;
    }
    bound_ -= found->second.state == Subscription::State::kBound ? 1 : 0;
    subscriber->remove_sender(found->second.id);
    subscriber->subscriptions.erase(found);
    if (subscriber->has_signal() && subscriber->needs_negotiation()) {
      subscriber->pace.want(now.monotonic);
    }
  }
  // Unpublish ends the subscriptions of a worker with the publication.
  for (const auto& [worker, count] : publication.bound) {
    if (is_relayed(publisher, worker)) {
      close_relay(publication, publisher, worker);
    }
  }
  publication.bound.clear();
}

void Subscriptions::drop_subscriber(Participant& subscriber) {
  for (const auto& [publication_id, subscription] : subscriber.subscriptions) {
    if (subscription.state != Subscription::State::kBound) {
      continue;
    }
    --bound_;
    Participant* publisher = room_.roster.find(publication_id);
    Publication* publication =
        publisher == nullptr ? nullptr : publisher->find_track(publication_id);
    if (publication != nullptr) {
      release(*publication, *publisher, subscriber.worker);
    }
  }
  subscriber.subscriptions.clear();
  for (const auto& publisher : room_.roster.all()) {
    for (const auto& publication : publisher->publications) {
      publication->cannot_play.erase(subscriber.sid());
    }
  }
}

void Subscriptions::retry_denied(Now now) {
  if (!has_denied_ || !room_.services.gate.can_admit_relay()) {
    return;
  }
  has_denied_ = false;
  for (const auto& subscriber : room_.roster.all()) {
    std::vector<PublicationId> permitted;
    for (const auto& [publication, subscription] : subscriber->subscriptions) {
      const Participant* publisher = room_.roster.find(publication);
      if (subscription.state != Subscription::State::kDenied || publisher == nullptr) {
        continue;
      }
      // Asked without the gate first: no second denial is recorded, and the client isn't told
      // twice.
      if (obstacle(*subscriber, *publisher) == nullptr) {
        permitted.push_back(publication);
      } else {
        has_denied_ = true;
      }
    }
    for (const PublicationId id : permitted) {
      subscriber->subscriptions.erase(id);
      Participant* publisher = room_.roster.find(id);
      if (Publication* publication = publisher->find_track(id)) {
        reconcile(*subscriber, *publisher, *publication, now);
      }
    }
  }
}

void Subscriptions::tell_error(const Participant& subscriber, const TrackSid& track,
                               livekit::SubscriptionError error) const {
  livekit::SignalResponse message;
  message.mutable_subscription_response()->set_track_sid(track.value());
  message.mutable_subscription_response()->set_err(error);
  room_.send(subscriber, std::move(message));
}

}  // namespace meridian::meeting
