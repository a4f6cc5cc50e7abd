#include "io/worker_thread.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <poll.h>
#include <pthread.h>
#include <ranges>
#include <utility>
#include <variant>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "ice/stun_wire.hpp"
#include "io/clock.hpp"
#include "io/egress.hpp"
#include "io/tcp_media.hpp"
#include "io/transmit_barrier.hpp"
#include "io/turn_pace.hpp"
#include "node/load_meter.hpp"
#include "rtp/packet.hpp"

namespace meridian::io {
namespace asio = boost::asio;

namespace {

std::optional<turn::Server> make_turn(std::optional<WorkerThread::Turn>& wanted, WorkerIndex index,
                                      RandomSource& random, const node::Worker& worker) {
  if (!wanted) {
    return std::nullopt;
  }
  return turn::Server(
      {.secret = wanted->secret,
       .worker = index,
       .peers = std::move(wanted->peers),
       .random = random,
       .counters = wanted->counters,
       .admits = [&worker](TransportId participant) { return worker.may_relay(participant); }});
}

/// STUN with another method than Binding, and ChannelData.
bool is_turn(Bytes datagram) {
  switch (rtp::classify(datagram)) {
    case rtp::PacketKind::kTurn:
      return true;
    case rtp::PacketKind::kStun:
      return datagram.size() >= 2 &&
             ice::wire::method_of(load_u16(datagram.data())) != ice::kStunBinding;
    default:
      return false;
  }
}

}  // namespace

/// The event loop, which lives on the thread. Asio only says what is ready; the work is done in
/// turn(), in a fixed order. Nobody else touches the context (that is what its hint promises), so
/// that it takes no locks.
class WorkerThread::Loop {
 public:
  explicit Loop(WorkerThread& owner)
      : owner_(owner),
        context_(BOOST_ASIO_CONCURRENCY_HINT_UNSAFE),
        wakeup_(context_, owner.wakeup_.descriptor()),
        timer_(context_),
        egress_(owner.sockets_, {&may_send, &handle_sent, &owner.worker_}, owner.worker_counters_,
                owner.counters_),
        tcp_(context_, owner.listeners_, {&may_send, &handle_sent, &owner.worker_}, owner.counters_,
             owner.turn_service_) {
    for (UdpSocket& socket : owner.sockets_) {
      lanes_.emplace_back(asio::posix::stream_descriptor(context_, socket.descriptor()));
    }
    owner.output_.set_flush(&send_batch, this);
    egress_.set_streams({&send_to_stream, this});
    if (owner.has_turn_datagrams_) {
      turn_output_ = std::make_unique<transport::SendBatch>();
      tcp_.set_datagrams({&send_framed, this});
    }
  }
  ~Loop() {
    // The descriptors belong to the sockets; here they are only watched.
    for (Lane& lane : lanes_) {
      lane.descriptor.release();
    }
    wakeup_.release();
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void run() {
    watch_wakeup();
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      watch_readable(i);
    }
    tcp_.start();
    while (!owner_.is_stopping_.load(std::memory_order_acquire)) {
      if (!has_more_) {
        rest();
        context_.run_one();
      }
      context_.poll();
      turn();
      arm_timer();
    }
    is_woken_ = true;  // whatever was queued before stop() is still done
    turn();
  }

 private:
  struct Lane {
    explicit Lane(asio::posix::stream_descriptor d) : descriptor(std::move(d)) {}
    asio::posix::stream_descriptor descriptor;
    bool is_readable = false;
    bool is_watched_for_writing = false;
  };

