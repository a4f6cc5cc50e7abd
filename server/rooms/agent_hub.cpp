#include "rooms/agent_hub.hpp"

#include <algorithm>

#include "api/grants.hpp"
#include "meeting/room.hpp"
#include "signalling/grant.hpp"

namespace meridian::rooms {
namespace {

using meeting::RoomEventKind;
using meeting::SignalSessionId;

/// What agents may do unless their worker says otherwise.
livekit::ParticipantPermission default_permissions() {
  livekit::ParticipantPermission permission;
  permission.set_can_publish(true);
  permission.set_can_publish_data(true);
  permission.set_can_subscribe(true);
  permission.set_can_update_metadata(true);
  return permission;
}

livekit::JobState& touch(livekit::Job& job, UnixTime now) {
  job.mutable_state()->set_updated_at(now.nanoseconds());
  return *job.mutable_state();
}

bool is_over(const livekit::Job& job) {
  return job.state().status() == livekit::JS_SUCCESS || job.state().status() == livekit::JS_FAILED;
}

}  // namespace

void AgentHub::send(SignalSessionId session, livekit::ServerMessage message) {
  outputs_.push_back({.session = session, .message = std::move(message)});
}

// ---- Workers ------------------------------------------------------------------------------------

bool AgentHub::open(SignalSessionId session, const api::Caller& caller, RegionId region, Now now) {
  if (workers_.size() >= kMaxWorkers) {
    return false;
  }
  Worker& worker = workers_[session];
  worker.account = caller.account;
  worker.api_key = caller.api_key;
  worker.region = std::move(region);
  worker.id = meeting::new_sid("AW_", config_.random);
  worker.opened = now.monotonic;
  return true;
}

void AgentHub::handle(SignalSessionId session, const livekit::WorkerMessage& message, Now now) {
  const auto found = workers_.find(session);
  if (found == workers_.end()) {
    return;
  }
  Worker& worker = found->second;
  if (message.has_ping()) {
    livekit::ServerMessage pong;
    pong.mutable_pong()->set_last_timestamp(message.ping().timestamp());
    pong.mutable_pong()->set_timestamp(now.wall.milliseconds());
    send(session, std::move(pong));
  } else if (message.has_register_()) {
    register_worker(session, worker, message.register_());
  } else if (message.has_availability()) {
    take_availability(session, worker, message.availability(), now);
  } else if (message.has_update_worker()) {
    const livekit::UpdateWorkerStatus& status = message.update_worker();
    if (status.has_status()) {
      worker.is_full = status.status() == livekit::WS_FULL;
    }
    worker.load = status.load();
  } else if (message.has_update_job()) {
    take_status(session, message.update_job(), now);
  }
}

void AgentHub::register_worker(SignalSessionId session, Worker& worker,
                               const livekit::RegisterWorkerRequest& request) {
  if (worker.is_registered) {
    return;
  }
  worker.is_registered = true;
  worker.terms = request;
  livekit::ServerMessage message;
  livekit::RegisterWorkerResponse& response = *message.mutable_register_();
  response.set_worker_id(worker.id);
  response.mutable_server_info()->set_version(std::string(meeting::kCompatibleVersion));
  response.mutable_server_info()->set_protocol(meeting::kProtocolVersion);
  response.mutable_server_info()->set_region(worker.region.value());
  response.mutable_server_info()->set_node_id(config_.node_id);
  send(session, std::move(message));
}

void AgentHub::close(SignalSessionId session, Now now) {
  const auto found = workers_.find(session);
  if (found == workers_.end()) {
    return;
  }
  const Worker gone = std::move(found->second);
  workers_.erase(found);
  for (auto& [key, room] : rooms_) {
    for (auto& [id, job] : room.jobs) {
      if (job.worker != session || is_over(job.info)) {
        continue;
      }
      job.worker = {};
      if (job.is_assigned) {
        orphan(room, job, now);
      } else {
        offer(key.first, room, job, now);
      }
    }
  }
}

// ---- Jobs ---------------------------------------------------------------------------------------

std::optional<SignalSessionId> AgentHub::choose(const AccountId& account, const RoomState& room,
                                                const Job& job) const {
  const directory::Account* owner = config_.directory.find_account(account);
  std::optional<SignalSessionId> best;
  const Worker* chosen = nullptr;
  for (const auto& [session, worker] : workers_) {
    const bool is_kind = worker.is_registered && worker.account == account &&
                         worker.terms.type() == job.info.type() &&
                         worker.terms.agent_name() == job.info.agent_name() &&
                         worker.terms.deployment() == job.info.deployment();
    const bool may_serve = owner != nullptr && owner->policy.allows(worker.region, room.levels);
    if (!is_kind || !may_serve || worker.is_full || job.refused.contains(session)) {
      continue;
    }
    if (chosen == nullptr ||
        std::pair(worker.load, worker.jobs.size()) < std::pair(chosen->load, chosen->jobs.size())) {
      best = session;
      chosen = &worker;
    }
  }
  return best;
}

void AgentHub::offer(const AccountId& account, RoomState& room, Job& job, Now now) {
  const auto session = choose(account, room, job);
  job.worker = session.value_or(SignalSessionId{});
  job.answer_due = session ? now.monotonic + kAvailabilityTimeout : Instant::never();
  if (!session && job.restarts > 0) {
    // One that refused may have room by then, or a new one may come.
    job.refused.clear();
    job.restart_due = now.monotonic + kRestartCheck;
    return;
  }
  if (!session) {
    ++counters_.unserved;
    return;
  }
  livekit::ServerMessage message;
  *message.mutable_availability()->mutable_job() = job.info;
  message.mutable_availability()->set_resuming(job.restarts > 0);
  send(*session, std::move(message));
}

void AgentHub::orphan(const RoomState& room, Job& job, Now now) {
  const auto dispatch = room.dispatches.find(job.info.dispatch_id());
  const bool is_once =
      dispatch != room.dispatches.end() && dispatch->second.restart_policy() == livekit::JRP_NEVER;
  job.is_assigned = false;
  touch(job.info, now.wall).set_error("the worker is gone");
  if (is_once || job.restarts >= kMaxRestarts) {
    end_job(job, livekit::JS_FAILED, now);
    return;
  }
  ++job.restarts;
  job.refused.clear();
  job.restart_due = now.monotonic + kRestartCheck;
  job.given_up = now.monotonic + kRestartPatience;
}

void AgentHub::restart(const AccountId& account, RoomState& room, Job& job, Now now) {
  job.restart_due = Instant::never();
  if (config_.is_connected &&
      config_.is_connected(account, room.info.name(), job.info.state().participant_identity())) {
    // Workers run agents in processes of their own, which go on without them.
    job.restart_due = now.monotonic + kRestartCheck;
    job.given_up = now.monotonic + kRestartPatience;
  } else if (now.monotonic >= job.given_up) {
    end_job(job, livekit::JS_FAILED, now);
  } else {
    touch(job.info, now.wall).set_status(livekit::JS_PENDING);
    offer(account, room, job, now);
  }
}

void AgentHub::make_job(const AccountId& account, RoomState& room, livekit::Job info, Now now) {
  if (room.jobs.size() >= kMaxJobs) {
    ++counters_.unserved;
    return;
  }
  info.set_id(meeting::new_sid("AJ_", config_.random));
  *info.mutable_room() = room.info;
  touch(info, now.wall).set_status(livekit::JS_PENDING);
  Job& job = room.jobs[info.id()];
  job.info = std::move(info);
  offer(account, room, job, now);
}

void AgentHub::make_jobs(const AccountId& account, RoomState& room, livekit::JobType type,
                         const livekit::ParticipantInfo* participant, Now now) {
  const bool is_automatic = std::ranges::any_of(workers_, [&](const auto& entry) {
    const Worker& worker = entry.second;
    return worker.is_registered && worker.account == account && worker.terms.type() == type &&
           worker.terms.agent_name().empty();
  });
  livekit::Job info;
  info.set_type(type);
  if (participant != nullptr) {
    *info.mutable_participant() = *participant;
  }
  if (is_automatic) {
    make_job(account, room, info, now);
  }
  if (type == livekit::JT_ROOM) {
    return;  // dispatches have theirs from the start
  }
  for (const auto& [id, dispatch] : room.dispatches) {
    const bool is_for_type = std::ranges::any_of(workers_, [&](const auto& entry) {
      const Worker& worker = entry.second;
      return worker.is_registered && worker.account == account && worker.terms.type() == type &&
             worker.terms.agent_name() == dispatch.agent_name();
    });
    if (is_for_type) {
      livekit::Job asked = info;
      asked.set_dispatch_id(id);
      asked.set_agent_name(dispatch.agent_name());
      asked.set_metadata(dispatch.metadata());
      asked.set_deployment(dispatch.deployment());
      *asked.mutable_attributes() = dispatch.attributes();
      make_job(account, room, std::move(asked), now);
    }
  }
}

std::pair<AgentHub::RoomState*, AgentHub::Job*> AgentHub::find_job(const AccountId& account,
                                                                   const std::string& id) {
  for (auto& [key, room] : rooms_) {
    const auto found = room.jobs.find(id);
    if (key.first == account && found != room.jobs.end()) {
      return {&room, &found->second};
    }
  }
  return {nullptr, nullptr};
}

void AgentHub::take_availability(SignalSessionId session, Worker& worker,
                                 const livekit::AvailabilityResponse& response, Now now) {
  const auto [room, job] = find_job(worker.account, response.job_id());
  if (job == nullptr || job->worker != session || job->is_assigned || is_over(job->info)) {
    return;
  }
  job->answer_due = Instant::never();
  if (response.available()) {
    assign(worker, *room, *job, response, now);
  } else if (response.terminate()) {
    job->worker = {};
    end_job(*job, livekit::JS_SUCCESS, now);
  } else {
    job->refused.insert(session);
    offer(worker.account, *room, *job, now);
  }
}

void AgentHub::assign(Worker& worker, const RoomState& room, Job& job,
                      const livekit::AvailabilityResponse& response, Now now) {
  const directory::ApiKey* key = config_.directory.find_key(worker.api_key);
  const directory::Account* owner = config_.directory.find_account(worker.account);
  if (key == nullptr || owner == nullptr || !owner->policy.allows(worker.region, room.levels)) {
    touch(job.info, now.wall).set_error("the account doesn't permit the worker's region");
    end_job(job, livekit::JS_FAILED, now);
    return;
  }
  const livekit::ParticipantPermission permission = worker.terms.has_allowed_permissions()
                                                        ? worker.terms.allowed_permissions()
                                                        : default_permissions();
  api::Claims claims;
  claims.identity = response.participant_identity().empty() ? "agent-" + job.info.id()
                                                            : response.participant_identity();
  claims.name = response.participant_name();
  claims.metadata = response.participant_metadata();
  claims.kind = api::ParticipantKind::kAgent;
  for (const auto& [name, value] : response.participant_attributes()) {
    claims.attributes[name] = value;
  }
  api::VideoGrant& video = claims.video.emplace();
  video.room_join = true;
  video.room = room.info.name();
  signalling::take_permission(permission, video);
  video.agent = true;
  claims.expires = now.wall + kTokenLifetime;

  job.is_assigned = true;
  worker.jobs.insert(job.info.id());
  livekit::JobState& state = touch(job.info, now.wall);
  state.set_status(livekit::JS_RUNNING);
  state.set_started_at(now.wall.nanoseconds());
  state.set_participant_identity(claims.identity);
  state.set_worker_id(worker.id);
  state.clear_error();
  ++counters_.assigned;
  counters_.restarted += job.restarts > 0 ? 1 : 0;
  livekit::ServerMessage message;
  *message.mutable_assignment()->mutable_job() = job.info;
  message.mutable_assignment()->set_token(
      api::make_token(claims, {key->key, key->secret, now.wall}));
  send(job.worker, std::move(message));
}

void AgentHub::take_status(SignalSessionId session, const livekit::UpdateJobStatus& update,
                           Now now) {
  const auto [room, job] = find_job(workers_.at(session).account, update.job_id());
  if (job == nullptr || job->worker != session || is_over(job->info)) {
    return;
  }
  livekit::JobState& state = touch(job->info, now.wall);
  state.set_error(update.error().substr(0, 1024));
  if (update.status() == livekit::JS_SUCCESS || update.status() == livekit::JS_FAILED) {
    end_job(*job, update.status(), now);
  } else {
    state.set_status(update.status());
  }
}

void AgentHub::end_job(Job& job, livekit::JobStatus status, Now now) {
  livekit::JobState& state = touch(job.info, now.wall);
  state.set_status(status);
  state.set_ended_at(now.wall.nanoseconds());
  counters_.failed += status == livekit::JS_FAILED ? 1 : 0;
  job.answer_due = Instant::never();
  job.restart_due = Instant::never();
  if (const auto worker = workers_.find(job.worker); worker != workers_.end()) {
    worker->second.jobs.erase(job.info.id());
  }
}

void AgentHub::terminate(Job& job, Now now) {
  if (is_over(job.info)) {
    return;
  }
  if (job.is_assigned) {
    livekit::ServerMessage message;
    message.mutable_termination()->set_job_id(job.info.id());
    send(job.worker, std::move(message));
  }
  end_job(job, livekit::JS_SUCCESS, now);
}

// ---- Rooms and dispatches -----------------------------------------------------------------------

bool AgentHub::wants(const AccountId& account) const {
  const auto is_theirs = [&](const auto& entry) { return entry.second.account == account; };
  const auto room = rooms_.lower_bound({account, std::string()});
  return std::ranges::any_of(workers_, is_theirs) ||
         (room != rooms_.end() && room->first.first == account);
}

void AgentHub::handle(const meeting::RoomEvent& event, Now now) {
  const RoomKey key{event.account, event.room.name()};
  if (event.kind == RoomEventKind::kRoomFinished) {
    if (const auto found = rooms_.find(key); found != rooms_.end()) {
      for (auto& [id, job] : found->second.jobs) {
        terminate(job, now);
      }
      rooms_.erase(found);
    }
    return;
  }
  RoomState& room = rooms_[key];
  room.levels = event.levels;
  room.info = event.room;
  const bool is_agent =
      event.participant && event.participant->kind() == livekit::ParticipantInfo::AGENT;
  switch (event.kind) {
    case RoomEventKind::kRoomStarted:
      make_jobs(event.account, room, livekit::JT_ROOM, nullptr, now);
      break;
    case RoomEventKind::kParticipantJoined:
      if (!is_agent) {
        make_jobs(event.account, room, livekit::JT_PARTICIPANT, &*event.participant, now);
      }
      break;
    case RoomEventKind::kTrackPublished:
      if (!is_agent && room.publishers.insert(event.participant->sid()).second) {
        make_jobs(event.account, room, livekit::JT_PUBLISHER, &*event.participant, now);
      }
      break;
    case RoomEventKind::kParticipantLeft:
    case RoomEventKind::kParticipantAborted:
      room.publishers.erase(event.participant->sid());
      for (auto& [id, job] : room.jobs) {
        if (job.info.has_participant() &&
            job.info.participant().sid() == event.participant->sid()) {
          terminate(job, now);
        }
      }
      break;
    case RoomEventKind::kTrackUnpublished:
    case RoomEventKind::kRoomFinished:
      break;
  }
}

livekit::AgentDispatch AgentHub::with_jobs(const RoomState& room,
                                           const livekit::AgentDispatch& dispatch) const {
  livekit::AgentDispatch full = dispatch;
  for (const auto& [id, job] : room.jobs) {
    if (job.info.dispatch_id() == dispatch.id()) {
      *full.mutable_state()->add_jobs() = job.info;
    }
  }
  return full;
}

std::optional<livekit::AgentDispatch> AgentHub::dispatch(
    const Place& place, const livekit::CreateAgentDispatchRequest& wanted, Now now) {
  RoomState& room = rooms_[{place.account, place.room.name()}];
  room.levels = place.levels;
  room.info = place.room;
  if (room.dispatches.size() >= kMaxDispatches) {
    return std::nullopt;
  }
  livekit::AgentDispatch dispatch;
  dispatch.set_id(meeting::new_sid("AD_", config_.random));
  dispatch.set_agent_name(wanted.agent_name());
  dispatch.set_room(place.room.name());
  dispatch.set_metadata(wanted.metadata());
  dispatch.set_restart_policy(wanted.restart_policy());
  dispatch.set_deployment(wanted.deployment());
  *dispatch.mutable_attributes() = wanted.attributes();
  dispatch.mutable_state()->set_created_at(now.wall.nanoseconds());
  room.dispatches[dispatch.id()] = dispatch;
  livekit::Job info;
  info.set_type(livekit::JT_ROOM);
  info.set_dispatch_id(dispatch.id());
  info.set_agent_name(dispatch.agent_name());
  info.set_metadata(dispatch.metadata());
  info.set_deployment(dispatch.deployment());
  *info.mutable_attributes() = dispatch.attributes();
  make_job(place.account, room, std::move(info), now);
  return with_jobs(room, dispatch);
}

std::optional<livekit::AgentDispatch> AgentHub::remove_dispatch(const AccountId& account,
                                                                const std::string& name,
                                                                const std::string& id, Now now) {
  const auto room = rooms_.find({account, name});
  if (room == rooms_.end()) {
    return std::nullopt;
  }
  const auto found = room->second.dispatches.find(id);
  if (found == room->second.dispatches.end()) {
    return std::nullopt;
  }
  for (auto& [job_id, job] : room->second.jobs) {
    if (job.info.dispatch_id() == id) {
      terminate(job, now);
    }
  }
  livekit::AgentDispatch removed = with_jobs(room->second, found->second);
  removed.mutable_state()->set_deleted_at(now.wall.nanoseconds());
  std::erase_if(room->second.jobs,
                [&](const auto& entry) { return entry.second.info.dispatch_id() == id; });
  room->second.dispatches.erase(found);
  return removed;
}

std::vector<livekit::AgentDispatch> AgentHub::dispatches(const AccountId& account,
                                                         const std::string& name,
                                                         const std::string& id) const {
  std::vector<livekit::AgentDispatch> found;
  if (const auto room = rooms_.find({account, name}); room != rooms_.end()) {
    for (const auto& [dispatch_id, dispatch] : room->second.dispatches) {
      if (id.empty() || id == dispatch_id) {
        found.push_back(with_jobs(room->second, dispatch));
      }
    }
  }
  return found;
}

// ---- Time ---------------------------------------------------------------------------------------

void AgentHub::handle_timeout(Now now) {
  for (auto& [key, room] : rooms_) {
    for (auto& [id, job] : room.jobs) {
      if (job.answer_due <= now.monotonic) {
        job.refused.insert(job.worker);
        offer(key.first, room, job, now);
      } else if (job.restart_due <= now.monotonic) {
        restart(key.first, room, job, now);
      }
    }
  }
  for (const auto& [session, worker] : workers_) {
    if (!worker.is_registered && worker.opened + kRegistrationTimeout <= now.monotonic) {
      outputs_.push_back({.session = session, .message = {}, .closes = true});
    }
  }
}

Instant AgentHub::next_timeout() const {
  Instant next = Instant::never();
  for (const auto& [key, room] : rooms_) {
    for (const auto& [id, job] : room.jobs) {
      next = std::min({next, job.answer_due, job.restart_due});
    }
  }
  for (const auto& [session, worker] : workers_) {
    if (!worker.is_registered) {
      next = std::min(next, worker.opened + kRegistrationTimeout);
    }
  }
  return next;
}

std::vector<AgentHub::Output> AgentHub::take_outputs() {
  return std::exchange(outputs_, {});
}

AgentHub::Counters AgentHub::counters() const {
  Counters counters = counters_;
  counters.workers_now = workers_.size();
  return counters;
}

}  // namespace meridian::rooms
