#include "meeting/room.hpp"

#include <algorithm>

#include "meeting/limits.hpp"

namespace meridian::meeting {

namespace {
constexpr std::size_t kSidLength = 12;
constexpr std::size_t kSifTrailerLength = 16;

std::uint32_t whole_seconds(Duration duration) {
  return static_cast<std::uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

/// Works for the others: livekit-server doesn't count these either.
bool is_dependent(livekit::ParticipantInfo::Kind kind,
                  const livekit::ParticipantPermission& permission) {
  return kind == livekit::ParticipantInfo::AGENT || kind == livekit::ParticipantInfo::EGRESS ||
         permission.recorder();
}
}  // namespace

std::string new_sid(std::string_view prefix, RandomSource& random) {
  return std::string(prefix) + random.alphanumeric(kSidLength);
}

Room::Room(Services& shared, AccountId owner, std::string room_name, RoomSid room_sid, UnixTime now,
           RoomOptions chosen)
    : services(shared),
      account(std::move(owner)),
      name(std::move(room_name)),
      sid(std::move(room_sid)),
      number(shared.numbers.new_room()),
      created(now),
      levels{.group = {}, .user = {}, .room = name},
      sif_trailer(shared.random.alphanumeric(kSifTrailerLength)),
      options(std::move(chosen)) {}

livekit::Room Room::info() const {
  livekit::Room info;
  info.set_sid(sid.value());
  info.set_name(name);
  info.set_empty_timeout(whole_seconds(options.empty_timeout));
  info.set_departure_timeout(whole_seconds(options.departure_timeout));
  info.set_creation_time(created.seconds());
  info.set_creation_time_ms(created.milliseconds());
  info.set_max_participants(options.max_participants);
  info.set_metadata(options.metadata);
  std::uint32_t publishers = 0;
  for (const auto& participant : roster.all()) {
    const bool publishes = std::ranges::any_of(participant->publications,
                                               [](const auto& p) { return p->is_published(); });
    publishers += publishes && !participant->is_hidden() ? 1 : 0;
    if (participant->info.permission().recorder()) {
      info.set_active_recording(true);
    }
  }
  info.set_num_participants(visible_participants());
  info.set_num_publishers(publishers);
  return info;
}

std::uint32_t Room::visible_participants() const {
  return static_cast<std::uint32_t>(
      std::ranges::count_if(roster.all(), [](const auto& p) { return !p->is_hidden(); }));
}

bool Room::is_full(const Grant& grant) const {
  if (roster.size() >= services.limits.participants_per_room) {
    return true;
  }
  if (options.max_participants == 0 || is_dependent(grant.kind, grant.permission)) {
    return false;
  }
  return std::ranges::count_if(roster.all(), [](const auto& p) {
           return !is_dependent(p->info.kind(), p->info.permission());
         }) >= options.max_participants;
}

livekit::ServerInfo Room::server_info(const RegionId& region) const {
  livekit::ServerInfo info;
  info.set_version(std::string(kCompatibleVersion));
  info.set_protocol(kProtocolVersion);
  info.set_region(region.value());
  info.set_node_id(services.node_id);
  return info;
}

void Room::send(const Participant& to, livekit::SignalResponse message) const {
  if (to.has_signal()) {
    send_shared(to, std::make_shared<const livekit::SignalResponse>(std::move(message)));
  }
}

void Room::send_shared(const Participant& to,
                       const std::shared_ptr<const livekit::SignalResponse>& message) const {
  if (to.has_signal()) {
    services.outbox.signals.push_back({to.session, message});
  }
}

void Room::close_session(SignalSessionId session) const {
  services.outbox.signals.push_back({session, nullptr, true});
}

void Room::note(RoomEventKind kind, UnixTime now, const Participant* who,
                const Publication* track) const {
  if (!services.has_listener || !services.has_listener(account)) {
    return;
  }
  RoomEvent& event = services.outbox.events.emplace_back(
      RoomEvent{.kind = kind, .account = account, .levels = levels, .at = now, .room = info()});
  if (who != nullptr) {
    event.participant = who->full_info();
  }
  if (track != nullptr) {
    event.track = track->info;
  }
}

void Room::note_finished(livekit::RoomEndReason reason, UnixTime now) const {
  const std::size_t before = services.outbox.events.size();
  note(RoomEventKind::kRoomFinished, now);
  if (services.outbox.events.size() > before) {
    services.outbox.events.back().end_reason = reason;
  }
}

void Room::command(WorkerIndex worker, forward::Command command) const {
  services.outbox.commands.emplace_back(worker, std::move(command));
}

}  // namespace meridian::meeting
