// Loads a running node with synthetic LiveKit participants: publishers that send simulcast video
// and audio, and subscribers that receive all of it, each with sockets of its own, in one process
// and one thread. Prints what arrived, how late, and how long joining took.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/system_error.hpp>

#include "io/clock.hpp"
#include "load_client.hpp"

namespace meridian::bench {
namespace {

constexpr Duration kTick = 2ms;
constexpr Duration kJoinDeadline = 30s;
constexpr std::size_t kMaxParticipants = 2000;
constexpr std::size_t kMaxSamples = 4'000'000;
/// No new frame for this long while the publisher sends thirty a second.
constexpr Duration kFreeze = 200ms;

struct Options {
  std::string url = "ws://127.0.0.1:7880";
  std::string api_key;
  std::string api_secret;
  std::string room = "load";
  std::string region;
  unsigned publishers = 4;
  unsigned subscribers = 20;
  unsigned seconds = 10;
  bool only_video = false;
  bool only_audio = false;
  bool allow_remote = false;
};

/// Delays of first copies, from making the packet to reading it; one process, one clock.
class Delays final : public test::MediaObserver {
 public:
  void on_media(const test::MediaStamp& stamp, bool is_retransmission, Fate fate) override {
    if (is_on_ && !is_retransmission && fate == Fate::kArrived && samples_.size() < kMaxSamples) {
      samples_.push_back(static_cast<float>((io::monotonic_now() - stamp.sent).count()) / 1e6F);
    }
  }
  void start() { is_on_ = true; }
  [[nodiscard]] float percentile(double share) {
    if (samples_.empty()) {
      return 0;
    }
    const auto index =
        static_cast<std::ptrdiff_t>(share * static_cast<double>(samples_.size() - 1));
    std::nth_element(samples_.begin(), samples_.begin() + index, samples_.end());
    return samples_[static_cast<std::size_t>(index)];
  }

 private:
  std::vector<float> samples_;
  bool is_on_ = false;
};

/// Follows the frames that each video track shows.
class Freezes {
 public:
  void look(const test::ReceivedTrack& track, Instant now) {
    if (track.traits().kind != rtp::MediaKind::kVideo) {
      return;
    }
    auto [found, is_new] = seen_.try_emplace(&track);
    Seen& seen = found->second;
    if (is_new || track.counts().frames != seen.frames) {
      seen = {.frames = track.counts().frames, .since = now, .is_frozen = false};
    } else if (!seen.is_frozen && now - seen.since > kFreeze) {
      seen.is_frozen = true;
      ++count_;
    }
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }

 private:
  struct Seen {
    std::uint64_t frames = 0;
    Instant since;
    bool is_frozen = false;
  };
  std::map<const test::ReceivedTrack*, Seen> seen_;
  std::uint64_t count_ = 0;
};

class Load {
 public:
  explicit Load(Options options) : options_(std::move(options)) {}

  int run() {
    const auto address = parse_url();
    if (!address) {
      return 2;
    }
    try {
      join(*address);
    } catch (const boost::system::system_error& error) {
      std::fprintf(stderr, "meridian_load: cannot join through %s: %s\n", options_.url.c_str(),
                   error.code().message().c_str());
      return 1;
    }
    if (!run_until(io::monotonic_now() + kJoinDeadline, [&] { return is_ready(); })) {
      std::fprintf(stderr, "meridian_load: not everybody is connected and receives after %lld s\n",
                   static_cast<long long>(kJoinDeadline / 1s));
      report();
      return 1;
    }
    delays_.start();
    is_measuring_ = true;
    const Totals before = totals();
    const Instant start = io::monotonic_now();
    run_until(start + std::chrono::seconds(options_.seconds), [] { return false; });
    measured_ = totals() - before;
    measured_for_ = io::monotonic_now() - start;
    report();
    const bool is_lost =
        std::ranges::any_of(clients_, [](const auto& one) { return one->is_closed(); });
    if (is_lost) {
      std::fprintf(stderr, "meridian_load: the node closed somebody's connection\n");
    }
    if (!is_region_right()) {
      std::fprintf(stderr, "meridian_load: not everybody is in %s\n", options_.region.c_str());
    }
    leave();
    return is_lost || !is_region_right() ? 1 : 0;
  }

