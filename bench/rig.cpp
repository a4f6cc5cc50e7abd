#include "bench/rig.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <sched.h>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/socket.h>
#include <thread>
#include <utility>

#include "base/check.hpp"
#include "bench/measure.hpp"
#include "forward/downlink.hpp"
#include "rtp/packet.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::bench {

using forward::test::PacketBytes;
using forward::test::token;
using Sample = forward::test::Meeting;

namespace {

constexpr Duration kCentury = std::chrono::hours(24 * 365 * 100);
/// Handshakes that are under way at once.
constexpr std::size_t kJoinTogether = 16;
constexpr std::uint32_t kKeyFrameEvery = 50;
constexpr std::uint16_t kFirstPort = 20'000;
constexpr Duration kCheckInterval = 8s;
constexpr Duration kJoinPatience = 30s;
/// Downlink::kPatience, and until the second that follows is divided again.
constexpr Duration kWarmUp = forward::Downlink::kPatience + 1500ms;

PublicationId publication_of(std::size_t room) {
  return PublicationId(static_cast<std::uint32_t>(10 + room));
}

/// The thread of this process that has that name; 0: none.
int find_thread(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string found;
    std::ifstream(task.path() / "comm") >> found;
    if (found == name) {
      return std::stoi(task.path().filename());
    }
  }
  return 0;
}

/// Three descriptors for each client are more than a shell has to give as a rule.
void raise_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

/// The CPU clock of a thread of this process, by its number in the kernel.
clockid_t clock_of(int thread) {
  constexpr unsigned kOfOneThread = 6;  // CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED of the kernel
  return static_cast<clockid_t>((~static_cast<unsigned>(thread) << 3U) | kOfOneThread);
}

}  // namespace

// ---- Making it ---------------------------------------------------------------------------------

Rig::Rig(const Settings& settings) : settings_(settings), rooms_(settings.rooms) {
  raise_descriptors();
  start_workers();
  apply_policy();
  for (std::size_t room = 0; room < settings.rooms; ++room) {
    publishers_.push_back(make_client(0));
    for (std::size_t i = 0; i < settings.subscribers; ++i) {
      subscribers_.push_back(make_client(i * settings.workers / settings.subscribers));
    }
  }
  join(publishers_);
  join(subscribers_);
  for (std::size_t i = 0; settings.to && i < subscribers_.size(); ++i) {
    move_away(*subscribers_[i], static_cast<std::uint16_t>(kFirstPort + i));
  }
  open_rooms();
  for (std::size_t i = 0; i < subscribers_.size(); ++i) {
    subscribe(i);
  }
  warm_up();
}

Rig::~Rig() {
  for (const auto& station : stations_) {
    station->thread->stop();
  }
}

void Rig::start_workers() {
  const std::size_t count = settings_.workers;
  for (std::size_t i = 0; i < count * count; ++i) {
    rings_.push_back(std::make_unique<forward::RelayRing>(node::WorkerConfig::kRelayRingSlots));
  }
  for (std::size_t i = 0; i < count; ++i) {
    auto opened = io::UdpSocket::open({IpAddress::v4({0, 0, 0, 0}), 0});
    MERIDIAN_CHECK(opened);
    std::vector<io::UdpSocket> sockets;
    sockets.push_back(std::move(*opened));
    auto station = std::make_unique<Station>();
    station->address = {IpAddress::v4({127, 0, 0, 1}), sockets[0].local().port};
    node::WorkerConfig config{.index = WorkerIndex(static_cast<std::uint16_t>(i)),
                              .region = RegionId("uk-london"),
                              .certificate = certificate_,
                              .policy = generation_,
                              .random = random_,
                              .counters = station->counters,
                              .relays_in = {},
                              .relays_out = {}};
    for (std::size_t other = 0; other < count; ++other) {
      config.relays_in.push_back(rings_[other * count + i].get());
      config.relays_out.push_back(rings_[i * count + other].get());
    }
    station->thread = std::make_unique<io::WorkerThread>(
        io::WorkerThread::Config{.worker = std::move(config),
                                 .sockets = std::move(sockets),
                                 .sheds_load = false,
                                 .counters = station->io_counters,
                                 .events = events_,
                                 .sctp = sctp_});
    threads_.push_back(station->thread.get());
    stations_.push_back(std::move(station));
  }
  for (std::size_t i = 0; i < count; ++i) {
    threads_[i]->start(threads_);
    int thread = 0;
    while ((thread = find_thread("worker-" + std::to_string(i))) == 0) {
      std::this_thread::yield();
    }
    stations_[i]->clock = clock_of(thread);
    pin(thread, i);
    if (settings_.is_realtime) {
      prefer(thread);
    }
  }
}

