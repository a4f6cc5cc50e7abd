// How long packets stay in a worker that is half and four fifths busy, and how much later they are
// at their subscribers than by way of a program that only copies them. Both on real time, with the
// product's worker thread and its loop. It prints and never judges; docs/benchmarks.md says how to
// read it.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <optional>
#include <poll.h>
#include <random>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/bytes.hpp"
#include "bench/dwell_probe.hpp"
#include "bench/measure.hpp"
#include "bench/rig.hpp"
#include "rtp/packet.hpp"

namespace meridian::bench {
namespace {

constexpr std::size_t kWorkerCore = 0;
constexpr std::size_t kGeneratorCore = 1;
constexpr Duration kTimeouts = 20ms;
constexpr Duration kSettle = 100ms;
constexpr std::array<double, 2> kLoads = {0.5, 0.8};

struct Shape {
  std::size_t rooms;
  std::size_t subscribers;
};

struct Options {
  std::optional<IpAddress> to;
  std::size_t seconds = 4;
  bool is_realtime = false;
};

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}
double microseconds(Duration duration) {
  return 1e6 * seconds(duration);
}

/// Frames of all rooms at random times, as those of many cameras that know nothing of each other.
class Generator {
 public:
  explicit Generator(Rig& rig) : rig_(rig), sent_(rig.settings().rooms), echoed_(sent_) {
    for (std::size_t room = 0; room < sent_.size(); ++room) {
      note(sent_[room], rig_.publish(room));
    }
    rig_.wait(kSettle);
  }

  /// Until `length` is over; `meanwhile` is called each time that nothing is due.
  template <class Meanwhile>
  void run(double frames_per_second, Duration length, const std::optional<SocketAddress>& to,
           Meanwhile&& meanwhile) {
    std::exponential_distribution<double> pause(frames_per_second);
    std::uniform_int_distribution<std::size_t> any_room(0, sent_.size() - 1);
    const Instant end = io::monotonic_now() + length;
    Instant next = io::monotonic_now();
    Instant next_timeouts = next;
    for (Instant now = next; now < end; now = io::monotonic_now()) {
      if (now >= next) {
        const std::size_t room = any_room(random_);
        to ? note(echoed_[room], rig_.publish_elsewhere(room, *to))
           : note(sent_[room], rig_.publish(room));
        next = next +
               std::chrono::duration_cast<Duration>(std::chrono::duration<double>(pause(random_)));
      } else if (now >= next_timeouts) {
        rig_.handle_timeouts(now);
        next_timeouts = now + kTimeouts;
      } else {
        meanwhile(now);
      }
    }
  }

  [[nodiscard]] std::vector<std::uint16_t> last_sequences() const {
    std::vector<std::uint16_t> all;
    for (const Room& room : sent_) {
      all.push_back(room.last_sequence);
    }
    return all;
  }
  /// When the packet with that number was sent, to the worker or the echo, of the last thousands.
  [[nodiscard]] Instant sent_at(std::size_t room, std::uint16_t sequence, bool is_echo) const {
    return (is_echo ? echoed_ : sent_)[room].at[sequence % kRemembered];
  }

 private:
  static constexpr std::size_t kRemembered = 4096;
  struct Room {
    std::uint16_t last_sequence = 0;
    std::array<Instant, kRemembered> at{};
  };
  static void note(Room& room, const Rig::Sent& sent) {
    for (std::size_t i = 0; i < Rig::kBurst; ++i) {
      room.at[static_cast<std::uint16_t>(sent.last_sequence - i) % kRemembered] = sent.at;
    }
    room.last_sequence = sent.last_sequence;
  }