  /// TURN's own answers belong to no transport.
  static bool may_send(void* worker, TransportId transport, Instant now) {
    auto* self = static_cast<node::Worker*>(worker);
    return transport == TransportId{} ? self->is_policy_current() : self->may_send(transport, now);
  }
  static void handle_sent(void* worker, TransportId transport, Bytes datagram) {
    if (transport != TransportId{}) {
      static_cast<node::Worker*>(worker)->handle_sent(transport, datagram);
    }
  }
  static void send_to_stream(void* loop, const transport::OutboundDatagram& datagram) {
    auto* self = static_cast<Loop*>(loop);
    self->tcp_.send(datagram, self->pace_.began());
  }
  /// What TURN relays over UDP waits until the batch that it was in is sent.
  static void send_framed(void* loop, const transport::OutboundDatagram& datagram) {
    transport::SendBatch& output = *static_cast<Loop*>(loop)->turn_output_;
    std::ranges::copy(datagram.bytes, output.reserve().begin());
    output.commit(datagram.bytes.size(), datagram);
  }
  static void send_batch(void* loop, transport::SendBatch& batch) {
    auto* self = static_cast<Loop*>(loop);
    self->egress_.send(batch.datagrams());
    self->flush_turn();
  }
  void flush_turn() {
    if (turn_output_ != nullptr && !turn_output_->empty()) {
      egress_.send(turn_output_->datagrams());
      turn_output_->clear();
    }
  }

  void watch_wakeup() {
    wakeup_.async_wait(asio::posix::descriptor_base::wait_read,
                       [this](boost::system::error_code) { is_woken_ = true; });
  }
  void watch_readable(std::size_t socket) {
    lanes_[socket].descriptor.async_wait(
        asio::posix::descriptor_base::wait_read,
        [this, socket](boost::system::error_code) { lanes_[socket].is_readable = true; });
  }
  void watch_writable(std::size_t socket) {
    Lane& lane = lanes_[socket];
    if (lane.is_watched_for_writing) {
      return;
    }
    lane.is_watched_for_writing = true;
    lane.descriptor.async_wait(asio::posix::descriptor_base::wait_write,
                               [this, socket](boost::system::error_code) {
                                 lanes_[socket].is_watched_for_writing = false;
                                 egress_.handle_writable(socket);
                               });
  }

  [[nodiscard]] bool has_backlog() const {
    return std::ranges::any_of(std::views::iota(std::size_t{0}, lanes_.size()),
                               [this](std::size_t i) { return egress_.has_backlog(i); });
  }
  void rest() {
    const auto until = pace_.rest_until(owner_.worker_.next_timeout());
    if (!until || has_backlog()) {
      return;
    }
    if (const Duration left = *until - monotonic_now(); left > Duration::zero()) {
      // Whoever wakes the thread is not kept waiting.
      const timespec timeout{.tv_sec = 0, .tv_nsec = left.count()};
      pollfd waited{.fd = wakeup_.native_handle(), .events = POLLIN, .revents = 0};
      ::ppoll(&waited, 1, &timeout, nullptr);
      owner_.counters_.rests.increment();
    }
  }

