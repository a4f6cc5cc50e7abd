#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/json/array.hpp>

#include "api/admin_api.hpp"
#include "audit/chain.hpp"
#include "directory/memory_directory.hpp"
#include "meeting/meeting.hpp"
#include "node/change_book.hpp"
#include "node/control.hpp"
#include "node/room_timeouts.hpp"
#include "node/stream_session.hpp"
#include "node/webhooks.hpp"
#include "residency/gate.hpp"
#include "rooms/agent_hub.hpp"
#include "rooms/room_service.hpp"
#include "signalling/admission.hpp"
#include "signalling/session.hpp"
#include "signalling/stream_http.hpp"

namespace meridian::node {

/// Everything that a Control holds. Accounts come first in every key: an id of another account
/// finds nothing.
struct Control::State final : rooms::RoomHost {
  using MeetingKey = std::pair<AccountId, std::string>;
  struct Client {
    signalling::Session session;
    MeetingKey meeting;
    meeting::ParticipantSid participant;
    /// Of a WHIP or WHEP client; null for those with signalling.
    std::unique_ptr<StreamSession> stream = nullptr;
  };

  explicit State(ControlConfig from);

  // control_join.cpp
  base::Expected<SignalSessionId, signalling::Refusal> open(const signalling::HttpRequest& request,
                                                            Now now);
  base::Expected<SignalSessionId, signalling::Refusal> join(signalling::JoinIntent intent,
                                                            const RegionId& arrived_at, Now now);
  base::Expected<SignalSessionId, signalling::Refusal> resume(signalling::JoinIntent intent,
                                                              const RegionId& arrived_at, Now now);
  meeting::Meeting& create_meeting(const MeetingKey& key, const residency::AccountPolicy& policy,
                                   const meeting::RoomSid& room_sid, Now now,
                                   meeting::RoomOptions options);
  /// The meeting comes under these levels of its account's policy.
  void narrow(meeting::Meeting& meeting, const residency::AccountPolicy& policy,
              const residency::LevelNames& levels, Now now);
  using MaybePermit = std::optional<residency::Permit<residency::ClientLeg>>;
  /// For the second connection of dual-connection mode, in the same region; nothing when there is
  /// none.
  base::Expected<MaybePermit, residency::Denied> second_permit(
      const signalling::JoinIntent& intent, const residency::ClientQuestion& question,
      const RegionId& region, const residency::Subject& subject, Now now);
  /// What stands in the way of this join, residency left aside.
  std::optional<signalling::Refusal> obstacle(const signalling::JoinIntent& intent);
  /// What stands in the way of a new room of that account.
  std::optional<signalling::Refusal> room_obstacle(const AccountId& owner);
  SignalSessionId add_client(const signalling::JoinIntent& intent, Now now);
  [[nodiscard]] std::vector<residency::PoolState> pool_states() const;
  /// Tells the directory what pools are like now.
  void report_pools();
  void note_load(WorkerIndex worker, const forward::WorkerLoad& load);
  /// Where people are.
  void count_placement(ControlCounters& counters) const;
  void count_refusal(const std::string& reason) { ++refusals[reason]; }