  Rig& rig_;
  std::vector<Room> sent_;
  std::vector<Room> echoed_;
  std::mt19937_64 random_{1};
};

// ---- Time in the worker ------------------------------------------------------------------------

struct Stretch {
  double share = 0;  // of the time that the worker's thread computes
  double packets_per_second = 0;
  double long_turns_per_second = 0;  // longer than a millisecond
};

Stretch run_stretch(Rig& rig, Generator& generator, double frames_per_second, Duration length) {
  const Instant start = io::monotonic_now();
  const Duration time_before = rig.worker_time(0);
  const std::uint64_t before = rig.forwarded(0);
  const std::uint64_t long_before = rig.long_turns();
  generator.run(frames_per_second, length, {}, [](Instant) {});
  const double elapsed = seconds(io::monotonic_now() - start);
  return {.share = seconds(rig.worker_time(0) - time_before) / elapsed,
          .packets_per_second = static_cast<double>(rig.forwarded(0) - before) / elapsed,
          .long_turns_per_second = static_cast<double>(rig.long_turns() - long_before) / elapsed};
}

/// Frames a second that keep the worker that busy.
double find_rate(Rig& rig, Generator& generator, double load, double first_guess) {
  double rate = first_guess;
  for (int i = 0; i < 4; ++i) {
    const Stretch stretch = run_stretch(rig, generator, rate, 700ms);
    rate *= std::clamp(load / std::max(stretch.share, 0.001), 0.2, 4.0);
  }
  return rate;
}

void measure_dwell(const Shape& shape, const Options& options) {
  Rig rig({.workers = 1,
           .rooms = shape.rooms,
           .subscribers = shape.subscribers,
           .to = options.to,
           .is_realtime = options.is_realtime});
  Rig::pin(0, kGeneratorCore);
  DwellProbe probe(rig.worker_socket(0), shape.rooms, shape.subscribers);
  Generator generator(rig);
  double rate = 100;
  for (const double load : kLoads) {
    rate = find_rate(rig, generator, load, rate);
    rig.wait(kSettle);
    probe.learn(generator.last_sequences());
    const std::uint64_t lost_before = rig.lost();
    probe.start();
    const Stretch stretch =
        run_stretch(rig, generator, rate, std::chrono::seconds(options.seconds));
    rig.wait(kSettle);
    const FineHistogram& dwell = probe.stop();
    std::printf(
        "{\"bench\":\"dwell\",\"rooms\":%zu,\"subscribers\":%zu,\"load\":%.1f,"
        "\"share\":%.3f,\"packets_per_second\":%.0f,\"frames_per_second\":%.0f,"
        "\"p50_us\":%.0f,\"p90_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,"
        "\"long_turns_per_second\":%.1f,\"samples\":%llu,\"lost\":%llu,\"strayed\":%zu}\n",
        shape.rooms, shape.subscribers, load, stretch.share, stretch.packets_per_second, rate,
        microseconds(dwell.percentile(0.5)), microseconds(dwell.percentile(0.9)),
        microseconds(dwell.percentile(0.99)), microseconds(dwell.percentile(0.999)),
        stretch.long_turns_per_second, static_cast<unsigned long long>(dwell.total()),
        static_cast<unsigned long long>(rig.lost() - lost_before),
        probe.strayed(generator.last_sequences()));
    std::fflush(stdout);
  }
}

// ---- Beside a bare echo ------------------------------------------------------------------------

/// Sends what it receives to every subscriber of the room, as it is: no more than recvmmsg and
/// sendmmsg, on a thread of its own.
class Echo {
 public:
  Echo(const Rig& rig, bool is_realtime)
      : subscribers_(rig.settings().subscribers), is_realtime_(is_realtime) {
    for (std::size_t i = 0; i < rig.settings().rooms * subscribers_; ++i) {
      addresses_.emplace_back();
      size_ = io::to_sockaddr(rig.subscriber_address(i), addresses_.back());
    }
    thread_ = std::thread([this] { run(); });
  }
  ~Echo() {
    is_over_.store(true, std::memory_order_release);  // which it sees within its patience
    thread_.join();
  }
  Echo(const Echo&) = delete;
  Echo& operator=(const Echo&) = delete;
  [[nodiscard]] SocketAddress address() const { return socket_.local(); }

 private:
  static constexpr std::size_t kMessages = 64;