  void turn() {
    const Now now = io::now();
    pace_.begin(now.monotonic);
    has_more_ = false;
    handle_commands(now);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      receive(i, now);
    }
    has_more_ |= tcp_.receive(owner_.worker_, now);
    has_more_ |= owner_.worker_.handle_relay(now);
    if (owner_.worker_.next_timeout() <= now.monotonic) {
      owner_.worker_.handle_timeout(now);
    }
    owner_.output_.flush();
    has_more_ |= owner_.worker_.handle_handshakes(now);
    owner_.output_.flush();
    tcp_.flush(now.monotonic);
    tcp_.handle_timeout(owner_.worker_, now.monotonic);
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      if (egress_.has_backlog(i)) {
        watch_writable(i);
      }
    }
    watch_barrier(now.monotonic);
    wake_peers();
    measure(now.monotonic);
    deliver_events();
  }

  void measure(Instant began) {
    const Instant now = monotonic_now();
    owner_.counters_.loop_lag.record(now - began);
    load_.observe_turn(now - began);
    if (!owner_.sheds_load_ || !load_.is_due(now)) {
      return;
    }
    if (const auto load = load_.poll(now, read_clock(CLOCK_THREAD_CPUTIME_ID))) {
      owner_.worker_.handle_load(*load);
    }
  }

  void handle_commands(const Now& now) {
    if (!is_woken_) {
      return;
    }
    is_woken_ = false;
    owner_.wakeup_.clear();
    watch_wakeup();
    for (forward::Command& command : owner_.commands_.drain()) {
      owner_.worker_.handle_command(std::move(command), now);
    }
    tcp_.follow(owner_.worker_, now);
    for (TurnConnection& connection : owner_.turn_connections_.drain()) {
      tcp_.take(std::move(connection), owner_.worker_, now);
    }
  }

  /// A TURN client's datagram. True when it holds something for the worker, which is then left.
  bool take_turn(node::InboundDatagram& datagram, const Now& now) {
    std::array<std::uint8_t, turn::Server::kMaxReply> reply{};
    const auto outcome =
        owner_.turn_->handle(datagram.bytes, {.remote = datagram.from, .socket = datagram.socket},
                             turn::Way::kDatagrams, now, reply);
    if (outcome.step == turn::Server::Step::kReply) {
      send_framed(this, {.to = datagram.from,
                         .socket = datagram.socket,
                         .transport = {},
                         .bytes = MutableBytes(reply).first(outcome.reply_size)});
    }
    if (outcome.step != turn::Server::Step::kDeliver) {
      return false;  // whoever has no transport yet asks again
    }
    datagram = {.bytes = outcome.payload,
                .from = outcome.relayed,
                .socket = TcpMedia::kRelayedSocket,
                .received = datagram.received,
                .relayed_for = outcome.participant};
    return true;
  }

  /// The policy moved: the worker's answer waits until what was sent before is gone. Nothing was
  /// sent since that the policy now forbids, so that it's enough to look once the turn is over.
  void watch_barrier(Instant now) {
    const auto generation = owner_.worker_.undrained();
    if (!generation) {
      return;
    }
    std::array<TransmitBarrier::Queue, TransmitBarrier::kMaxSockets> queues{};
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      queues[i] = {.handed_over = egress_.handed_over(i),
                   .waiting = owner_.sockets_[i].waiting_bytes()};
    }
    const auto sockets = std::span(queues).first(lanes_.size());
    if (barrier_.generation() != generation) {
      barrier_.begin(*generation, sockets, now);
      // What is reset here leaves nothing behind; what stays, may send.
      tcp_.enforce(owner_.worker_, now);
    }
    if (const auto drained = barrier_.poll(sockets, now)) {
      owner_.worker_.handle_drained(*drained);
    }
  }

  void receive(std::size_t socket, const Now& now) {
    Lane& lane = lanes_[socket];
    // Nothing is handled under a policy that the worker hasn't seen: that comes within a turn or
    // two, with a wake-up, and what the kernel holds meanwhile is not lost to those it permits.
    if (!lane.is_readable || !owner_.worker_.is_policy_current()) {
      return;
    }
    UdpSocket& udp = owner_.sockets_[socket];
    for (std::size_t taken = 0; taken < kMaxDatagramsPerTurn;) {
      const UdpSocket::Received received = udp.receive(batch_, now);
      owner_.counters_.truncated.add(received.truncated);
      std::size_t count = 0;
      for (const ReceivedDatagram& datagram : batch_.datagrams()) {
        inbound_[count] = {.bytes = datagram.bytes,
                           .from = datagram.from,
                           .socket = static_cast<std::uint8_t>(socket),
                           .received = datagram.received};
        if (rtp::classify(datagram.bytes) == rtp::PacketKind::kRtp) {
          pace_.note_media();
        } else {
          pace_.note_report();
        }
        const bool is_for_worker = !owner_.has_turn_datagrams_ || !is_turn(datagram.bytes) ||
                                   take_turn(inbound_[count], now);
        count += is_for_worker ? 1 : 0;
      }
      flush_turn();
      taken += std::max<std::size_t>(batch_.datagrams().size(), 1);
      owner_.worker_.handle_datagrams({inbound_.get(), count}, now);
      if (received.count < ReceiveBatch::kMaxMessages) {
        lane.is_readable = false;
        watch_readable(socket);
        break;
      }
    }
    has_more_ |= lane.is_readable;
    const std::uint64_t drops = udp.kernel_drops();
    owner_.counters_.kernel_drops.add(drops - lane_drops_[socket]);
    lane_drops_[socket] = drops;
  }

  void wake_peers() {
    std::uint64_t wakes = owner_.worker_.take_wakes();
    while (wakes != 0) {
      const auto peer = static_cast<std::size_t>(std::countr_zero(wakes));
      wakes &= wakes - 1;
      owner_.peers_[peer]->wake();
    }
  }

  /// Each thread is woken once, behind the last event for it.
  void deliver_events() {
    bool tells_control = false;
    bool tells_sctp = false;
    for (forward::Event& event : owner_.worker_.take_events()) {
      if (auto* packet = std::get_if<forward::SctpPacketReceived>(&event)) {
        tells_sctp = true;
        const auto queued =
            owner_.sctp_.queue(sctp::Packet{packet->transport, std::move(packet->packet)});
        if (queued == SctpChannel::Push::kFull) {
          owner_.counters_.sctp_lost.increment();  // SCTP sends it again
        }
        continue;
      }
      tells_control = true;
      MERIDIAN_CHECK(owner_.events_.queue({owner_.index_, std::move(event)}) ==
                     EventChannel::Push::kQueued);
    }
    if (tells_control) {
      owner_.events_.wake();
    }
    if (tells_sctp) {
      owner_.sctp_.wake();
    }
  }

  /// A timer that is due too early only costs an idle turn, so it is moved only to come earlier.
  void arm_timer() {
    Instant next = std::min({owner_.worker_.next_timeout(), tcp_.next_timeout(),
                             owner_.sheds_load_ ? load_.next_timeout() : Instant::never()});
    if (barrier_.is_standing()) {
      next = std::min(next, monotonic_now() + TransmitBarrier::kInterval);
    }
    if (next.is_never() || armed_ <= next) {
      return;
    }
    armed_ = next;
    timer_.expires_after(std::max(next - monotonic_now(), Duration::zero()));
    timer_.async_wait([this](boost::system::error_code error) {
      if (!error) {
        armed_ = Instant::never();
      }
    });
  }

  WorkerThread& owner_;
  asio::io_context context_;
  /// Waits are renewed in turn(), so between handlers there may be none for a moment: without this
  /// the context would then count as finished for good.
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  asio::posix::stream_descriptor wakeup_;
  asio::steady_timer timer_;
  Egress egress_;
  TcpMedia tcp_;
  /// Null without TURN over UDP.
  std::unique_ptr<transport::SendBatch> turn_output_;
  TurnPace pace_;
  TransmitBarrier barrier_;
  std::vector<Lane> lanes_;
  std::array<std::uint64_t, 2> lane_drops_{};
  node::LoadMeter load_;
  ReceiveBatch batch_;
  std::unique_ptr<node::InboundDatagram[]> inbound_ =
      std::make_unique<node::InboundDatagram[]>(ReceiveBatch::kMaxDatagrams);
  Instant armed_ = Instant::never();
  bool is_woken_ = false;
  bool has_more_ = false;
};

