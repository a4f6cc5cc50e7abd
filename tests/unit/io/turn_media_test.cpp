// TURN over streams: real loopback connections and a worker on simulated time.
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "io/tcp_media.hpp"
#include "io/udp_socket.hpp"
#include "support/turn_client.hpp"
#include "turn/stream_reader.hpp"
#include "unit/node/worker_bed.hpp"

namespace meridian::io {
namespace {

using test::TurnClient;
using Packet = std::vector<std::uint8_t>;

constexpr std::uint16_t kChannel = 0x4001;
const SocketAddress kPeer = *SocketAddress::parse("198.51.100.200:7900");

/// A client's end: what it received, cut into messages.
class TurnStream {
 public:
  explicit TurnStream(FileDescriptor socket) : socket_(std::move(socket)) {
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
  }
  static TurnStream connect(const SocketAddress& to) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr(to, address);
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    return TurnStream(std::move(socket));
  }
  void send(Bytes bytes) const {
    (void)::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  std::vector<Packet> receive() {
    std::vector<Packet> messages;
    std::array<std::uint8_t, 65536> buffer;
    while (true) {
      const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) {
        is_over_ = size == 0 || errno != EAGAIN;
        return messages;
      }
      EXPECT_EQ(reader_.take(MutableBytes(buffer).first(static_cast<std::size_t>(size)),
                             [&](MutableBytes m) { messages.emplace_back(m.begin(), m.end()); }),
                turn::StreamReader::Take::kFine);
    }
  }
  bool is_over() {
    (void)receive();
    return is_over_;
  }

 private:
  FileDescriptor socket_;
  turn::StreamReader reader_;
  bool is_over_ = false;
};

class TurnMediaTest : public testing::Test {
 protected:
  TurnMediaTest() {
    media_.start();
    bed_.output().set_flush(
        [](void* test, transport::SendBatch& batch) {
          auto* self = static_cast<TurnMediaTest*>(test);
          for (const transport::OutboundDatagram& datagram : batch.datagrams()) {
            self->media_.send(datagram, self->bed_.now.monotonic);
          }
        },
        this);
  }
  static std::vector<TcpListener> listen() {
    std::vector<TcpListener> listeners;
    listeners.push_back(std::move(*TcpListener::open({IpAddress::v4({127, 0, 0, 1}), 0})));
    return listeners;
  }
  static bool may_send(void* worker, TransportId transport, Instant now) {
    return static_cast<node::Worker*>(worker)->may_send(transport, now);
  }
  static void handle_sent(void* worker, TransportId transport, Bytes datagram) {
    static_cast<node::Worker*>(worker)->handle_sent(transport, datagram);
  }
  void turn() {
    context_.restart();
    context_.poll();
    media_.follow(bed_.worker(), bed_.now);
    (void)media_.receive(bed_.worker(), bed_.now);
    while (bed_.worker().handle_handshakes(bed_.now)) {
    }
    bed_.output().flush();
    media_.flush(bed_.now.monotonic);
    media_.handle_timeout(bed_.worker(), bed_.now.monotonic);
  }
  template <class Condition>
  void until(const Condition& condition) {
    const Instant deadline = monotonic_now() + 60s;
    while (!condition() && monotonic_now() < deadline) {
      turn();
      std::this_thread::yield();
    }
    ASSERT_TRUE(condition());
  }
  TurnClient client_of(TransportId participant) {
    return TurnClient(
        turn::issue(secret_, {bed_.now.wall + turn::kCredentialTime, WorkerIndex(0), participant}));
  }
  /// What comes next.
  std::vector<Packet> answers_to(TurnStream& stream) {
    std::vector<Packet> answers;
    until([&] {
      for (Packet& one : stream.receive()) {
        answers.push_back(std::move(one));
      }
      return !answers.empty();
    });
    return answers;
  }
  TurnClient::Answer ask(TurnStream& stream, TurnClient& client, const Packet& request) {
    stream.send(request);
    const std::vector<Packet> answers = answers_to(stream);
    return answers.empty() ? TurnClient::Answer{} : client.read(answers.front());
  }
  TurnClient::Answer allocate(TurnStream& stream, TurnClient& client) {
    (void)ask(stream, client, client.allocate());
    return ask(stream, client, client.allocate());
  }
  void bind(TurnStream& stream, TurnClient& client) {
    const auto bound = ask(stream, client, client.request(turn::kChannelBind, [](auto& writer) {
      writer.u16(turn::kChannelNumber, kChannel).address(turn::kXorPeerAddress, kPeer);
    }));
    ASSERT_TRUE(bound.is_success) << bound.code;
  }
  /// Carries what the peer says and hears through the channel.
  void exchange(node::test::BedClient& client, TurnStream& stream) const {
    while (const auto datagram = client.peer->poll_datagram()) {
      stream.send(TurnClient::channel_data(kChannel, *datagram, (4 - datagram->size() % 4) % 4));
    }
    for (const Packet& message : stream.receive()) {
      ASSERT_EQ(load_u16(message.data()), kChannel);
      const std::size_t size = load_u16(message.data() + 2);
      client.peer->handle_datagram(Bytes(message).subspan(turn::kChannelHeaderSize, size),
                                   bed_.now.monotonic);
    }
  }
  /// Somebody whose media goes over this allocation.
  void meet(node::test::BedClient& client, TurnStream& stream) {
    client.peer->start(bed_.now.monotonic);
    until([&] {
      exchange(client, stream);
      return client.peer->is_connected();
    });
  }