void Rig::prefer(int thread) {
  const sched_param least{.sched_priority = 1};
  (void)::sched_setscheduler(thread, SCHED_FIFO, &least);
}

void Rig::pin(int thread, std::size_t core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core % std::max(std::thread::hardware_concurrency(), 1U), &cores);
  (void)::sched_setaffinity(thread, sizeof cores, &cores);
}

void Rig::apply_policy() {
  const residency::AccountPolicy policy(
      {.account = AccountId("acme"), .default_region = RegionId("uk-london"), .opted_in = {}},
      PolicyEpoch(1));
  const auto snapshot = std::make_shared<const residency::PolicySnapshot>(
      generation_.advance(), std::vector{policy}, residency::RegionSet{});
  generation_.lease().renew(snapshot->generation(), io::monotonic_now() + kCentury);
  for (std::size_t i = 0; i < settings_.workers; ++i) {
    command(i, forward::ApplyPolicy{.snapshot = snapshot});
  }
}

void Rig::command(std::size_t worker, forward::Command command) {
  MERIDIAN_CHECK(threads_[worker]->commands().push(std::move(command)) ==
                 io::CommandChannel::Push::kQueued);
}

std::unique_ptr<Rig::Client> Rig::make_client(std::size_t worker) {
  const std::uint32_t number = ++clients_;
  const std::string suffix = std::to_string(number);
  auto client =
      std::make_unique<Client>(Client{.worker = worker,
                                      .id = TransportId(number),
                                      .server = {"server" + suffix, "server-password-" + suffix},
                                      .local = {"client" + suffix, "client-password-" + suffix},
                                      .peer = {},
                                      .socket = open_socket(),
                                      .elsewhere = {}});
  client->peer = std::make_unique<test::Peer>(
      test::PeerSettings{.local = client->local,
                         .remote = client->server,
                         .server_fingerprint = certificate_.fingerprint(),
                         .dtls = {},
                         .check_interval = kCheckInterval},
      number);
  return client;
}

void Rig::join(std::span<const std::unique_ptr<Client>> clients) {
  while (!clients.empty()) {
    const auto group = clients.first(std::min(clients.size(), kJoinTogether));
    clients = clients.subspan(group.size());
    for (const auto& client : group) {
      command(client->worker,
              forward::OpenTransport{.transport = client->id,
                                     .room = RoomNumber(1),
                                     .permit = office_.client(),
                                     .local = client->server,
                                     .remote = client->local,
                                     .remote_fingerprint = client->peer->fingerprint(),
                                     .participant = client->id});
      client->peer->start(io::monotonic_now());
    }
    const auto is_connected = [](const auto& client) { return client->peer->is_connected(); };
    const Instant deadline = io::monotonic_now() + kJoinPatience;
    while (!std::ranges::all_of(group, is_connected)) {
      const Now now = io::now();
      MERIDIAN_CHECK(now.monotonic < deadline);
      for (const auto& client : group) {
        send(*client);
        receive(*client, now);
        if (client->peer->next_timeout() <= now.monotonic) {
          client->peer->handle_timeout(now.monotonic);
        }
      }
    }
  }
}