 private:
  struct Totals {
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t recovered = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;
    std::uint64_t lost = 0;
    std::uint64_t frames = 0;
    friend Totals operator-(const Totals& a, const Totals& b) {
      return {a.packets - b.packets,       a.bytes - b.bytes,         a.recovered - b.recovered,
              a.duplicates - b.duplicates, a.reordered - b.reordered, a.lost - b.lost,
              a.frames - b.frames};
    }
  };

  [[nodiscard]] std::optional<SignalAddress> parse_url() const {
    constexpr std::string_view kScheme = "ws://";
    const std::string_view url = options_.url;
    const std::size_t colon = url.rfind(':');
    if (!url.starts_with(kScheme) || colon <= kScheme.size()) {
      std::fprintf(stderr, "meridian_load: --url must look like ws://127.0.0.1:7880\n");
      return std::nullopt;
    }
    SignalAddress address{std::string(url.substr(kScheme.size(), colon - kScheme.size())), 0};
    address.port = static_cast<std::uint16_t>(std::atoi(url.substr(colon + 1).data()));
    boost::asio::io_context context;
    boost::system::error_code error;
    const auto found = boost::asio::ip::tcp::resolver(context).resolve(
        address.host, std::to_string(address.port), error);
    const bool is_here = !error && std::ranges::all_of(found, [](const auto& entry) {
      return entry.endpoint().address().is_loopback();
    });
    if (!is_here && !options_.allow_remote) {
      std::fprintf(stderr, "meridian_load: %s is not this machine; --allow-remote if it is yours\n",
                   address.host.c_str());
      return std::nullopt;
    }
    return address;
  }

  void join(const SignalAddress& address) {
    const unsigned count = options_.publishers + options_.subscribers;
    for (unsigned i = 0; i < count; ++i) {
      const bool is_publisher = i < options_.publishers;
      test::LivekitSettings settings;
      settings.identity = (is_publisher ? "publisher-" : "subscriber-") + std::to_string(i);
      settings.room = options_.room;
      settings.api_key = options_.api_key;
      settings.api_secret = options_.api_secret;
      settings.auto_subscribe = !is_publisher;
      settings.receiving_sections = is_publisher ? 0 : options_.publishers;
      auto client = std::make_unique<LoadClient>(context_, std::move(settings), i + 1);
      if (is_publisher && !options_.only_audio) {
        client->client().publish(2 * i + 1, test::TrackShape::camera());
      }
      if (is_publisher && !options_.only_video) {
        client->client().publish(2 * i + 2, test::TrackShape::audio());
      }
      client->client().set_observer(&delays_);
      client->connect(address);
      clients_.push_back(std::move(client));
      run_until(io::monotonic_now() + 5ms, [] { return false; });
    }
  }

  template <class Done>
  bool run_until(Instant end, Done&& done) {
    while (io::monotonic_now() < end) {
      context_.run_for(kTick);
      context_.restart();
      const Instant now = io::monotonic_now();
      for (const auto& client : clients_) {
        client->handle_timeout(now);
        for (const auto& track : client->client().received()) {
          if (is_measuring_) {
            freezes_.look(*track, now);
          }
        }
      }
      if (done()) {
        return true;
      }
    }
    return false;
  }

  [[nodiscard]] std::size_t expected_tracks() const {
    return options_.publishers * (options_.only_audio || options_.only_video ? 1U : 2U);
  }
  [[nodiscard]] bool is_ready() const {
    return std::ranges::all_of(clients_, [&](const auto& one) {
      const auto running = std::ranges::count_if(
          one->client().received(), [](const auto& track) { return track->counts().frames > 0; });
      const bool is_publisher = !one->client().sent().empty();
      return one->client().is_connected() &&
             (is_publisher || static_cast<std::size_t>(running) >= expected_tracks());
    });
  }
  [[nodiscard]] Totals totals() const {
    Totals sum;
    for (const auto& client : clients_) {
      for (const auto& track : client->client().received()) {
        const test::ReceivedCounts& counts = track->counts();
        sum = {sum.packets + counts.packets,     sum.bytes + counts.bytes,
               sum.recovered + counts.recovered, sum.duplicates + counts.duplicates,
               sum.reordered + counts.reordered, sum.lost + counts.lost,
               sum.frames + counts.frames};
      }
    }
    return sum;
  }
  [[nodiscard]] bool is_region_right() const {
    return options_.region.empty() || std::ranges::all_of(clients_, [&](const auto& one) {
             return one->client().region() == options_.region;
           });
  }

