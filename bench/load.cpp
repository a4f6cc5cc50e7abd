// Loads a running server with synthetic participants: publishers that send video and audio, and
// subscribers that receive all of it, each with sockets of its own, in one process and one thread.
// The server speaks LiveKit's protocol, or is a Janus with its VideoRoom plugin; the media is the
// same. Prints what arrived, how late, how long joining took, and what it cost the server.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/system/system_error.hpp>

#include "io/clock.hpp"
#include "janus_client.hpp"
#include "load_client.hpp"
#include "process_time.hpp"
#include "support/layout.hpp"

namespace meridian::bench {
namespace {

constexpr Duration kTick = 2ms;
constexpr Duration kJoinDeadline = 30s;
constexpr Duration kLook = 20ms;  // at what the tracks show
constexpr std::size_t kMaxParticipants = 2000;
constexpr std::size_t kMaxSamples = 4'000'000;
/// No new frame for this long while the publisher sends thirty a second, or for three frames.
constexpr Duration kFreeze = 200ms;

struct Options {
  std::string url = "ws://127.0.0.1:7880";
  bool is_janus = false;
  std::string api_key;
  std::string api_secret;
  std::string room = "load";
  std::string region;
  unsigned publishers = 4;
  unsigned subscribers = 20;
  unsigned seconds = 10;
  unsigned warm_up = 0;
  /// Packets in each frame, of one layer; 0: a simulcast camera.
  unsigned burst = 0;
  double frames_per_second = 30;
  test::Signalling signalling = test::Signalling::kV1;
  test::Layout layout = test::Layout::kNone;
  /// Per cent of the datagrams that each client reads, and sends, once it is connected.
  double loss = 0;
  double send_loss = 0;
  /// Of the server, whose CPU time is measured; 0: none.
  unsigned process = 0;
  bool only_video = false;
  bool only_audio = false;
  bool allow_remote = false;
  /// Datagrams are sent and read one by one.
  bool is_single = false;
};

/// Delays of first copies, from making the packet to reading it; one process, one clock. And how
/// many of them were of each simulcast layer.
class Delays final : public test::MediaObserver {
 public:
  void on_media(const test::MediaStamp& stamp, bool is_retransmission, Fate fate) override {
    if (!is_on_ || is_retransmission || fate != Fate::kArrived) {
      return;
    }
    ++layers_[std::min<std::size_t>(stamp.layer, layers_.size() - 1)];
    if (samples_.size() < kMaxSamples) {
      samples_.push_back(static_cast<float>((io::monotonic_now() - stamp.sent).count()) / 1e6F);
    }
  }
  void start() { is_on_ = true; }
  /// Sound counts as the lowest.
  [[nodiscard]] const std::array<std::uint64_t, 3>& layers() const { return layers_; }
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
  std::array<std::uint64_t, 3> layers_{};
  bool is_on_ = false;
};

/// Follows the frames that each video track shows.
class Freezes {
 public:
  explicit Freezes(Duration frame_interval) : limit_(std::max(kFreeze, 3 * frame_interval)) {}
  void look(const test::ReceivedTrack& track, Instant now) {
    if (track.traits().kind != rtp::MediaKind::kVideo) {
      return;
    }
    auto [found, is_new] = seen_.try_emplace(&track);
    Seen& seen = found->second;
    if (is_new || track.counts().frames != seen.frames) {
      seen = {.frames = track.counts().frames, .since = now, .is_frozen = false};
    } else if (!seen.is_frozen && now - seen.since > limit_) {
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
  Duration limit_;
  std::map<const test::ReceivedTrack*, Seen> seen_;
  std::uint64_t count_ = 0;
};

class Load {
 public:
  explicit Load(Options options)
      : options_(std::move(options)), freezes_(options_.burst > 0 ? frame_interval() : 33ms) {}

  int run() {
    const auto address = parse_url();
    if (!address) {
      return 2;
    }
    bool is_complete = false;
    const Instant started = io::monotonic_now();
    try {
      is_complete = join(*address) && run_until(deadline(), [&] { return is_ready(); });
    } catch (const boost::system::system_error& error) {
      std::fprintf(stderr, "meridian_load: cannot join through %s: %s\n", options_.url.c_str(),
                   error.code().message().c_str());
      return 1;
    }
    if (!is_complete) {
      std::fprintf(stderr, "meridian_load: not everybody is connected and receives in time\n");
      say_refusals();
      report();
      return 1;
    }
    all_joined_ = io::monotonic_now() - started;
    run_until(io::monotonic_now() + std::chrono::seconds(options_.warm_up), [] { return false; });
    measure();
    report();
    const bool is_lost =
        std::ranges::any_of(clients_, [](const auto& one) { return one->is_closed(); });
    if (is_lost) {
      std::fprintf(stderr, "meridian_load: the server closed somebody's connection\n");
      say_refusals();
    }
    if (!is_region_right()) {
      std::fprintf(stderr, "meridian_load: not everybody is in %s\n", options_.region.c_str());
    }
    leave();
    return is_lost || !is_region_right() ? 1 : 0;
  }

 private:
  struct Totals {
    std::uint64_t sent = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t recovered = 0;
    std::uint64_t duplicates = 0;
    std::uint64_t reordered = 0;
    std::uint64_t lost = 0;
    std::uint64_t frames = 0;
    std::uint64_t dropped = 0;
    std::uint64_t resent = 0;
    Duration server{};
    Duration client{};
    friend Totals operator-(const Totals& a, const Totals& b) {
      return {a.sent - b.sent,           a.packets - b.packets,       a.bytes - b.bytes,
              a.recovered - b.recovered, a.duplicates - b.duplicates, a.reordered - b.reordered,
              a.lost - b.lost,           a.frames - b.frames,         a.dropped - b.dropped,
              a.resent - b.resent,       a.server - b.server,         a.client - b.client};
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

  /// False when the publishers don't get connected; only then subscribers join.
  bool join(const SignalAddress& address) {
    const unsigned count = options_.publishers + options_.subscribers;
    for (unsigned i = 0; i < count; ++i) {
      if (i == options_.publishers && !run_until(deadline(), [&] { return is_connected(); })) {
        return false;
      }
      clients_.push_back(options_.is_janus ? make_janus_client(i) : make_livekit_client(i));
      clients_.back()->connect(address);
      run_until(io::monotonic_now() + 5ms, [] { return false; });
    }
    return true;
  }
  [[nodiscard]] std::vector<std::pair<std::uint32_t, test::TrackShape>> tracks(unsigned i) const {
    std::vector<std::pair<std::uint32_t, test::TrackShape>> shapes;
    if (i < options_.publishers && !options_.only_audio) {
      shapes.emplace_back(2 * i + 1, options_.burst == 0 ? test::TrackShape::camera()
                                                         : test::TrackShape::bursts(
                                                               options_.burst, frame_interval()));
    }
    if (i < options_.publishers && !options_.only_video) {
      shapes.emplace_back(2 * i + 2, test::TrackShape::audio());
    }
    return shapes;
  }
  [[nodiscard]] std::unique_ptr<Participant> make_livekit_client(unsigned i) {
    const bool is_publisher = i < options_.publishers;
    LoadSettings load{.livekit = {},
                      .loss_percent = options_.loss,
                      .send_loss_percent = options_.send_loss,
                      .grouping = grouping()};
    test::LivekitSettings& settings = load.livekit;
    settings.identity = (is_publisher ? "publisher-" : "subscriber-") + std::to_string(i);
    settings.room = options_.room;
    settings.api_key = options_.api_key;
    settings.api_secret = options_.api_secret;
    settings.auto_subscribe = !is_publisher;
    settings.adaptive_stream = !is_publisher && options_.layout != test::Layout::kNone;
    settings.signalling = options_.signalling;
    settings.receiving_sections = is_publisher ? 0 : options_.publishers;
    auto client = std::make_unique<LoadClient>(context_, std::move(load), i + 1);
    for (auto& [source, shape] : tracks(i)) {
      client->client().publish(source, std::move(shape));
    }
    client->client().set_observer(&delays_);
    client->open_channels();
    return client;
  }
  [[nodiscard]] std::unique_ptr<Participant> make_janus_client(unsigned i) {
    JanusClient::Settings settings;
    settings.grouping = grouping();
    settings.id = i + 1;
    settings.loss_percent = options_.loss;
    settings.send_loss_percent = options_.send_loss;
    for (unsigned feed = 1; i >= options_.publishers && feed <= options_.publishers; ++feed) {
      settings.feeds.push_back(feed);
    }
    auto client = std::make_unique<JanusClient>(context_, std::move(settings), i + 1);
    for (auto& [source, shape] : tracks(i)) {
      client->publish(source, std::move(shape));
    }
    client->set_observer(&delays_);
    return client;
  }
  [[nodiscard]] Grouping grouping() const {
    return options_.is_single ? Grouping::kSingle : Grouping::kBursts;
  }
  [[nodiscard]] Duration frame_interval() const {
    return Duration(static_cast<Duration::rep>(1e9 / options_.frames_per_second));
  }
  [[nodiscard]] Instant deadline() const {
    return io::monotonic_now() + kJoinDeadline + options_.subscribers * 20ms;
  }

  template <class Done>
  bool run_until(Instant end, Done&& done) {
    while (io::monotonic_now() < end) {
      context_.run_for(kTick);
      context_.restart();
      const Instant now = io::monotonic_now();
      for (const auto& client : clients_) {
        client->handle_timeout(now);
      }
      if (now >= next_look_) {
        next_look_ = now + kLook;
        look(now);
      }
      if (done()) {
        return true;
      }
    }
    return false;
  }

  void look(Instant now) {
    for (std::size_t i = options_.publishers; i < clients_.size(); ++i) {
      arrange(i);
    }
    for (std::size_t i = 0; is_measuring_ && i < clients_.size(); ++i) {
      for (const auto& track : clients_[i]->receiver().received()) {
        freezes_.look(*track, now);
      }
    }
  }
  /// Tells the server how large a subscriber shows the pictures that it has heard of since.
  void arrange(std::size_t subscriber) {
    auto* livekit = dynamic_cast<LoadClient*>(clients_[subscriber].get());
    auto& told = arranged_[subscriber];
    if (livekit == nullptr || options_.layout == test::Layout::kNone || options_.only_audio ||
        told.size() >= options_.publishers) {
      return;
    }
    for (const auto& [sid, track] : livekit->client().remote_tracks()) {
      if (track.kind == rtp::MediaKind::kVideo && told.insert(sid).second) {
        const test::TileSize size =
            test::tile_size(options_.layout, track.source / 2, options_.publishers);
        livekit->client().set_size(sid, size.width, size.height);
      }
    }
    livekit->flush();
  }

  [[nodiscard]] std::size_t expected_tracks() const {
    return options_.publishers * (options_.only_audio || options_.only_video ? 1U : 2U);
  }
  [[nodiscard]] bool is_connected() const {
    return std::ranges::all_of(clients_,
                               [](const auto& one) { return one->join_time() > Duration::zero(); });
  }
  [[nodiscard]] bool is_ready() const {
    return is_connected() && std::ranges::all_of(clients_, [&](const auto& one) {
             const auto running = std::ranges::count_if(
                 one->receiver().received(),
                 [](const auto& track) { return track->counts().frames > 0; });
             return !one->sender().sent().empty() ||
                    static_cast<std::size_t>(running) >= expected_tracks();
           });
  }
  void measure() {
    delays_.start();
    is_measuring_ = true;
    const Totals before = totals();
    const Instant start = io::monotonic_now();
    run_until(start + std::chrono::seconds(options_.seconds), [] { return false; });
    measured_ = totals() - before;
    measured_for_ = io::monotonic_now() - start;
  }
  [[nodiscard]] Totals totals() const {
    Totals sum;
    for (const auto& client : clients_) {
      for (const auto& [source, track] : client->sender().sent()) {
        sum.sent += track.media->packets_sent();
        sum.resent += track.media->retransmissions_sent();
      }
      for (const auto& track : client->receiver().received()) {
        const test::ReceivedCounts& counts = track->counts();
        sum.packets += counts.packets;
        sum.bytes += counts.bytes;
        sum.recovered += counts.recovered;
        sum.duplicates += counts.duplicates;
        sum.reordered += counts.reordered;
        sum.lost += counts.lost;
        sum.frames += counts.frames;
      }
      sum.dropped += client->dropped();
    }
    sum.server = options_.process == 0 ? Duration{} : process_time(options_.process);
    sum.client = io::read_clock(CLOCK_PROCESS_CPUTIME_ID);
    return sum;
  }
  [[nodiscard]] bool is_region_right() const {
    return options_.region.empty() || std::ranges::all_of(clients_, [&](const auto& one) {
             const auto* livekit = dynamic_cast<const LoadClient*>(one.get());
             return livekit != nullptr && livekit->client().region() == options_.region;
           });
  }
  [[nodiscard]] std::string region() const {
    const auto* first =
        clients_.empty() ? nullptr : dynamic_cast<const LoadClient*>(clients_.front().get());
    return first == nullptr ? "" : first->client().region();
  }
  void say_refusals() const {
    for (const auto& client : clients_) {
      const auto* janus = dynamic_cast<const JanusClient*>(client.get());
      if (janus != nullptr && !janus->refusal().empty()) {
        std::fprintf(stderr, "meridian_load: Janus says: %s\n", janus->refusal().c_str());
        return;
      }
    }
  }

  void report() {
    std::vector<double> joins;
    std::size_t violations = 0;
    for (const auto& client : clients_) {
      if (client->join_time() > Duration::zero()) {
        joins.push_back(static_cast<double>(client->join_time().count()) / 1e6);
      }
      for (const auto& track : client->receiver().received()) {
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
    std::printf("participants   %zu of %zu connected, region %s\n", joins.size(), clients_.size(),
                region().c_str());
    std::printf("join           median %.0f ms, slowest %.0f ms, all within %.2f s\n", median,
                slowest, static_cast<double>(all_joined_.count()) / 1e9);
    std::printf("received       %.0f packets/s, %.2f Mbit/s, %.0f frames/s\n",
                static_cast<double>(measured_.packets) / seconds,
                static_cast<double>(measured_.bytes) * 8e-6 / seconds,
                static_cast<double>(measured_.frames) / seconds);
    std::printf("lost           %llu, recovered %llu, reordered %llu, duplicates %llu",
                ull(measured_.lost), ull(measured_.recovered), ull(measured_.reordered),
                ull(measured_.duplicates));
    if (options_.loss > 0 || options_.send_loss > 0) {
      std::printf("; %llu dropped on purpose, %llu sent again", ull(measured_.dropped),
                  ull(measured_.resent));
    }
    const auto& layers = delays_.layers();
    std::printf("\nlayers         %llu packets of the lowest and of sound, %llu, %llu\n",
                ull(layers[0]), ull(layers[1]), ull(layers[2]));
    std::printf("one-way delay  p50 %.2f ms, p95 %.2f ms, p99 %.2f ms\n", p50, p95, p99);
    std::printf("freezes        %llu, rule violations %zu\n", ull(freezes_.count()), violations);
    std::string cost = report_cost(seconds);
    std::printf(
        "{\"bench\":\"load\",\"publishers\":%u,\"subscribers\":%u,\"connected\":%zu,"
        "\"seconds\":%.2f,\"packets\":%llu,\"bytes\":%llu,\"lost\":%llu,\"recovered\":%llu,"
        "\"reordered\":%llu,\"duplicates\":%llu,\"join_ms_median\":%.1f,"
        "\"join_ms_max\":%.1f,\"join_seconds\":%.3f,\"delay_ms_p50\":%.3f,\"delay_ms_p95\":%.3f,"
        "\"delay_ms_p99\":%.3f,\"freezes\":%llu,\"violations\":%zu%s}\n",
        options_.publishers, options_.subscribers, joins.size(), seconds, ull(measured_.packets),
        ull(measured_.bytes), ull(measured_.lost), ull(measured_.recovered),
        ull(measured_.reordered), ull(measured_.duplicates), median, slowest,
        static_cast<double>(all_joined_.count()) / 1e9, p50, p95, p99, ull(freezes_.count()),
        violations, cost.c_str());
  }
  /// Returns the same as members of the JSON object.
  [[nodiscard]] std::string report_cost(double seconds) const {
    const auto packets = static_cast<double>(std::max<std::uint64_t>(1, measured_.packets));
    const double server_us = static_cast<double>(measured_.server.count()) / 1e3;
    const double client_share = static_cast<double>(measured_.client.count()) / 1e9 / seconds;
    const unsigned profile =
        clients_.empty() ? 0 : clients_.front()->sender().peer().srtp_profile();
    if (options_.process != 0) {
      std::printf("server's CPU   %.2f us for each packet received, %.3f of a core\n",
                  server_us / packets, server_us / 1e6 / seconds);
    }
    std::printf("client's CPU   %.3f of a core\n", client_share);
    std::array<char, 384> text{};
    std::snprintf(text.data(), text.size(),
                  ",\"sent\":%llu,\"resent\":%llu,\"dropped\":%llu,\"srtp_profile\":%u,"
                  "\"server_cpu_us\":%.0f,\"us_per_packet\":%.4f,\"client_cpu_share\":%.4f,"
                  "\"layers\":[%llu,%llu,%llu]",
                  ull(measured_.sent), ull(measured_.resent), ull(measured_.dropped), profile,
                  server_us, server_us / packets, client_share, ull(delays_.layers()[0]),
                  ull(delays_.layers()[1]), ull(delays_.layers()[2]));
    return text.data();
  }
  static unsigned long long ull(std::uint64_t value) { return value; }

  void leave() {
    for (const auto& client : clients_) {
      client->leave();
    }
    is_measuring_ = false;
    run_until(io::monotonic_now() + 300ms, [] { return false; });
  }

  Options options_;
  boost::asio::io_context context_;
  Delays delays_;
  Freezes freezes_;
  std::vector<std::unique_ptr<Participant>> clients_;
  /// By place of the subscriber: tracks of which it has told how large it shows them.
  std::map<std::size_t, std::set<std::string>> arranged_;
  Totals measured_;
  /// From the first connection until everybody could receive; zero before.
  Duration all_joined_{};
  Duration measured_for_{};
  Instant next_look_;
  bool is_measuring_ = false;
};

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("Synthetic participants for a running node, any LiveKit server, or Janus");
  meridian::bench::Options options;
  auto* url = app.add_option("--url", options.url, "signalling of the server, ws:// only");
  auto* key = app.add_option("--api-key", options.api_key);
  auto* secret = app.add_option("--api-secret", options.api_secret);
  auto* janus =
      app.add_flag("--janus", options.is_janus, "the server is Janus with its VideoRoom plugin")
          ->needs(url)
          ->excludes(key)
          ->excludes(secret);
  const std::map<std::string, meridian::test::Signalling> versions = {
      {"v0", meridian::test::Signalling::kV0}, {"v1", meridian::test::Signalling::kV1}};
  app.add_option("--signalling", options.signalling, "v1: one connection; v0: two (LiveKit only)")
      ->transform(CLI::CheckedTransformer(versions))
      ->excludes(janus);
  const std::map<std::string, meridian::test::Layout> layouts = {
      {"none", meridian::test::Layout::kNone},
      {"speaker", meridian::test::Layout::kSpeaker},
      {"grid", meridian::test::Layout::kGrid}};
  app.add_option("--layout", options.layout, "sizes that subscribers ask for (LiveKit only)")
      ->transform(CLI::CheckedTransformer(layouts))
      ->excludes(janus);
  app.add_option("--loss", options.loss,
                 "per cent of datagrams that clients lose of those received")
      ->check(CLI::Range(0.0, 90.0));
  app.add_option("--send-loss", options.send_loss, "the same of those that they send")
      ->check(CLI::Range(0.0, 90.0));
  app.add_option("--room", options.room, "of LiveKit's");
  app.add_option("--region", options.region, "fail unless everybody lands in this region");
  app.add_option("--publishers", options.publishers)->check(CLI::Range(1U, 100U));
  app.add_option("--subscribers", options.subscribers)
      ->check(CLI::Range(0U, static_cast<unsigned>(meridian::bench::kMaxParticipants)));
  app.add_option("--warm-up", options.warm_up, "seconds before those that are measured")
      ->check(CLI::Range(0U, 600U));
  app.add_option("--seconds", options.seconds)->check(CLI::Range(1U, 3600U));
  app.add_option("--burst", options.burst,
                 "packets of 1200 bytes in each frame of one layer, instead of a simulcast camera")
      ->check(CLI::Range(1U, 200U));
  app.add_option("--fps", options.frames_per_second, "frames a second with --burst")
      ->check(CLI::Range(0.5, 120.0));
  app.add_option("--process", options.process, "of the server, to measure its CPU time");
  auto* video = app.add_flag("--video", options.only_video, "no audio");
  app.add_flag("--audio", options.only_audio, "no video")->excludes(video);
  app.add_flag("--single", options.is_single,
               "no bursts: datagrams are sent and read one by one, on the server's account");
  app.add_flag("--allow-remote", options.allow_remote, "allow a node on another machine");
  CLI11_PARSE(app, argc, argv);
  if (!options.is_janus && (options.api_key.empty() || options.api_secret.empty())) {
    std::fprintf(stderr, "meridian_load: --api-key and --api-secret are needed without --janus\n");
    return 2;
  }
  return meridian::bench::Load(std::move(options)).run();
}