  // control_http.cpp
  signalling::HttpAnswer route(const signalling::HttpRequest& request, Now now);
  /// For a request that is answered later, by respond().
  signalling::PendingResponse defer() override {
    return signalling::PendingResponse(++last_pending);
  }
  void respond(signalling::PendingResponse request, signalling::HttpResponse response);
  [[nodiscard]] signalling::HttpResponse health() const;
  [[nodiscard]] signalling::HttpResponse readiness() const;
  signalling::HttpResponse validate(const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse regions_of_caller(const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse meeting_of_caller(const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse explain_room(const std::string& room,
                                        const signalling::HttpRequest& request, Now now);
  signalling::HttpResponse token(const signalling::HttpRequest& request, Now now);

  // control_rooms.cpp
  meeting::Meeting* find_room(const AccountId& account, const std::string& name) override;
  std::vector<meeting::Meeting*> rooms_of(const AccountId& account) override;
  rooms::TwirpResult<meeting::Meeting*> create_room(const api::Caller& caller,
                                                    const std::string& name,
                                                    meeting::RoomOptions options, Now now) override;
  void delete_room(const AccountId& account, const std::string& name, Now now) override;
  rooms::TwirpResult<void> check_move(const meeting::Participant& who,
                                      const meeting::Meeting& destination) override;
  rooms::TwirpResult<void> forward_participant(meeting::Meeting& from,
                                               const meeting::Participant& who,
                                               meeting::Meeting& to, Now now) override;
  /// Answers the calls into clients that have ended.
  void finish_rpcs();
  /// Hands on what meetings told.
  void drain_events(Now now);

  // control_forwards.cpp
  /// Somebody of one room who is shown in another.
  struct Forward {
    RoomNumber from;
    meeting::Identity identity;
    RoomNumber to;
    meeting::ParticipantSid source = {};
    /// In the other room; nothing while it is to begin anew.
    std::optional<meeting::ParticipantSid> copy = std::nullopt;
  };
  /// Whether both rooms permit it, and the other one has room.
  rooms::TwirpResult<void> check_forward(const meeting::Meeting& from,
                                         const meeting::Participant& who,
                                         const meeting::Meeting& to);
  void begin_forward(Forward& forward, const meeting::Meeting& from,
                     const meeting::Participant& who, meeting::Meeting& to, Now now);
  /// Ends the copy, and with it the relays that feed it; follow() begins anew.
  void suspend(Forward& forward, Now now);
  /// Those of the room, before it comes under other levels of its policy.
  void suspend_forwards(const meeting::Meeting& meeting, Now now);
  /// Those that the policy, which has changed, doesn't permit as they are.
  void review_forwards(const residency::AccountPolicy& policy, Now now);
  /// Makes a copy what its source is now; false: it is over.
  bool follow(Forward& forward, Now now);
  void follow_forwards(Now now);
  void forward_speakers(const forward::SpeakersChanged& report, Now now);

  // control_streams.cpp
  using StreamAnswer = base::Expected<signalling::HttpResponse, signalling::Refusal>;
  /// WHIP and WHEP.
  signalling::HttpResponse stream(const signalling::StreamPath& path,
                                  const signalling::HttpRequest& request, Now now);
  StreamAnswer open_stream(signalling::StreamKind kind, const signalling::HttpRequest& request,
                           Now now);
  StreamAnswer begin_stream(signalling::StreamKind kind, const signalling::HttpRequest& request,
                            signalling::JoinIntent intent, const sdp::Session& offer, Now now);
  /// The answer to the request that began the session, whose offer was handled.
  StreamAnswer conclude_stream(SignalSessionId id, const signalling::HttpRequest& request, Now now);
  /// What stands in the way of a player, residency included: nothing to play.
  std::optional<signalling::Refusal> nothing_to_play(const signalling::JoinIntent& intent,
                                                     const RegionId& arrived_at);
  StreamAnswer patch_stream(SignalSessionId id, const signalling::HttpRequest& request, Now now);
  StreamAnswer restart_stream(SignalSessionId id, const ice::Credentials& remote, Now now);
  /// The session, if the caller is whose it is.
  base::Expected<SignalSessionId, signalling::Refusal> find_stream(
      const signalling::StreamPath& path, const signalling::HttpRequest& request, Now now);
  /// Does what a request says as that client's.
  void act(SignalSessionId id, const livekit::SignalRequest& request, Now now);
  void leave_stream(SignalSessionId id, Now now);

  // control_agents.cpp
  base::Expected<SignalSessionId, signalling::Refusal> open_agent(
      const signalling::HttpRequest& request, Now now);
  void handle_agent_frame(SignalSessionId id, Bytes message, FrameKind kind, Now now);
  /// Turns what the hub has to say into frames.
  void drain_agents(Now now);
  /// The agents that the room's settings ask for.
  void dispatch_agents(const meeting::Meeting& meeting, Now now);

  // control_admin.cpp
  signalling::HttpAnswer administer(const signalling::HttpRequest& request, Now now);
  /// Writes the audit record of a call, and gives what is sent.
  signalling::HttpResponse conclude(const api::AdminCall& call, api::AdminResponse response,
                                    Now now);
  void record_call(const api::AdminCall& call, unsigned status, Now now);
  signalling::HttpAnswer change_routing(const api::AdminCall& call, api::ChangeRouting change,
                                        Now now);
  api::AdminResponse answer(const api::AdminTask& task, Now now);
  [[nodiscard]] boost::json::array transit_of(const meeting::Meeting& meeting, Now now) const;
  bool forget_author(const api::ErasePerson& erased);
  signalling::HttpAnswer ask_evidence(api::AdminCall call, api::EvidenceQuery query, Now now);

  // control.cpp
  meeting::Meeting* find_meeting(const MeetingKey& key);
  meeting::Meeting* find_meeting(RoomNumber number);
  /// Of these rooms.
  void remove_finished(std::span<const RoomNumber> rooms, Now now);
  void remove_left(Now now);
  /// Asks the meetings for their time that were touched since.
  void follow_timeouts();
  /// What a room leaves behind when it goes; the caller then destroys it.
  void forget_meeting(const MeetingKey& key, meeting::Meeting& meeting,
                      livekit::RoomEndReason reason, Now now);
  /// Turns what meetings put into the outbox into frames, and ends sessions that they closed.
  void drain_signals(Now now);
  void end_session(SignalSessionId id, Now now);
  void send(SignalSessionId id, const livekit::SignalResponse& message);
  void renew_lease(Instant now);
  void record(audit::Kind kind, const directory::Account* account, const audit::Digest& digest,
              Now now);
  void log(LogLevel level, std::string event,
           std::vector<std::pair<std::string, std::string>> fields);

  // control_evidence.cpp
  /// The commitment to who joins, for the audit record; the row that opens it in `opening`.
  audit::Digest commit_to(const signalling::JoinIntent& intent, const meeting::RoomSid& room,
                          const meeting::ParticipantSid& sid, Now now, audit::Opening& opening);
  /// Keeps a row where its account is at home; a node that isn't there keeps none.
  void keep_opening(audit::Opening opening);
  void record_change(const directory::Account& owner, const directory::Author& author,
                     api::ChangeMode mode, Now now);
  void record_dry(const api::ChangeOutcome& outcome);
  void collect_data(meeting::Meeting& meeting);
  /// The room that a command opens a leg for.
  [[nodiscard]] std::optional<RoomNumber> room_of(const forward::Command& command) const;

  // control_reload.cpp
  directory::PolicyResult<void> reload(directory::FileAccount account, Now now);
  void clear_pool(const RegionId& region, Now now);

  // control_change.cpp
  /// Somebody who may not stay where they are, and where they could be instead.
  struct Displaced {
    std::string room_sid;
    std::string participant_sid;
    RegionId from;
    std::optional<RegionId> to;
    std::string reason;  // when there is nowhere
  };
  /// A graceful change that is under way: what workers still tolerate, and until when.
  struct Grace {
    residency::AccountPolicy::Terms tolerated;
    Instant until;
    Instant next_check;
    /// How many people are asked to move in one look.
    std::size_t batch = 0;
  };
  struct Manner {
    api::ChangeMode mode = api::ChangeMode::kImmediate;
    Duration grace{};
  };
  using RenderOutcome = std::function<signalling::HttpResponse(const api::ChangeOutcome&)>;
  struct WaitingReply {
    signalling::PendingResponse request;
    AccountId account;
    PolicyEpoch epoch;
    RenderOutcome render;
  };
  directory::PolicyResult<PolicyEpoch> begin_change(api::ChangeRequest request, Now now);
  directory::PolicyResult<api::ChangePreview> preview_change(const api::ChangeRequest& request);
  [[nodiscard]] std::vector<Displaced> displaced(const residency::AccountPolicy& policy);
  /// To be called when a new version is in force in the directory, however it came there; `before`
  /// are the terms that it replaces.
  void follow_change(const residency::AccountPolicy::Terms& before, const Manner& manner, Now now);
  void enforce(const residency::AccountPolicy::Terms& before, Now now);
  void ask_to_move(const residency::AccountPolicy& policy, std::size_t batch, Now now);
  void for_each_meeting(const AccountId& account,
                        const std::function<void(meeting::Meeting&)>& work);
  void note_evicted(const residency::AccountPolicy& policy, const Displaced& fate,
                    const meeting::Meeting::Evicted& evicted);
  void record_revocations(const residency::AccountPolicy& policy, Now now);
  void check_graces(Now now);
  [[nodiscard]] Instant next_change_timeout() const;
  void finish_changes();
  /// Answers a request at once when the change is dry, else when it is.
  signalling::HttpAnswer answer_when_dry(const AccountId& account, PolicyEpoch epoch,
                                         RenderOutcome render);
  void distribute_policy();

  ControlConfig config;
  std::unique_ptr<directory::Directory> owned_directory;
  directory::Directory& directory;
  api::AdminApi admin;
  rooms::AgentHub agents;
  rooms::RoomService room_service;
  audit::Log audit;
  residency::Gate gate;
  TransitLedger ledger;
  Evidence signed_evidence;
  meeting::WorkerPool workers;
  meeting::NumberSpace numbers;
  meeting::Outbox outbox;
  Webhooks webhooks;
  meeting::Services services;
  std::map<MeetingKey, std::unique_ptr<meeting::Meeting>> meetings;
  std::unordered_map<RoomNumber, meeting::Meeting*> meetings_by_number;
  RoomTimeouts timeouts;
  std::unordered_map<SignalSessionId, Client> clients;
  /// In which kind of frames each worker of agents speaks.
  std::unordered_map<SignalSessionId, FrameKind> agent_frames;
  SignalSessionId::rep last_session = 0;
  bool is_shutting_down = false;
  EvidenceState evidence = EvidenceState::kWritten;
  Instant next_renewal;
  std::uint64_t lease_lapses = 0;
  ChangeBook changes;
  std::map<AccountId, Grace> graces;
  std::vector<WaitingReply> waiting_replies;

  std::map<signalling::PendingResponse, api::AdminCall> waiting_evidence;
  /// Those of them that erase somebody.
  std::map<signalling::PendingResponse, api::ErasePerson> waiting_erasures;
  std::vector<std::pair<signalling::PendingResponse, api::EvidenceQuery>> evidence_queries;

  std::vector<SignalOutput> signal_outputs;
  std::vector<LogEvent> log_events;
  std::vector<std::pair<signalling::PendingResponse, signalling::HttpResponse>> http_responses;
  signalling::PendingResponse::rep last_pending = 0;

  std::uint64_t joins = 0;
  std::uint64_t resumes = 0;
  std::uint64_t undecodable_frames = 0;
  std::map<std::string, std::uint64_t> refusals;
  /// WHIP and WHEP sessions by `PA_…`.
  std::map<std::string, SignalSessionId> streams;
  std::map<StreamRequestKey, std::uint64_t> stream_requests;
  std::vector<Forward> forwards;
};

}  // namespace meridian::node