  node::test::WorkerBed bed_;
  boost::asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::vector<TcpListener> listeners_ = listen();
  IoCounters counters_;
  turn::Counters turn_counters_;
  SeededRandomSource random_{1};
  turn::Secret secret_{random_};
  turn::Server server_{{.secret = secret_,
                        .worker = WorkerIndex(0),
                        .peers = {kPeer},
                        .random = random_,
                        .counters = turn_counters_,
                        .admits = [this](TransportId id) { return bed_.worker().may_relay(id); }}};
  TcpMedia media_{context_,
                  listeners_,
                  {&may_send, &handle_sent, &bed_.worker()},
                  counters_,
                  {.server = &server_}};
};

TEST_F(TurnMediaTest, a_client_connects_its_media_over_turn) {
  auto& ann = bed_.add_client();
  bed_.open(ann);
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  TurnClient client = client_of(ann.id);
  const auto answer = allocate(stream, client);
  ASSERT_TRUE(answer.is_success) << answer.code;
  bind(stream, client);
  meet(ann, stream);
  EXPECT_EQ(ann.peer->mapped_address(), answer.relayed) << "to the worker it comes from there";
  EXPECT_EQ(counters_.sends_refused.value(), 0U);
}

TEST_F(TurnMediaTest, an_allocation_waits_for_its_participant) {
  auto& ann = bed_.add_client();
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  TurnClient client = client_of(ann.id);
  (void)ask(stream, client, client.allocate());
  const Packet request = client.allocate();
  stream.send(request);
  for (int i = 0; i < 20; ++i) {
    turn();
    EXPECT_TRUE(stream.receive().empty());
  }
  bed_.open(ann);
  const std::vector<Packet> answers = answers_to(stream);
  ASSERT_FALSE(answers.empty());
  EXPECT_TRUE(client.read(answers[0]).is_success);
}

TEST_F(TurnMediaTest, who_never_comes_is_a_stranger) {
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  TurnClient client = client_of(TransportId(77));
  (void)ask(stream, client, client.allocate());
  stream.send(client.allocate());
  until([&] { return counters_.tcp_connections.value() == 1; });
  turn();
  bed_.now.monotonic = bed_.now.monotonic + TcpMedia::kStrangerTime + TcpMedia::kSweepInterval;
  until([&] { return stream.is_over(); });
  EXPECT_EQ(counters_.tcp_timeouts.value(), 1U);
}

TEST_F(TurnMediaTest, an_allocation_reaches_only_its_own_participant) {
  auto& ann = bed_.add_client();
  auto& ben = bed_.add_client();
  bed_.open(ann);
  bed_.open(ben);
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  TurnClient client = client_of(ann.id);
  ASSERT_TRUE(allocate(stream, client).is_success);
  bind(stream, client);
  ben.peer->start(bed_.now.monotonic);
  exchange(ben, stream);
  until([&] { return bed_.dropped(metrics::DropReason::kRelayedForOther) > 0; });
  EXPECT_FALSE(ben.peer->is_ice_connected());
}

TEST_F(TurnMediaTest, a_connection_is_reset_when_the_permit_is_gone) {
  auto& ann = bed_.add_client();
  bed_.open(ann);
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  TurnClient client = client_of(ann.id);
  ASSERT_TRUE(allocate(stream, client).is_success);
  bind(stream, client);
  meet(ann, stream);
  bed_.deny();
  media_.follow(bed_.worker(), bed_.now);
  EXPECT_EQ(turn_counters_.allocations.value(), 0U) << "in the same turn";
  EXPECT_EQ(counters_.tcp_connections.value(), 0U);
  until([&] { return stream.is_over(); });
}

TEST_F(TurnMediaTest, an_unused_allocation_ends_with_its_participant) {
  auto& ann = bed_.add_client();
  bed_.open(ann);
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  TurnClient client = client_of(ann.id);
  ASSERT_TRUE(allocate(stream, client).is_success);
  bed_.now.monotonic = bed_.now.monotonic + TcpMedia::kIdleTime * 2;
  turn();
  EXPECT_FALSE(stream.is_over()) << "who has an allocation may be silent";
  bed_.command(0, forward::CloseTransport{.transport = ann.id});
  media_.follow(bed_.worker(), bed_.now);
  until([&] { return stream.is_over(); });
}

TEST_F(TurnMediaTest, frames_and_turn_share_a_port) {
  auto& ann = bed_.add_client();
  bed_.open(ann);
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  // The first byte alone does not tell.
  TurnClient client = client_of(ann.id);
  const Packet request = client.allocate();
  stream.send(Bytes(request).first(1));
  until([&] { return counters_.tcp_connections.value() == 1; });
  for (int i = 0; i < 5; ++i) {
    turn();
  }
  stream.send(Bytes(request).subspan(1));
  const std::vector<Packet> answers = answers_to(stream);
  ASSERT_FALSE(answers.empty());
  EXPECT_EQ(client.read(answers[0]).code, 401);
}

TEST_F(TurnMediaTest, what_makes_no_sense_ends_the_connection) {
  TurnStream stream = TurnStream::connect(listeners_[0].local());
  stream.send(Packet{0, 3, 0xff, 0xff});
  until([&] { return stream.is_over(); });
  EXPECT_EQ(counters_.tcp_malformed.value(), 1U);
}

TEST_F(TurnMediaTest, takes_a_connection_from_another_listener) {
  auto& ann = bed_.add_client();
  bed_.open(ann);
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
  TurnStream stream((FileDescriptor(ends[0])));
  const SocketAddress remote = *SocketAddress::parse("192.0.2.9:5000");
  TurnClient client = client_of(ann.id);
  client.set_realm(std::string(turn::kRealmName));
  client.set_nonce(turn::make_nonce(secret_, remote, bed_.now.monotonic));
  media_.take({.socket = FileDescriptor(ends[1]),
               .tls = nullptr,
               .remote = remote,
               .received = client.allocate()},
              bed_.worker(), bed_.now);
  const std::vector<Packet> answers = answers_to(stream);
  ASSERT_FALSE(answers.empty());
  const auto answer = client.read(answers[0]);
  ASSERT_TRUE(answer.is_success) << answer.code;
  EXPECT_EQ(answer.mapped, remote);
  bind(stream, client);
  meet(ann, stream);
}

}  // namespace
}  // namespace meridian::io
