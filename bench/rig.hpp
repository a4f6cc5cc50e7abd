#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "dtls/certificate.hpp"
#include "forward/relay.hpp"
#include "io/clock.hpp"
#include "io/file_descriptor.hpp"
#include "io/random.hpp"
#include "io/worker_thread.hpp"
#include "residency/generation.hpp"
#include "support/peer.hpp"
#include "support/permits.hpp"

namespace meridian::bench {

/// The product's worker threads with their loops, sockets and relay rings, on real time, and rooms
/// of one publisher each. Everybody joins over loopback as a real client would. Publishers send
/// when they are told to; nobody but publishers and checks of consent sends to the workers: there
/// is no feedback of subscribers, so that nothing is paced once Downlink::kPatience is over.
/// All of it is for the thread that made it.
class Rig {
 public:
  static constexpr std::size_t kBurst = 8;
  static constexpr std::size_t kPacketSize = 1200;            // RTP header to end of payload
  static constexpr std::uint32_t kFirstPublisher = 1000;      // SSRC, by room
  static constexpr std::uint32_t kFirstSubscriber = 100'000;  // SSRC, by number of the subscriber

  struct Settings {
    /// Each room is spread evenly over them; publishers are on the first.
    std::size_t workers = 1;
    std::size_t rooms = 1;
    std::size_t subscribers = 100;  // of each room
    /// Where media of subscribers goes instead of to their sockets on loopback: an address of a
    /// device that drops everything. Needs CAP_NET_ADMIN.
    std::optional<IpAddress> to = {};
    /// A frame crosses loopback as one piece, so that a worker that waits for it finds all of it at
    /// once. Otherwise it may wake for the first packet.
    bool joins_bursts = false;
    /// Workers come before everything else on the machine, where the system lets us.
    bool is_realtime = false;
  };
  /// Returns when all are connected, subscribed, and nothing is paced any more.
  explicit Rig(const Settings& settings);
  ~Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;

  struct Sent {
    Instant at;                       // immediately before the call
    std::uint16_t last_sequence = 0;  // of kBurst
  };
  /// A frame of kBurst packets of the room's camera, encrypted and sent to the worker.
  Sent publish(std::size_t room);
  /// Packets of the same kind to somebody who doesn't look at more than their headers, with numbers
  /// of their own: the bytes behind the headers are those of the last frame.
  Sent publish_elsewhere(std::size_t room, const SocketAddress& to);
  /// Checks of consent and whatever else clients do by the clock; some times a second.
  void handle_timeouts(Instant now);
  /// Sleeps, and does that meanwhile.
  void wait(Duration duration);

  /// Packets of video that left a worker.
  [[nodiscard]] std::uint64_t forwarded(std::size_t worker) const;
  [[nodiscard]] std::uint64_t relayed() const;
  /// Messages that left all workers, of one or several datagrams.
  [[nodiscard]] std::uint64_t messages() const;
  /// What the worker's thread has computed so far.
  [[nodiscard]] Duration worker_time(std::size_t worker) const;
  [[nodiscard]] int worker_socket(std::size_t worker) const;
  /// Turns of the first worker's loop that took longer than a millisecond.
  [[nodiscard]] std::uint64_t long_turns() const;
  /// Datagrams that a full queue cost.
  [[nodiscard]] std::uint64_t lost() const;
  /// Keeps a thread (0: the caller) on one core.
  static void pin(int thread, std::size_t core);
  /// Puts a thread (0: the caller) before all others that are not.
  static void prefer(int thread);
  /// What is in the queues of subscribers on loopback, each datagram to `take(subscriber,
  /// datagram)`. False: there was nothing.
  template <class Take>
  bool receive(Take&& take) {
    bool has_some = false;
    const Now now = io::now();
    for (std::size_t i = 0; i < subscribers_.size(); ++i) {
      has_some |= subscribers_[i]->socket.receive(batch_, now).count > 0;
      for (const io::ReceivedDatagram& datagram : batch_.datagrams()) {
        take(i, datagram);
      }
    }
    return has_some;
  }
  [[nodiscard]] SocketAddress subscriber_address(std::size_t subscriber) const;
  [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
  struct Client {
    std::size_t worker = 0;
    TransportId id;
    ice::Credentials server;
    ice::Credentials local;
    std::unique_ptr<test::Peer> peer;
    io::UdpSocket socket;
    /// Bound to an address elsewhere; not open on loopback.
    io::FileDescriptor elsewhere;
    std::uint64_t media = 0;  // that came back to `socket`
  };
  struct Station {
    metrics::WorkerCounters counters;
    io::IoCounters io_counters;
    std::unique_ptr<io::WorkerThread> thread;
    SocketAddress address;
    clockid_t clock{};
  };
  struct Room {
    std::uint32_t frame = 0;
    std::uint32_t timestamp = 0;
    std::uint16_t sequence = 0;
    std::uint16_t transport_sequence = 0;
    std::uint16_t sequence_elsewhere = 0;
  };

  void start_workers();
  void apply_policy();
  void command(std::size_t worker, forward::Command command);
  std::unique_ptr<Client> make_client(std::size_t worker);
  void join(std::span<const std::unique_ptr<Client>> clients);
  void move_away(Client& client, std::uint16_t port);
  void open_rooms();
  void subscribe(std::size_t number);
  void warm_up();
  void send(Client& client);
  void receive(Client& client, const Now& now);
  void make_frame(std::size_t room);
  void send_frame(std::size_t room, const SocketAddress& to);

  const Settings settings_;
  const dtls::Certificate certificate_ = dtls::Certificate::make(io::wall_now());
  test::PermitOffice office_;
  residency::PolicyGeneration generation_;
  io::SystemRandom random_;
  io::Wakeup wakeup_;
  io::EventChannel events_{1'000'000, wakeup_};
  io::SctpChannel sctp_{1'000'000, wakeup_};
  std::vector<std::unique_ptr<forward::RelayRing>> rings_;  // [from * workers + to]
  std::vector<std::unique_ptr<Station>> stations_;
  std::vector<io::WorkerThread*> threads_;
  std::vector<std::unique_ptr<Client>> publishers_;
  std::vector<std::unique_ptr<Client>> subscribers_;
  std::vector<Room> rooms_;
  std::array<std::vector<std::uint8_t>, kBurst> frame_;  // as on the wire
  io::ReceiveBatch batch_;
  std::uint32_t clients_ = 0;
};

}  // namespace meridian::bench
