// A worker's thread with real loopback sockets, fed with datagrams that the worker counts as drops:
// what was counted was read. Waits by polling the counters.
#include "io/worker_thread.hpp"

#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include "dtls/certificate.hpp"
#include "io/clock.hpp"
#include "io/random.hpp"
#include "io/sctp_thread.hpp"
#include "residency/generation.hpp"

namespace meridian::io {
namespace {

class WorkerThreadTest : public testing::Test {
 protected:
  WorkerThreadTest() {
    std::vector<UdpSocket> sockets;
    sockets.push_back(std::move(*UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0})));
    address_ = sockets[0].local();
    node::WorkerConfig config{.index = WorkerIndex(0),
                              .region = RegionId("uk-london"),
                              .certificate = certificate_,
                              .policy = policy_,
                              .random = random_,
                              .counters = counters_,
                              .relays_in = {nullptr},
                              .relays_out = {nullptr}};
    worker_ = std::make_unique<WorkerThread>(WorkerThread::Config{.worker = std::move(config),
                                                                  .sockets = std::move(sockets),
                                                                  .counters = io_counters_,
                                                                  .events = events_,
                                                                  .sctp = sctp_});
  }

  void send_garbage(std::size_t count) {
    const std::vector<std::uint8_t> garbage(20, 0xff);  // no protocol of RFC 7983
    const std::vector<SendItem> items(count, SendItem{address_, garbage});
    ASSERT_EQ(sender_.send(items).sent, count);
  }
  /// A policy of nobody comes into force; what tell() gives to the worker.
  residency::SharedPolicySnapshot move_policy() {
    return std::make_shared<const residency::PolicySnapshot>(
        policy_.advance(), std::span<const residency::AccountPolicy>());
  }
  void tell(residency::SharedPolicySnapshot policy) {
    (void)worker_->commands().push(forward::ApplyPolicy{std::move(policy)});
  }
  std::uint64_t turns() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i <= metrics::LatencyHistogram::kBounds.size(); ++i) {
      sum += io_counters_.loop_lag.count(i);
    }
    return sum;
  }
  std::uint64_t dropped(metrics::DropReason reason) const {
    return counters_.dropped[static_cast<std::size_t>(reason)].value();
  }
  std::uint64_t dropped() const {
    std::uint64_t sum = io_counters_.kernel_drops.value();
    for (const auto& counter : counters_.dropped) {
      sum += counter.value();
    }
    return sum;
  }

  const dtls::Certificate certificate_ = dtls::Certificate::make(wall_now());
  residency::PolicyGeneration policy_;
  SystemRandom random_;
  metrics::WorkerCounters counters_;
  IoCounters io_counters_;
  Wakeup wakeup_;
  EventChannel events_{1000, wakeup_};
  SctpChannel sctp_{1000, wakeup_};
  SctpEventChannel sctp_events_{1000, wakeup_};
  UdpSocket sender_ = std::move(*UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0}));
  SocketAddress address_;
  std::unique_ptr<WorkerThread> worker_;
};

TEST_F(WorkerThreadTest, reads_every_datagram_while_commands_and_wakes_come_at_once) {
  tell(move_policy());
  worker_->start({worker_.get()});
  constexpr std::size_t kRounds = 200;
  constexpr std::size_t kBurst = 70;  // more than a batch
  for (std::size_t round = 0; round < kRounds; ++round) {
    send_garbage(kBurst);
    EXPECT_EQ(worker_->commands().push(forward::CloseTransport{TransportId(1)}),
              CommandChannel::Push::kQueued);
    worker_->wake();
  }
  const Instant deadline = monotonic_now() + 60s;
  while (dropped() < kRounds * kBurst && monotonic_now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(dropped(), kRounds * kBurst);
  worker_->stop();
}

TEST_F(WorkerThreadTest, sleeps_when_there_is_nothing_to_do) {
  tell(move_policy());
  worker_->start({worker_.get()});
  send_garbage(1);
  while (dropped() < 1) {
    std::this_thread::yield();
  }
  const std::uint64_t before = turns();
  const Instant until = monotonic_now() + 50ms;
  while (monotonic_now() < until) {
    std::this_thread::yield();
  }
  EXPECT_LE(turns() - before, 10U);
  worker_->stop();
}

TEST_F(WorkerThreadTest, what_was_queued_before_the_stop_is_still_done) {
  worker_->start({worker_.get()});
  for (int i = 0; i < 1000; ++i) {
    (void)worker_->commands().push(forward::CloseTransport{TransportId(1)});
  }
  worker_->stop();
  EXPECT_TRUE(worker_->commands().empty());
}

TEST_F(WorkerThreadTest, answers_a_policy_when_nothing_of_before_waits_in_its_sockets) {
  worker_->start({worker_.get()});
  tell(move_policy());
  const Instant deadline = monotonic_now() + 60s;
  while (events_.empty() && monotonic_now() < deadline) {
    std::this_thread::yield();
  }
  worker_->stop();
  const auto events = events_.drain();
  ASSERT_FALSE(events.empty());
  const auto* applied = std::get_if<forward::PolicyApplied>(&events[0].second);
  ASSERT_NE(applied, nullptr);
  EXPECT_EQ(applied->generation, policy_.load());
}

TEST_F(WorkerThreadTest, what_comes_while_the_policy_moves_is_handled_under_the_new_one) {
  tell(move_policy());
  worker_->start({worker_.get()});
  const Instant deadline = monotonic_now() + 60s;
  while (events_.empty() && monotonic_now() < deadline) {
    std::this_thread::yield();
  }
  const auto next = move_policy();
  send_garbage(3);
  const std::uint64_t before = turns();
  while (turns() < before + 3 && monotonic_now() < deadline) {
    worker_->wake();
    std::this_thread::yield();
  }
  EXPECT_EQ(dropped(), 0U);
  tell(next);
  while (dropped() < 3 && monotonic_now() < deadline) {
    std::this_thread::yield();
  }
  EXPECT_EQ(dropped(metrics::DropReason::kUnknownProtocol), 3U);
  EXPECT_EQ(dropped(metrics::DropReason::kPermitStale), 0U);
  worker_->stop();
}

TEST_F(WorkerThreadTest, packets_of_sctp_go_to_the_worker_and_events_to_control) {
  SctpThread sctp;
  (void)sctp.commands().push(sctp::Open{TransportId(7), WorkerIndex(0), sctp::Role::kDtlsClient});
  sctp::ChannelOptions options;
  options.label = "chat";
  (void)sctp.commands().push(sctp::OpenChannel{TransportId(7), options});
  sctp.start({worker_.get()}, sctp_events_);
  const Instant deadline = monotonic_now() + 60s;
  while (worker_->commands().empty() && monotonic_now() < deadline) {
    std::this_thread::yield();
  }
  sctp.stop();
  const auto commands = worker_->commands().drain();
  ASSERT_FALSE(commands.empty());
  const auto* packet = std::get_if<forward::SendSctpPacket>(&commands[0]);
  ASSERT_NE(packet, nullptr);
  EXPECT_EQ(packet->transport, TransportId(7));
}

}  // namespace
}  // namespace meridian::io
