// A region is opted out while 200 people of an account meet over three pools of a running node, and
// another account meets beside them. Prints from the request: until the region is dry, until those
// who had to move receive media again, and what the other account's meeting saw of it.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <boost/system/system_error.hpp>

#include "io/clock.hpp"
#include "io/http_fetcher.hpp"
#include "load_client.hpp"

namespace meridian::bench {
namespace {

namespace json = boost::json;

constexpr Duration kTick = 2ms;
constexpr Duration kJoinDeadline = 90s;
constexpr Duration kBaseline = 5s;
constexpr Duration kRestoreDeadline = 20s;
constexpr Duration kAfterwards = 3s;
/// Reconnects that are begun between two looks at the others: opening one blocks.
constexpr unsigned kReconnectsAtOnce = 2;

struct Place {
  std::string region;
  SignalAddress address;
};

struct Options {
  std::vector<Place> places;
  std::string operator_token;
  std::string removed;
  unsigned participants = 200;
  unsigned publishers = 3;
};

double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

/// When packets of each source arrived: the longest pause, and the first packet.
class Arrivals final : public test::MediaObserver {
 public:
  void on_media(const test::MediaStamp& stamp, bool is_retransmission, Fate fate) override {
    if (is_retransmission || fate != Fate::kArrived) {
      return;
    }
    const Instant now = io::monotonic_now();
    if (!first_) {
      first_ = now;
    }
    auto [last, is_new] = last_.try_emplace(stamp.source, now);
    if (!is_new) {
      longest_ = std::max(longest_, now - last->second);
      last->second = now;
    }
  }
  /// Pauses count from now on; one that is under way counts whole.
  Duration take_longest() { return std::exchange(longest_, Duration::zero()); }
  void forget() {
    first_.reset();
    last_.clear();
  }
  [[nodiscard]] const std::optional<Instant>& first() const { return first_; }

 private:
  std::optional<Instant> first_;
  std::map<std::uint32_t, Instant> last_;
  Duration longest_{};
};

struct ApiKey {
  std::string key;
  std::string secret;
};

struct Attendee {
  std::string identity;
  std::uint32_t source = 0;  // 0 = doesn't publish
  Place place;
  std::unique_ptr<LoadClient> client;
  Arrivals arrivals;
  bool has_moved = false;
  unsigned attempts = 0;
  std::optional<Instant> restored;
};

/// The people of one meeting, on the thread that calls.
class Crowd {
 public:
  struct Shape {
    std::string room;
    ApiKey key;
    unsigned participants = 0;
    unsigned publishers = 0;
    std::uint32_t first_source = 1;
  };
  explicit Crowd(Shape shape) : shape_(std::move(shape)) {}

  /// One after the other, over the places in turn.
  void join(const std::vector<Place>& places) {
    for (unsigned i = 0; i < shape_.participants; ++i) {
      auto attendee = std::make_unique<Attendee>();
      attendee->identity = "person-" + std::to_string(i);
      attendee->source = i < shape_.publishers ? shape_.first_source + i : 0;
      attendee->place = places[i % places.size()];
      attendees_.push_back(std::move(attendee));
      connect(*attendees_.back());
      turn();
    }
  }
  void connect(Attendee& attendee) {
    test::LivekitSettings settings;
    settings.identity = attendee.identity;
    settings.room = shape_.room;
    settings.api_key = shape_.key.key;
    settings.api_secret = shape_.key.secret;
    settings.receiving_sections = shape_.publishers;
    attendee.arrivals.forget();
    ++attendee.attempts;
    attendee.client = std::make_unique<LoadClient>(
        context_, LoadSettings{.livekit = std::move(settings)}, ++last_seed_);
    if (attendee.source != 0) {
      attendee.client->client().publish(attendee.source, test::TrackShape::audio());
    }
    attendee.client->client().set_observer(&attendee.arrivals);
    attendee.client->connect(attendee.place.address);
  }
  /// Everybody is connected and receives.
  [[nodiscard]] bool is_ready() const {
    return std::ranges::all_of(attendees_, [](const auto& one) {
      return one->client->client().is_connected() && one->arrivals.first().has_value();
    });
  }
  void turn() {
    context_.run_for(kTick);
    context_.restart();
    const Instant now = io::monotonic_now();
    for (const auto& one : attendees_) {
      one->client->handle_timeout(now);
    }
  }
  template <class Done>
  bool run_until(Instant end, Done&& done) {
    while (io::monotonic_now() < end) {
      turn();
      if (done()) {
        return true;
      }
    }
    return false;
  }
  [[nodiscard]] std::uint64_t lost() const {
    std::uint64_t sum = 0;
    for (const auto& one : attendees_) {
      for (const auto& track : one->client->client().received()) {
        sum += track->counts().lost;
      }
    }
    return sum;
  }
  [[nodiscard]] std::uint64_t packets() const {
    std::uint64_t sum = 0;
    for (const auto& one : attendees_) {
      for (const auto& track : one->client->client().received()) {
        sum += track->counts().packets;
      }
    }
    return sum;
  }
  Duration take_longest_pause() {
    Duration longest{};
    for (const auto& one : attendees_) {
      longest = std::max(longest, one->arrivals.take_longest());
    }
    return longest;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Attendee>>& attendees() const {
    return attendees_;
  }

 private:
  Shape shape_;
  boost::asio::io_context context_;
  std::vector<std::unique_ptr<Attendee>> attendees_;
  std::uint64_t last_seed_ = 0;
};

/// Another account's meeting, on a thread of its own, so that what it sees is the node's doing.
class Bystanders {
 public:
  struct Seen {
    std::uint64_t packets = 0;
    std::uint64_t lost = 0;
    Duration longest_pause{};
  };
  enum class Phase : std::uint8_t { kJoining, kReady, kBaseline, kChange, kEnd };

