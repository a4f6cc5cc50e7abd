// What participants ask of a meeting.
#include <algorithm>

#include "meeting/limits.hpp"
#include "meeting/meeting.hpp"

namespace meridian::meeting {
namespace {

/// From this version on, clients want to hear of success as well.
constexpr int kHearsOfSuccess = 15;

constexpr int kMaxSimulatedSeconds = 60;

std::size_t attribute_bytes(const google::protobuf::Map<std::string, std::string>& attributes) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : attributes) {
    bytes += key.size() + value.size();
  }
  return bytes;
}

}  // namespace

void Meeting::handle_request(const ParticipantSid& sid, SignalSessionId session,
                             const livekit::SignalRequest& request, Now now) {
  Participant* found = room_.roster.find(sid);
  if (found == nullptr || found->session != session) {
    return;
  }
  Participant& participant = *found;
  using Request = livekit::SignalRequest;
  switch (request.message_case()) {
    case Request::kOffer:
      participant.held_offer.reset();  // a newer one
      handle_offer(participant, request.offer(), now);
      break;
    case Request::kAnswer:
      handle_answer(participant, request.answer(), now);
      break;
    case Request::kAddTrack:
      tracks_.handle_add(participant, request.add_track(), now);
      break;
    case Request::kMute:
      tracks_.handle_mute(participant, request.mute(), now);
      break;
    case Request::kUpdateAudioTrack:
      tracks_.handle_features(participant, request.update_audio_track(), now);
      break;
    case Request::kUpdateVideoTrack:
      tracks_.handle_size(participant, request.update_video_track(), now);
      break;
    case Request::kSubscription:
      subscriptions_.handle_wish(participant, request.subscription(), now);
      if (request.subscription().subscribe()) {
        speakers_.tell_active(participant);  // whom it begins to hear may speak already
      }
      break;
    case Request::kTrackSetting:
      subscriptions_.handle_settings(participant, request.track_setting());
      break;
    case Request::kSubscriptionPermission:
      subscriptions_.handle_permission(participant, request.subscription_permission(), now);
      break;
    case Request::kUpdateMetadata:
      handle_metadata(participant, request.update_metadata(), now);
      break;
    case Request::kSyncState:
      handle_sync_state(participant, request.sync_state(), now);
      break;
    case Request::kSimulate:
      handle_simulate(participant, request.simulate(), now);
      break;
    case Request::kLeave:
      handle_leave(participant, request.leave(), now);
      break;
    case Request::kPing:
    case Request::kPingReq:
      handle_ping(participant, request, now);
      return;  // it changes nothing: everybody's deadlines would be looked at for each ping
    case Request::kPublishDataTrackRequest:
    case Request::kUnpublishDataTrackRequest:
    case Request::kUpdateDataSubscription:
    case Request::kStoreDataBlobRequest:
    case Request::kGetDataBlobRequest:
      handle_data_request(participant, request, now);
      break;
    case Request::kTrickle:       // the client's checks tell its addresses
    case Request::kUpdateLayers:  // superseded by track_setting
    case Request::MESSAGE_NOT_SET:
      break;
  }
  settle(now);
}

void Meeting::handle_ping(const Participant& participant, const livekit::SignalRequest& request,
                          Now now) {
  livekit::SignalResponse message;
  if (request.has_ping_req()) {
    message.mutable_pong_resp()->set_last_ping_timestamp(request.ping_req().timestamp());
    message.mutable_pong_resp()->set_timestamp(now.wall.milliseconds());
  } else {
    message.set_pong(now.wall.milliseconds());
  }
  room_.send(participant, std::move(message));
}

