// How much of a node's heap a participant takes, and what comes on top of it for each published
// layer and each subscription. The node runs with the heap counter (bench/memory.sh), so that the
// figures are exact; people join it over loopback with data channels, as LiveKit's clients do.
#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/system/system_error.hpp>

#include "heap_counter.hpp"
#include "io/clock.hpp"
#include "load_client.hpp"
#include "metrics/memory_budget.hpp"

namespace meridian::bench {
namespace {

using Budget = metrics::MemoryBudget;

constexpr Duration kTick = 2ms;
constexpr Duration kJoinDeadline = 60s;
/// What is only needed for a while is given back by then.
constexpr Duration kSettle = 4s;

struct Options {
  std::string url;
  std::string heap;
  unsigned process = 0;
  unsigned participants = 200;
  unsigned room_size = 10;
  unsigned publishers = 8;
};

/// What the node holds, as it writes down itself.
class Heap {
 public:
  explicit Heap(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    void* shared =
        file < 0 ? MAP_FAILED : ::mmap(nullptr, sizeof(HeapCounts), PROT_READ, MAP_SHARED, file, 0);
    ::close(file);
    counts_ = shared == MAP_FAILED ? nullptr : static_cast<const HeapCounts*>(shared);
  }
  [[nodiscard]] bool is_there() const { return counts_ != nullptr; }
  [[nodiscard]] std::int64_t bytes() const { return counts_->bytes.load(); }

 private:
  const HeapCounts* counts_ = nullptr;
};

std::int64_t resident_bytes(unsigned process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/statm");
  std::int64_t pages = 0;
  file >> pages >> pages;
  return pages * ::sysconf(_SC_PAGESIZE);
}

class Measurement {
 public:
  explicit Measurement(const Options& options)
      : options_(options),
        heap_(options.heap),
        address_{"127.0.0.1", static_cast<std::uint16_t>(
                                  std::stoi(options.url.substr(options.url.rfind(':') + 1)))} {}

  bool run() {
    if (!heap_.is_there()) {
      std::fprintf(stderr, "meridian_bench_memory: no heap counter in %s\n", options_.heap.c_str());
      return false;
    }
    std::printf("%-44s %12s %12s\n", "bytes of the heap for each", "measured", "budget");
    return warm_up() && measure_idle() && measure_tracks();
  }

 private:
  using Clients = std::vector<std::unique_ptr<LoadClient>>;
  enum class Hears : std::uint8_t { kNothing, kAll };

  template <class Done>
  bool run_until(Duration limit, Done&& done) {
    const Instant end = io::monotonic_now() + limit;
    while (!done()) {
      if (io::monotonic_now() >= end) {
        return false;
      }
      context_.run_for(kTick);
      context_.restart();
      const Instant now = io::monotonic_now();
      for (Clients* group : groups_) {
        for (const auto& client : *group) {
          client->handle_timeout(now);
        }
      }
    }
    return true;
  }
  void settle() {
    run_until(kSettle, [] { return false; });
  }

  LoadClient& join(Clients& group, const std::string& room, Hears hears, unsigned sections = 3) {
    test::LivekitSettings settings;
    settings.identity = "person-" + std::to_string(++joined_);
    settings.room = room;
    settings.api_key = "benchkey";
    settings.api_secret = "benchsecret";
    settings.auto_subscribe = hears == Hears::kAll;
    settings.receiving_sections = sections;
    group.push_back(std::make_unique<LoadClient>(
        context_, LoadSettings{.livekit = std::move(settings)}, joined_));
    group.back()->open_channels();
    group.back()->connect(address_);
    run_until(5ms, [] { return false; });
    return *group.back();
  }
  bool wait_for_channels(const Clients& group) {
    const bool is_done = run_until(kJoinDeadline, [&] {
      return std::ranges::all_of(group, [](const auto& one) { return one->has_channels(); });
    });
    if (!is_done) {
      std::fprintf(stderr, "meridian_bench_memory: not everybody has data channels\n");
    }
    settle();
    return is_done;
  }
  void leave(Clients& group) {
    for (const auto& client : group) {
      client->client().leave();
      client->flush();
    }
    settle();
    group.clear();
    settle();
  }

  void row(const std::string& name, std::int64_t bytes, std::int64_t count, std::int64_t budget) {
    const std::int64_t each = bytes / std::max<std::int64_t>(count, 1);
    std::printf("%-44s %12" PRId64, name.c_str(), each);
    if (budget > 0) {
      std::printf(" %12" PRId64 "%s", budget, each > budget ? "   OVER" : "");
    }
    std::printf("\n");
    std::fflush(stdout);
    const std::string key = name.substr(name.find_first_not_of(' '));
    json_ += (json_.empty() ? "\"" : ",\"") + key + "\":" + std::to_string(each);
  }

