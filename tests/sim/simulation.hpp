#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/event_queue.hpp"
#include "sim/law.hpp"
#include "sim/ledger.hpp"
#include "sim/link.hpp"
#include "sim/run_log.hpp"
#include "sim/scenario.hpp"
#include "sim/sim_node.hpp"
#include "support/livekit_client.hpp"

namespace meridian::sim {

struct RunResult {
  std::uint64_t seed = 0;
  std::vector<std::string> faults;
  std::uint64_t log_hash = 0;
  std::uint64_t log_lines = 0;
  // For the line that is printed.
  std::size_t members = 0;
  Account total;
};

/// One run: a whole node, its clients and the network between them.
class Simulation final : public NodeObserver {
 public:
  Simulation(std::uint64_t seed, RunLog::Output output);
  ~Simulation() override;

  [[nodiscard]] RunResult run();

  void on_datagram(WorkerIndex worker, const SocketAddress& to, Bytes bytes) override;
  void on_signal(const node::SignalOutput& output) override;
  void on_command(WorkerIndex worker, const forward::Command& command) override;
  void on_event(WorkerIndex worker, const forward::Event& event) override;
  void on_relay(WorkerIndex from, WorkerIndex to, const forward::RelaySlot& slot) override;
  void on_log(const node::LogEvent& event) override;

 private:
  static constexpr std::size_t kMaxFaults = 20;
  /// At the end everybody must have been shown something as new as this.
  static constexpr Duration kFresh = 500ms;

  struct Member;
  struct Person {
    Member* member = nullptr;  // the newest session
    bool is_staying = true;
    bool is_limited = false;
    std::optional<std::string> unsubscribed;  // track sid
  };
  struct PublicationInfo {
    std::string account;
    std::uint32_t source = 0;  // 0: not known yet
    bool is_closed = false;
  };
  struct SubscriptionInfo {
    Member* member = nullptr;
    PublicationId publication;
  };

  // simulation.cpp: time and people.
  [[nodiscard]] Now now() const;
  void plan();
  void step();
  void join(std::size_t person, const std::string& region);
  void publish_all(Member& member);
  void perform(const ActPlan& act);
  void perform_layers(Person& person, Member& member, bool is_limited);
  void perform_subscription(Person& person, Member& member, Act act);
  void change_policy(const PolicyPlan& policy);
  void heal();
  void end_member(Member& member, const std::string& why);
  void come_back(Member& member);
  void come_back_to_allowed(std::size_t person);
  void log(const std::string& text) { log_.write(now_, text); }
  void fault(const std::string& text);

  // traffic.cpp: what goes to and fro.
  void pump(Member& member);
  void send_up(Member& member, test::ClientDatagram datagram);
  void arrive_up(Member& member, const test::ClientDatagram& datagram, const SocketAddress& server);
  void arrive_down(Member& member, const std::vector<std::uint8_t>& bytes, Ledger::Order order,
                   bool is_lost, int tries);
  void deliver_signal(Member& member, const node::SignalOutput& output);
  [[nodiscard]] Ledger::Door door(const Member& member, std::uint32_t source) const;
  void close_subscriptions(WorkerIndex worker, PublicationId publication);
  void follow(const forward::OpenTransport& command, WorkerIndex worker);
  void follow(const forward::CloseTransport& command);
  void check_spread(const Member& newcomer);
  void check_relay_permit(const std::string& account, WorkerIndex worker);
  void close_subscription(const SubscriptionInfo& subscription);
  [[nodiscard]] Member* member_of_source(std::uint32_t source) const;
  [[nodiscard]] Member* member_at(const SocketAddress& address) const;
  [[nodiscard]] Member* member_of(TransportId transport) const;

  // verdict.cpp: what must be true at the end.
  [[nodiscard]] RunResult judge();
  void judge_member(const Member& member);
  void judge_receptions(const Member& subscriber);
  void judge_reception(const Member& subscriber, const Member& publisher, std::uint32_t source);
  void judge_accounts(RunResult& result);
  void judge_repairs();
  void judge_counters(const RunResult& result);

  const std::uint64_t seed_;
  const Scenario scenario_;
  RunLog log_;
  Law law_;
  Ledger ledger_;
  EventQueue queue_;
  Instant start_ = Instant::from_origin(1000s);
  Instant now_ = start_;
  std::unique_ptr<SimNode> node_;
  std::vector<Person> people_;
  std::vector<std::unique_ptr<Member>> members_;
  std::map<SocketAddress, Member*> by_address_;
  std::map<node::SignalSessionId, Member*> by_session_;
  std::map<TransportId, Member*> by_transport_;
  std::map<TransportId, std::string> transport_accounts_;
  std::map<PublicationId, PublicationInfo> publications_;
  std::map<std::uint32_t, PublicationId> publication_of_source_;
  std::map<std::uint32_t, Member*> publishers_;
  std::map<SubscriptionId, SubscriptionInfo> subscriptions_;
  /// Of a session whose number is not known yet.
  std::vector<node::SignalOutput> unclaimed_;
  std::uint32_t next_source_ = 1;
  std::uint64_t policy_changes_ = 0;
  std::vector<std::string> faults_;
  bool is_healed_ = false;
};

/// Somebody's session: a client with its two links.
struct Simulation::Member final : test::MediaObserver {
  Member(Simulation& owner, MemberId number, std::size_t person_index, const PersonPlan& person,
         const AccountPlan& owner_account, std::uint64_t seed);
  void on_media(const test::MediaStamp& stamp, bool is_retransmission,
                MediaObserver::Fate fate) override;

  Simulation& simulation;
  MemberId id;
  std::size_t person;
  const PersonPlan& plan;
  const AccountPlan& account;
  test::LivekitClient client;
  SocketAddress address;
  Link up;
  Link down;
  node::SignalSessionId session;
  TransportId transport;
  WorkerIndex worker;
  bool has_session = false;
  bool has_transport = false;
  bool is_gone = false;  // left, vanished or thrown out: hears and says nothing any more
  bool has_published = false;
  Instant joined;
  Ledger::Order ended = 0;     // what was sent later can't be told any more
  Ledger::Order arriving = 0;  // order of the datagram that is being handled
  std::optional<std::uint32_t> audio;
  std::optional<std::uint32_t> camera;
  std::map<std::uint32_t, Instant> running_since;  // by source; unmuted
};

}  // namespace meridian::sim
