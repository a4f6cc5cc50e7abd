// Admission: from a request to a participant.
#include <algorithm>
#include <array>
#include <map>

#include "node/control_state.hpp"
#include "rooms/room_settings.hpp"
#include "signalling/grant.hpp"

namespace meridian::node {
namespace {

signalling::Refusal overloaded() {
  return signalling::refuse(503, "limit", "node has exceeded its configured limit");
}

signalling::Refusal too_busy() {
  return signalling::refuse(503, "overloaded", "the node has too much to do for another room");
}

}  // namespace

std::vector<residency::PoolState> Control::State::pool_states() const {
  using Liveness = residency::PoolState::Liveness;
  // A worker belongs to the first pool of its region; there is one pool for each.
  std::vector<residency::PoolState> states;
  for (const config::Pool& pool : config.config.pools) {
    const std::size_t used = workers.participants(pool.region);
    const bool has_room =
        used < pool.participants && workers.load(pool.region) < forward::LoadLevel::kFull;
    const std::size_t free = has_room ? pool.participants - used : 0;
    const bool has_worker = workers.has_worker(pool.region);
    const auto liveness = is_shutting_down || pool.is_closed ? Liveness::kDraining
                          : has_worker                       ? Liveness::kLive
                                                             : Liveness::kDown;
    states.push_back({pool.region, liveness, static_cast<std::uint32_t>(free)});
  }
  return states;
}

void Control::State::report_pools() {
  const std::vector<residency::PoolState> states = pool_states();
  for (std::size_t i = 0; i < states.size(); ++i) {
    directory.report_pool(i, states[i].liveness, states[i].free);
  }
}

std::optional<signalling::Refusal> Control::State::obstacle(const signalling::JoinIntent& intent) {
  if (is_shutting_down) {
    return signalling::refuse(503, "shutting_down", "node is shutting down");
  }
  const meeting::Meeting* meeting = find_meeting({intent.caller.account, intent.room});
  if (meeting == nullptr) {
    const api::VideoGrant& video = *intent.caller.claims.video;
    if (!config.config.rooms.auto_create && !video.room_create) {
      // Clients know this phrase, and don't look for another path then.
      return signalling::refuse(404, "no_room", "requested room does not exist");
    }
    if (const auto options = rooms::options_of(intent.caller.claims, config.config); !options) {
      return signalling::refuse(400, "bad_request", options.error().message);
    }
    return room_obstacle(intent.caller.account);
  }
  if (meeting->find(intent.grant.identity) == nullptr && meeting->room().is_full(intent.grant)) {
    // 403 is final for clients, and they show the text.
    return signalling::refuse(403, "room_full", "the room is full");
  }
  return std::nullopt;
}

std::optional<signalling::Refusal> Control::State::room_obstacle(const AccountId& owner) {
  if (is_shutting_down) {
    return signalling::refuse(503, "shutting_down", "node is shutting down");
  }
  const directory::Account* account = directory.find_account(owner);
  if (evidence == EvidenceState::kWaiting && account != nullptr &&
      account->policy.evidence() == residency::Evidence::kRequired) {
    return signalling::refuse(503, "audit_unavailable",
                              "the audit log can't be written, which this account requires");
  }
  if (workers.load() >= forward::LoadLevel::kBusy) {
    return too_busy();
  }
  return meetings.size() < config.config.limits.rooms ? std::nullopt : std::optional(overloaded());
}

void Control::State::note_load(WorkerIndex worker, const forward::WorkerLoad& load) {
  const meeting::WorkerPool::Seat* seat = workers.find(worker);
  if (seat == nullptr) {
    return;
  }
  if (seat->load.level != load.level) {
    constexpr std::array kNames = {"normal", "busy", "strained", "full"};
    const bool is_worse = load.level > seat->load.level;
    log(is_worse ? LogLevel::kWarning : LogLevel::kInfo, "worker_load",
        {{"worker", std::to_string(worker.value())},
         {"region", seat->region.value()},
         {"level", kNames[static_cast<std::size_t>(load.level)]},
         {"busy_percent", std::to_string(static_cast<int>(load.share * 100))}});
  }
  workers.set_load(worker, load);
}

void Control::State::count_placement(ControlCounters& counters) const {
  std::map<RegionId, std::uint64_t> spread;
  for (const meeting::WorkerPool::Seat& seat : workers.seats()) {
    counters.worker_people.push_back({seat.index, seat.region, seat.participants});
    spread.try_emplace(seat.region, 0);
  }
  for (const auto& [key, meeting] : meetings) {
    std::map<RegionId, std::size_t> used;
    for (const auto& [worker, people] : meeting->room().roster.by_worker()) {
      const RegionId& region = workers.find(worker)->region;
      spread[region] += ++used[region] == 2 ? 1 : 0;
    }
  }
  counters.rooms_spread.assign(spread.begin(), spread.end());
}

SignalSessionId Control::State::add_client(const signalling::JoinIntent& intent, Now now) {
  const SignalSessionId id(++last_session);
  clients.emplace(id, Client{signalling::Session(now.monotonic),
                             {intent.caller.account, intent.room},
                             meeting::ParticipantSid()});
  return id;
}

base::Expected<SignalSessionId, signalling::Refusal> Control::State::open(
    const signalling::HttpRequest& request, Now now) {
  report_pools();
  auto intent = signalling::read_join(request, config.config.limits, directory, now.wall);
  if (!intent) {
    return std::unexpected(std::move(intent.error()));
  }
  if (auto refusal = obstacle(*intent)) {
    return std::unexpected(std::move(*refusal));
  }
  return intent->request.reconnect() ? resume(std::move(*intent), request.listener_region, now)
                                     : join(std::move(*intent), request.listener_region, now);
}

base::Expected<Control::State::MaybePermit, residency::Denied> Control::State::second_permit(
    const signalling::JoinIntent& intent, const residency::ClientQuestion& question,
    const RegionId& region, const residency::Subject& subject, Now now) {
  if (intent.mode == meeting::ConnectionMode::kSingle) {
    return std::nullopt;
  }
  auto permit = gate.admit_again(question, region, subject, now.wall);
  if (!permit) {
    return std::unexpected(std::move(permit.error()));
  }
  return std::move(*permit);
}

meeting::Meeting& Control::State::create_meeting(const MeetingKey& key,
                                                 const residency::AccountPolicy& policy,
                                                 const meeting::RoomSid& room_sid, Now now,
                                                 meeting::RoomOptions options) {
  auto created = std::make_unique<meeting::Meeting>(services, key.first, key.second, room_sid, now,
                                                    std::move(options));
  meeting::Meeting& meeting = *created;
  meetings_by_number.emplace(meeting.room().number, &meeting);
  meetings.emplace(key, std::move(created));
  outbox.touched.push_back(meeting.room().number);
  ledger.open(meeting.room().number, policy, room_sid.value(), now.wall);
  log(LogLevel::kInfo, "room_created",
      {{"account", key.first.value()}, {"room", room_sid.value()}});
  dispatch_agents(meeting, now);
  return meeting;
}

void Control::State::narrow(meeting::Meeting& meeting, const residency::AccountPolicy& policy,
                            const residency::LevelNames& levels, Now now) {
  suspend_forwards(meeting, now);
  meeting.set_levels(levels);
  (void)meeting.evict(
      [&](const meeting::Participant& participant) {
        return policy.allows(participant.region, levels);
      },
      now);
}

base::Expected<SignalSessionId, signalling::Refusal> Control::State::join(
    signalling::JoinIntent intent, const RegionId& arrived_at, Now now) {
  const MeetingKey key{intent.caller.account, intent.room};
  meeting::Meeting* meeting = find_meeting(key);
  const meeting::RoomSid room_sid = meeting != nullptr
                                        ? meeting->room().sid
                                        : meeting::RoomSid(meeting::new_sid("RM_", config.random));
  const meeting::ParticipantSid sid(meeting::new_sid("PA_", config.random));
  const residency::ClientQuestion question =
      signalling::residency_question(intent.caller, {arrived_at, intent.hint, meeting}, directory);
  audit::Opening opening;
  const audit::Digest commitment = commit_to(intent, room_sid, sid, now, opening);
  auto admission =
      gate.admit(question, residency::Subject{room_sid.value(), sid.value(), commitment}, now.wall);
  if (!admission) {
    if (meeting != nullptr) {
      ledger.note_denial(meeting->room().number, intent.hint.value_or(arrived_at),
                         residency::name_of(admission.error().reason));
    }
    return std::unexpected(signalling::residency_refusal(admission.error(), directory));
  }
  auto subscriber_permit = second_permit(intent, question, admission->permit.region(),
                                         {room_sid.value(), sid.value(), commitment}, now);
  if (!subscriber_permit) {
    return std::unexpected(signalling::residency_refusal(subscriber_permit.error(), directory));
  }
  if (meeting == nullptr && workers.load(admission->permit.region()) >= forward::LoadLevel::kBusy) {
    return std::unexpected(too_busy());
  }
  if (meeting == nullptr) {
    // obstacle() has seen that the token's options can be read.
    meeting = &create_meeting(
        key, *question.policy, room_sid, now,
        rooms::options_of(intent.caller.claims, config.config).value_or(meeting::RoomOptions{}));
  }
  const RegionId region = admission->permit.region();
  if (meeting->room().levels != *question.levels) {
    // The token names the host more closely than the tokens before it did: the meeting narrows.
    narrow(*meeting, *question.policy, *question.levels, now);
  }
  meeting->evict_conflicting_guests(region, now);
  const SignalSessionId session = add_client(intent, now);
  clients.at(session).participant = sid;
  const auto joined = meeting->join(
      meeting::JoinArguments{
          .session = session,
          .sid = sid,
          .grant = std::move(intent.grant),
          .request = std::move(intent.request),
          .permit = std::move(admission->permit),
          .subscriber_permit = std::move(*subscriber_permit),
          .home_account = signalling::home_account(intent.caller),
          .make_token = signalling::make_token_maker(intent.caller, directory),
          .is_told = intent.is_told,
      },
      now);
  if (!joined) {
    clients.erase(session);
    return std::unexpected(overloaded());
  }
  keep_opening(std::move(opening));
  ++joins;
  log(LogLevel::kInfo, "participant_joined",
      {{"account", key.first.value()},
       {"room", room_sid.value()},
       {"participant", sid.value()},
       {"region", region.value()}});
  return session;
}

base::Expected<SignalSessionId, signalling::Refusal> Control::State::resume(
    signalling::JoinIntent intent, const RegionId& arrived_at, Now now) {
  // The permit that the participant has is still good, or it would have been closed. Its
  // signalling may have moved to a region that must not have it.
  meeting::Meeting* meeting = find_meeting({intent.caller.account, intent.room});
  residency::ClientQuestion question =
      signalling::residency_question(intent.caller, {arrived_at, intent.hint, meeting}, directory);
  question.seen.reset();  // whoever is still here is here under what holds now
  const auto decision = residency::decide(question);
  if (const auto* denied = std::get_if<residency::Denied>(&decision);
      denied != nullptr && residency::http_status(denied->reason) == 403) {
    return std::unexpected(signalling::residency_refusal(*denied, directory));
  }
  const SignalSessionId session = add_client(intent, now);
  if (meeting != nullptr) {
    const auto resumed = meeting->resume(
        meeting::ResumeArguments{
            .session = session,
            .identity = intent.grant.identity,
            .request = std::move(intent.request),
            .mode = intent.mode,
            .make_token = signalling::make_token_maker(intent.caller, directory),
        },
        now);
    if (resumed) {
      if (const auto client = clients.find(session); client != clients.end()) {
        client->second.participant = *resumed;
      }
      ++resumes;
      log(LogLevel::kInfo, "participant_resumed",
          {{"room", meeting->room().sid.value()}, {"participant", resumed->value()}});
      return session;
    }
  }
  send(session, meeting::leave_message(livekit::STATE_MISMATCH, livekit::LeaveRequest::RECONNECT));
  outbox.signals.push_back({session, nullptr, true});
  return session;
}

}  // namespace meridian::node
