#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/event_queue.hpp"
#include "sim/residency/model.hpp"
#include "sim/residency/plan.hpp"
#include "sim/run_log.hpp"
#include "sim/sim_node.hpp"
#include "support/livekit_client.hpp"

namespace meridian::sim::law {

struct Result {
  std::uint64_t seed = 0;
  std::vector<std::string> faults;
  std::uint64_t log_hash = 0;
  // For the line that is printed, and so that silence means something.
  std::uint64_t datagrams = 0;
  std::uint64_t joins = 0;
  std::uint64_t refusals = 0;
  std::uint64_t changes = 0;
  std::uint64_t moved = 0;
  std::uint64_t covered_by_lease = 0;
  std::uint64_t relayed = 0;  // packets, between workers
};

/// Test R10: one sequence of policies, joins, failures and changes on a whole node. Each datagram
/// that leaves, each permit and each answer is compared with the model.
class Run final : public NodeObserver {
 public:
  Run(std::uint64_t seed, RunLog::Output output);
  ~Run() override;
  [[nodiscard]] Result run();

  void on_datagram(WorkerIndex worker, const SocketAddress& to, Bytes bytes) override;
  void on_signal(const node::SignalOutput& output) override;
  void on_command(WorkerIndex worker, const forward::Command& command) override;
  void on_event(WorkerIndex worker, const forward::Event& event) override;
  void on_relay(WorkerIndex, WorkerIndex, const forward::RelaySlot&) override {}
  void on_log(const node::LogEvent& event) override;

 private:
  static constexpr std::size_t kMaxFaults = 20;
  static constexpr Duration kDelay = 5ms;

  struct Member;
  struct Seat {  // somebody of the plan
    Member* member = nullptr;
    bool is_wanted = false;  // joined, and has not left
  };
  struct Flow {  // one relay, as its two ends count it
    metrics::TransitCounts sent;
    metrics::TransitCounts received;
  };
  struct Pending {  // a change whose outcome is awaited
    std::string account;
    PolicyEpoch epoch;
    Instant due;
  };

  // run.cpp: time and people.
  [[nodiscard]] Now now() const;
  [[nodiscard]] std::int64_t milliseconds() const { return (now_ - start_) / 1ms; }
  void take(const Step& step);
  void turn();
  /// At once, or when the control thread goes on.
  void with_control(std::function<void()> work);
  void join(std::size_t person, JoinRequest request, std::optional<std::uint64_t> token_epoch);
  void rejoin(std::size_t person);
  void leave(std::size_t person);
  void change(const Step& step);
  void recover_all();
  void end(Member& member);
  void pump(Member& member);
  void open_doors();
  void set_pool(const Step& step);
  [[nodiscard]] bool is_anybody_ill() const;
  void log(const std::string& text) { log_.write(now_, text); }
  void fault(const std::string& text);

  // check.cpp: what must hold.
  void check_leg(const Host& host, const RegionId& region, const std::string& what);
  void check_changes();
  void check_hearing();
  void check_relays();
  [[nodiscard]] const Host* host_of(TransportId transport) const;
  void note_transit(const forward::TransportTransit& event);
  void note_transit(WorkerIndex worker, const forward::RelayTransit& event);

  const Plan plan_;
  Result result_;
  RunLog log_;
  Model model_;
  EventQueue queue_;
  Instant start_ = Instant::from_origin(1000s);
  Instant now_ = start_;
  std::unique_ptr<SimNode> node_;
  std::vector<Seat> seats_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<SocketAddress, Member*> by_address_;
  std::map<node::SignalSessionId, Member*> by_session_;
  std::vector<node::SignalOutput> unclaimed_;
  std::vector<std::function<void()>> waiting_for_control_;
  std::map<TransportId, Host> hosts_;
  std::map<TransportId, bool> is_final_;
  std::map<PublicationId, TransportId> publishers_;
  std::map<std::pair<PublicationId, std::pair<WorkerIndex, WorkerIndex>>, Flow> flows_;
  std::vector<Pending> pending_;
  std::map<std::string, PolicyEpoch> graceful_;
  Instant control_well_since_ = start_;
};

/// Somebody's session.
struct Run::Member {
  Member(test::LivekitSettings settings, std::uint64_t seed, std::size_t who, const Host& whose)
      : client(std::move(settings), seed), person(who), host(whose) {}
  test::LivekitClient client;
  std::size_t person;
  const Host& host;
  SocketAddress address;
  node::SignalSessionId session;
  std::string region;
  Instant joined;
  bool has_session = false;
  bool has_published = false;
  bool has_left = false;  // by themselves
  bool is_gone = false;
};

}  // namespace meridian::sim::law