  void run() {
    Rig::pin(0, kWorkerCore);
    if (is_realtime_) {
      Rig::prefer(0);
    }
    std::vector<std::array<std::uint8_t, 2048>> buffers(kMessages);
    std::array<iovec, kMessages> places{};
    std::array<mmsghdr, kMessages> received{};
    for (std::size_t i = 0; i < kMessages; ++i) {
      places[i] = {buffers[i].data(), buffers[i].size()};
      received[i].msg_hdr.msg_iov = &places[i];
      received[i].msg_hdr.msg_iovlen = 1;
    }
    while (!is_over_.load(std::memory_order_acquire)) {
      pollfd waited{.fd = socket_.descriptor(), .events = POLLIN, .revents = 0};
      (void)::poll(&waited, 1, 100);
      const int count =
          ::recvmmsg(socket_.descriptor(), received.data(), kMessages, MSG_DONTWAIT, nullptr);
      for (int i = 0; i < count; ++i) {
        const auto index = static_cast<std::size_t>(i);
        send({buffers[index].data(), received[index].msg_len});
      }
    }
  }
  void send(MutableBytes packet) {
    if (packet.size() < 12) {
      return;
    }
    const std::size_t room = load_u32(packet.data() + 8) - Rig::kFirstPublisher;
    iovec place{packet.data(), packet.size()};
    std::array<mmsghdr, kMessages> messages{};
    for (std::size_t sent = 0; sent < subscribers_;) {
      const std::size_t count = std::min(kMessages, subscribers_ - sent);
      for (std::size_t i = 0; i < count; ++i) {
        messages[i].msg_hdr.msg_name = &addresses_[room * subscribers_ + sent + i];
        messages[i].msg_hdr.msg_namelen = size_;
        messages[i].msg_hdr.msg_iov = &place;
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      (void)::sendmmsg(socket_.descriptor(), messages.data(), static_cast<unsigned>(count), 0);
      sent += count;
    }
  }

  const std::size_t subscribers_;
  const bool is_realtime_;
  std::vector<sockaddr_storage> addresses_;
  socklen_t size_ = 0;
  io::UdpSocket socket_ = plain_socket();
  std::atomic<bool> is_over_{false};
  std::thread thread_;

  /// Takes datagrams one by one.
  static io::UdpSocket plain_socket() {
    io::UdpSocket socket = open_socket();
    const int off = 0;
    ::setsockopt(socket.descriptor(), SOL_UDP, UDP_GRO, &off, sizeof off);
    return socket;
  }
};

/// What arrives at the subscribers' sockets, by the kernel's stamp there.
class Arrivals {
 public:
  Arrivals(Rig& rig, const Generator& generator)
      : rig_(rig), generator_(generator), offsets_(subscribers()), last_(subscribers()) {}

  /// Nothing moves: what the worker adds to each subscriber's numbers.
  void learn() {
    read(nullptr);
    const auto sequences = generator_.last_sequences();
    for (std::size_t i = 0; i < offsets_.size(); ++i) {
      offsets_[i] = static_cast<std::uint16_t>(last_[i] - sequences[room_of(i)]);
    }
  }
  /// What has come, into `delays` unless that is null.
  void read(FineHistogram* delays) {
    const auto take = [&](std::size_t subscriber, const io::ReceivedDatagram& datagram) {
      const Bytes packet = datagram.bytes;
      if (packet.size() < 12 || rtp::classify(packet) != rtp::PacketKind::kRtp) {
        return;
      }
      const bool is_echo = load_u32(packet.data() + 8) < Rig::kFirstSubscriber;
      const std::uint16_t number = load_u16(packet.data() + 2);
      last_[subscriber] = is_echo ? last_[subscriber] : number;
      if (delays != nullptr) {
        const auto sequence =
            static_cast<std::uint16_t>(number - (is_echo ? 0 : offsets_[subscriber]));
        delays->record(datagram.received -
                       generator_.sent_at(room_of(subscriber), sequence, is_echo));
      }
    };
    while (rig_.receive(take)) {
    }
  }

 private:
  [[nodiscard]] std::size_t subscribers() const {
    return rig_.settings().rooms * rig_.settings().subscribers;
  }
  [[nodiscard]] std::size_t room_of(std::size_t subscriber) const {
    return subscriber / rig_.settings().subscribers;
  }

