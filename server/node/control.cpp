#include "node/control.hpp"

#include <algorithm>
#include <utility>
#include <variant>

#include "api/bootstrap.hpp"
#include "node/control_state.hpp"

namespace meridian::node {
namespace {

std::vector<meeting::WorkerPool::Seat> seats(const std::vector<WorkerPlacement>& workers,
                                             const std::vector<config::Pool>& pools) {
  std::vector<meeting::WorkerPool::Seat> result;
  result.reserve(workers.size());
  for (const WorkerPlacement& worker : workers) {
    result.push_back({.index = worker.index,
                      .region = worker.region,
                      .advertised = worker.advertised,
                      .advertised_tcp = worker.advertised_tcp,
                      .turn_urls = worker.turn_urls,
                      .turn_servers = worker.turn_servers});
    const auto pool = std::ranges::find(pools, worker.region, &config::Pool::region);
    if (pool != pools.end()) {
      result.back().people_per_worker = pool->people_per_worker;
    }
  }
  return result;
}

/// By index of the worker.
std::vector<RegionId> regions_of(const std::vector<WorkerPlacement>& workers) {
  std::vector<RegionId> regions;
  for (const WorkerPlacement& worker : workers) {
    regions.resize(std::max<std::size_t>(regions.size(), worker.index.value() + 1U));
    regions[worker.index.value()] = worker.region;
  }
  return regions;
}

EvidenceKeys ephemeral_keys(RandomSource& random) {
  return {.current = audit::SigningKey::generate("ephemeral/" + random.alphanumeric(12), random)};
}

/// The room that an event is about.
std::optional<RoomNumber> room_of(const meeting::NumberSpace& numbers,
                                  const forward::Event& event) {
  return std::visit(
      [&numbers](const auto& e) -> std::optional<RoomNumber> {
        if constexpr (requires { e.room; }) {
          return e.room;
        } else if constexpr (requires { e.publication; }) {
          return numbers.room_of(e.publication);
        } else if constexpr (requires { e.transport; }) {
          return numbers.room_of(e.transport);
        } else {
          return std::nullopt;  // about the worker
        }
      },
      event);
}

}  // namespace

Control::State::State(ControlConfig from)
    : config(std::move(from)),
      owned_directory(std::move(config.directory)),
      directory(*owned_directory),
      admin({.directory = directory,
             .random = config.random,
             .admin = config.config.admin,
             .limits = config.config.limits}),
      agents({.directory = directory,
              .random = config.random,
              .node_id = config.node_id,
              .is_connected =
                  [this](const AccountId& account, const std::string& room,
                         const std::string& identity) {
                    const meeting::Meeting* meeting = find_meeting({account, room});
                    const meeting::Participant* agent =
                        meeting == nullptr ? nullptr : meeting->find(meeting::Identity(identity));
                    return agent != nullptr && agent->has_signal();
                  }}),
      room_service(
          {.host = *this, .directory = directory, .config = config.config, .agents = agents}),
      audit(config.node_id, std::move(config.audit_heads)),
      gate(audit),
      ledger(config.node_id, config.config.digest, regions_of(config.workers)),
      signed_evidence(config.keys ? std::move(*config.keys) : ephemeral_keys(config.random),
                      config.config.digest, audit),
      workers(seats(config.workers, config.config.pools)),
      webhooks(directory, config.random),
      services{.limits = config.config.limits,
               .directory = directory,
               .gate = gate,
               .workers = workers,
               .numbers = numbers,
               .random = config.random,
               .outbox = outbox,
               .fingerprint = config.fingerprint,
               .node_id = config.node_id,
               .turn = config.turn,
               .has_listener = [this](const AccountId& account) {
                 return webhooks.has_receiver(account) || agents.wants(account);
               }} {
  webhooks.configure(config.config.accounts);
  if (config.webhooks) {
    webhooks.restore(std::move(*config.webhooks), config.started);
  }
}

Control::Control(ControlConfig config) {
  if (config.directory == nullptr) {
    config.directory =
        std::make_unique<directory::MemoryDirectory>(api::directory_contents(config.config));
  }
  state_ = std::make_unique<State>(std::move(config));
  State& s = *state_;
  const Now now = s.config.started;
  s.record(audit::Kind::kNodeStarted, nullptr, {}, now);
  s.record(audit::Kind::kConfigLoaded, nullptr, s.config.config.digest, now);
  for (const directory::Account& account : s.directory.accounts()) {
    s.record(audit::Kind::kPolicyLoaded, &account, account.policy.digest(), now);
  }
  s.signed_evidence.begin(now);
  s.distribute_policy();
  s.renew_lease(now.monotonic);
  s.report_pools();
}

Control::~Control() = default;

meeting::Meeting* Control::State::find_meeting(const MeetingKey& key) {
  const auto found = meetings.find(key);
  return found == meetings.end() ? nullptr : found->second.get();
}

meeting::Meeting* Control::State::find_meeting(RoomNumber number) {
  const auto found = meetings_by_number.find(number);
  return found == meetings_by_number.end() ? nullptr : found->second;
}

void Control::State::record(audit::Kind kind, const directory::Account* account,
                            const audit::Digest& digest, Now now) {
  audit::Record record;
  record.time = now.wall;
  record.kind = kind;
  record.digest = digest;
  if (account != nullptr) {
    record.account = account->id();
    record.epoch = account->policy.epoch();
  }
  // A full log refuses every permit from then on; that is where it shows.
  (void)audit.append(std::move(record));
}

/// The directory is part of this process, so that asking and hearing are one; a control thread that
/// hangs does neither, and restricted accounts stop.
void Control::State::renew_lease(Instant now) {
  const Instant until = config.policy.lease().until();
  lease_lapses += now >= until && next_renewal != Instant{} ? 1 : 0;
  config.policy.lease().renew(config.policy.load(), now);
  next_renewal = now + residency::Lease::kRenewal;
}

void Control::State::log(LogLevel level, std::string event,
                         std::vector<std::pair<std::string, std::string>> fields) {
  log_events.push_back({level, std::move(event), std::move(fields)});
}

// ---- Signalling ---------------------------------------------------------------------------------

bool Control::is_signalling_path(std::string_view path) {
  return signalling::is_upgrade_path(path) || path == "/agent";
}

base::Expected<SignalSessionId, signalling::HttpResponse> Control::open_signalling(
    const signalling::HttpRequest& request, Now now) {
  auto opened =
      request.path() == "/agent" ? state_->open_agent(request, now) : state_->open(request, now);
  state_->drain_signals(now);
  if (opened) {
    return *opened;
  }
  state_->count_refusal(opened.error().reason);
  state_->log(LogLevel::kInfo, "join_refused",
              {{"reason", opened.error().reason}, {"region", request.listener_region.value()}});
  signalling::HttpResponse response = std::move(opened.error().response);
  signalling::allow_every_origin(response);
  return std::unexpected(std::move(response));
}

void Control::handle_frame(SignalSessionId id, Bytes message, FrameKind kind, Now now) {
  State& s = *state_;
  if (s.agents.is_worker(id)) {
    s.handle_agent_frame(id, message, kind, now);
    s.drain_signals(now);
    return;
  }
  const auto found = s.clients.find(id);
  if (found == s.clients.end()) {
    return;
  }
  State::Client& client = found->second;
  auto outcome =
      client.session.read(message, kind, s.config.config.limits.signal_message_size, now.monotonic);
  if (const auto* request = std::get_if<livekit::SignalRequest>(&outcome)) {
    if (meeting::Meeting* meeting = s.find_meeting(client.meeting)) {
      meeting->handle_request(client.participant, id, *request, now);
    }
  } else if (const auto* rejected = std::get_if<signalling::Session::Rejected>(&outcome)) {
    ++s.undecodable_frames;
    s.send(id, rejected->answer);
  } else {
    ++s.undecodable_frames;
    s.send(id, meeting::leave_message(livekit::STATE_MISMATCH, livekit::LeaveRequest::DISCONNECT));
    s.outbox.signals.push_back({id, nullptr, true});
  }
  s.drain_signals(now);
}

void Control::handle_signal_closed(SignalSessionId session, Now now) {
  state_->end_session(session, now);
  state_->agent_frames.erase(session);
  state_->agents.close(session, now);
  state_->drain_signals(now);
}

void Control::State::end_session(SignalSessionId id, Now now) {
  const auto found = clients.find(id);
  if (found == clients.end()) {
    return;
  }
  const Client client = std::move(found->second);
  clients.erase(found);
  if (client.stream != nullptr) {
    streams.erase(client.participant.value());
  }
  if (meeting::Meeting* meeting = find_meeting(client.meeting)) {
    meeting->handle_signal_closed(client.participant, id, now);
  }
}

void Control::State::send(SignalSessionId id, const livekit::SignalResponse& message) {
  outbox.signals.push_back({id, std::make_shared<const livekit::SignalResponse>(message)});
}

void Control::State::drain_signals(Now now) {
  follow_forwards(now);
  const livekit::SignalResponse* encoded = nullptr;
  std::vector<std::uint8_t> frame;
  FrameKind frame_kind = FrameKind::kBinary;
  // Ending a session may make its meeting say more.
  for (std::size_t i = 0; i < outbox.signals.size(); ++i) {
    const meeting::SignalMessage next = outbox.signals[i];
    const auto client = clients.find(next.session);
    if (client == clients.end()) {
      continue;
    }
    if (client->second.stream != nullptr) {
      if (next.message != nullptr) {
        client->second.stream->take(*next.message);
      }
      if (next.closes) {
        end_session(next.session, now);
      }
      continue;
    }
    SignalOutput output;
    output.session = next.session;
    if (next.message != nullptr) {
      output.kind = client->second.session.kind();
      if (next.message.get() != encoded || output.kind != frame_kind) {
        encoded = next.message.get();
        frame_kind = output.kind;
        frame = signalling::encode_response(*encoded, frame_kind);
      }
      output.frame = frame;
    }
    output.closes = next.closes;
    signal_outputs.push_back(std::move(output));
    if (next.closes) {
      end_session(next.session, now);
    }
  }
  outbox.signals.clear();
  finish_rpcs();
  drain_events(now);
  drain_agents(now);
}

// ---- Events and time
// ------------------------------------------------------------------------------

void Control::handle_event(WorkerIndex worker, forward::Event&& event, Now now) {
  State& s = *state_;
  if (const auto* applied = std::get_if<forward::PolicyApplied>(&event)) {
    s.changes.handle(worker, *applied, now);
    s.finish_changes();
    return;
  }
  if (const auto* still = std::get_if<forward::StillSending>(&event)) {
    s.changes.handle(*still);
    s.ledger.handle(*still);
    return;
  }
  if (const auto* transit = std::get_if<forward::TransportTransit>(&event)) {
    s.ledger.handle(worker, *transit);
    return;
  }
  if (const auto* transit = std::get_if<forward::RelayTransit>(&event)) {
    s.ledger.handle(worker, *transit);
    return;
  }
  if (const auto* load = std::get_if<forward::WorkerLoad>(&event)) {
    s.note_load(worker, *load);
    return;
  }
  const auto room = room_of(s.numbers, event);
  if (meeting::Meeting* meeting = room ? s.find_meeting(*room) : nullptr) {
    meeting->handle_event(event, now);
  }
  if (const auto* speakers = std::get_if<forward::SpeakersChanged>(&event)) {
    s.forward_speakers(*speakers, now);
  }
  s.drain_signals(now);
}

void Control::handle_sctp_event(sctp::Event&& event, Now now) {
  State& s = *state_;
  const TransportId transport = std::visit([](const auto& e) { return e.transport; }, event);
  const auto room = s.numbers.room_of(transport);
  if (meeting::Meeting* meeting = room ? s.find_meeting(*room) : nullptr) {
    meeting->handle_sctp_event(std::move(event), now);
    s.collect_data(*meeting);
  }
  s.drain_signals(now);
}

void Control::handle_timeout(Now now) {
  State& s = *state_;
  if (now.monotonic >= s.next_renewal) {
    s.renew_lease(now.monotonic);
    s.directory.forget_old_secrets(now.wall);
  }
  s.follow_timeouts();
  const std::vector<RoomNumber> due = s.timeouts.due(now.monotonic);
  for (const RoomNumber room : due) {
    if (meeting::Meeting* meeting = s.find_meeting(room)) {
      meeting->handle_timeout(now);
    }
  }
  s.changes.handle_timeout(now);
  s.agents.handle_timeout(now);
  s.check_graces(now);
  s.finish_changes();
  s.is_shutting_down ? s.remove_left(now) : s.remove_finished(due, now);
  s.signed_evidence.handle_timeout(s.ledger, now);
  s.drain_signals(now);
}

void Control::State::follow_timeouts() {
  for (const RoomNumber room : std::exchange(outbox.touched, {})) {
    if (const meeting::Meeting* meeting = find_meeting(room)) {
      timeouts.set(room, meeting->next_timeout());
    }
  }
}

void Control::State::remove_finished(std::span<const RoomNumber> rooms, Now now) {
  for (const RoomNumber room : rooms) {
    meeting::Meeting* meeting = find_meeting(room);
    if (meeting == nullptr || !meeting->is_finished(now.monotonic)) {
      continue;
    }
    const auto found = meetings.find({meeting->room().account, meeting->room().name});
    forget_meeting(found->first, *meeting, livekit::ROOM_END_IDLE_TIMEOUT, now);
    meetings.erase(found);
  }
}

void Control::State::remove_left(Now now) {
  std::erase_if(meetings, [&](const auto& entry) {
    if (!entry.second->room().roster.empty()) {
      return false;
    }
    forget_meeting(entry.first, *entry.second, livekit::ROOM_END_SERVER_SHUTDOWN, now);
    return true;
  });
}

void Control::State::forget_meeting(const MeetingKey& key, meeting::Meeting& meeting,
                                    livekit::RoomEndReason reason, Now now) {
  meeting.room().note_finished(reason, now.wall);
  log(LogLevel::kInfo, "room_closed",
      {{"account", key.first.value()}, {"room", meeting.room().sid.value()}});
  collect_data(meeting);
  ledger.close(meeting.room().number, now);
  meetings_by_number.erase(meeting.room().number);
  timeouts.erase(meeting.room().number);
}

Instant Control::next_timeout() const {
  Instant next = std::min({state_->next_renewal, state_->next_change_timeout(),
                           state_->signed_evidence.next_timeout(state_->ledger),
                           state_->webhooks.next_timeout(), state_->agents.next_timeout()});
  if (const api::OidcProvider* provider = state_->admin.oidc()) {
    next = std::min(next, provider->next_timeout());
  }
  state_->follow_timeouts();
  return std::min(next, state_->timeouts.next());
}

void Control::set_evidence(EvidenceState state) {
  state_->evidence = state;
}

void Control::begin_shutdown(Now now) {
  State& s = *state_;
  if (s.is_shutting_down) {
    return;
  }
  s.is_shutting_down = true;
  s.log(LogLevel::kInfo, "shutdown", {{"participants", std::to_string(s.clients.size())}});
  s.report_pools();
  for (const auto& [key, meeting] : s.meetings) {
    meeting->close(livekit::SERVER_SHUTDOWN, livekit::LeaveRequest::RECONNECT, now);
  }
  s.record(audit::Kind::kNodeStopped, nullptr, {}, now);
  s.drain_signals(now);
  s.remove_left(now);
  s.drain_events(now);
  s.drain_agents(now);
  for (const auto& [session, kind] : s.agent_frames) {
    s.signal_outputs.push_back({.session = session, .frame = {}, .kind = kind, .closes = true});
  }
}

// ---- Outputs
// --------------------------------------------------------------------------------------

std::vector<SignalOutput> Control::take_signal_outputs() {
  return std::exchange(state_->signal_outputs, {});
}
std::vector<std::pair<WorkerIndex, forward::Command>> Control::take_commands() {
  State& s = *state_;
  auto commands = std::exchange(s.outbox.commands, {});
  for (const auto& [worker, command] : commands) {
    s.ledger.note_command(worker, command, s.room_of(command));
  }
  return commands;
}
std::vector<sctp::Command> Control::take_sctp_commands() {
  return std::exchange(state_->outbox.sctp, {});
}
std::vector<std::string> Control::take_audit_lines() {
  return state_->audit.take_lines();
}
std::vector<WebhookPost> Control::take_webhook_posts(Now now) {
  return state_->webhooks.take_posts(now);
}
std::vector<WebhookChange> Control::take_webhook_changes() {
  return state_->webhooks.take_changes();
}
void Control::handle_webhook_result(WebhookPostId post, bool taken, Now now) {
  state_->webhooks.handle_result(post, taken, now);
}
bool Control::is_delivering_webhooks() const {
  return state_->webhooks.is_delivering();
}
std::vector<LogEvent> Control::take_log_events() {
  return std::exchange(state_->log_events, {});
}

ControlCounters Control::counters() const {
  const State& s = *state_;
  ControlCounters counters;
  counters.rooms_now = s.meetings.size();
  counters.sessions_now = s.clients.size();
  counters.forwards_now = s.forwards.size();
  counters.joins = s.joins;
  counters.resumes = s.resumes;
  counters.undecodable_frames = s.undecodable_frames;
  counters.lease_lapses = s.lease_lapses;
  for (const auto& [call, count] : s.room_service.counts()) {
    counters.room_calls.push_back({call.first, call.second, count});
  }
  counters.webhooks = s.webhooks.counters();
  counters.agents = s.agents.counters();
  counters.refusals.assign(s.refusals.begin(), s.refusals.end());
  counters.stream_requests.assign(s.stream_requests.begin(), s.stream_requests.end());
  std::map<std::string, std::size_t> streams = {{"whip", 0}, {"whep", 0}};
  for (const auto& [sid, session] : s.streams) {
    ++streams[std::string(signalling::name_of(s.clients.at(session).stream->kind))];
  }
  counters.stream_sessions_now.assign(streams.begin(), streams.end());
  for (const auto& [key, meeting] : s.meetings) {
    counters.participants_now += meeting->room().roster.size();
    counters.tracks_now += meeting->tracks();
    counters.subscriptions_now += meeting->subscriptions();
  }
  for (const residency::PoolState& pool : s.pool_states()) {
    const bool is_live = pool.liveness == residency::PoolState::Liveness::kLive;
    counters.free_places.emplace_back(pool.region, is_live ? pool.free : 0);
  }
  s.count_placement(counters);
  return counters;
}

}  // namespace meridian::node
