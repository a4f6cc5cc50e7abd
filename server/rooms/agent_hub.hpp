#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/authenticator.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "directory/directory.hpp"
#include "meeting/ids.hpp"
#include "meeting/room_events.hpp"
#include "wire/livekit_agent.pb.h"

namespace meridian::rooms {

/// Workers of agents and their jobs, in LiveKit's protocol: a worker registers over `/agent`, is
/// asked whether it takes a job, and gets a token with which its agent joins the room. A worker
/// belongs to the account whose key signed its token, and stands in the region of the address that
/// it came to: it is offered no job of a room whose policy excludes that region. Sans-I/O; one
/// owner, on a control thread.
class AgentHub {
 public:
  static constexpr std::size_t kMaxWorkers = 1000;
  static constexpr std::size_t kMaxDispatches = 64;  // of one room
  static constexpr std::size_t kMaxJobs = 256;       // of one room, those that ended included
  static constexpr Duration kAvailabilityTimeout = 7s;
  static constexpr Duration kRegistrationTimeout = 10s;
  static constexpr Duration kTokenLifetime = 1h;
  /// How often a job may lose its worker and be given to another one.
  static constexpr unsigned kMaxRestarts = 3;
  /// Between two looks at a job without a worker: whether its agent is still there, whether
  /// somebody takes it over.
  static constexpr Duration kRestartCheck = 2s;
  /// For how long a job waits for another worker: long enough for a program to be started again.
  static constexpr Duration kRestartPatience = 60s;

  struct Config {
    const directory::Directory& directory;
    RandomSource& random;
    std::string node_id;
    /// Whether an agent is in a room, with a connection to its signalling: its worker may be gone
    /// and the agent not. Empty: never.
    std::function<bool(const AccountId&, const std::string& room, const std::string& identity)>
        is_connected = {};
  };
  explicit AgentHub(Config config) : config_(std::move(config)) {}

  /// What a worker is sent; `closes` ends its connection.
  struct Output {
    meeting::SignalSessionId session;
    livekit::ServerMessage message;
    bool closes = false;
  };

  /// A worker has connected. False when there are too many.
  [[nodiscard]] bool open(meeting::SignalSessionId session, const api::Caller& caller,
                          RegionId region, Now now);
  void handle(meeting::SignalSessionId session, const livekit::WorkerMessage& message, Now now);
  void close(meeting::SignalSessionId session, Now now);
  [[nodiscard]] bool is_worker(meeting::SignalSessionId session) const {
    return workers_.contains(session);
  }

  /// Whether rooms of the account concern anybody here.
  [[nodiscard]] bool wants(const AccountId& account) const;
  void handle(const meeting::RoomEvent& event, Now now);

  // Dispatches that were asked for, by the server API or with the room. Nothing or false: too many,
  // or none of that id.
  struct Place {
    AccountId account;
    residency::LevelNames levels;
    livekit::Room room;
  };
  std::optional<livekit::AgentDispatch> dispatch(const Place& place,
                                                 const livekit::CreateAgentDispatchRequest& wanted,
                                                 Now now);
  std::optional<livekit::AgentDispatch> remove_dispatch(const AccountId& account,
                                                        const std::string& room,
                                                        const std::string& id, Now now);
  /// Of one id, or all when `id` is empty.
  [[nodiscard]] std::vector<livekit::AgentDispatch> dispatches(const AccountId& account,
                                                               const std::string& room,
                                                               const std::string& id) const;

  void handle_timeout(Now now);
  [[nodiscard]] Instant next_timeout() const;
  [[nodiscard]] std::vector<Output> take_outputs();

  struct Counters {
    std::size_t workers_now = 0;
    std::uint64_t assigned = 0;
    /// Nobody was there, or nobody took it.
    std::uint64_t unserved = 0;
    std::uint64_t failed = 0;
    /// Taken over by another worker.
    std::uint64_t restarted = 0;
  };
  [[nodiscard]] Counters counters() const;

 private:
  using RoomKey = std::pair<AccountId, std::string>;
  struct Worker {
    AccountId account;
    std::string api_key;
    RegionId region;
    std::string id;
    Instant opened;
    bool is_registered = false;
    livekit::RegisterWorkerRequest terms;
    bool is_full = false;
    float load = 0;
    std::set<std::string> jobs;
  };
  struct Job {
    livekit::Job info;
    meeting::SignalSessionId worker = {};  // who was asked, or has it
    Instant answer_due = Instant::never();
    std::set<meeting::SignalSessionId> refused;
    bool is_assigned = false;
    unsigned restarts = 0;  // how often it lost its worker
    /// While it waits for another worker: when to look, and until when.
    Instant restart_due = Instant::never();
    Instant given_up = Instant::never();
  };
  struct RoomState {
    residency::LevelNames levels;
    livekit::Room info;
    std::map<std::string, livekit::AgentDispatch> dispatches;
    std::map<std::string, Job> jobs;
    std::set<std::string> publishers;  // who had a job made for it
  };

  void register_worker(meeting::SignalSessionId session, Worker& worker,
                       const livekit::RegisterWorkerRequest& request);
  void take_availability(meeting::SignalSessionId session, Worker& worker,
                         const livekit::AvailabilityResponse& response, Now now);
  void take_status(meeting::SignalSessionId session, const livekit::UpdateJobStatus& update,
                   Now now);
  /// A job of each kind of worker that serves rooms of the account by itself (no agent name), and
  /// of each dispatch, as far as they are for `type`.
  void make_jobs(const AccountId& account, RoomState& room, livekit::JobType type,
                 const livekit::ParticipantInfo* participant, Now now);
  void make_job(const AccountId& account, RoomState& room, livekit::Job job, Now now);
  /// Asks the next worker; the job stays without one when there is none.
  void offer(const AccountId& account, RoomState& room, Job& job, Now now);
  /// The worker that has it is gone.
  void orphan(const RoomState& room, Job& job, Now now);
  /// Looks after a job that lost its worker.
  void restart(const AccountId& account, RoomState& room, Job& job, Now now);
  [[nodiscard]] std::optional<meeting::SignalSessionId> choose(const AccountId& account,
                                                               const RoomState& room,
                                                               const Job& job) const;
  void assign(Worker& worker, const RoomState& room, Job& job,
              const livekit::AvailabilityResponse& response, Now now);
  void end_job(Job& job, livekit::JobStatus status, Now now);
  void terminate(Job& job, Now now);
  [[nodiscard]] livekit::AgentDispatch with_jobs(const RoomState& room,
                                                 const livekit::AgentDispatch& dispatch) const;
  [[nodiscard]] std::pair<RoomState*, Job*> find_job(const AccountId& account,
                                                     const std::string& id);
  void send(meeting::SignalSessionId session, livekit::ServerMessage message);

  const Config config_;
  std::map<meeting::SignalSessionId, Worker> workers_;
  std::map<RoomKey, RoomState> rooms_;
  std::vector<Output> outputs_;
  Counters counters_;
};

}  // namespace meridian::rooms
