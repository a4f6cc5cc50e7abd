#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "config/config.hpp"
#include "dtls/certificate.hpp"
#include "metrics/worker_counters.hpp"
#include "node/control.hpp"
#include "node/worker.hpp"
#include "residency/generation.hpp"
#include "transport/send_batch.hpp"

namespace meridian::sim {

/// Hears of everything that leaves a node, and of what passes inside it.
class NodeObserver {
 public:
  virtual ~NodeObserver() = default;
  virtual void on_datagram(WorkerIndex worker, const SocketAddress& to, Bytes bytes) = 0;
  virtual void on_signal(const node::SignalOutput& output) = 0;
  virtual void on_command(WorkerIndex worker, const forward::Command& command) = 0;
  virtual void on_event(WorkerIndex worker, const forward::Event& event) = 0;
  virtual void on_relay(WorkerIndex from, WorkerIndex to, const forward::RelaySlot& slot) = 0;
  virtual void on_log(const node::LogEvent& event) = 0;
};

/// A whole node on simulated time: control, the workers of all its pools and the relays between
/// them, in one thread. Each call returns when nothing is left to do at that time.
class SimNode {
 public:
  SimNode(const config::Config& config, std::uint64_t seed, Now now, NodeObserver& observer);
  SimNode(const SimNode&) = delete;
  SimNode& operator=(const SimNode&) = delete;

  [[nodiscard]] base::Expected<node::SignalSessionId, signalling::HttpResponse> open(
      const signalling::HttpRequest& request, Now now);
  void handle_frame(node::SignalSessionId session, Bytes frame, Now now);
  void handle_signal_closed(node::SignalSessionId session, Now now);
  void handle_datagram(WorkerIndex worker, Bytes bytes, const SocketAddress& from, Now now);
  [[nodiscard]] bool change_opted_in(const AccountId& account, const RegionId& home,
                                     const residency::RegionSet& opted_in, PolicyEpoch expected,
                                     Now now);
  [[nodiscard]] directory::PolicyResult<PolicyEpoch> begin_change(api::ChangeRequest request,
                                                                  Now now);
  void reload_pools(const config::Config& next, Now now);
  [[nodiscard]] const api::ChangeOutcome* find_change(const AccountId& account,
                                                      PolicyEpoch epoch) const {
    return control_->find_change(account, epoch);
  }
  void handle_timeout(Now now);
  [[nodiscard]] Instant next_timeout() const;

  // ---- Failures

  enum class Health : std::uint8_t {
    kWell,
    kDeaf,  // goes on with its packets and timers, but hears no command
    kHung,  // does nothing at all
  };
  /// What a worker missed while it was not well waits for it.
  void set_worker(WorkerIndex worker, Health health, Now now);
  /// While the control thread hangs, what is for it waits. It must not be called then.
  void set_control(Health health, Now now);
  [[nodiscard]] Health control_health() const { return control_health_; }
  [[nodiscard]] Health health(WorkerIndex worker) const { return seats_[worker.value()]->health; }
  void finish_start(Now now) { settle(now); }

  [[nodiscard]] std::optional<WorkerIndex> worker_at(const SocketAddress& address) const;
  [[nodiscard]] const RegionId& region(WorkerIndex worker) const {
    return placements_[worker.value()].region;
  }
  [[nodiscard]] const metrics::WorkerCounters& counters(WorkerIndex worker) const {
    return seats_[worker.value()]->counters;
  }
  [[nodiscard]] const std::vector<node::WorkerPlacement>& placements() const { return placements_; }
  [[nodiscard]] node::ControlCounters control_counters() const { return control_->counters(); }

 private:
  struct Seat {
    metrics::WorkerCounters counters;
    transport::SendBatch output;
    std::unique_ptr<node::Worker> worker;
    Health health = Health::kWell;
    std::deque<forward::Command> mailbox;
  };

  void deliver_commands(std::size_t index, Now now);
  void make_workers(std::uint64_t seed);
  void drain_worker(std::size_t index, Now now);
  [[nodiscard]] bool drain_control(Now now);
  /// Goes on with DTLS handshakes until none waits.
  void handshake(std::size_t index, Now now);
  void settle(Now now);
  void send(std::size_t index, transport::SendBatch& batch, Now now);

  NodeObserver& observer_;
  SeededRandomSource random_;
  std::vector<std::unique_ptr<SeededRandomSource>> worker_random_;
  dtls::Certificate certificate_;
  residency::PolicyGeneration policy_;
  std::vector<node::WorkerPlacement> placements_;
  std::vector<std::unique_ptr<forward::RelayRing>> relays_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::unique_ptr<node::Control> control_;
  Health control_health_ = Health::kWell;
  std::deque<std::pair<WorkerIndex, forward::Event>> events_;
  std::uint64_t woken_ = 0;
};

}  // namespace meridian::sim
