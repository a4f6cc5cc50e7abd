#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/adaptation/scenario.hpp"
#include "sim/event_queue.hpp"
#include "sim/link.hpp"
#include "sim/sim_node.hpp"
#include "support/livekit_client.hpp"

namespace meridian::sim::adaptation {

[[nodiscard]] inline double to_ms(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

/// What a subscriber had of a scenario. Rates in bit/s.
struct Figures {
  double used = 0;      // media, first transmissions only, with headers
  double sent = 0;      // all that was sent to the subscriber
  Duration queueing{};  // 95th percentile of what packets waited at the bottleneck
  Duration longest_freeze{};
  unsigned freezes = 0;
  double switches_a_minute = 0;
  std::optional<Duration> first_picture;
  std::optional<Duration> back_up;
  double audio_lost = 0;  // 0 to 1: what couldn't be played in time
  Duration longest_silence{};
};

struct Result {
  Figures figures;
  /// Of what the subscriber got (LivekitClient::heads_digest()).
  std::uint64_t heads = 0;
  /// Goals that were missed, as sentences.
  std::vector<std::string> faults;
};

/// A node, publishers and one subscriber on simulated time.
class Run final : public NodeObserver {
 public:
  /// What is printed while it runs: nothing, or ten times a second what passes and what is shown,
  /// and each second what the node says about the way to everybody who watches something.
  enum class Log : std::uint8_t { kNone, kPrint };
  explicit Run(const Scenario& scenario, Log log = Log::kNone);
  ~Run() override;
  [[nodiscard]] Result run();
  /// The subscriber's network stays as it is at first. What media each companion got
  /// (LivekitClient::media_digest()).
  [[nodiscard]] std::vector<std::uint64_t> run_first_phase();

  void on_datagram(WorkerIndex worker, const SocketAddress& to, Bytes bytes) override;
  void on_signal(const node::SignalOutput& output) override;
  void on_command(WorkerIndex, const forward::Command&) override {}
  void on_event(WorkerIndex, const forward::Event& event) override;
  void on_relay(WorkerIndex, WorkerIndex, const forward::RelaySlot&) override {}
  void on_log(const node::LogEvent& event) override;

 private:
  struct Person;
  /// One video that the subscriber sees.
  struct Picture {
    std::uint64_t frames = 0;
    std::uint64_t switches = 0;
    Instant last = Instant::never();
  };

  [[nodiscard]] Now now() const;
  Person& add(const std::string& identity, const LinkShape& up, const LinkShape& down);
  void join(Person& person);
  void pump(Person& person);
  void move_streams(Person& person);
  void add_subscriber();
  void play();
  void judge_companions(Result& result);
  void step();
  void watch();
  void judge_gap(Instant from, Instant until);
  [[nodiscard]] bool is_measured() const;
  [[nodiscard]] std::uint64_t audio_made() const;
  [[nodiscard]] std::uint64_t audio_heard() const;
  void begin_measuring();
  void log_passed();
  [[nodiscard]] Figures figures();
  [[nodiscard]] Result judge();

  /// What went to the subscriber since the last line of the log.
  struct Passed {
    std::size_t bytes = 0;
    std::uint64_t overflowed = 0;
    std::uint64_t lost = 0;
    Duration longest_wait{};
  };

  const Scenario& scenario_;
  Log log_;
  Passed passed_;
  EventQueue queue_;
  Instant start_ = Instant::from_origin(1000s);
  Instant now_ = start_;
  std::unique_ptr<SimNode> node_;
  std::vector<std::unique_ptr<Person>> people_;
  std::vector<Person*> companions_;
  bool keeps_first_phase_ = false;
  Person* subscriber_ = nullptr;
  std::map<const test::ReceivedTrack*, Picture> pictures_;
  std::vector<Duration> waits_;
  Figures figures_;
  std::uint64_t bytes_before_ = 0;
  std::uint64_t switches_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t made_before_ = 0;
  std::uint64_t heard_before_ = 0;
  std::vector<std::string> faults_;
};

}  // namespace meridian::sim::adaptation
