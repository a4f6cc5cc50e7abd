#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/admin_api.hpp"
#include "api/admin_task.hpp"
#include "api/routing_change.hpp"
#include "audit/chain.hpp"
#include "base/expected.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"
#include "dtls/fingerprint.hpp"
#include "forward/commands.hpp"
#include "node/control_types.hpp"
#include "node/evidence.hpp"
#include "node/webhooks.hpp"
#include "residency/generation.hpp"
#include "rooms/agent_hub.hpp"
#include "sctp/messages.hpp"
#include "signalling/http.hpp"
#include "turn/credentials.hpp"

namespace meridian::node {

/// What a Control is made from. `random` and `policy` must outlive it.
struct ControlConfig {
  config::Config config;
  /// Those of config.pools, in that order.
  std::vector<WorkerPlacement> workers;
  /// Of the certificate that every worker's DTLS uses.
  dtls::Fingerprint fingerprint;
  /// `ND_…`, shown to clients and in records.
  std::string node_id;
  RandomSource& random;
  /// The number that all workers watch; Control advances it.
  residency::PolicyGeneration& policy;
  /// Accounts, policies and their store; null: the configuration's accounts, in memory only.
  std::unique_ptr<directory::Directory> directory = nullptr;
  /// Where the audit log that is continued stands.
  audit::Heads audit_heads;
  /// Nothing: a key for this run only, from `random`.
  std::optional<EvidenceKeys> keys = std::nullopt;
  /// What the workers' TURN servers know their clients by; nothing without TURN.
  std::optional<turn::Secret> turn = std::nullopt;
  /// What an earlier process left for the accounts' own servers; nothing: what waits for them ends
  /// with this one, and take_webhook_changes() is always empty.
  std::optional<std::vector<StoredWebhook>> webhooks = std::nullopt;
  Now started;
};

/// Numbers for metrics, over the life of the process unless they say "now".
struct ControlCounters {
  std::size_t rooms_now = 0;
  std::size_t participants_now = 0;
  std::size_t tracks_now = 0;
  std::size_t subscriptions_now = 0;
  std::size_t sessions_now = 0;
  /// Participants who are forwarded to another room.
  std::size_t forwards_now = 0;
  std::uint64_t joins = 0;
  std::uint64_t resumes = 0;
  std::uint64_t undecodable_frames = 0;
  /// How often the lease was renewed only after it had run out.
  std::uint64_t lease_lapses = 0;
  /// Refused joins by `reason`: `region_not_allowed`, `unauthorized`, `bad_request` …
  std::vector<std::pair<std::string, std::uint64_t>> refusals;
  /// Calls of livekit.RoomService: `CreateRoom` …, or `other`; `ok`, or a code of Twirp's.
  struct RoomCalls {
    std::string method;
    std::string code;
    std::uint64_t count = 0;
  };
  std::vector<RoomCalls> room_calls;
  /// WHIP and WHEP sessions now, by protocol, and their requests.
  std::vector<std::pair<std::string, std::size_t>> stream_sessions_now;
  std::vector<std::pair<StreamRequestKey, std::uint64_t>> stream_requests;
  WebhookCounters webhooks;
  rooms::AgentHub::Counters agents;
  /// How many more people each region of this node takes; none while it stops.
  std::vector<std::pair<RegionId, std::uint64_t>> free_places;
  /// How many people each worker serves.
  struct WorkerPeople {
    WorkerIndex worker;
    RegionId region;
    std::size_t count = 0;
  };
  std::vector<WorkerPeople> worker_people;
  /// Rooms that are on more than one worker of a region, for each region of this node.
  std::vector<std::pair<RegionId, std::uint64_t>> rooms_spread;
};

/// The control half of a node: accounts, residency gate, meetings and signalling sessions of all of
/// its regions, on one control thread. Sans-I/O: `io` (or the simulator) feeds it what arrives and
/// drains what is to be done, once after construction and then after each turn:
///
///   control.handle_…(…, now);  …  control.handle_timeout(now);
///   for (auto& out : control.take_signal_outputs()) …   // and the other take_…()
///   sleep until control.next_timeout() or the next arrival
///
/// Outputs must be drained in each turn, and commands delivered in order for each worker.
/// Not thread-safe; never blocks.
class Control {
 public:
  explicit Control(ControlConfig config);
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

  /// Answers any plain HTTP request. 404 for paths that it doesn't know, which `io` may first try
  /// to serve as static files. A request that takes time is answered by take_http_responses().
  [[nodiscard]] signalling::HttpAnswer handle_http(const signalling::HttpRequest& request, Now now);
  /// True for the paths on which a WebSocket upgrade is meant for open_signalling().
  [[nodiscard]] static bool is_signalling_path(std::string_view path);

  /// Admits a WebSocket upgrade, before it is accepted: either a session, whose first frame is
  /// already among the outputs, or the HTTP response that refuses the upgrade.
  [[nodiscard]] base::Expected<SignalSessionId, signalling::HttpResponse> open_signalling(
      const signalling::HttpRequest& request, Now now);
  /// One whole WebSocket message. Ids of closed sessions are ignored.
  void handle_frame(SignalSessionId session, Bytes message, FrameKind kind, Now now);
  /// The connection is gone (either side). Also to be called after an output with `closes`.
  void handle_signal_closed(SignalSessionId session, Now now);