  Rig& rig_;
  const Generator& generator_;
  std::vector<std::uint16_t> offsets_;
  std::vector<std::uint16_t> last_;
};

void measure_echo(const Shape& shape, const Options& options) {
  constexpr int kTurns = 3;
  constexpr double kFramesPerSecond = 30;  // of each camera
  constexpr Duration kReadInterval = 2ms;
  Rig rig({.workers = 1,
           .rooms = shape.rooms,
           .subscribers = shape.subscribers,
           .is_realtime = options.is_realtime});
  Rig::pin(0, kGeneratorCore);
  Generator generator(rig);
  Arrivals arrivals(rig, generator);
  arrivals.learn();
  const Echo echo(rig, options.is_realtime);
  std::array<FineHistogram, 2> delays;  // by way of the worker, and of the echo
  Instant next_read;
  const double rate = kFramesPerSecond * static_cast<double>(shape.rooms);
  Duration worked{};
  for (int turn = 0; turn < 2 * kTurns; ++turn) {
    FineHistogram& into = delays[static_cast<std::size_t>(turn % 2)];
    const auto to = turn % 2 == 0 ? std::nullopt : std::optional(echo.address());
    const auto read = [&](Instant now) {
      if (now >= next_read) {
        arrivals.read(&into);
        next_read = io::monotonic_now() + kReadInterval;
      }
    };
    const Duration before = rig.worker_time(0);
    generator.run(rate, std::chrono::seconds(options.seconds), to, read);
    worked += turn % 2 == 0 ? rig.worker_time(0) - before : Duration::zero();
    rig.wait(kSettle);
    arrivals.read(&into);
  }
  const auto us = [&](std::size_t way, double part) {
    return microseconds(delays[way].percentile(part));
  };
  std::printf(
      "{\"bench\":\"echo\",\"rooms\":%zu,\"subscribers\":%zu,\"frames_per_second\":%.0f,"
      "\"worker_share\":%.3f,\"node_samples\":%llu,\"node_p50_us\":%.0f,"
      "\"node_p99_us\":%.0f,\"echo_samples\":%llu,\"echo_p50_us\":%.0f,"
      "\"echo_p99_us\":%.0f}\n",
      shape.rooms, shape.subscribers, rate,
      seconds(worked) / (kTurns * static_cast<double>(options.seconds)),
      static_cast<unsigned long long>(delays[0].total()), us(0, 0.5), us(0, 0.99),
      static_cast<unsigned long long>(delays[1].total()), us(1, 0.5), us(1, 0.99));
  std::fflush(stdout);
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  using meridian::bench::Shape;
  CLI::App app("How long packets stay in a worker, and beside a bare echo");
  meridian::bench::Options options;
  std::string to;
  std::string part = "dwell";
  app.add_option("part", part, "dwell or echo")->check(CLI::IsMember({"dwell", "echo"}));
  app.add_option("--to", to, "dwell: send to this address instead of sockets on loopback");
  std::vector<std::size_t> shape;
  app.add_option("--shape", shape, "rooms and subscribers of each, for one row instead of several")
      ->expected(2);
  app.add_flag("--realtime", options.is_realtime,
               "worker and echo before all else on the machine, where others use it");
  app.add_option("--seconds", options.seconds, "that are measured, of each row");
  CLI11_PARSE(app, argc, argv);
  if (!to.empty()) {
    options.to = meridian::IpAddress::parse(to);
    if (!options.to) {
      std::fprintf(stderr, "meridian_bench_dwell: %s is no address\n", to.c_str());
      return 2;
    }
  }
  try {
    if (part == "dwell") {
      const std::vector<Shape> shapes =
          shape.empty() ? std::vector{Shape{40, 10}, Shape{8, 50}, Shape{4, 100}}
                        : std::vector{Shape{shape[0], shape[1]}};
      for (const Shape& one : shapes) {
        meridian::bench::measure_dwell(one, options);
      }
    } else {
      const std::vector<Shape> shapes = shape.empty()
                                            ? std::vector{Shape{1, 50}, Shape{8, 50}, Shape{1, 200}}
                                            : std::vector{Shape{shape[0], shape[1]}};
      for (const Shape& one : shapes) {
        meridian::bench::measure_echo(one, options);
      }
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "meridian_bench_dwell: %s\n", error.what());
    return 1;
  }
  return 0;
}
