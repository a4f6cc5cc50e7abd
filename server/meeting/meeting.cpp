#include "meeting/meeting.hpp"

#include <algorithm>
#include <iterator>

#include "meeting/client_traits.hpp"
#include "meeting/ice_servers.hpp"
#include "meeting/limits.hpp"
#include "meeting/track_info.hpp"

namespace meridian::meeting {
namespace {

/// Older clients count as connected when they can publish.
constexpr int kSubscriberAsPrimary = 3;

PlayoutDelayUse playout_delay_of(const Room& room) {
  return room.options.playout_delay ? PlayoutDelayUse::kSent : PlayoutDelayUse::kNone;
}

std::unique_ptr<Subscriber> make_subscriber(const Room& room, const Participant& participant) {
  const bool is_primary = participant.info.permission().can_subscribe() &&
                          participant.client.protocol() >= kSubscriberAsPrimary;
  auto subscriber = std::make_unique<Subscriber>(
      SubscriberTerms{.has_data = is_primary,
                      .takes_red = plays_red(participant.client),
                      .reuses_sections = reuses_sections(participant.client),
                      .playout_delay = playout_delay_of(room)},
      room.services.random);
  subscriber->is_primary = is_primary;
  subscriber->connection.transport = room.services.numbers.new_transport(room.number);
  return subscriber;
}

std::unique_ptr<Participant> make_participant(const Room& room, JoinArguments&& arguments,
                                              const WorkerPool::Seat& seat, Now now) {
  const Grant& grant = arguments.grant;
  auto participant = std::make_unique<Participant>(
      without_disabled(publish_codecs(), arguments.request.client_info()), room.services.random,
      playout_delay_of(room));
  livekit::ParticipantInfo& info = participant->info;
  info.set_sid(arguments.sid.value());
  info.set_identity(grant.identity.value());
  info.set_name(grant.name);
  info.set_metadata(grant.metadata);
  for (const auto& [key, value] : grant.attributes) {
    (*info.mutable_attributes())[key] = value;
  }
  info.set_kind(grant.kind);
  for (const auto detail : grant.kind_details) {
    info.add_kind_details(detail);
  }
  *info.mutable_permission() = grant.permission;
  info.set_state(livekit::ParticipantInfo::JOINED);
  info.set_joined_at(now.wall.seconds());
  info.set_joined_at_ms(now.wall.milliseconds());
  info.set_region(seat.region.value());
  info.set_version(1);
  // Others choose how to talk to this one's client by these.
  info.set_client_protocol(arguments.request.client_info().client_protocol());
  *info.mutable_capabilities() = arguments.request.client_info().capabilities();
  participant->client = arguments.request.client_info();
  participant->settings = arguments.request.connection_settings();
  participant->make_token = std::move(arguments.make_token);
  participant->home_account = std::move(arguments.home_account);
  participant->session = arguments.session;
  participant->is_told = arguments.is_told;
  participant->region = seat.region;
  participant->worker = seat.index;
  participant->uplink.transport = room.services.numbers.new_transport(room.number);
  participant->uplink.permit = std::move(arguments.permit);
  if (arguments.subscriber_permit) {
    participant->subscriber = make_subscriber(room, *participant);
    participant->subscriber->connection.permit = std::move(arguments.subscriber_permit);
  }
  participant->joined = now.monotonic;
  return participant;
}

}  // namespace

livekit::SignalResponse leave_message(livekit::DisconnectReason reason,
                                      livekit::LeaveRequest::Action action) {
  livekit::SignalResponse message;
  livekit::LeaveRequest& leave = *message.mutable_leave();
  leave.set_reason(reason);
  leave.set_action(action);
  leave.set_can_reconnect(action != livekit::LeaveRequest::DISCONNECT);
  return message;
}

Meeting::Meeting(Services& services, AccountId account, std::string name, RoomSid sid, Now now,
                 RoomOptions options)
    : room_(services, std::move(account), std::move(name), std::move(sid), now.wall,
            std::move(options)),
      updates_(room_),
      speakers_(room_),
      subscriptions_(room_),
      tracks_(room_, updates_, subscriptions_, speakers_),
      offers_(room_, tracks_, subscriptions_),
      forwards_(room_, updates_, subscriptions_, tracks_),
      data_tracks_(room_, updates_),
      data_(room_, data_tracks_, rpcs_),
      empty_since_(now.monotonic),
      quality_due_(now.monotonic + kQualityInterval) {
  room_.note(RoomEventKind::kRoomStarted, now.wall);
}

Meeting::~Meeting() {
  close(livekit::ROOM_CLOSED, livekit::LeaveRequest::DISCONNECT, Now{});
}

base::Expected<void, JoinError> Meeting::join(JoinArguments arguments, Now now) {
  Participant* previous = room_.roster.find(arguments.grant.identity);
  if (previous == nullptr && room_.is_full(arguments.grant)) {
    return std::unexpected(JoinError::kRoomFull);
  }
  if (!room_.services.workers.has_worker(arguments.permit.region())) {
    return std::unexpected(JoinError::kNoWorker);
  }
  if (previous != nullptr) {
    room_.send(*previous,
               leave_message(livekit::DUPLICATE_IDENTITY, livekit::LeaveRequest::DISCONNECT));
    if (previous->has_signal()) {
      room_.close_session(previous->session);
    }
    remove(*previous, livekit::DUPLICATE_IDENTITY, Updates::Departure::kSuperseded, now);
  }
  const livekit::JoinRequest request = arguments.request;
  // Before the first answer, which names the worker's address: nobody can move to another one.
  const WorkerPool::Seat* seat =
      room_.services.workers.choose(arguments.permit.region(), room_.roster.by_worker());
  room_.services.workers.add_participant(seat->index);
  Participant& participant =
      room_.roster.add(make_participant(room_, std::move(arguments), *seat, now));
  const ParticipantSid sid = participant.sid();
  was_joined_ = true;
  send_join(participant, now);
  send_token(participant, now);
  updates_.mark(participant, Updates::Audience::kOthers, Updates::Urgency::kBatched, now.monotonic);
  updates_.mark_room(now.monotonic);
  // The tracks that are there go into the first answer, or into the first offer.
  subscriptions_.reconcile_all(participant, now);
  if (participant.subscriber) {
    offers_.begin_subscriber(participant, now);
  }
  data_tracks_.handle_joined(participant);
  for (const livekit::AddTrackRequest& track : request.add_track_requests()) {
    tracks_.handle_add(participant, track, now);
  }
  if (request.has_publisher_offer()) {
    participant.held_offer = {
        .offer = request.publisher_offer(),
        .due = now.monotonic + first_answer_delay(participant.client),
    };
    release_held_offer(participant, now);
  }
  settle(now);
  return {};
}

void Meeting::send_join(const Participant& participant, Now now) const {
  livekit::SignalResponse message;
  livekit::JoinResponse& join = *message.mutable_join();
  *join.mutable_room() = room_.info();
  *join.mutable_participant() = participant.full_info();
  for (const auto& other : room_.roster.all()) {
    if (other.get() != &participant && !other->is_hidden()) {
      *join.add_other_participants() = other->full_info();
    }
  }
  join.set_server_version(std::string(kCompatibleVersion));
  join.set_server_region(participant.region.value());
  *join.mutable_server_info() = room_.server_info(participant.region);
  join.set_ping_interval(kPingIntervalSeconds);
  join.set_ping_timeout(kPingTimeoutSeconds);
  join.set_subscriber_primary(participant.is_subscriber_primary());
  join.set_fast_publish(participant.info.permission().can_publish());
  join.set_sif_trailer(room_.sif_trailer);
  add_ice_servers(room_, participant, now.wall, *join.mutable_ice_servers());
  *join.mutable_client_configuration() = client_configuration(participant.client);
  room_.send(participant, std::move(message));
}

void Meeting::send_token(Participant& participant, Now now) const {
  participant.token_due = now.monotonic + kTokenInterval;
  if (!participant.make_token) {
    return;
  }
  livekit::SignalResponse message;
  message.set_refresh_token(participant.make_token(participant.info, room_.name, now.wall));
  room_.send(participant, std::move(message));
}

base::Expected<ParticipantSid, ResumeError> Meeting::resume(ResumeArguments arguments, Now now) {
  Participant* participant = room_.roster.find(arguments.identity);
  const std::string& wanted = arguments.request.participant_sid();
  if (participant == nullptr || (!wanted.empty() && wanted != participant->info.sid()) ||
      arguments.mode != participant->mode()) {
    return std::unexpected(ResumeError::kUnknownParticipant);
  }
  if (participant->has_signal()) {
    room_.close_session(participant->session);
  }
  participant->session = arguments.session;
  participant->make_token = std::move(arguments.make_token);
  participant->signal_lost = Instant::never();
  for (Connection* connection : participant->connections()) {
    if (!connection->media_lost.is_never()) {
      connection->media_lost = now.monotonic;  // its ICE restart gets its own time
    }
  }
  const auto fault = std::exchange(participant->resume_fault, Participant::ResumeFault::kNone);
  if (fault == Participant::ResumeFault::kCloseBeforeMessages) {
    room_.close_session(arguments.session);
    return participant->sid();
  }
  livekit::SignalResponse message;
  livekit::ReconnectResponse& reconnect = *message.mutable_reconnect();
  *reconnect.mutable_server_info() = room_.server_info(participant->region);
  reconnect.set_last_message_seq(participant->last_data_sequence);
  *reconnect.mutable_client_configuration() = client_configuration(participant->client);
  add_ice_servers(room_, *participant, now.wall, *reconnect.mutable_ice_servers());
  room_.send(*participant, std::move(message));
  participant->touch();
  updates_.send_everyone(*participant, now.monotonic);
  livekit::SignalResponse room;
  *room.mutable_room_update()->mutable_room() = room_.info();
  room_.send(*participant, std::move(room));
  speakers_.tell_all(*participant);
  send_token(*participant, now);
  if (fault == Participant::ResumeFault::kCloseAfterMessages) {
    room_.close_session(arguments.session);
  }
  ParticipantSid sid = participant->sid();
  if (arguments.request.has_sync_state()) {
    handle_sync_state(*participant, arguments.request.sync_state(), now);
  }
  participant = room_.roster.find(sid);
  if (participant != nullptr && participant->subscriber) {
    offers_.restart_subscriber(*participant, now);
  } else if (participant != nullptr && participant->needs_negotiation() &&
             participant->has_negotiated()) {
    participant->pace.want(now.monotonic);
  }
  settle(now);
  return sid;
}

void Meeting::handle_signal_closed(const ParticipantSid& sid, SignalSessionId session, Now now) {
  Participant* participant = room_.roster.find(sid);
  if (participant == nullptr || participant->session != session) {
    return;
  }
  participant->session = SignalSessionId{};
  participant->signal_lost = now.monotonic;
  participant->pace.reset();
  if (participant->info.state() != livekit::ParticipantInfo::ACTIVE) {
    remove(*participant, livekit::SIGNAL_CLOSE, Updates::Departure::kLeft, now);
  }
  settle(now);
}

void Meeting::dismiss(Participant& participant, livekit::DisconnectReason reason,
                      livekit::LeaveRequest::Action action, Now now) {
  if (participant.has_signal()) {
    room_.send(participant, leave_message(reason, action));
    room_.close_session(participant.session);
  }
  remove(participant, reason, Updates::Departure::kLeft, now);
}

void Meeting::remove(Participant& participant, livekit::DisconnectReason reason,
                     Updates::Departure departure, Now now) {
  participant.session = SignalSessionId{};
  participant.info.set_disconnect_reason(reason);
  updates_.mark_left(participant, departure, now.monotonic);
  updates_.mark_room(now.monotonic);
  subscriptions_.drop_subscriber(participant);
  data_tracks_.handle_left(participant);
  rpcs_.handle_left(participant.sid());
  tracks_.unpublish_all(participant, now);
  for (const Connection* connection : participant.connections()) {
    if (connection->is_data_open) {
      room_.services.outbox.sctp.emplace_back(sctp::Close{connection->transport});
    }
    if (connection->is_open) {
      room_.command(participant.worker, forward::CloseTransport{connection->transport});
    }
    room_.services.numbers.release(connection->transport);
  }
  if (!participant.is_forwarded()) {
    room_.services.workers.remove_participant(participant.worker);
  }
  const bool was_active = participant.info.state() == livekit::ParticipantInfo::ACTIVE;
  participant.info.set_state(livekit::ParticipantInfo::DISCONNECTED);
  room_.note(was_active ? RoomEventKind::kParticipantLeft : RoomEventKind::kParticipantAborted,
             now.wall, &participant);
  (void)room_.roster.remove(participant.sid());
  if (room_.roster.empty()) {
    empty_since_ = now.monotonic;
  }
}

void Meeting::for_each(const std::function<void(Participant&)>& work) {
  std::vector<ParticipantSid> sids;
  for (const auto& participant : room_.roster.all()) {
    sids.push_back(participant->sid());
  }
  for (const ParticipantSid& sid : sids) {
    if (Participant* participant = room_.roster.find(sid)) {
      work(*participant);
    }
  }
}

void Meeting::close(livekit::DisconnectReason reason, livekit::LeaveRequest::Action action,
                    Now now) {
  for_each([&](Participant& participant) { dismiss(participant, reason, action, now); });
  settle(now);
}

void Meeting::set_levels(const residency::LevelNames& levels) {
  room_.levels = levels;
  for (const auto& participant : room_.roster.all()) {
    for (Connection* connection : participant->connections()) {
      if (connection->permit) {
        connection->permit->narrow(levels);
      }
    }
  }
  for (const WorkerPool::Seat& seat : room_.services.workers.seats()) {
    room_.command(seat.index, forward::NarrowRoom{.room = room_.number, .levels = levels});
  }
}

std::vector<Meeting::Evicted> Meeting::evict(const Stays& stays, Now now) {
  std::vector<Evicted> evicted;
  for_each([&](Participant& participant) {
    // Tokens that name a policy's epoch name the new one, or nobody could come back with them.
    send_token(participant, now);
    if (!participant.is_forwarded() && !stays(participant)) {
      std::vector<TransportId> transports;
      for (const Connection* connection : participant.connections()) {
        transports.push_back(connection->transport);
      }
      evicted.push_back({participant.sid(), std::move(transports), participant.has_signal()});
      dismiss(participant, livekit::MIGRATION, livekit::LeaveRequest::RECONNECT, now);
    }
  });
  subscriptions_.retry_denied(now);
  settle(now);
  return evicted;
}

void Meeting::renew_tokens(Now now) {
  for_each([&](Participant& participant) { send_token(participant, now); });
  settle(now);
}

std::size_t Meeting::ask_to_move(const Stays& stays, PolicyEpoch epoch, std::size_t limit,
                                 Now now) {
  std::size_t asked = 0;
  for_each([&](Participant& participant) {
    if (asked == limit || participant.asked_to_move == epoch || !participant.has_signal() ||
        stays(participant)) {
      return;
    }
    participant.asked_to_move = epoch;
    room_.send(participant, leave_message(livekit::MIGRATION, livekit::LeaveRequest::RECONNECT));
    ++asked;
  });
  settle(now);
  return asked;
}

residency::RegionSet Meeting::regions_in_use() const {
  residency::RegionSet regions;
  for (const auto& participant : room_.roster.all()) {
    regions.insert(participant->region);
  }
  return regions;
}

void Meeting::evict_conflicting_guests(const RegionId& next, Now now) {
  residency::RegionSet in_use = regions_in_use();
  if (!next.empty()) {
    in_use.insert(next);
  }
  for_each([&](Participant& participant) {
    if (!suits(participant.home_account, in_use)) {
      dismiss(participant, livekit::MIGRATION, livekit::LeaveRequest::RECONNECT, now);
    }
  });
  settle(now);
}

bool Meeting::suits(const AccountId& guest, const residency::RegionSet& in_use) const {
  const directory::Directory& directory = room_.services.directory;
  const directory::Account* host = directory.find_account(room_.account);
  if (host == nullptr || guest.empty()) {
    return true;
  }
  const directory::Account* home = directory.find_account(guest);
  const residency::AccountPolicy* policy = home == nullptr ? nullptr : &home->policy;
  return !residency::is_strict(host->policy, policy) ||
         (policy != nullptr && std::ranges::includes(policy->effective(), in_use));
}

void Meeting::settle(Now now) {
  updates_.flush(now.monotonic);
  std::ranges::move(rpcs_.take_outcomes(), std::back_inserter(room_.services.outbox.rpcs));
  if (next_timeout_) {
    next_timeout_.reset();
    room_.services.outbox.touched.push_back(room_.number);
  }
}

bool Meeting::is_finished(Instant now) const {
  return room_.roster.empty() && now - empty_since_ >= patience();
}

std::size_t Meeting::tracks() const {
  std::size_t count = 0;
  for (const auto& participant : room_.roster.all()) {
    count += static_cast<std::size_t>(
        std::ranges::count_if(participant->publications,
                              [](const auto& p) { return p->is_published() && !p->is_backup(); }));
  }
  return count;
}

}  // namespace meridian::meeting