  void report() {
    std::vector<double> joins;
    std::size_t violations = 0;
    for (const auto& client : clients_) {
      if (client->join_time() > Duration::zero()) {
        joins.push_back(static_cast<double>(client->join_time().count()) / 1e6);
      }
      for (const auto& track : client->client().received()) {
        violations += track->violations().size();
      }
    }
    std::ranges::sort(joins);
    const double median = joins.empty() ? 0 : joins[joins.size() / 2];
    const double slowest = joins.empty() ? 0 : joins.back();
    const double seconds = std::max(1e-9, static_cast<double>(measured_for_.count()) / 1e9);
    const float p50 = delays_.percentile(0.5);
    const float p95 = delays_.percentile(0.95);
    const float p99 = delays_.percentile(0.99);
    const std::string region = clients_.empty() ? "" : clients_.front()->client().region();
    std::printf("participants   %zu of %zu connected, region %s\n", joins.size(), clients_.size(),
                region.c_str());
    std::printf("join           median %.0f ms, slowest %.0f ms\n", median, slowest);
    std::printf("received       %.0f packets/s, %.2f Mbit/s, %.0f frames/s\n",
                static_cast<double>(measured_.packets) / seconds,
                static_cast<double>(measured_.bytes) * 8e-6 / seconds,
                static_cast<double>(measured_.frames) / seconds);
    std::printf("lost           %llu, recovered %llu, reordered %llu, duplicates %llu\n",
                ull(measured_.lost), ull(measured_.recovered), ull(measured_.reordered),
                ull(measured_.duplicates));
    std::printf("one-way delay  p50 %.2f ms, p95 %.2f ms, p99 %.2f ms\n", p50, p95, p99);
    std::printf("freezes        %llu, rule violations %zu\n", ull(freezes_.count()), violations);
    std::printf(
        "{\"bench\":\"load\",\"publishers\":%u,\"subscribers\":%u,\"connected\":%zu,"
        "\"seconds\":%.2f,\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"recovered\":%llu,"
        "\"reordered\":%llu,\"duplicates\":%llu,\"join_ms_median\":%.1f,"
        "\"join_ms_max\":%.1f,\"delay_ms_p50\":%.3f,\"delay_ms_p95\":%.3f,"
        "\"delay_ms_p99\":%.3f,\"freezes\":%llu,\"violations\":%zu}\n",
        options_.publishers, options_.subscribers, joins.size(), seconds, ull(measured_.packets),
        ull(measured_.bytes), ull(measured_.lost), ull(measured_.recovered),
        ull(measured_.reordered), ull(measured_.duplicates), median, slowest, p50, p95, p99,
        ull(freezes_.count()), violations);
  }
  static unsigned long long ull(std::uint64_t value) { return value; }

  void leave() {
    for (const auto& client : clients_) {
      client->client().leave();
      client->flush();
    }
    is_measuring_ = false;
    run_until(io::monotonic_now() + 300ms, [] { return false; });
  }

  Options options_;
  boost::asio::io_context context_;
  Delays delays_;
  Freezes freezes_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
  Totals measured_;
  Duration measured_for_{};
  bool is_measuring_ = false;
};

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("Synthetic LiveKit participants for a running node");
  meridian::bench::Options options;
  app.add_option("--url", options.url, "signalling of the node, ws:// only");
  app.add_option("--api-key", options.api_key)->required();
  app.add_option("--api-secret", options.api_secret)->required();
  app.add_option("--room", options.room);
  app.add_option("--region", options.region, "fail unless everybody lands in this region");
  app.add_option("--publishers", options.publishers)->check(CLI::Range(1U, 100U));
  app.add_option("--subscribers", options.subscribers)
      ->check(CLI::Range(0U, static_cast<unsigned>(meridian::bench::kMaxParticipants)));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(1U, 3600U));
  auto* video = app.add_flag("--video", options.only_video, "no audio");
  app.add_flag("--audio", options.only_audio, "no video")->excludes(video);
  app.add_flag("--allow-remote", options.allow_remote, "allow a node on another machine");
  CLI11_PARSE(app, argc, argv);
  return meridian::bench::Load(std::move(options)).run();
}
