// One room on one worker and on two: how many packets a second it forwards when its publisher sends
// as fast as they keep up with and as they let it, and what the workers' threads take for each.
// bench/two_cores.py measures the ideal forwarder beside it; docs/benchmarks.md says how to read
// it.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <sys/prctl.h>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/rig.hpp"

namespace meridian::bench {
namespace {

/// A frame is sent when the publisher's worker has made the one before it ready for the network, so
/// that one always waits and bursts stay bursts, and the other worker the one before that.
constexpr std::uint64_t kAheadOfFirst = 1;
constexpr std::uint64_t kAheadOfOthers = 2;
/// What a worker takes of one client is bounded (forward::Peer::kMaxPacketRate).
constexpr Duration kLeastInterval = 1'000'000'000ns * Rig::kBurst / 4800;
constexpr Duration kPollInterval = 100us;
constexpr Duration kTimeouts = 20ms;

struct Options {
  std::optional<IpAddress> to;
  std::vector<std::size_t> subscribers = {100, 200, 500, 1000};
  std::size_t runs = 3;
  Duration length = 1500ms;
};

struct Result {
  double packets_per_second = 0;
  double us_per_packet = 0;  // of all workers' threads together
  double busiest_us = 0;     // of the busiest worker's thread, for each packet that left any
  double busiest_share = 0;  // of the time that it computes
  double datagrams_per_message = 0;
  std::uint64_t lost = 0;
};

class Run {
 public:
  explicit Run(Rig& rig) : rig_(rig) {}

  Result measure(Duration length) {
    const Instant start = io::monotonic_now();
    const std::vector<Duration> before = times();
    const std::uint64_t packets_before = packets();
    const std::uint64_t messages_before = rig_.messages();
    const std::uint64_t lost_before = rig_.lost();
    bases_.clear();
    for (std::size_t i = 0; i < before.size(); ++i) {
      bases_.push_back(rig_.forwarded(i));
    }
    frames_sent_ = 0;
    Instant now = start;
    Instant next_frame = start;
    for (Instant next = start; now - start < length; now = io::monotonic_now()) {
      if (now >= next) {
        rig_.handle_timeouts(now);
        next = now + kTimeouts;
      }
      if (now >= next_frame && wants_frame()) {
        (void)rig_.publish(0);
        ++frames_sent_;
        next_frame = std::max(next_frame, now - kTimeouts) + kLeastInterval;
      }
      // Three threads share two cores: each look costs a worker's caches something.
      std::this_thread::sleep_for(std::max(kPollInterval, next_frame - io::monotonic_now()));
    }
    Result result;
    const double elapsed = seconds(now - start);
    const auto count = static_cast<double>(packets() - packets_before);
    const std::vector<Duration> after = times();
    for (std::size_t i = 0; i < after.size(); ++i) {
      const double us = 1e6 * seconds(after[i] - before[i]) / count;
      result.us_per_packet += us;
      result.busiest_us = std::max(result.busiest_us, us);
    }
    result.packets_per_second = count / elapsed;
    result.busiest_share = result.busiest_us * count / elapsed / 1e6;
    result.datagrams_per_message = count / static_cast<double>(rig_.messages() - messages_before);
    result.lost = rig_.lost() - lost_before;
    rig_.wait(20ms);  // what is under way is not the next run's
    return result;
  }

 private:
  static double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
  }
  [[nodiscard]] std::vector<Duration> times() const {
    std::vector<Duration> all;
    for (std::size_t i = 0; i < rig_.settings().workers; ++i) {
      all.push_back(rig_.worker_time(i));
    }
    return all;
  }
  [[nodiscard]] std::uint64_t packets() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < rig_.settings().workers; ++i) {
      sum += rig_.forwarded(i);
    }
    return sum;
  }
  /// That a worker has composed.
  [[nodiscard]] std::uint64_t frames(std::size_t worker) const {
    const Rig::Settings& settings = rig_.settings();
    return (rig_.forwarded(worker) - bases_[worker]) /
           (Rig::kBurst * settings.subscribers / settings.workers);
  }
  [[nodiscard]] bool wants_frame() const {
    bool wants = frames_sent_ < frames(0) + kAheadOfFirst;
    for (std::size_t i = 1; i < rig_.settings().workers; ++i) {
      wants = wants && frames_sent_ < frames(i) + kAheadOfOthers;
    }
    return wants;
  }

  Rig& rig_;
  std::vector<std::uint64_t> bases_;  // packets, by worker
  std::uint64_t frames_sent_ = 0;
};

/// The best of some runs, each with its own figures: whatever disturbs only adds.
Result measure(std::size_t workers, std::size_t subscribers, const Options& options) {
  Rig rig({.workers = workers,
           .rooms = 1,
           .subscribers = subscribers,
           .to = options.to,
           .joins_bursts = true});
  Run run(rig);
  Result best;
  for (std::size_t i = 0; i < options.runs; ++i) {
    const Result one = run.measure(options.length);
    if (i == 0) {
      best = one;
    }
    best.packets_per_second = std::max(best.packets_per_second, one.packets_per_second);
    best.us_per_packet = std::min(best.us_per_packet, one.us_per_packet);
    best.busiest_us = std::min(best.busiest_us, one.busiest_us);
    best.busiest_share = std::max(best.busiest_share, one.busiest_share);
    best.lost = std::max(best.lost, one.lost);
  }
  return best;
}

int run(const Options& options) {
  (void)::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  for (const std::size_t subscribers : options.subscribers) {
    for (const std::size_t workers : {1U, 2U}) {
      const Result result = measure(workers, subscribers, options);
      std::printf(
          "{\"bench\":\"two-cores\",\"workers\":%zu,\"subscribers\":%zu,"
          "\"packets_per_second\":%.0f,\"us_per_packet\":%.4f,\"busiest_us\":%.4f,"
          "\"busiest_share\":%.3f,\"datagrams_per_message\":%.2f,\"lost\":%llu}\n",
          workers, subscribers, result.packets_per_second, result.us_per_packet, result.busiest_us,
          result.busiest_share, result.datagrams_per_message,
          static_cast<unsigned long long>(result.lost));
      std::fflush(stdout);
    }
  }
  return 0;
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("One room on one worker and on two");
  meridian::bench::Options options;
  std::string to;
  app.add_option("--to", to, "send to this address instead of sockets on loopback");
  app.add_option("--subscribers", options.subscribers, "how many, for each row; even");
  app.add_option("--runs", options.runs, "of each row, of which the best counts");
  CLI11_PARSE(app, argc, argv);
  if (!to.empty()) {
    options.to = meridian::IpAddress::parse(to);
    if (!options.to) {
      std::fprintf(stderr, "meridian_bench_two_cores: %s is no address\n", to.c_str());
      return 2;
    }
  }
  try {
    return meridian::bench::run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "meridian_bench_two_cores: %s\n", error.what());
    return 1;
  }
}
