// What the server API does to those who are in a meeting.
#include <algorithm>
#include <utility>

#include "meeting/limits.hpp"
#include "meeting/meeting.hpp"

namespace meridian::meeting {
namespace {

/// Nonces that are remembered; calls are repeated within seconds.
constexpr std::size_t kMaxNonces = 256;
/// The protocol version from which clients know of rooms that they are moved to.
constexpr int kKnowsMoves = 16;
/// Whom methods see as their caller.
constexpr std::string_view kRpcCaller = "server:rpc";
constexpr std::uint32_t kRpcVersion = 1;

bool may_publish(const livekit::ParticipantPermission& permission, livekit::TrackSource source) {
  const auto& sources = permission.can_publish_sources();
  return permission.can_publish() &&
         (sources.empty() || std::ranges::find(sources, static_cast<int>(source)) != sources.end());
}

livekit::SignalResponse track_unpublished(const TrackSid& track) {
  livekit::SignalResponse message;
  message.mutable_track_unpublished()->set_track_sid(track.value());
  return message;
}

}  // namespace

AdminResult<Participant*> Meeting::administered(const Identity& identity) const {
  Participant* participant = room_.roster.find(identity);
  if (participant == nullptr) {
    return std::unexpected(AdminError::kNoParticipant);
  }
  if (participant->is_forwarded()) {
    return std::unexpected(AdminError::kForwarded);
  }
  return participant;
}

AdminResult<void> Meeting::remove_participant(const Identity& identity, Now now) {
  Participant* participant = room_.roster.find(identity);
  if (participant == nullptr) {
    return std::unexpected(AdminError::kNoParticipant);
  }
  dismiss(*participant, livekit::PARTICIPANT_REMOVED, livekit::LeaveRequest::DISCONNECT, now);
  settle(now);
  return {};
}

AdminResult<livekit::TrackInfo> Meeting::mute_track(const livekit::MuteRoomTrackRequest& request,
                                                    Now now) {
  const auto found = administered(Identity(request.identity()));
  if (!found) {
    return std::unexpected(found.error());
  }
  Participant* participant = *found;
  const Publication* track = participant->find_track(TrackSid(request.track_sid()));
  if (track == nullptr) {
    return std::unexpected(AdminError::kNoTrack);
  }
  livekit::SignalResponse message;
  message.mutable_mute()->set_sid(request.track_sid());
  message.mutable_mute()->set_muted(request.muted());
  tracks_.handle_mute(*participant, message.mute(), now);
  room_.send(*participant, std::move(message));
  livekit::TrackInfo info = track->info;
  settle(now);
  return info;
}

AdminResult<livekit::ParticipantInfo> Meeting::update_participant(
    const livekit::UpdateParticipantRequest& request, Now now) {
  const auto found = administered(Identity(request.identity()));
  if (!found) {
    return std::unexpected(found.error());
  }
  Participant* participant = *found;
  livekit::UpdateParticipantMetadata changes;
  changes.set_metadata(request.metadata());
  changes.set_name(request.name());
  *changes.mutable_attributes() = request.attributes();
  if (!apply_profile(*participant, changes, now)) {
    return std::unexpected(AdminError::kTooLarge);
  }
  if (request.has_permission()) {
    apply_permission(*participant, request.permission(), now);
  }
  send_token(*participant, now);
  livekit::ParticipantInfo info = participant->full_info();
  settle(now);
  return info;
}

void Meeting::apply_permission(Participant& participant,
                               const livekit::ParticipantPermission& permission, Now now) {
  const bool was_hidden = participant.is_hidden();
  if (permission.hidden() && !was_hidden) {
    updates_.mark_left(participant, Updates::Departure::kLeft, now.monotonic);
    updates_.flush(now.monotonic);
  }
  *participant.info.mutable_permission() = permission;
  std::vector<std::pair<PublicationId, TrackSid>> forbidden;
  for (const auto& publication : participant.publications) {
    if (!publication->is_backup() && !may_publish(permission, publication->info.source())) {
      forbidden.emplace_back(publication->id, publication->sid);
    }
  }
  std::erase_if(participant.queued_tracks, [&](const livekit::AddTrackRequest& request) {
    return !may_publish(permission, request.source());
  });
  for (const auto& [id, sid] : forbidden) {
    tracks_.unpublish(participant, id, now);
    room_.send(participant, track_unpublished(sid));
  }
  if (!forbidden.empty() && participant.uplink.is_open) {
    tracks_.configure_receive(participant);
  }
  updates_.mark(participant, Updates::Audience::kEveryone, Updates::Urgency::kNow, now.monotonic);
  updates_.flush(now.monotonic);
  data_tracks_.handle_permission(participant, now);
  subscriptions_.reconcile_all(participant, now);
  if (was_hidden != participant.is_hidden()) {
    for (const auto& publication : participant.publications) {
      subscriptions_.reconcile_track(participant, *publication, now);
    }
  }
}

AdminResult<void> Meeting::update_subscriptions(const livekit::UpdateSubscriptionsRequest& request,
                                                Now now) {
  const auto found = administered(Identity(request.identity()));
  if (!found) {
    return std::unexpected(found.error());
  }
  Participant* participant = *found;
  livekit::UpdateSubscription wish;
  *wish.mutable_track_sids() = request.track_sids();
  *wish.mutable_participant_tracks() = request.participant_tracks();
  wish.set_subscribe(request.subscribe());
  subscriptions_.handle_wish(*participant, wish, now);
  settle(now);
  return {};
}

AdminResult<void> Meeting::send_data(const livekit::SendDataRequest& request, Now now) {
  if (!request.nonce().empty() && std::ranges::find(nonces_, request.nonce()) != nonces_.end()) {
    return {};
  }
  livekit::DataPacket packet;
  packet.set_kind(request.kind() == livekit::DataPacket::LOSSY ? livekit::DataPacket::LOSSY
                                                               : livekit::DataPacket::RELIABLE);
  *packet.mutable_destination_identities() = request.destination_identities();
  livekit::UserPacket& user = *packet.mutable_user();
  user.set_payload(request.data());
  *user.mutable_destination_sids() = request.destination_sids();
  user.set_nonce(request.nonce());
  if (request.has_topic()) {
    user.set_topic(request.topic());
  }
  if (packet.ByteSizeLong() > room_.services.limits.data_packet_size) {
    return std::unexpected(AdminError::kTooLarge);
  }
  if (!request.nonce().empty()) {
    nonces_.push_back(request.nonce());
    if (nonces_.size() > kMaxNonces) {
      nonces_.pop_front();
    }
  }
  data_.send_from_server(std::move(packet), now);
  settle(now);
  return {};
}

AdminResult<void> Meeting::set_metadata(std::string metadata, Now now) {
  if (metadata.size() > room_.services.limits.metadata_size) {
    return std::unexpected(AdminError::kTooLarge);
  }
  room_.options.metadata = std::move(metadata);
  updates_.mark_room(now.monotonic, Updates::Urgency::kNow);
  settle(now);
  return {};
}

AdminResult<void> Meeting::perform_rpc(const livekit::PerformRpcRequest& request, RpcTicket ticket,
                                       Now now) {
  const auto found = administered(Identity(request.destination_identity()));
  if (!found) {
    return std::unexpected(found.error());
  }
  const Participant* participant = *found;
  if (request.payload().size() > ServerRpcs::kMaxPayload ||
      request.method().size() > ServerRpcs::kMaxMethodName) {
    return std::unexpected(AdminError::kTooLarge);
  }
  const std::string id = new_sid("RPC_", room_.services.random);
  const auto timeout = std::chrono::milliseconds(request.response_timeout_ms());
  if (!rpcs_.begin({.ticket = ticket, .to = participant->sid(), .id = id, .timeout = timeout},
                   now.monotonic)) {
    return std::unexpected(AdminError::kTooMany);
  }
  livekit::DataPacket packet;
  packet.set_kind(livekit::DataPacket::RELIABLE);
  packet.set_participant_identity(std::string(kRpcCaller));
  packet.add_destination_identities(request.destination_identity());
  livekit::RpcRequest& call = *packet.mutable_rpc_request();
  call.set_id(id);
  call.set_method(request.method());
  call.set_payload(request.payload());
  call.set_response_timeout_ms(request.response_timeout_ms());
  call.set_version(kRpcVersion);
  data_.send_from_server(std::move(packet), now);
  settle(now);
  return {};
}

AdminResult<void> Meeting::move_participant(const Identity& identity, const Meeting& destination,
                                            Now now) {
  const auto found = administered(identity);
  if (!found) {
    return std::unexpected(found.error());
  }
  Participant* participant = *found;
  const std::string token =
      participant->make_token
          ? participant->make_token(participant->info, destination.room_.name, now.wall)
          : std::string();
  livekit::SignalResponse refresh;
  refresh.set_refresh_token(token);
  room_.send(*participant, std::move(refresh));
  if (participant->client.protocol() >= kKnowsMoves) {
    livekit::SignalResponse message;
    livekit::RoomMovedResponse& moved = *message.mutable_room_moved();
    *moved.mutable_room() = destination.room_.info();
    moved.set_token(token);
    *moved.mutable_participant() = participant->full_info();
    for (const auto& other : destination.room_.roster.all()) {
      if (!other->is_hidden()) {
        *moved.add_other_participants() = other->full_info();
      }
    }
    room_.send(*participant, std::move(message));
  }
  // Its media goes on under a permit for the other room, which only joining it gives.
  dismiss(*participant, livekit::MIGRATION, livekit::LeaveRequest::RECONNECT, now);
  settle(now);
  return {};
}

// ---- Forwarded participants ---------------------------------------------------------------------

ParticipantSid Meeting::begin_forward(const Participant& source,
                                      const residency::LevelNames& levels, Now now) {
  ParticipantSid sid = forwards_.begin(source, levels, now).sid();
  was_joined_ = true;
  settle(now);
  return sid;
}

void Meeting::follow(const ParticipantSid& copy, const Participant& source, Now now) {
  Participant* found = room_.roster.find(copy);
  if (found != nullptr && found->is_forwarded() &&
      found->forwarded->followed != source.info.version()) {
    forwards_.follow(*found, source, now);
    settle(now);
  }
}

void Meeting::end_forward(const ParticipantSid& copy, Now now) {
  if (Participant* found = room_.roster.find(copy); found != nullptr && found->is_forwarded()) {
    dismiss(*found, livekit::CLIENT_INITIATED, livekit::LeaveRequest::DISCONNECT, now);
    settle(now);
  }
}

void Meeting::ask_forwarded(const ParticipantSid& source, const Participant& copy) {
  if (Participant* found = room_.roster.find(source)) {
    forwards_.ask(*found, copy);
  }
}

void Meeting::forget_forward(const Identity& source, const ParticipantSid& copy) {
  if (Participant* found = room_.roster.find(source)) {
    Forwards::forget(*found, copy);
  }
}

}  // namespace meridian::meeting
