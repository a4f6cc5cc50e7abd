// Server CPU of a DTLS handshake and of whole joins, in one run: how many handshakes a core does,
// and how much everything else about joining (TCP, WebSocket, token, session description, ICE,
// audit record, first media) adds to one. Ratios hold on other machines, microseconds don't.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include "dtls/certificate.hpp"
#include "dtls/session.hpp"
#include "io/clock.hpp"
#include "load_client.hpp"
#include "measure.hpp"
#include "process_time.hpp"
#include "support/peer_dtls.hpp"

namespace meridian::bench {
namespace {

constexpr Duration kTick = 1ms;
constexpr Duration kDeadline = 30s;
constexpr std::size_t kHandshakes = 200;

struct Options {
  std::string url;
  unsigned process = 0;
  unsigned rooms = 100;
  unsigned at_once = 5;
  bool has_video = false;
};

// ---- Handshakes --------------------------------------------------------------------------------

/// CPU time of the server's side of one handshake, from the first datagram to the exported keys.
Duration handshake(const dtls::Certificate& certificate, test::PeerDtls& client, Instant now) {
  Duration spent{};
  std::vector<std::uint8_t> out(dtls::Session::kMaxDatagram);
  Duration began = cpu_time();
  auto session = std::make_unique<dtls::Session>(certificate, client.fingerprint());
  session->start(now);
  spent += cpu_time() - began;
  client.start(now);
  while (!client.is_connected()) {
    const auto datagram = client.poll_datagram();
    MERIDIAN_CHECK(datagram);
    std::vector<std::vector<std::uint8_t>> answers;
    began = cpu_time();
    session->handle_datagram(*datagram, now);
    while (const auto size = session->poll_output(out)) {
      answers.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*size));
    }
    spent += cpu_time() - began;
    for (const auto& answer : answers) {
      client.handle_datagram(answer, now);
    }
  }
  MERIDIAN_CHECK(session->keys());
  began = cpu_time();
  session.reset();
  return spent + (cpu_time() - began);
}

/// The median of runs, each the mean of many.
Duration measure_handshakes() {
  const dtls::Certificate certificate = dtls::Certificate::make(io::wall_now());
  const Instant now = io::monotonic_now();
  std::vector<Duration> runs;
  for (std::size_t run = 0; run < kRuns; ++run) {
    Duration spent{};
    for (std::size_t i = 0; i < kHandshakes; ++i) {
      test::PeerDtls client;
      spent += handshake(certificate, client, now);
    }
    runs.push_back(spent / kHandshakes);
  }
  std::ranges::sort(runs);
  return runs[kRuns / 2];
}

// ---- Joins -------------------------------------------------------------------------------------

/// Rooms of two: both publish, and each has joined when it gets what the other publishes.
class Rooms {
 public:
  explicit Rooms(const Options& options)
      : options_(options),
        address_{"127.0.0.1", static_cast<std::uint16_t>(
                                  std::stoi(options.url.substr(options.url.rfind(':') + 1)))} {}

  /// CPU of the node for each join; nothing when somebody could not join.
  std::optional<Duration> run(unsigned count) {
    const Duration before = process_time(options_.process);
    const Instant began = io::monotonic_now();
    for (unsigned done = 0; done < count; done += options_.at_once) {
      if (!meet(std::min(options_.at_once, count - done))) {
        return std::nullopt;
      }
    }
    elapsed_ = io::monotonic_now() - began;
    return (process_time(options_.process) - before) / (2 * std::int64_t{count});
  }
  [[nodiscard]] Duration elapsed() const { return elapsed_; }