  /// What a worker reports. SctpPacketReceived isn't for us: route it to the SCTP service.
  void handle_event(WorkerIndex worker, forward::Event&& event, Now now);
  void handle_sctp_event(sctp::Event&& event, Now now);

  void handle_timeout(Now now);
  [[nodiscard]] Instant next_timeout() const;

  /// Puts new terms into force. The workers' send checks fail closed from before this returns;
  /// whoever is where they may not be any more is told to reconnect, and closed (kGraceful: first
  /// told, and closed when the grace is over). The result is the epoch in force, under which
  /// find_change() has the outcome; that is finished when the regions are dry.
  [[nodiscard]] directory::PolicyResult<PolicyEpoch> begin_change(api::ChangeRequest request,
                                                                  Now now);
  /// What begin_change() would do now to those who are here. Changes nothing.
  [[nodiscard]] directory::PolicyResult<api::ChangePreview> preview_change(
      const api::ChangeRequest& request);
  /// Null for changes that were never made here, or long ago.
  [[nodiscard]] const api::ChangeOutcome* find_change(const AccountId& account,
                                                      PolicyEpoch epoch) const;

  /// What has become of the audit records. While they wait media goes on, /readyz says so, and
  /// accounts that require evidence begin no new meetings.
  void set_evidence(EvidenceState state);

  /// Puts the accounts of a configuration that was read again into force, on running meetings too;
  /// nothing else of it. An account that is no longer in it keeps its meetings but loses its keys.
  /// Returns what was refused; the others are taken over.
  [[nodiscard]] std::vector<directory::PolicyRefusal> reload_accounts(const config::Config& next,
                                                                      Now now);
  /// Closes and opens this node's pools as a configuration that was read again says. Whoever is in
  /// a pool that closes is told to reconnect and closed; they come back where their account
  /// permits, or are refused (503) until the pool is open again.
  void reload_pools(const config::Config& next, Now now);
  /// What calls of the administration API want to know of the node's files. Each is answered once
  /// by handle_evidence(), in any order.
  [[nodiscard]] std::vector<std::pair<signalling::PendingResponse, api::EvidenceQuery>>
  take_evidence_queries();
  void handle_evidence(signalling::PendingResponse request, api::AdminResponse response, Now now);
  /// A document of the sign-in provider that is to be fetched now, one at a time.
  [[nodiscard]] std::optional<api::OidcFetch> take_oidc_fetch(Now now);
  /// `body` is nothing when it couldn't be fetched.
  void handle_oidc_fetched(std::uint64_t id, std::optional<std::string_view> body, Now now);
  /// The provider's token endpoint, which the administrators' page calls; empty while not known.
  [[nodiscard]] std::string_view sign_in_url() const;

  /// `io` deleted rows that lead back to people: `pseudonym` of a request, or empty for those whose
  /// retention is over. Recorded.
  void note_erased(const AccountId& account, std::string pseudonym, std::uint64_t rows, Now now);

  /// From now on joins are refused (503) and /readyz says so; everyone gets `leave` with the action
  /// RECONNECT and is closed.
  void begin_shutdown(Now now);

  /// Whether there are meetings that run or whose last numbers a worker still has to tell.
  [[nodiscard]] bool is_waiting_for_reports() const;
  /// The very end: what is still counted is recorded and signed as it is.
  void finish_evidence(Now now);

  [[nodiscard]] std::vector<SignalOutput> take_signal_outputs();
  [[nodiscard]] std::vector<std::pair<WorkerIndex, forward::Command>> take_commands();
  [[nodiscard]] std::vector<sctp::Command> take_sctp_commands();
  /// Audit records as JSON lines, in the order of their chain, to be appended to the audit file
  /// before the other outputs of the turn are acted upon.
  [[nodiscard]] std::vector<std::string> take_audit_lines();
  /// Reports, checkpoints and rows of identity tables, to be stored once the lines are written.
  [[nodiscard]] std::vector<Stored> take_stored();
  /// What to keep of what waits for the accounts' own servers, and what no more.
  [[nodiscard]] std::vector<WebhookChange> take_webhook_changes();
  /// What is to be posted to the accounts' own servers now; each ends in handle_webhook_result().
  [[nodiscard]] std::vector<WebhookPost> take_webhook_posts(Now now);
  /// `taken`: it was answered 2xx.
  void handle_webhook_result(WebhookPostId post, bool taken, Now now);
  /// Whether some are under way whose receivers answer.
  [[nodiscard]] bool is_delivering_webhooks() const;
  [[nodiscard]] std::vector<LogEvent> take_log_events();
  /// Answers to requests for which handle_http() gave a PendingResponse.
  [[nodiscard]] std::vector<std::pair<signalling::PendingResponse, signalling::HttpResponse>>
  take_http_responses();

  [[nodiscard]] ControlCounters counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace meridian::node
