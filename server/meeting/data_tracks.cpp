#include "meeting/data_tracks.hpp"

#include <algorithm>
#include <utility>

#include "meeting/limits.hpp"

namespace meridian::meeting {
namespace {

// The first byte of a packet: version (3 bits), start and end of a frame.
constexpr unsigned kVersionShift = 5;
constexpr std::uint8_t kStartOfFrame = 0x10;

std::uint16_t handle_of(Bytes packet) {
  return static_cast<std::uint16_t>((packet[DataTracks::kHandleOffset] << 8U) |
                                    packet[DataTracks::kHandleOffset + 1]);
}

/// Frames that are more than the subscriber wants are left out whole.
bool is_due(DataTrack::Subscriber& subscriber, bool starts_frame, Instant now) {
  if (subscriber.interval == Duration::zero() || !starts_frame) {
    return subscriber.interval == Duration::zero() || subscriber.takes_frame;
  }
  subscriber.takes_frame = now >= subscriber.next_frame;
  if (subscriber.takes_frame) {
    // By the schedule, so that the mean is right; but what wasn't sent is not made up for.
    subscriber.next_frame =
        std::max(subscriber.next_frame + subscriber.interval, now + subscriber.interval / 2);
  }
  return subscriber.takes_frame;
}

}  // namespace

livekit::RequestResponse::Reason DataTracks::refusal(
    const Participant& publisher, const livekit::PublishDataTrackRequest& request) const {
  static constexpr std::uint32_t kMaxHandle = 0xffff;
  const auto has = [&](auto matches) {
    return std::ranges::any_of(publisher.data_tracks,
                               [&](const DataTrack& track) { return matches(track.info); });
  };
  if (!publisher.info.permission().can_publish_data()) {
    return Reason::NOT_ALLOWED;
  }
  if (request.pub_handle() == 0 || request.pub_handle() > kMaxHandle) {
    return Reason::INVALID_HANDLE;
  }
  if (request.name().empty() || request.name().size() > kMaxDataTrackName ||
      request.ByteSizeLong() > kMaxAddTrackBytes) {
    return Reason::INVALID_NAME;
  }
  if (has([&](const auto& info) { return info.pub_handle() == request.pub_handle(); })) {
    return Reason::DUPLICATE_HANDLE;
  }
  if (has([&](const auto& info) { return info.name() == request.name(); })) {
    return Reason::DUPLICATE_NAME;
  }
  return publisher.data_tracks.size() >= room_.services.limits.tracks_per_participant
             ? Reason::LIMIT_EXCEEDED
             : Reason::OK;
}

void DataTracks::handle_publish(Participant& publisher,
                                const livekit::PublishDataTrackRequest& request, Now now) {
  livekit::SignalResponse message;
  if (const auto reason = refusal(publisher, request); reason != Reason::OK) {
    message.mutable_request_response()->set_reason(reason);
    *message.mutable_request_response()->mutable_publish_data_track() = request;
    room_.send(publisher, std::move(message));
    return;
  }
  DataTrack& track = publisher.data_tracks.emplace_back();
  track.info.set_pub_handle(request.pub_handle());
  track.info.set_sid(new_sid("DTR_", room_.services.random));
  track.info.set_name(request.name());
  track.info.set_encryption(request.encryption());
  if (request.has_frame_encoding()) {
    *track.info.mutable_frame_encoding() = request.frame_encoding();
  }
  if (request.has_schema()) {
    *track.info.mutable_schema() = request.schema();
  }
  *message.mutable_publish_data_track_response()->mutable_info() = track.info;
  room_.send(publisher, std::move(message));
  updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
  // Others must know of the track before its packets can come.
  updates_.flush(now.monotonic);
  for (const auto& subscriber : room_.roster.all()) {
    if (subscriber.get() != &publisher && subscriber->settings.auto_subscribe_data_track()) {
      subscribe(*subscriber, publisher, track, 0);
      tell_handles(*subscriber);
    }
  }
}

void DataTracks::handle_unpublish(Participant& publisher,
                                  const livekit::UnpublishDataTrackRequest& request, Now now) {
  const auto found = std::ranges::find_if(publisher.data_tracks, [&](const DataTrack& track) {
    return track.info.pub_handle() == request.pub_handle();
  });
  livekit::SignalResponse message;
  if (found == publisher.data_tracks.end()) {
    message.mutable_request_response()->set_reason(Reason::NOT_FOUND);
    *message.mutable_request_response()->mutable_unpublish_data_track() = request;
    room_.send(publisher, std::move(message));
    return;
  }
  *message.mutable_unpublish_data_track_response()->mutable_info() = found->info;
  for (const auto& subscriber : room_.roster.all()) {
    unsubscribe(*subscriber, *found);
  }
  publisher.data_tracks.erase(found);
  room_.send(publisher, std::move(message));
  updates_.mark(publisher, Updates::Audience::kOthers, Updates::Urgency::kNow, now.monotonic);
}

void DataTracks::subscribe(Participant& subscriber, Participant& publisher, DataTrack& track,
                           std::uint32_t target_fps) {
  if (!subscriber.info.permission().can_subscribe() || publisher.is_hidden()) {
    return;
  }
  const std::string& sid = track.info.sid();
  auto known = subscriber.data_handles.find(sid);
  if (known == subscriber.data_handles.end()) {
    if (subscriber.data_handles.size() >= kMaxDataSubscriptions) {
      return;
    }
    const auto is_taken = [&](std::uint16_t handle) {
      return handle == 0 || std::ranges::any_of(subscriber.data_handles, [&](const auto& entry) {
               return entry.second == handle;
             });
    };
    do {
      ++subscriber.last_data_handle;
    } while (is_taken(subscriber.last_data_handle));
    known = subscriber.data_handles.emplace(sid, subscriber.last_data_handle).first;
  }
  DataTrack::Subscriber& entry = track.subscribers[subscriber.sid()];
  entry.handle = known->second;
  entry.interval = target_fps == 0 ? Duration::zero() : Duration(1s) / target_fps;
}

void DataTracks::unsubscribe(Participant& subscriber, DataTrack& track) {
  subscriber.data_handles.erase(track.info.sid());
  track.subscribers.erase(subscriber.sid());
}

void DataTracks::handle_subscription(Participant& subscriber,
                                     const livekit::UpdateDataSubscription& request) {
  for (int i = 0; i < request.updates_size() && i < static_cast<int>(kMaxTracksPerRequest); ++i) {
    const auto& update = request.updates(i);
    for (const auto& publisher : room_.roster.all()) {
      const auto track = std::ranges::find_if(
          publisher->data_tracks,
          [&](const DataTrack& candidate) { return candidate.info.sid() == update.track_sid(); });
      if (track == publisher->data_tracks.end() || publisher.get() == &subscriber) {
        continue;
      }
      if (update.subscribe()) {
        subscribe(subscriber, *publisher, *track, update.options().target_fps());
      } else {
        unsubscribe(subscriber, *track);
      }
    }
  }
  tell_handles(subscriber);
}

void DataTracks::handle_joined(Participant& subscriber) {
  if (!subscriber.settings.auto_subscribe_data_track()) {
    return;
  }
  for (const auto& publisher : room_.roster.all()) {
    for (DataTrack& track : publisher->data_tracks) {
      subscribe(subscriber, *publisher, track, 0);
    }
  }
  if (!subscriber.data_handles.empty()) {
    tell_handles(subscriber);
  }
}

void DataTracks::handle_permission(Participant& participant, Now now) {
  if (!participant.info.permission().can_publish_data()) {
    while (!participant.data_tracks.empty()) {
      livekit::UnpublishDataTrackRequest request;
      request.set_pub_handle(participant.data_tracks.front().info.pub_handle());
      handle_unpublish(participant, request, now);
    }
  }
  if (participant.info.permission().can_subscribe()) {
    handle_joined(participant);
    return;
  }
  const bool had_any = !participant.data_handles.empty();
  for (const auto& publisher : room_.roster.all()) {
    for (DataTrack& track : publisher->data_tracks) {
      unsubscribe(participant, track);
    }
  }
  if (had_any) {
    tell_handles(participant);
  }
}

void DataTracks::handle_left(Participant& participant) {
  for (const auto& other : room_.roster.all()) {
    for (DataTrack& track : participant.data_tracks) {
      other->data_handles.erase(track.info.sid());
    }
    for (DataTrack& track : other->data_tracks) {
      track.subscribers.erase(participant.sid());
    }
  }
  participant.data_tracks.clear();
  participant.data_handles.clear();
}

void DataTracks::tell_handles(const Participant& subscriber) const {
  livekit::SignalResponse message;
  auto& handles = *message.mutable_data_track_subscriber_handles()->mutable_sub_handles();
  for (const auto& publisher : room_.roster.all()) {
    for (const DataTrack& track : publisher->data_tracks) {
      const auto known = subscriber.data_handles.find(track.info.sid());
      if (known == subscriber.data_handles.end()) {
        continue;
      }
      auto& entry = handles[known->second];
      entry.set_publisher_identity(publisher->info.identity());
      entry.set_publisher_sid(publisher->info.sid());
      entry.set_track_sid(track.info.sid());
    }
  }
  room_.send(subscriber, std::move(message));
}

std::vector<DataTracks::Delivery> DataTracks::deliveries(Participant& sender, Bytes packet,
                                                         Instant now) {
  std::vector<Delivery> to;
  if (packet.size() < kHeaderSize || packet[0] >> kVersionShift != 0 ||
      !sender.info.permission().can_publish_data()) {
    return to;
  }
  const std::uint16_t handle = handle_of(packet);
  const auto track = std::ranges::find_if(sender.data_tracks, [&](const DataTrack& candidate) {
    return candidate.info.pub_handle() == handle;
  });
  if (track == sender.data_tracks.end()) {
    return to;
  }
  const bool starts_frame = (packet[0] & kStartOfFrame) != 0;
  for (auto& [sid, entry] : track->subscribers) {
    Participant* subscriber = room_.roster.find(sid);
    if (subscriber != nullptr && is_due(entry, starts_frame, now)) {
      to.push_back({subscriber, entry.handle});
    }
  }
  return to;
}

}  // namespace meridian::meeting