/// From now on the client is where nobody is: its checks come from there. Only sockets with this
/// option may send from an address that the machine hasn't.
void Rig::move_away(Client& client, std::uint16_t port) {
  client.elsewhere = io::FileDescriptor(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  sockaddr_storage address{};
  const socklen_t size = io::to_sockaddr({*settings_.to, port}, address);
  const int socket = client.elsewhere.get();
  if (::setsockopt(socket, IPPROTO_IP, IP_TRANSPARENT, &on, sizeof on) != 0 ||
      ::bind(socket, reinterpret_cast<const sockaddr*>(&address), size) != 0) {
    throw std::runtime_error("can't send from " + settings_.to->to_string() +
                             ", which needs CAP_NET_ADMIN");
  }
  client.peer->check_now(io::monotonic_now());
  send(client);
}

void Rig::open_rooms() {
  for (std::size_t room = 0; room < rooms_.size(); ++room) {
    const TransportId transport = publishers_[room]->id;
    command(0, forward::Publish{.publication = publication_of(room),
                                .transport = transport,
                                .room = RoomNumber(1),
                                .kind = rtp::MediaKind::kVideo});
    command(0, forward::ConfigureReceive{.transport = transport,
                                         .extensions = forward::test::extension_ids(),
                                         .sections = {{.mid = token("1"),
                                                       .kind = rtp::MediaKind::kVideo,
                                                       .publication = publication_of(room),
                                                       .codecs = {forward::test::vp8(Sample::kVp8)},
                                                       .rids = {},
                                                       .sources = {}}}});
    for (std::size_t worker = 1; worker < settings_.workers; ++worker) {
      const WorkerIndex index(static_cast<std::uint16_t>(worker));
      residency::RelayAdmission admission = office_.relay();
      command(0, forward::OpenRelaySource{.publication = publication_of(room),
                                          .to = index,
                                          .permit = std::move(admission.source)});
      command(worker, forward::OpenRelaySink{.publication = publication_of(room),
                                             .room = RoomNumber(1),
                                             .kind = rtp::MediaKind::kVideo,
                                             .from = WorkerIndex(0),
                                             .permit = std::move(admission.sink)});
    }
  }
}

void Rig::subscribe(std::size_t number) {
  const auto index = static_cast<std::uint32_t>(number);
  const Client& client = *subscribers_[number];
  command(client.worker,
          forward::Subscribe{.subscription = SubscriptionId(1 + index),
                             .publication = publication_of(number / settings_.subscribers),
                             .transport = client.id,
                             .mid = token("1"),
                             .ssrc = Ssrc(kFirstSubscriber + index),
                             .rtx_ssrc = Ssrc(2 * kFirstSubscriber + index),
                             .codecs = {forward::test::vp8(102)},
                             .extensions = forward::test::extension_ids(),
                             .target = {}});
}

/// Slowly enough for the first estimate, until nothing is paced.
void Rig::warm_up() {
  const Instant end = io::monotonic_now() + kWarmUp;
  while (io::monotonic_now() < end) {
    for (std::size_t room = 0; room < rooms_.size(); ++room) {
      publish(room);
    }
    wait(100ms);
  }
  wait(100ms);
  for (std::size_t i = 0; settings_.to && i < subscribers_.size(); ++i) {
    receive(*subscribers_[i], io::now());
    MERIDIAN_CHECK(subscribers_[i]->media == 0);  // all of it goes elsewhere
  }
}

// ---- Clients -----------------------------------------------------------------------------------

void Rig::send(Client& client) {
  sockaddr_storage address{};
  const socklen_t size = io::to_sockaddr(stations_[client.worker]->address, address);
  const int socket =
      client.elsewhere.is_open() ? client.elsewhere.get() : client.socket.descriptor();
  while (const auto datagram = client.peer->poll_datagram()) {
    (void)::sendto(socket, datagram->data(), datagram->size(), 0,
                   reinterpret_cast<const sockaddr*>(&address), size);
  }
}

void Rig::receive(Client& client, const Now& now) {
  (void)client.socket.receive(batch_, now);
  for (const io::ReceivedDatagram& datagram : batch_.datagrams()) {
    const auto kind = rtp::classify(datagram.bytes);
    if (kind == rtp::PacketKind::kRtp) {
      ++client.media;
    } else if (kind != rtp::PacketKind::kRtcp) {  // reports are for nobody
      client.peer->handle_datagram(datagram.bytes, now.monotonic);
    }
  }
}

void Rig::handle_timeouts(Instant now) {
  for (const auto* clients : {&publishers_, &subscribers_}) {
    for (const auto& client : *clients) {
      if (client->peer->next_timeout() <= now) {
        client->peer->handle_timeout(now);
        send(*client);
      }
    }
  }
  for (const auto& client : publishers_) {
    receive(*client, io::now());
  }
  (void)events_.drain();
  (void)sctp_.drain();
}

void Rig::wait(Duration duration) {
  const Instant end = io::monotonic_now() + duration;
  while (io::monotonic_now() < end) {
    handle_timeouts(io::monotonic_now());
    std::this_thread::sleep_for(std::min(end - io::monotonic_now(), Duration(10ms)));
  }
}

// ---- Media -------------------------------------------------------------------------------------

void Rig::make_frame(std::size_t index) {
  Room& room = rooms_[index];
  const auto ticks = static_cast<std::uint32_t>(io::read_clock(CLOCK_MONOTONIC) / 11'111ns);
  room.timestamp = room.frame == 0 ? ticks : std::max(room.timestamp + 1, ticks);
  for (std::size_t i = 0; i < kBurst; ++i) {
    ++room.transport_sequence;
    const forward::test::RtpFields fields{
        .ssrc = kFirstPublisher + static_cast<std::uint32_t>(index),
        .sequence = ++room.sequence,
        .timestamp = room.timestamp,
        .payload_type = Sample::kVp8,
        .marker = i + 1 == kBurst,
        .extensions = {{1, forward::test::text("1")},
                       {5,
                        {static_cast<std::uint8_t>(room.transport_sequence >> 8U),
                         static_cast<std::uint8_t>(room.transport_sequence)}}}};
    PacketBytes payload =
        forward::test::vp8_payload({.is_key = room.frame % kKeyFrameEvery == 0,
                                    .starts = i == 0,
                                    .picture_id = static_cast<std::uint16_t>(room.frame & 0x7fffU),
                                    .tl0 = static_cast<std::uint8_t>(room.frame)});
    const std::size_t headers = forward::test::rtp_packet(fields, payload).size();
    payload.resize(payload.size() + kPacketSize - headers, 0x5a);
    test::Peer& peer = *publishers_[index]->peer;
    MERIDIAN_CHECK(peer.send_rtp(forward::test::rtp_packet(fields, payload)));
    frame_[i] = std::move(*peer.poll_datagram());
  }
  ++room.frame;
}

/// One call, a message for each packet or one for all.
void Rig::send_frame(std::size_t room, const SocketAddress& to) {
  io::UdpSocket& socket = publishers_[room]->socket;
  if (settings_.joins_bursts) {
    std::array<io::SendItem, kBurst> items{};
    for (std::size_t i = 0; i < kBurst; ++i) {
      items[i] = {to, frame_[i]};
    }
    (void)socket.send(items);
    return;
  }
  sockaddr_storage address{};
  const socklen_t size = io::to_sockaddr(to, address);
  std::array<mmsghdr, kBurst> headers{};
  std::array<iovec, kBurst> vectors{};
  for (std::size_t i = 0; i < kBurst; ++i) {
    vectors[i] = {frame_[i].data(), frame_[i].size()};
    headers[i].msg_hdr.msg_name = &address;
    headers[i].msg_hdr.msg_namelen = size;
    headers[i].msg_hdr.msg_iov = &vectors[i];
    headers[i].msg_hdr.msg_iovlen = 1;
  }
  (void)::sendmmsg(socket.descriptor(), headers.data(), kBurst, 0);
}

Rig::Sent Rig::publish(std::size_t room) {
  make_frame(room);
  const Sent sent{.at = io::monotonic_now(), .last_sequence = rooms_[room].sequence};
  send_frame(room, stations_[0]->address);
  return sent;
}

Rig::Sent Rig::publish_elsewhere(std::size_t index, const SocketAddress& to) {
  Room& room = rooms_[index];
  for (PacketBytes& packet : frame_) {
    store_u16(packet.data() + 2, ++room.sequence_elsewhere);
    store_u32(packet.data() + 8, kFirstPublisher + static_cast<std::uint32_t>(index));
  }
  const Sent sent{.at = io::monotonic_now(), .last_sequence = room.sequence_elsewhere};
  send_frame(index, to);
  return sent;
}

// ---- What is seen ------------------------------------------------------------------------------

std::uint64_t Rig::forwarded(std::size_t worker) const {
  return stations_[worker]
      ->counters.sent[static_cast<std::size_t>(metrics::Traffic::kRtpVideo)]
      .packets.value();
}

std::uint64_t Rig::relayed() const {
  return stations_[0]
      ->counters.sent[static_cast<std::size_t>(metrics::Traffic::kRelay)]
      .packets.value();
}

std::uint64_t Rig::messages() const {
  std::uint64_t sum = 0;
  for (const auto& station : stations_) {
    sum += station->io_counters.messages_sent.value();
  }
  return sum;
}

std::uint64_t Rig::lost() const {
  std::uint64_t sum = 0;
  for (const auto& station : stations_) {
    sum += station->io_counters.kernel_drops.value() + station->io_counters.sends_lost.value();
  }
  return sum;
}

std::uint64_t Rig::long_turns() const {
  const metrics::LatencyHistogram& turns = stations_[0]->io_counters.loop_lag;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i <= turns.kBounds.size(); ++i) {
    sum += i == turns.kBounds.size() || turns.kBounds[i] > 1ms ? turns.count(i) : 0;
  }
  return sum;
}

Duration Rig::worker_time(std::size_t worker) const {
  return io::read_clock(stations_[worker]->clock);
}

int Rig::worker_socket(std::size_t worker) const {
  return threads_[worker]->sockets()[0].descriptor();
}

SocketAddress Rig::subscriber_address(std::size_t subscriber) const {
  return subscribers_[subscriber]->socket.local();
}

}  // namespace meridian::bench