void Meeting::handle_data_request(Participant& participant, const livekit::SignalRequest& request,
                                  Now now) {
  if (request.has_publish_data_track_request()) {
    data_tracks_.handle_publish(participant, request.publish_data_track_request(), now);
  } else if (request.has_unpublish_data_track_request()) {
    data_tracks_.handle_unpublish(participant, request.unpublish_data_track_request(), now);
  } else if (request.has_update_data_subscription()) {
    data_tracks_.handle_subscription(participant, request.update_data_subscription());
  } else if (request.has_store_data_blob_request()) {
    refuse_blob(participant, request.store_data_blob_request().request_id());
  } else {
    refuse_blob(participant, request.get_data_blob_request().request_id());
  }
}

void Meeting::handle_offer(Participant& participant, const livekit::SessionDescription& offer,
                           Now now) {
  const bool is_first = !participant.negotiator.has_answered();
  if (offers_.handle(participant, offer, now)) {
    if (participant.uplink.is_media_up) {
      open_data(participant, participant.uplink);
    }
    return;
  }
  // Who can't make a usable first offer would only come back with the same one.
  dismiss(participant, is_first ? livekit::JOIN_FAILURE : livekit::STATE_MISMATCH,
          is_first ? livekit::LeaveRequest::DISCONNECT : livekit::LeaveRequest::RECONNECT, now);
}

bool Meeting::release_held_offer(Participant& participant, Now now) {
  if (!participant.held_offer || participant.held_offer->due > now.monotonic) {
    return false;
  }
  const livekit::SessionDescription offer = std::move(participant.held_offer->offer);
  participant.held_offer.reset();
  handle_offer(participant, offer, now);
  return true;
}

void Meeting::handle_answer(Participant& participant, const livekit::SessionDescription& answer,
                            Now now) {
  if (!offers_.handle_answer(participant, answer, now)) {
    const bool is_first = !participant.subscriber->negotiator.has_answered();
    dismiss(participant, is_first ? livekit::JOIN_FAILURE : livekit::STATE_MISMATCH,
            is_first ? livekit::LeaveRequest::DISCONNECT : livekit::LeaveRequest::RECONNECT, now);
  }
}

void Meeting::handle_leave(Participant& participant, const livekit::LeaveRequest& request,
                           Now now) {
  livekit::DisconnectReason reason = livekit::CLIENT_INITIATED;
  if (request.reason() == livekit::USER_UNAVAILABLE || request.reason() == livekit::USER_REJECTED ||
      request.reason() == livekit::AGENT_ERROR) {
    reason = request.reason();
  }
  room_.close_session(participant.session);
  remove(participant, reason, Updates::Departure::kLeft, now);
}

bool Meeting::apply_profile(Participant& participant,
                            const livekit::UpdateParticipantMetadata& changes, Now now) {
  const config::Limits& limits = room_.services.limits;
  livekit::ParticipantInfo changed = participant.info;
  if (!changes.metadata().empty()) {
    changed.set_metadata(changes.metadata());
  }
  if (!changes.name().empty()) {
    changed.set_name(changes.name());
  }
  for (const auto& [key, value] : changes.attributes()) {
    if (value.empty()) {
      changed.mutable_attributes()->erase(key);
    } else {
      (*changed.mutable_attributes())[key] = value;
    }
  }
  if (changed.metadata().size() > limits.metadata_size ||
      changed.name().size() > limits.name_length ||
      attribute_bytes(changed.attributes()) > limits.attributes_size) {
    return false;
  }
  participant.info = std::move(changed);
  updates_.mark(participant, Updates::Audience::kEveryone, Updates::Urgency::kNow, now.monotonic);
  return true;
}

void Meeting::handle_metadata(Participant& participant,
                              const livekit::UpdateParticipantMetadata& request, Now now) {
  using Response = livekit::RequestResponse;
  Response::Reason reason = Response::OK;
  if (!participant.info.permission().can_update_metadata()) {
    reason = Response::NOT_ALLOWED;
  } else if (!apply_profile(participant, request, now)) {
    reason = Response::LIMIT_EXCEEDED;
  }
  if (reason == Response::OK) {
    // The change first: the Rust SDK's next request repeats the name that it knows of itself.
    updates_.flush(now.monotonic);
    send_token(participant, now);
  }
  if (reason == Response::OK && participant.client.protocol() < kHearsOfSuccess) {
    return;
  }
  livekit::SignalResponse message;
  Response& response = *message.mutable_request_response();
  response.set_request_id(request.request_id());
  response.set_reason(reason);
  if (reason != Response::OK) {
    response.set_message(reason == Response::NOT_ALLOWED ? "does not have permission"
                                                         : "exceeds the limits of this server");
  }
  *response.mutable_update_metadata() = request;
  room_.send(participant, std::move(message));
}