WorkerThread::WorkerThread(Config config)
    : index_(config.worker.index),
      sockets_(std::move(config.sockets)),
      listeners_(std::move(config.listeners)),
      events_(config.events),
      sctp_(config.sctp),
      counters_(config.counters),
      commands_(kMaxCommands, wakeup_),
      turn_connections_(kMaxTurnConnections, wakeup_),
      worker_counters_(config.worker.counters),
      random_(config.worker.random),
      worker_(std::move(config.worker), output_),
      turn_(make_turn(config.turn, index_, random_, worker_)),
      turn_service_{.server = turn_ ? &*turn_ : nullptr,
                    .is_on_listeners = config.turn && config.turn->has_streams,
                    .device = config.turn ? config.turn->device : std::string()},
      has_turn_datagrams_(config.turn && config.turn->has_datagrams),
      sheds_load_(config.sheds_load) {
  MERIDIAN_CHECK(sockets_.size() <= 2);
}

WorkerThread::~WorkerThread() {
  stop();
}

void WorkerThread::start(std::vector<WorkerThread*> peers) {
  peers_ = std::move(peers);
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), ("worker-" + std::to_string(index_.value())).c_str());
    Loop(*this).run();
  });
}

void WorkerThread::stop() {
  if (thread_.joinable()) {
    is_stopping_.store(true, std::memory_order_release);
    wakeup_.notify();
    thread_.join();
  }
}

}  // namespace meridian::io
