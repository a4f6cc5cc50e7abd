#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "audit/chain.hpp"
#include "directory/memory_directory.hpp"
#include "meeting/meeting.hpp"
#include "node/control.hpp"
#include "residency/gate.hpp"
#include "signalling/admission.hpp"
#include "signalling/session.hpp"

namespace meridian::node {

/// Everything that a Control holds. Accounts come first in every key: an id of another account
/// finds nothing.
struct Control::State {
  using MeetingKey = std::pair<AccountId, std::string>;
  struct Client {
    signalling::Session session;
    MeetingKey meeting;
    meeting::ParticipantSid participant;
  };

  explicit State(ControlConfig from);

  // control_join.cpp
  base::Expected<SignalSessionId, signalling::Refusal> open(const signalling::HttpRequest& request,
                                                            Now now);
  base::Expected<SignalSessionId, signalling::Refusal> join(signalling::JoinIntent intent,
                                                            const RegionId& arrived_at, Now now);
  base::Expected<SignalSessionId, signalling::Refusal> resume(signalling::JoinIntent intent,
                                                              const RegionId& arrived_at, Now now);
  /// What stands in the way of this join, residency left aside.
  std::optional<signalling::Refusal> obstacle(const signalling::JoinIntent& intent);
  SignalSessionId add_client(const signalling::JoinIntent& intent, Now now);
  void report_pools();
  void count_refusal(const std::string& reason) { ++refusals[reason]; }

  // control_http.cpp
  signalling::HttpAnswer route(const signalling::HttpRequest& request, Now now);
  /// For a request that is answered later, by respond().
  signalling::PendingResponse defer() { return signalling::PendingResponse(++last_pending); }
  void respond(signalling::PendingResponse request, signalling::HttpResponse response);
  signalling::HttpResponse validate(const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse regions_of_caller(const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse meeting_of_caller(const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse token(const signalling::HttpRequest& request, Now now);

  // control.cpp
  meeting::Meeting* find_meeting(const MeetingKey& key);
  meeting::Meeting* find_meeting(RoomNumber number);
  void remove_finished(Instant now);
  /// Turns what meetings put into the outbox into frames, and ends sessions that they closed.
  void drain_signals(Now now);
  void end_session(SignalSessionId id, Now now);
  void send(SignalSessionId id, const livekit::SignalResponse& message);
  void distribute_policy();
  void record(audit::Kind kind, const directory::Account* account, const audit::Digest& digest,
              Now now);
  void record_revocations(const AccountId& account, const residency::RegionSet& permitted, Now now);
  void log(LogLevel level, std::string event,
           std::vector<std::pair<std::string, std::string>> fields);

  ControlConfig config;
  std::unique_ptr<directory::Directory> owned_directory;
  directory::Directory& directory;
  audit::Log audit;
  residency::Gate gate;
  meeting::WorkerPool workers;
  meeting::NumberSpace numbers;
  meeting::Outbox outbox;
  meeting::Services services;
  std::map<MeetingKey, std::unique_ptr<meeting::Meeting>> meetings;
  std::unordered_map<RoomNumber, meeting::Meeting*> meetings_by_number;
  std::unordered_map<SignalSessionId, Client> clients;
  SignalSessionId::rep last_session = 0;
  bool is_shutting_down = false;

  std::vector<SignalOutput> signal_outputs;
  std::vector<LogEvent> log_events;
  std::vector<std::pair<signalling::PendingResponse, signalling::HttpResponse>> http_responses;
  signalling::PendingResponse::rep last_pending = 0;

  std::uint64_t joins = 0;
  std::uint64_t resumes = 0;
  std::uint64_t undecodable_frames = 0;
  std::map<std::string, std::uint64_t> refusals;
};

}  // namespace meridian::node