  Bystanders(const std::vector<Place>& places, ApiKey key)
      : crowd_({.room = "bystanders",
                .key = std::move(key),
                .participants = static_cast<unsigned>(2 * places.size()),
                .publishers = static_cast<unsigned>(places.size()),
                .first_source = 100'000}),
        thread_([this, places] { run(places); }) {}
  ~Bystanders() {
    enter(Phase::kEnd);
    join();
  }
  Bystanders(const Bystanders&) = delete;
  Bystanders& operator=(const Bystanders&) = delete;

  void enter(Phase phase) { phase_.store(phase); }
  [[nodiscard]] bool is_ready() const { return phase_.load() != Phase::kJoining; }
  void join() {
    if (thread_.joinable()) {
      thread_.join();
    }
  }
  /// After join().
  [[nodiscard]] const Seen& baseline() const { return baseline_; }
  [[nodiscard]] const Seen& change() const { return change_; }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  void run(const std::vector<Place>& places) {
    try {
      crowd_.join(places);
    } catch (const boost::system::system_error& error) {
      error_ = error.code().message();
      return;
    }
    crowd_.run_until(io::monotonic_now() + kJoinDeadline, [&] { return crowd_.is_ready(); });
    auto joining = Phase::kJoining;
    phase_.compare_exchange_strong(joining, Phase::kReady);
    watch(Phase::kReady);
    baseline_ = watch(Phase::kBaseline);
    change_ = watch(Phase::kChange);
  }
  Seen watch(Phase phase) {
    const std::uint64_t packets = crowd_.packets();
    const std::uint64_t lost = crowd_.lost();
    (void)crowd_.take_longest_pause();
    while (phase_.load() == phase) {
      crowd_.turn();
    }
    return {crowd_.packets() - packets, crowd_.lost() - lost, crowd_.take_longest_pause()};
  }

  Crowd crowd_;
  std::atomic<Phase> phase_ = Phase::kJoining;
  Seen baseline_;
  Seen change_;
  std::string error_;
  std::thread thread_;
};

class OptOut {
 public:
  explicit OptOut(Options options) : options_(std::move(options)) {}

  int run() {
    const auto crowd_key = create_account("crowd");
    const auto others_key = create_account("others");
    if (!crowd_key || !others_key) {
      return 1;
    }
    Bystanders others(options_.places, *others_key);
    Crowd crowd({.room = "all hands",
                 .key = *crowd_key,
                 .participants = options_.participants,
                 .publishers = options_.publishers});
    try {
      crowd.join(options_.places);
    } catch (const boost::system::system_error& error) {
      return complain("cannot join: " + error.code().message());
    }
    if (!crowd.run_until(io::monotonic_now() + kJoinDeadline,
                         [&] { return crowd.is_ready() && others.is_ready(); })) {
      return complain("not everybody is connected and receives in time");
    }
    others.enter(Bystanders::Phase::kBaseline);
    crowd.run_until(io::monotonic_now() + kBaseline, [] { return false; });
    (void)crowd.take_longest_pause();
    others.enter(Bystanders::Phase::kChange);
    const int result = change(crowd);
    others.enter(Bystanders::Phase::kEnd);
    others.join();
    if (!others.error().empty()) {
      return complain("the other account cannot join: " + others.error());
    }
    return result == 0 ? report(crowd, others) : result;
  }

 private:
  static int complain(const std::string& sentence) {
    std::fprintf(stderr, "meridian_opt_out: %s\n", sentence.c_str());
    return 1;
  }

  /// A call of the administration API; nothing when it is refused, after saying so.
  std::optional<json::value> call(std::string method, const std::string& path,
                                  const json::object& body, std::string if_match = {}) const {
    io::HttpFetch fetch;
    fetch.method = std::move(method);
    const SignalAddress& node = options_.places.front().address;
    fetch.url = "http://" + node.host + ":" + std::to_string(node.port) + path;
    fetch.headers = {{"Authorization", "Bearer " + options_.operator_token},
                     {"Content-Type", "application/json"}};
    if (!if_match.empty()) {
      fetch.headers.emplace_back("If-Match", std::move(if_match));
    }
    fetch.body = json::serialize(body);
    fetch.timeout = 60s;
    const auto answer = io::fetch_and_wait(std::move(fetch));
    if (!answer || answer->status >= 300) {
      (void)complain(path + ": " + (answer ? answer->body : answer.error().message));
      return std::nullopt;
    }
    return json::parse(answer->body);
  }
  std::optional<ApiKey> create_account(const char* id) const {
    json::array regions;
    for (const Place& place : options_.places) {
      regions.emplace_back(place.region);
    }
    const auto made = call("POST", "/v1/accounts",
                           {{"id", id},
                            {"default_region", options_.places.front().region},
                            {"opted_in", std::move(regions)}});
    if (!made) {
      return std::nullopt;
    }
    const json::value& key = made->at("key");
    return ApiKey{std::string(key.at("key").as_string()),
                  std::string(key.at("secret").as_string())};
  }

  int change(Crowd& crowd) {
    json::array remaining;
    std::vector<Place> permitted;
    for (const Place& place : options_.places) {
      if (place.region != options_.removed) {
        remaining.emplace_back(place.region);
        permitted.push_back(place);
      }
    }
    requested_ = io::monotonic_now();
    std::thread request([&] {
      outcome_ = call("PUT", "/v1/accounts/crowd/routing",
                      {{"opted_in", std::move(remaining)}, {"reason", "a measurement"}}, "\"1\"");
      answered_ = io::monotonic_now();
      is_answered_.store(true);
    });
    const auto follow = [&] {
      move(crowd, permitted);
      return is_answered_.load() && is_restored(crowd);
    };
    const bool is_done = crowd.run_until(requested_ + kRestoreDeadline, follow);
    request.join();
    crowd.run_until(io::monotonic_now() + kAfterwards, [] { return false; });
    return outcome_ ? (is_done ? 0 : complain("not everybody receives again in time")) : 1;
  }
  /// Whoever was told to reconnect does so at once, in a permitted region.
  void move(Crowd& crowd, const std::vector<Place>& permitted) {
    unsigned begun = 0;
    for (const auto& one : crowd.attendees()) {
      const bool must_move =
          one->client->is_closed() || one->client->client().leave_received().has_value();
      if (must_move && begun < kReconnectsAtOnce) {
        ++begun;
        one->has_moved = true;
        one->place = permitted[moved_++ % permitted.size()];
        try {
          crowd.connect(*one);
        } catch (const boost::system::system_error&) {
          ++refused_;  // it is tried again in the next turn
        }
      }
      if (one->has_moved && !one->restored && one->arrivals.first()) {
        one->restored = one->arrivals.first();
      }
    }
  }
  [[nodiscard]] bool is_restored(const Crowd& crowd) const {
    return std::ranges::all_of(crowd.attendees(),
                               [&](const auto& one) {
                                 return one->restored || one->place.region != options_.removed;
                               }) &&
           std::ranges::all_of(crowd.attendees(),
                               [](const auto& one) { return !one->has_moved || one->restored; });
  }

  int report(Crowd& crowd, const Bystanders& others) const {
    std::vector<double> restored;
    Duration pause_of_stayers{};
    std::size_t misplaced = 0;
    for (const auto& one : crowd.attendees()) {
      misplaced += one->client->client().region() == options_.removed ? 1 : 0;
      if (one->restored) {
        restored.push_back(milliseconds(*one->restored - requested_));
      } else {
        pause_of_stayers = std::max(pause_of_stayers, one->arrivals.take_longest());
      }
    }
    std::ranges::sort(restored);
    const auto at = [&](double share) {
      return restored.empty() ? 0
                              : restored[static_cast<std::size_t>(
                                    share * static_cast<double>(restored.size() - 1))];
    };
    const std::size_t still_sending = outcome_->at("still_sending").as_array().size();
    const std::size_t by_lease = outcome_->at("covered_by_lease").as_array().size();
    std::printf("participants     %zu over %zu pools, %u speak; %s is opted out\n",
                crowd.attendees().size(), options_.places.size(), options_.publishers,
                options_.removed.c_str());
    std::printf("request to dry   %.0f ms, by the %s; still sending: %zu\n",
                milliseconds(answered_ - requested_), by_lease == 0 ? "workers' answers" : "lease",
                still_sending);
    std::printf(
        "media restored   %zu moved: median %.0f ms, p95 %.0f ms, slowest %.0f ms after the "
        "request\n",
        restored.size(), at(0.5), at(0.95), at(1));
    std::printf("those who stayed longest pause %.0f ms\n", milliseconds(pause_of_stayers));
    print("another account", others.change());
    print("  before it", others.baseline());
    std::printf(
        "{\"bench\":\"opt_out\",\"participants\":%zu,\"moved\":%zu,\"dry_ms\":%.1f,"
        "\"covered_by_lease\":%zu,\"restored_ms_median\":%.1f,\"restored_ms_p95\":%.1f,"
        "\"restored_ms_max\":%.1f,\"stayed_pause_ms\":%.1f,\"others_packets\":%llu,"
        "\"others_lost\":%llu,\"others_pause_ms\":%.1f,\"others_pause_before_ms\":%.1f,"
        "\"refused_reconnects\":%u}\n",
        crowd.attendees().size(), restored.size(), milliseconds(answered_ - requested_), by_lease,
        at(0.5), at(0.95), at(1), milliseconds(pause_of_stayers), ull(others.change().packets),
        ull(others.change().lost), milliseconds(others.change().longest_pause),
        milliseconds(others.baseline().longest_pause), refused_);
    return misplaced == 0 ? 0 : complain(std::to_string(misplaced) + " are still in the region");
  }
  static void print(const char* what, const Bystanders::Seen& seen) {
    std::printf("%-16s %llu packets received, %llu lost, longest pause %.0f ms\n", what,
                ull(seen.packets), ull(seen.lost), milliseconds(seen.longest_pause));
  }
  static unsigned long long ull(std::uint64_t value) { return value; }

  Options options_;
  std::optional<json::value> outcome_;
  Instant requested_;
  Instant answered_;
  std::atomic<bool> is_answered_ = false;
  std::size_t moved_ = 0;
  unsigned refused_ = 0;
};

/// `REGION=HOST:PORT`
std::optional<Place> parse_place(const std::string& text) {
  const std::size_t equals = text.find('=');
  const std::size_t colon = text.rfind(':');
  if (equals == std::string::npos || colon == std::string::npos || colon < equals) {
    return std::nullopt;
  }
  return Place{text.substr(0, equals),
               {text.substr(equals + 1, colon - equals - 1),
                static_cast<std::uint16_t>(std::atoi(text.substr(colon + 1).c_str()))}};
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("Opts a region out of a running node while people meet there; bench/opt_out.sh");
  meridian::bench::Options options;
  std::vector<std::string> places;
  app.add_option("--place", places, "REGION=HOST:PORT of signalling, default region first")
      ->required();
  app.add_option("--operator-token", options.operator_token, "of the administration API")
      ->required();
  app.add_option("--remove", options.removed, "the region to opt out")->required();
  app.add_option("--participants", options.participants)->check(CLI::Range(2U, 2000U));
  app.add_option("--publishers", options.publishers, "who speak")->check(CLI::Range(1U, 100U));
  CLI11_PARSE(app, argc, argv);
  for (const std::string& text : places) {
    const auto place = meridian::bench::parse_place(text);
    if (!place) {
      std::fprintf(stderr, "meridian_opt_out: --place must look like uk-london=127.0.0.1:7880\n");
      return 2;
    }
    options.places.push_back(*place);
  }
  return meridian::bench::OptOut(std::move(options)).run();
}
