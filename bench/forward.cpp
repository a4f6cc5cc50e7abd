// CPU time per forwarded packet: one publisher, N subscribers with transports and keys of their
// own, and the worker that forwards between them; the time of its thread only. Two ways: `core`
// throws the datagrams away where they would be sent; `sockets` receives and sends as `io` does.
// It prints and never judges; docs/benchmarks.md says how to read it.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "bench/conference.hpp"
#include "bench/measure.hpp"
#include "support/socket_bed.hpp"

namespace meridian::bench {
namespace {

using forward::test::PacketBytes;
using forward::test::token;
using Sample = forward::test::Meeting;
using test::SocketBed;

/// AEAD_AES_256_GCM (RFC 7714).
constexpr std::uint16_t kProfile = 0x0008;
constexpr std::size_t kPacketsPerRun = 40'000;
constexpr std::size_t kMaxTurnsPerRun = 1500;

struct Shape {
  const char* name;
  rtp::MediaKind kind;
  std::size_t packet_size;  // RTP header to end of payload
  std::size_t burst;        // packets that come together
  Duration interval;
};
constexpr Shape kVideo{"video 1200 B, bursts of 8", rtp::MediaKind::kVideo, 1200, 8, 33'333us};
constexpr Shape kAudio{"audio 120 B, single", rtp::MediaKind::kAudio, 120, 1, 20ms};

class Meeting {
 public:
  Meeting(std::size_t subscribers, const Sinks& sinks)
      : publisher_(bed_.join(0, publisher_socket_.local())) {
    bed_.bed.command(0, publication(Sample::kMicrophone, rtp::MediaKind::kAudio));
    bed_.bed.command(0, publication(Sample::kCamera, rtp::MediaKind::kVideo));
    bed_.bed.command(0, Sample::configuration(publisher_.id, {}));
    clients_.push_back(&publisher_);
    std::uint32_t number = 1;
    for (std::size_t i = 0; i < subscribers; ++i) {
      SocketBed::Client& client = bed_.join(0, sinks.addresses()[i]);
      MERIDIAN_CHECK(client.peer->srtp_profile() == kProfile);
      clients_.push_back(&client);
      subscribe(client, Sample::kMicrophone, number++);
      subscribe(client, Sample::kCamera, number++);
    }
    next_consent_ = bed_.bed.now.monotonic + kConsent;
  }

  /// The best of some runs: whatever disturbs only adds.
  [[nodiscard]] Cost measure(const Shape& shape, Output output, Duration clock_cost) {
    const std::size_t subscribers = clients_.size() - 1;
    const std::size_t per_turn = subscribers * shape.burst;
    const std::size_t turns =
        std::clamp<std::size_t>(kPacketsPerRun / per_turn, 1, kMaxTurnsPerRun);
    output_ = output;
    bed_.bed.output(0).set_flush(nullptr, nullptr);
    if (output == Output::kSockets) {
      bed_.start();
    }
    turn(shape);  // streams start
    Cost best;
    for (std::size_t run = 0; run < kRuns; ++run) {
      packet_time_ = timer_time_ = {};
      const std::uint64_t before = forwarded(shape.kind);
      for (std::size_t i = 0; i < turns; ++i) {
        turn(shape);
        packet_time_ -= clock_cost;
        timer_time_ -= clock_cost;
      }
      const std::uint64_t count = forwarded(shape.kind) - before;
      MERIDIAN_CHECK(count == turns * per_turn);
      const auto per_packet = [&](Duration time) {
        return std::max(0.0, static_cast<double>(time.count()) / static_cast<double>(count));
      };
      const Cost cost{per_packet(packet_time_), per_packet(timer_time_)};
      best = run == 0 || cost.total() < best.total() ? cost : best;
    }
    return best;
  }

 private:
  [[nodiscard]] forward::Publish publication(PublicationId id, rtp::MediaKind kind) const {
    return {.publication = id, .transport = publisher_.id, .room = RoomNumber(1), .kind = kind};
  }
  void subscribe(const SocketBed::Client& client, PublicationId id, std::uint32_t number) {
    const bool is_video = id == Sample::kCamera;
    bed_.bed.command(0, forward::Subscribe{.subscription = SubscriptionId(number),
                                           .publication = id,
                                           .transport = client.id,
                                           .mid = token(is_video ? "1" : "0"),
                                           .ssrc = Ssrc(10'000 + number),
                                           .rtx_ssrc = is_video ? Ssrc(20'000 + number) : Ssrc{},
                                           .codecs = {is_video ? forward::test::vp8(102)
                                                               : forward::test::opus(112)},
                                           .extensions = forward::test::extension_ids(),
                                           .target = {}});
  }
  [[nodiscard]] std::uint64_t forwarded(rtp::MediaKind kind) {
    return bed_.bed.counters(0)
        .out(kind == rtp::MediaKind::kVideo ? metrics::Traffic::kRtpVideo
                                            : metrics::Traffic::kRtpAudio)
        .packets.value();
  }

  void publish(const Shape& shape) {
    const bool is_video = shape.kind == rtp::MediaKind::kVideo;
    for (std::size_t i = 0; i < shape.burst; ++i) {
      forward::test::RtpFields fields{
          .ssrc = is_video ? 200U : 100U,
          .sequence = is_video ? video_sequence_++ : audio_sequence_++,
          .timestamp = frame_ * (is_video ? 3000U : 960U),
          .payload_type = is_video ? Sample::kVp8 : Sample::kOpus,
          .marker = is_video && i + 1 == shape.burst,
          .extensions = {{1, forward::test::text(is_video ? "1" : "0")}}};
      if (is_video) {
        ++transport_sequence_;
        fields.extensions.push_back({5,
                                     {static_cast<std::uint8_t>(transport_sequence_ >> 8U),
                                      static_cast<std::uint8_t>(transport_sequence_)}});
      } else {
        fields.extensions.push_back({4, {30}});
      }
      PacketBytes payload = is_video
                                ? forward::test::vp8_payload(
                                      {.is_key = !has_key_frame_,
                                       .starts = i == 0,
                                       .picture_id = static_cast<std::uint16_t>(frame_ & 0x7fffU),
                                       .tl0 = static_cast<std::uint8_t>(frame_)})
                                : PacketBytes(40, 7);
      const std::size_t headers = forward::test::rtp_packet(fields, payload).size();
      payload.resize(payload.size() + shape.packet_size - headers, 0x5a);
      publisher_.peer->send_rtp(forward::test::rtp_packet(fields, payload));
    }
    has_key_frame_ = has_key_frame_ || is_video;
    ++frame_;
  }

  /// What comes together, forwarded; then the timers until the next comes.
  void turn(const Shape& shape) {
    publish(shape);
    output_ == Output::kSockets ? forward_by_sockets() : forward_by_memory();
    const Instant end = bed_.bed.now.monotonic + shape.interval;
    const Duration start = cpu_time();
    while (bed_.bed.now.monotonic + kTimers <= end) {
      bed_.bed.now.monotonic = bed_.bed.now.monotonic + kTimers;
      bed_.bed.worker(0).handle_timeout(bed_.bed.now);
      bed_.bed.output(0).flush();
    }
    timer_time_ += cpu_time() - start;
    bed_.bed.now.monotonic = end;
    (void)bed_.bed.worker(0).take_events();
    keep_consent();
  }
  void forward_by_sockets() {
    bed_.send(publisher_, publisher_socket_);
    const Duration start = cpu_time();
    bed_.turn(0);
    packet_time_ += cpu_time() - start;
    bed_.receive(publisher_, publisher_socket_);
    drain(publisher_);
  }
  void forward_by_memory() {
    std::vector<PacketBytes> datagrams;
    std::vector<node::InboundDatagram> batch;
    while (auto datagram = publisher_.peer->poll_datagram()) {
      datagrams.push_back(std::move(*datagram));
      batch.push_back({.bytes = datagrams.back(),
                       .from = publisher_.address,
                       .socket = 0,
                       .received = bed_.bed.now.monotonic});
    }
    const Duration start = cpu_time();
    bed_.bed.worker(0).handle_datagrams(batch, bed_.bed.now);
    bed_.bed.output(0).flush();
    packet_time_ += cpu_time() - start;
  }

  /// The clients go on answering for their addresses; nobody pays for that here.
  void keep_consent() {
    if (bed_.bed.now.monotonic < next_consent_) {
      return;
    }
    next_consent_ = bed_.bed.now.monotonic + kConsent;
    for (SocketBed::Client* client : clients_) {
      client->peer->handle_timeout(bed_.bed.now.monotonic);
    }
    bed_.bed.pump();
    for (SocketBed::Client* client : clients_) {
      drain(*client);
    }
  }
  static void drain(SocketBed::Client& client) {
    while (client.peer->poll_rtp()) {
    }
    while (client.peer->poll_rtcp()) {
    }
  }

  SocketBed bed_{1};
  io::UdpSocket publisher_socket_ = open_socket();
  SocketBed::Client& publisher_;
  std::vector<SocketBed::Client*> clients_;
  Output output_ = Output::kCore;
  Duration packet_time_{};
  Duration timer_time_{};
  Instant next_consent_;
  std::uint32_t frame_ = 0;
  std::uint16_t video_sequence_ = 0;
  std::uint16_t audio_sequence_ = 0;
  std::uint16_t transport_sequence_ = 0;
  bool has_key_frame_ = false;
};

/// A copy and a sendto for each packet, nothing else: what a socket costs that sends one by one.
[[nodiscard]] double measure_sendto(const Sinks& sinks, std::size_t size) {
  const io::UdpSocket socket = std::move(*io::UdpSocket::open({IpAddress::v4({0, 0, 0, 0}), 0}));
  const std::vector<std::uint8_t> packet(size, 0x5a);
  std::vector<std::uint8_t> copy(size);
  double best = 0;
  for (std::size_t run = 0; run < kRuns; ++run) {
    std::size_t count = 0;
    const Duration start = cpu_time();
    while (count < kPacketsPerRun) {
      for (const SocketAddress& to : sinks.addresses()) {
        sockaddr_storage address{};
        const socklen_t length = io::to_sockaddr(to, address);
        std::ranges::copy(packet, copy.begin());
        ::sendto(socket.descriptor(), copy.data(), copy.size(), 0,
                 reinterpret_cast<const sockaddr*>(&address), length);
        ++count;
      }
    }
    const double cost =
        static_cast<double>((cpu_time() - start).count()) / static_cast<double>(count);
    best = run == 0 ? cost : std::min(best, cost);
  }
  return best;
}

/// From the ideal forwarder, when it was measured before us on this machine; microseconds.
struct Floor {
  double sendto = 0;
  double video = 0;
  double audio = 0;
  std::vector<double> conferences = {};  // by Options::conferences
};

struct Options {
  std::optional<IpAddress> to;
  Floor floor;
  std::vector<std::size_t> subscribers = {1, 50, 200, 500};
  std::vector<std::size_t> conferences = {4, 10};
};

/// What is measured, and what it is compared with.
struct Row {
  const char* name;
  const char* kind;
  std::size_t participants;
  Output output;
  double sendto;  // microseconds
  double ideal;   // microseconds; 0: not measured
};

void print(const Row& row, const Cost& cost) {
  const double us = cost.total() / 1000;
  const char* output = row.output == Output::kCore ? "core" : "sockets";
  std::printf("%-26s %5zu  %-8s %8.3f %8.3f %8.3f %8.2f", row.name, row.participants, output,
              cost.packets / 1000, cost.timers / 1000, us, us / row.sendto);
  if (row.ideal > 0) {
    std::printf(" %8.2f", us / row.ideal);
  }
  std::printf("\n");
  std::printf(
      "{\"bench\":\"forward\",\"kind\":\"%s\",\"participants\":%zu,\"output\":\"%s\","
      "\"us_packets\":%.3f,\"us_timers\":%.3f,\"us\":%.3f,\"of_sendto\":%.3f,"
      "\"of_ideal\":%.3f}\n",
      row.kind, row.participants, output, cost.packets / 1000, cost.timers / 1000, us,
      us / row.sendto, row.ideal > 0 ? us / row.ideal : 0.0);
  std::fflush(stdout);
}

/// One publisher, many subscribers.
void measure_meetings(const Options& options, double sendto, Duration clock) {
  for (const std::size_t subscribers : options.subscribers) {
    const Sinks sinks(subscribers, options.to);
    Meeting meeting(subscribers, sinks);
    for (const Shape& shape : {kVideo, kAudio}) {
      const bool is_video = shape.kind == rtp::MediaKind::kVideo;
      for (const Output output : {Output::kCore, Output::kSockets}) {
        print({.name = shape.name,
               .kind = is_video ? "video" : "audio",
               .participants = subscribers,
               .output = output,
               .sendto = sendto,
               .ideal = is_video ? options.floor.video : options.floor.audio},
              meeting.measure(shape, output, clock));
      }
    }
  }
}

/// Small meetings in which everybody publishes.
void measure_conferences(const Options& options, double sendto, Duration clock) {
  for (std::size_t i = 0; i < options.conferences.size(); ++i) {
    const Sinks sinks(options.conferences[i], options.to);
    Conference conference(options.conferences[i], sinks);
    for (const Output output : {Output::kCore, Output::kSockets}) {
      print({.name = "video 1200 B, all publish",
             .kind = "conference",
             .participants = options.conferences[i],
             .output = output,
             .sendto = sendto,
             .ideal = i < options.floor.conferences.size() ? options.floor.conferences[i] : 0},
            conference.measure(output, clock));
    }
  }
}

int run(const Options& options) {
  const Duration clock = clock_cost();
  double sendto = options.floor.sendto;
  {
    const Sinks sinks(50, options.to);
    const double own = measure_sendto(sinks, kVideo.packet_size + 16) / 1000;
    std::printf("a copy and a sendto, 1216 B, 50 destinations: %.3f us\n", own);
    if (sendto == 0) {
      sendto = own;
    } else {
      std::printf("of the ideal forwarder's run: sendto %.3f us, video %.3f us, audio %.3f us\n",
                  sendto, options.floor.video, options.floor.audio);
    }
  }
  std::printf("\nmicroseconds of CPU for each forwarded packet, the best of %zu runs\n", kRuns);
  std::printf("%-26s %5s  %-8s %8s %8s %8s %8s%s\n", "media", "peers", "output", "packets",
              "timers", "total", "/sendto", options.floor.video > 0 ? "   /ideal" : "");
  measure_meetings(options, sendto, clock);
  measure_conferences(options, sendto, clock);
  return 0;
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("CPU time per forwarded packet");
  meridian::bench::Options options;
  std::string to;
  app.add_option("--to", to, "send to this address instead of sockets on loopback");
  app.add_option("--subscribers", options.subscribers, "how many, for each row");
  app.add_option("--conferences", options.conferences, "participants who all publish");
  app.add_option("--floor-sendto", options.floor.sendto, "us a packet: a copy and a sendto");
  app.add_option("--floor-video", options.floor.video, "us a packet: ideal forwarder, bursts of 8");
  app.add_option("--floor-audio", options.floor.audio, "us a packet: ideal forwarder, single");
  app.add_option("--floor-conferences", options.floor.conferences,
                 "us a packet: ideal forwarder, for each of --conferences");
  CLI11_PARSE(app, argc, argv);
  options.to = to.empty() ? std::nullopt : meridian::IpAddress::parse(to);
  if (!to.empty() && !options.to) {
    std::fprintf(stderr, "meridian_bench_forward: %s is no address\n", to.c_str());
    return 2;
  }
  return meridian::bench::run(options);
}
