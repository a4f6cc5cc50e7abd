#include "bench/conference.hpp"

#include <algorithm>

namespace meridian::bench {

using forward::test::PacketBytes;
using forward::test::token;
using Sample = forward::test::Meeting;
using test::SocketBed;

struct Conference::Publisher {
  Publisher(SocketBed& bed, std::uint32_t position)
      : number(position), client(bed.join(0, socket.local())) {}
  [[nodiscard]] PublicationId publication() const { return PublicationId(100 + number); }

  std::uint32_t number;
  io::UdpSocket socket = open_socket();
  SocketBed::Client& client;
};

Conference::Conference(std::size_t participants, const Sinks& sinks) {
  for (std::uint32_t i = 0; i < participants; ++i) {
    publishers_.push_back(std::make_unique<Publisher>(bed_, i));
    const Publisher& publisher = *publishers_.back();
    bed_.bed.command(0, forward::Publish{.publication = publisher.publication(),
                                         .transport = publisher.client.id,
                                         .room = RoomNumber(1),
                                         .kind = rtp::MediaKind::kVideo});
    bed_.bed.command(
        0, forward::ConfigureReceive{.transport = publisher.client.id,
                                     .extensions = forward::test::extension_ids(),
                                     .sections = {{.mid = token("1"),
                                                   .kind = rtp::MediaKind::kVideo,
                                                   .publication = publisher.publication(),
                                                   .codecs = {forward::test::vp8(Sample::kVp8)},
                                                   .rids = {},
                                                   .sources = {}}}});
  }
  for (std::size_t i = 0; i < participants; ++i) {
    SocketBed::Client& client = bed_.join(0, sinks.addresses()[i]);
    subscribers_.push_back(&client);
    subscribe(i, client);
  }
  next_consent_ = bed_.bed.now.monotonic + kConsent;
}

Conference::~Conference() = default;

void Conference::subscribe(std::size_t participant, const SocketBed::Client& client) {
  const auto count = static_cast<std::uint32_t>(publishers_.size());
  for (const auto& publisher : publishers_) {
    if (publisher->number == participant) {
      continue;
    }
    const auto number = static_cast<std::uint32_t>(participant) * count + publisher->number + 1;
    bed_.bed.command(0, forward::Subscribe{.subscription = SubscriptionId(number),
                                           .publication = publisher->publication(),
                                           .transport = client.id,
                                           .mid = token("1"),
                                           .ssrc = Ssrc(10'000 + number),
                                           .rtx_ssrc = Ssrc(20'000 + number),
                                           .codecs = {forward::test::vp8(102)},
                                           .extensions = forward::test::extension_ids(),
                                           .target = {}});
  }
}

void Conference::publish(Publisher& publisher) {
  const forward::test::RtpFields fields{
      .ssrc = 200 + publisher.number,
      .sequence = static_cast<std::uint16_t>(frame_),
      .timestamp = frame_ * 3000U,
      .payload_type = Sample::kVp8,
      .marker = true,
      .extensions = {
          {1, forward::test::text("1")},
          {5, {static_cast<std::uint8_t>(frame_ >> 8U), static_cast<std::uint8_t>(frame_)}}}};
  PacketBytes payload =
      forward::test::vp8_payload({.is_key = frame_ == 0,
                                  .picture_id = static_cast<std::uint16_t>(frame_ & 0x7fffU),
                                  .tl0 = static_cast<std::uint8_t>(frame_)});
  const std::size_t headers = forward::test::rtp_packet(fields, payload).size();
  payload.resize(payload.size() + kPacketSize - headers, 0x5a);
  publisher.client.peer->send_rtp(forward::test::rtp_packet(fields, payload));
}

Duration Conference::forward_by_memory() {
  std::vector<PacketBytes> datagrams;
  std::vector<node::InboundDatagram> batch;
  for (const auto& publisher : publishers_) {
    while (auto datagram = publisher->client.peer->poll_datagram()) {
      datagrams.push_back(std::move(*datagram));
      batch.push_back({.bytes = datagrams.back(),
                       .from = publisher->client.address,
                       .socket = 0,
                       .received = bed_.bed.now.monotonic});
    }
  }
  const Duration start = cpu_time();
  bed_.bed.worker(0).handle_datagrams(batch, bed_.bed.now);
  bed_.bed.output(0).flush();
  return cpu_time() - start;
}

Duration Conference::turn(Output output) {
  for (const auto& publisher : publishers_) {
    publish(*publisher);
  }
  ++frame_;
  Duration spent{};
  if (output == Output::kCore) {
    spent = forward_by_memory();
  } else {
    for (const auto& publisher : publishers_) {
      bed_.send(publisher->client, publisher->socket);
    }
    const Duration start = cpu_time();
    bed_.turn(0);
    spent = cpu_time() - start;
    for (const auto& publisher : publishers_) {
      bed_.receive(publisher->client, publisher->socket);
    }
  }
  pass_time();
  return spent;
}

void Conference::pass_time() {
  const Instant end = bed_.bed.now.monotonic + 33ms;
  while (bed_.bed.now.monotonic + kTimers <= end) {
    bed_.bed.now.monotonic = bed_.bed.now.monotonic + kTimers;
    bed_.bed.worker(0).handle_timeout(bed_.bed.now);
    bed_.bed.output(0).flush();
  }
  bed_.bed.now.monotonic = end;
  (void)bed_.bed.worker(0).take_events();
  const bool is_due = end >= next_consent_;
  next_consent_ = is_due ? end + kConsent : next_consent_;
  const auto keep = [&](SocketBed::Client& client) {
    if (is_due) {
      client.peer->handle_timeout(end);
    }
  };
  std::ranges::for_each(publishers_, [&](const auto& one) { keep(one->client); });
  std::ranges::for_each(subscribers_, [&](auto* one) { keep(*one); });
  if (is_due) {
    bed_.bed.pump();
  }
  for (const auto& publisher : publishers_) {
    while (publisher->client.peer->poll_rtcp()) {
    }
  }
  for (SocketBed::Client* client : subscribers_) {
    while (client->peer->poll_rtp()) {
    }
    while (client->peer->poll_rtcp()) {
    }
  }
}

std::uint64_t Conference::forwarded() {
  return bed_.bed.counters(0).out(metrics::Traffic::kRtpVideo).packets.value();
}

Cost Conference::measure(Output output, Duration clock_cost) {
  constexpr std::size_t kTurns = 500;
  bed_.bed.output(0).set_flush(nullptr, nullptr);
  if (output == Output::kSockets) {
    bed_.start();
  }
  (void)turn(output);  // streams start
  const std::size_t per_turn = publishers_.size() * (publishers_.size() - 1);
  Cost best;
  for (std::size_t run = 0; run < kRuns; ++run) {
    Duration spent{};
    const std::uint64_t before = forwarded();
    for (std::size_t i = 0; i < kTurns; ++i) {
      spent += turn(output) - clock_cost;
    }
    const std::uint64_t count = forwarded() - before;
    MERIDIAN_CHECK(count == kTurns * per_turn);
    const Cost cost{static_cast<double>(spent.count()) / static_cast<double>(count), 0};
    best = run == 0 || cost.total() < best.total() ? cost : best;
  }
  return best;
}

}  // namespace meridian::bench