void Meeting::handle_sync_state(Participant& participant, const livekit::SyncState& state,
                                Now now) {
  for (const livekit::TrackPublishedResponse& track : state.publish_tracks()) {
    if (participant.find_track(TrackSid(track.track().sid())) == nullptr) {
      dismiss(participant, livekit::STATE_MISMATCH, livekit::LeaveRequest::RECONNECT, now);
      return;
    }
  }
  if (state.has_subscription()) {
    subscriptions_.handle_wish(participant, state.subscription(), now);
  }
  if (state.has_data_subscription()) {
    data_tracks_.handle_subscription(participant, state.data_subscription());
  }
  if (!state.track_sids_disabled().empty()) {
    livekit::UpdateTrackSettings disabled;
    disabled.set_disabled(true);
    *disabled.mutable_track_sids() = state.track_sids_disabled();
    subscriptions_.handle_settings(participant, disabled);
  }
}

void Meeting::handle_simulate(Participant& participant, const livekit::SimulateScenario& scenario,
                              Now now) {
  using Scenario = livekit::SimulateScenario;
  switch (scenario.scenario_case()) {
    case Scenario::kNodeFailure:  // as if we had never known it: its resume will not be found
      room_.close_session(participant.session);
      remove(participant, livekit::UNKNOWN_REASON, Updates::Departure::kLeft, now);
      break;
    case Scenario::kMigration:
      dismiss(participant, livekit::MIGRATION, livekit::LeaveRequest::RECONNECT, now);
      break;
    case Scenario::kServerLeave:
      dismiss(participant, livekit::SERVER_SHUTDOWN, livekit::LeaveRequest::DISCONNECT, now);
      break;
    case Scenario::kSwitchCandidateProtocol:
    case Scenario::kLeaveRequestFullReconnect:
      dismiss(participant, livekit::UNKNOWN_REASON, livekit::LeaveRequest::RECONNECT, now);
      break;
    case Scenario::kDisconnectSignalOnResume:
      participant.resume_fault = Participant::ResumeFault::kCloseAfterMessages;
      room_.close_session(participant.session);
      break;
    case Scenario::kDisconnectSignalOnResumeNoMessages:
      participant.resume_fault = Participant::ResumeFault::kCloseBeforeMessages;
      room_.close_session(participant.session);
      break;
    case Scenario::kSpeakerUpdate:
      speakers_.simulate(
          participant, now.monotonic + std::chrono::seconds(std::clamp(scenario.speaker_update(), 0,
                                                                       kMaxSimulatedSeconds)));
      break;
    case Scenario::kSubscriberBandwidth: {  // bit/s; 0 ends it
      const auto limit =
          static_cast<std::uint64_t>(std::max<std::int64_t>(scenario.subscriber_bandwidth(), 0));
      room_.command(
          participant.worker,
          forward::LimitDownlink{participant.downlink().transport,
                                 limit > 0 ? std::optional(Bitrate(limit)) : std::nullopt});
      break;
    }
    case Scenario::SCENARIO_NOT_SET:
      break;
  }
}

void Meeting::refuse_blob(const Participant& participant, std::uint32_t request_id) const {
  livekit::SignalResponse message;
  livekit::RequestResponse& response = *message.mutable_request_response();
  response.set_request_id(request_id);
  response.set_reason(livekit::RequestResponse::NOT_ALLOWED);
  response.set_message("data blobs are not enabled");
  room_.send(participant, std::move(message));
}

}  // namespace meridian::meeting
