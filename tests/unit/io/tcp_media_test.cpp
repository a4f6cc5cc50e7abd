// Media over TCP with real loopback connections and a worker on simulated time.
#include "io/tcp_media.hpp"

#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>

#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "io/udp_socket.hpp"
#include "unit/node/worker_bed.hpp"

namespace meridian::io {
namespace {

/// A client's end.
class Stream {
 public:
  /// From 127.0.0.`host`.
  Stream(const SocketAddress& to, std::uint8_t host, int receive_buffer = 0)
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0) {
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_storage address{};
    socklen_t size = to_sockaddr({IpAddress::v4({127, 0, 0, host}), 0}, address);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    size = to_sockaddr(to, address);
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ::fcntl(socket_.get(), F_SETFL, O_NONBLOCK);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    local_ = from_sockaddr(address);
  }

  void send(Bytes packet) const {
    std::vector<std::uint8_t> frame = {static_cast<std::uint8_t>(packet.size() >> 8U),
                                       static_cast<std::uint8_t>(packet.size())};
    frame.insert(frame.end(), packet.begin(), packet.end());
    send_raw(frame);
  }
  void send_raw(Bytes bytes) const {
    (void)::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// The packets that have come.
  std::vector<std::vector<std::uint8_t>> receive() {
    std::vector<std::vector<std::uint8_t>> packets;
    std::array<std::uint8_t, 65536> buffer;
    while (true) {
      const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      if (size <= 0) {
        is_over_ = size == 0 || errno != EAGAIN;
        was_reset_ |= size < 0 && errno == ECONNRESET;
        return packets;
      }
      EXPECT_EQ(reader_.take(MutableBytes(buffer).first(static_cast<std::size_t>(size)),
                             [&](MutableBytes packet) {
                               packets.emplace_back(packet.begin(), packet.end());
                             }),
                FrameReader::Take::kFine);
    }
  }
  bool is_over() {
    (void)receive();
    return is_over_;
  }
  [[nodiscard]] bool was_reset() const { return was_reset_; }
  [[nodiscard]] const SocketAddress& local() const { return local_; }

 private:
  FileDescriptor socket_;
  FrameReader reader_;
  SocketAddress local_;
  bool is_over_ = false;
  bool was_reset_ = false;
};

class TcpMediaTest : public testing::Test {
 protected:
  TcpMediaTest() {
    media_.start();
    bed_.output().set_flush(
        [](void* test, transport::SendBatch& batch) {
          auto* self = static_cast<TcpMediaTest*>(test);
          for (const transport::OutboundDatagram& datagram : batch.datagrams()) {
            EXPECT_TRUE(self->media_.takes(datagram.socket));
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

  Stream connect(std::uint8_t host = 1, int receive_buffer = 0) {
    const std::uint64_t before = counters_.tcp_accepted.value() + counters_.tcp_refused.value();
    Stream stream(listeners_[0].local(), host, receive_buffer);
    until([&] { return counters_.tcp_accepted.value() + counters_.tcp_refused.value() > before; });
    return stream;
  }
  void turn() {
    context_.restart();
    context_.poll();
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
  /// Somebody who is connected over the stream.
  node::test::BedClient& join(Stream& stream) {
    node::test::BedClient& client = bed_.add_client();
    bed_.open(client);
    client.peer->start(bed_.now.monotonic);
    until([&] {
      exchange(client, stream);
      return client.peer->is_connected();
    });
    return client;
  }
  void exchange(node::test::BedClient& client, Stream& stream) const {
    while (const auto datagram = client.peer->poll_datagram()) {
      stream.send(*datagram);
    }
    for (const auto& packet : stream.receive()) {
      client.peer->handle_datagram(packet, bed_.now.monotonic);
    }
  }

  node::test::WorkerBed bed_;
  boost::asio::io_context context_{BOOST_ASIO_CONCURRENCY_HINT_UNSAFE};
  std::vector<TcpListener> listeners_ = listen();
  IoCounters counters_;
  TcpMedia media_{context_, listeners_, {&may_send, &handle_sent, &bed_.worker()}, counters_};
};

TEST_F(TcpMediaTest, a_client_connects_its_media_over_tcp) {
  Stream stream = connect();
  const auto& client = join(stream);
  EXPECT_EQ(client.peer->mapped_address(), stream.local());
  EXPECT_EQ(counters_.tcp_connections.value(), 1U);
  EXPECT_EQ(counters_.sends_refused.value(), 0U);
}

TEST_F(TcpMediaTest, strangers_may_not_stay) {
  Stream silent = connect();
  bed_.now.monotonic = bed_.now.monotonic + TcpMedia::kStrangerTime - 1ms;
  turn();
  EXPECT_FALSE(silent.is_over());
  bed_.now.monotonic = bed_.now.monotonic + TcpMedia::kSweepInterval;
  until([&] { return silent.is_over(); });
  EXPECT_EQ(counters_.tcp_timeouts.value(), 1U);

  Stream senseless = connect();
  senseless.send_raw(std::vector<std::uint8_t>{0xff, 0xff, 0x00});
  until([&] { return senseless.is_over(); });
  EXPECT_EQ(counters_.tcp_malformed.value(), 1U);

  Stream talkative = connect();
  talkative.send_raw(std::vector<std::uint8_t>(TcpMedia::kStrangerBytes + 1, 0));
  until([&] { return talkative.is_over(); });
  EXPECT_EQ(counters_.tcp_malformed.value(), 2U);
  EXPECT_EQ(counters_.tcp_connections.value(), 0U);
}

TEST_F(TcpMediaTest, an_address_has_so_many_connections) {
  std::vector<Stream> streams;
  for (std::size_t i = 0; i < TcpMedia::kMaxPerAddress; ++i) {
    streams.push_back(connect());
  }
  Stream refused = connect();
  EXPECT_EQ(counters_.tcp_refused.value(), 1U);
  until([&] { return refused.is_over(); });
  EXPECT_FALSE(streams.front().is_over());
}

TEST_F(TcpMediaTest, the_oldest_stranger_makes_room) {
  Stream member_stream = connect(9);
  join(member_stream);
  std::vector<Stream> strangers;
  for (std::size_t i = 0; i < TcpMedia::kMaxStrangers; ++i) {
    strangers.push_back(connect(static_cast<std::uint8_t>(2 + i % 4)));
    bed_.now.monotonic = bed_.now.monotonic + 1ms;
  }
  Stream next = connect(7);
  until([&] { return strangers.front().is_over(); });
  EXPECT_EQ(counters_.tcp_evicted.value(), 1U);
  EXPECT_FALSE(member_stream.is_over());
  EXPECT_FALSE(next.is_over());
}

TEST_F(TcpMediaTest, a_connection_is_reset_when_its_permit_is_gone) {
  Stream stream = connect();
  join(stream);
  bed_.advance();  // the policy moved, and the worker doesn't know yet
  media_.enforce(bed_.worker(), bed_.now.monotonic);
  turn();
  EXPECT_FALSE(stream.is_over());
  bed_.deny();
  media_.enforce(bed_.worker(), bed_.now.monotonic);
  until([&] { return stream.is_over(); });
  EXPECT_TRUE(stream.was_reset()) << "nothing may wait in the kernel";
}

TEST_F(TcpMediaTest, a_slow_reader_gets_what_is_new) {
  Stream stream = connect(1, 4096);
  const auto& client = join(stream);
  std::uint8_t frame = 0;
  std::vector<std::uint8_t> packet(1200, 0);
  packet[0] = 0x80;
  packet[1] = 96;
  for (; frame < 200; ++frame) {
    packet[7] = frame;
    media_.send({.to = stream.local(),
                 .socket = TcpMedia::kFirstSocket,
                 .transport = client.id,
                 .bytes = packet},
                bed_.now.monotonic);
    turn();
    bed_.now.monotonic = bed_.now.monotonic + 20ms;
  }
  EXPECT_GT(counters_.tcp_dropped.value(), 50U);
  std::vector<std::uint8_t> seen;
  until([&] {
    for (const auto& received : stream.receive()) {
      if (received[0] == 0x80) {
        seen.push_back(received[7]);
      }
    }
    return !seen.empty() && seen.back() + 12U > frame;
  });
  EXPECT_EQ(seen.front(), 0);
  EXPECT_LT(seen.size(), 150U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(TcpMediaTest, what_has_no_connection_is_counted) {
  std::vector<std::uint8_t> packet(20, 0);
  media_.send({.to = {}, .socket = TcpMedia::kFirstSocket, .transport = {}, .bytes = packet},
              bed_.now.monotonic);
  EXPECT_EQ(counters_.sends_refused.value(), 1U);
}

}  // namespace
}  // namespace meridian::io