 private:
  bool meet(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      const std::string room = "two-" + std::to_string(++rooms_);
      join(room, 0);
      join(room, 1);
    }
    const std::size_t tracks = options_.has_video ? 2 : 1;
    const bool is_done = run_until(kDeadline, [&] {
      return std::ranges::all_of(clients_, [tracks](const auto& one) {
        const auto heard = std::ranges::count_if(one->client().received(), [](const auto& track) {
          return track->counts().packets > 0;
        });
        return static_cast<std::size_t>(heard) >= tracks;
      });
    });
    for (const auto& client : clients_) {
      client->leave();
    }
    run_until(20ms, [] { return false; });
    clients_.clear();
    return is_done;
  }
  void join(const std::string& room, std::uint32_t person) {
    test::LivekitSettings settings;
    settings.identity = "person-" + std::to_string(person);
    settings.room = room;
    settings.api_key = "benchkey";
    settings.api_secret = "benchsecret";
    settings.receiving_sections = 1;
    auto client = std::make_unique<LoadClient>(
        context_, LoadSettings{.livekit = std::move(settings)}, ++seed_);
    client->client().publish(2 * seed_, test::TrackShape::audio());
    if (options_.has_video) {
      client->client().publish(2 * seed_ + 1, test::TrackShape::camera());
    }
    client->connect(address_);
    clients_.push_back(std::move(client));
    run_until(kTick, [] { return false; });
  }
  template <class Done>
  bool run_until(Duration limit, Done&& done) {
    const Instant end = io::monotonic_now() + limit;
    while (!done()) {
      if (io::monotonic_now() >= end) {
        return false;
      }
      context_.run_for(kTick);
      context_.restart();
      for (const auto& client : clients_) {
        client->handle_timeout(io::monotonic_now());
      }
    }
    return true;
  }

  Options options_;
  SignalAddress address_;
  boost::asio::io_context context_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
  std::uint32_t rooms_ = 0;
  std::uint32_t seed_ = 0;
  Duration elapsed_{};
};

double microseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e3;
}

int run(const Options& options) {
  const Duration one = measure_handshakes();
  std::printf("DTLS handshake           %8.0f us of CPU, %.0f a second and core\n",
              microseconds(one), 1e6 / microseconds(one));
  Rooms rooms(options);
  (void)rooms.run(options.at_once);  // what happens once
  std::vector<Duration> runs;
  for (std::size_t i = 0; i < kRuns; ++i) {
    const auto each = rooms.run(options.rooms / kRuns);
    if (!each) {
      std::fprintf(stderr, "meridian_bench_joins: somebody could not join within %lld s\n",
                   static_cast<long long>(kDeadline / 1s));
      return 1;
    }
    runs.push_back(*each);
  }
  std::ranges::sort(runs);
  const Duration join = runs[kRuns / 2];
  const double ratio = microseconds(join) / microseconds(one);
  std::printf("whole join, rooms of two %8.0f us of CPU (%.0f to %.0f), %.0f a second and core\n",
              microseconds(join), microseconds(runs.front()), microseconds(runs.back()),
              1e6 / microseconds(join));
  std::printf("join / handshake         %8.2f%s\n", ratio, ratio > 2 ? "   above 2" : "");
  std::printf(
      "{\"bench\":\"joins\",\"video\":%s,\"handshake_us\":%.1f,\"join_us\":%.1f,"
      "\"ratio\":%.3f}\n",
      options.has_video ? "true" : "false", microseconds(one), microseconds(join), ratio);
  return 0;
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("Server CPU of DTLS handshakes and of whole joins to a running node");
  meridian::bench::Options options;
  app.add_option("--url", options.url, "signalling of the node, ws:// on this machine")->required();
  app.add_option("--process", options.process, "of the node")->required();
  app.add_option("--rooms", options.rooms, "of two")->check(CLI::Range(5U, 5000U));
  app.add_option("--at-once", options.at_once, "rooms")->check(CLI::Range(1U, 100U));
  app.add_flag("--video", options.has_video, "cameras besides the microphones");
  CLI11_PARSE(app, argc, argv);
  try {
    return meridian::bench::run(options);
  } catch (const boost::system::system_error& error) {
    std::fprintf(stderr, "meridian_bench_joins: cannot join: %s\n", error.code().message().c_str());
    return 1;
  }
}