  /// Tables that grow once, threads' own memory and the like are not anybody's.
  bool warm_up() {
    Clients group;
    groups_ = {&group};
    for (unsigned i = 0; i < 2 * options_.room_size; ++i) {
      join(group, "warm-up", Hears::kAll);
    }
    group.front()->client().publish(1, test::TrackShape::camera());
    group.front()->client().publish(2, test::TrackShape::audio());
    const bool is_done = wait_for_channels(group);
    leave(group);
    groups_.clear();
    return is_done;
  }

  bool measure_idle() {
    Clients group;
    groups_ = {&group};
    const std::int64_t before = heap_.bytes();
    const std::int64_t resident = resident_bytes(options_.process);
    for (unsigned i = 0; i < options_.participants; ++i) {
      join(group, "idle-" + std::to_string(i / options_.room_size), Hears::kAll);
    }
    if (!wait_for_channels(group)) {
      return false;
    }
    row("idle participant with data channels", heap_.bytes() - before, options_.participants,
        static_cast<std::int64_t>(Budget::kIdleParticipant));
    row("  the same, resident memory", resident_bytes(options_.process) - resident,
        options_.participants, 0);
    leave(group);
    row("  left behind when they have gone", heap_.bytes() - before, options_.participants, 0);
    groups_.clear();
    return true;
  }

  bool measure_tracks() {
    Clients publishers;
    Clients subscribers;
    groups_ = {&publishers, &subscribers};
    const unsigned count = options_.publishers;
    for (unsigned i = 0; i < count; ++i) {
      join(publishers, "tracks", Hears::kNothing);
      join(subscribers, "tracks", Hears::kNothing, count);
    }
    if (!wait_for_channels(publishers) || !wait_for_channels(subscribers)) {
      return false;
    }
    publish(publishers, "published microphone", 1, test::TrackShape::audio(), Budget::kSoundLayer);
    publish(publishers, "published camera of three layers", 1000, test::TrackShape::camera(),
            Budget::kCamera);
    subscribe(publishers, subscribers);
    leave(subscribers);
    leave(publishers);
    groups_.clear();
    std::printf("{\"bench\":\"memory\",%s}\n", json_.c_str());
    return true;
  }

  void publish(Clients& publishers, const std::string& name, std::uint32_t source,
               const test::TrackShape& shape, std::size_t budget) {
    const std::int64_t before = heap_.bytes();
    for (const auto& client : publishers) {
      client->client().publish(source++, shape);
      client->flush();
      run_until(5ms, [] { return false; });
    }
    settle();
    row(name, heap_.bytes() - before, static_cast<std::int64_t>(publishers.size()),
        static_cast<std::int64_t>(budget));
  }

  /// The first one of everybody, and then the others: what a way needs once is apart from what each
  /// subscription needs.
  void subscribe(const Clients& publishers, Clients& subscribers) {
    std::vector<std::string> cameras;
    std::vector<std::string> microphones;
    for (const auto& client : publishers) {
      for (const auto& [source, track] : client->client().sent()) {
        (source < 1000 ? microphones : cameras).push_back(track.sid);
      }
    }
    const auto people = static_cast<std::int64_t>(subscribers.size());
    const auto others = people * (static_cast<std::int64_t>(publishers.size()) - 1);
    const auto add = [&](const std::vector<std::string>& sids) {
      const std::int64_t before = heap_.bytes();
      for (const auto& client : subscribers) {
        for (const std::string& sid : sids) {
          client->client().set_subscribed(sid, test::LivekitClient::Wanted::kYes);
        }
        client->flush();
        run_until(5ms, [] { return false; });
      }
      settle();
      return heap_.bytes() - before;
    };
    row("first subscription", add({cameras.front()}), people,
        static_cast<std::int64_t>(Budget::kFirstSubscription));
    row("further subscription of a camera", add({cameras.begin() + 1, cameras.end()}), others,
        static_cast<std::int64_t>(Budget::kSubscription));
    row("first subscription of sound", add({microphones.front()}), people, 0);
    row("further subscription of sound", add({microphones.begin() + 1, microphones.end()}), others,
        static_cast<std::int64_t>(Budget::kSubscription));
  }

  Options options_;
  Heap heap_;
  SignalAddress address_;
  boost::asio::io_context context_;
  std::vector<Clients*> groups_;
  std::uint32_t joined_ = 0;
  std::string json_;
};

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("The heap of a running node for each participant, layer and subscription");
  meridian::bench::Options options;
  app.add_option("--url", options.url, "signalling of the node, ws:// on this machine")->required();
  app.add_option("--heap", options.heap, "file of the node's heap counter")->required();
  app.add_option("--process", options.process, "of the node")->required();
  app.add_option("--participants", options.participants)->check(CLI::Range(10U, 2000U));
  app.add_option("--room-size", options.room_size)->check(CLI::Range(1U, 100U));
  app.add_option("--publishers", options.publishers)->check(CLI::Range(2U, 50U));
  CLI11_PARSE(app, argc, argv);
  try {
    return meridian::bench::Measurement(options).run() ? 0 : 1;
  } catch (const boost::system::system_error& error) {
    std::fprintf(stderr, "meridian_bench_memory: cannot join: %s\n",
                 error.code().message().c_str());
    return 1;
  }
}
