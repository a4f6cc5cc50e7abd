// Goal: data channels work in both directions, over loss, and no peer can make the service hold
// more than its limits or harm another peer. Method: the service on one end and clients on the
// other, joined by a simulated network with delay and seeded loss, all on simulated time.
#include "sctp/service.hpp"

#include <deque>
#include <map>
#include <memory>
#include <numeric>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "sctp/dcep.hpp"
#include "sctp/stack.hpp"
#include "support/data_channel_client.hpp"
#include "support/simulated_usrsctp.hpp"

namespace meridian::sctp {
namespace {

using Raw = std::vector<std::uint8_t>;
using support::DataChannelClient;

Raw bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

Raw numbered(std::size_t size, std::uint8_t first) {
  Raw raw(size);
  std::iota(raw.begin(), raw.end(), first);
  return raw;
}

/// Each test gets the same numbers, alone or among others.
struct SameNumbers {
  SameNumbers() { support::usrsctp_random = Rng(1); }
};

class SctpService : public testing::Test, SameNumbers {
 protected:
  struct InFlight {
    TransportId transport;
    bool is_to_client = false;
    Instant at;
    Raw bytes;
  };

  TransportId join() {
    const TransportId transport(next_transport_++);
    clients_[transport] = std::make_unique<DataChannelClient>(
        [this, transport](Bytes packet) { put(transport, false, packet); });
    handle(Open{transport, WorkerIndex(3)});
    clients_[transport]->connect(now_);
    return transport;
  }
  /// A client with LiveKit's two channels open.
  TransportId join_with_channels() {
    const TransportId transport = join();
    client(transport).open_livekit_channels(now_);
    run(2s);
    EXPECT_EQ(client(transport).opened.size(), 2U);
    return transport;
  }
  DataChannelClient& client(TransportId transport) { return *clients_.at(transport); }

  void handle(Command command) {
    service_.handle(std::move(command), now_);
    drain();
  }
  void send(TransportId transport, std::uint16_t channel, Raw bytes,
            Payload payload = Payload::kBinary) {
    handle(Send{transport, ChannelId(channel), payload,
                std::make_shared<const Raw>(std::move(bytes))});
  }

  void put(TransportId transport, bool is_to_client, Bytes packet) {
    ++packets_;
    largest_packet_ = std::max(largest_packet_, packet.size());
    if (!rng_.chance(loss_) && !cut_.contains(transport)) {
      flights_.push_back({transport, is_to_client, now_ + kDelay, {packet.begin(), packet.end()}});
    }
  }

  void drain() {
    while (auto event = service_.poll_event()) {
      if (auto* packet = std::get_if<PacketToSend>(&*event)) {
        EXPECT_EQ(packet->worker, WorkerIndex(3));
        put(packet->transport, true, packet->bytes);
      } else if (auto* opened = std::get_if<ChannelOpened>(&*event)) {
        opened_.push_back(*opened);
      } else if (auto* closed = std::get_if<ChannelClosed>(&*event)) {
        closed_.push_back(*closed);
      } else if (auto* message = std::get_if<MessageReceived>(&*event)) {
        messages_.push_back(std::move(*message));
      } else if (auto* ended = std::get_if<AssociationClosed>(&*event)) {
        ended_.push_back(*ended);
      }
    }
  }

  void deliver() {
    for (; !flights_.empty() && flights_.front().at <= now_; flights_.pop_front()) {
      InFlight flight = std::move(flights_.front());
      if (!flight.is_to_client) {
        handle(Packet{flight.transport, std::move(flight.bytes)});
      } else if (clients_.contains(flight.transport)) {
        client(flight.transport).receive(flight.bytes, now_);
      }
    }
  }

  void run(Duration duration) {
    for (const Instant end = now_ + duration; now_ < end; now_ = now_ + 5ms) {
      support::simulated_time_of_day = now_;
      deliver();
      // Only when they ask for it: their timers are due in time all the same.
      if (service_.next_timeout() <= now_) {
        ++looks_;
        service_.handle_timeout(now_);
        drain();
      }
      for (auto& [transport, peer] : clients_) {
        if (peer->next_timeout() <= now_) {
          peer->advance(now_);
        }
      }
    }
  }

  static constexpr Duration kDelay = 10ms;
  Rng rng_{11};
  double loss_ = 0;
  Instant now_ = Instant::from_origin(100s);
  std::uint32_t next_transport_ = 1;
  std::deque<InFlight> flights_;
  std::set<TransportId> cut_;
  std::size_t packets_ = 0;
  std::size_t looks_ = 0;  // at the timers
  std::size_t largest_packet_ = 0;
  std::vector<ChannelOpened> opened_;
  std::vector<ChannelClosed> closed_;
  std::vector<MessageReceived> messages_;
  std::vector<AssociationClosed> ended_;
  Service service_;
  std::map<TransportId, std::unique_ptr<DataChannelClient>> clients_;
};

TEST_F(SctpService, opens_the_channels_of_a_client) {
  const TransportId a = join_with_channels();
  ASSERT_EQ(opened_.size(), 2U);
  EXPECT_EQ(opened_[0].transport, a);
  EXPECT_EQ(opened_[0].channel, ChannelId(0));
  EXPECT_EQ(opened_[0].opener, Opener::kPeer);
  EXPECT_EQ(opened_[0].options.label, "_reliable");
  EXPECT_EQ(opened_[1].channel, ChannelId(2));
  EXPECT_EQ(opened_[1].options,
            (ChannelOptions{"_lossy", "", Order::kUnordered, Reliability::kMaxRetransmits, 0}));
  EXPECT_EQ(client(a).opened[0].opener, Opener::kUs);
  EXPECT_EQ(service_.associations(), 1U);
}

TEST_F(SctpService, opens_channels_from_the_servers_side_with_odd_numbers) {
  const TransportId a = join();
  handle(OpenChannel{a, {.label = "_reliable"}});  // before the association is up
  run(1s);
  handle(OpenChannel{a, {.label = "_lossy", .order = Order::kUnordered}});
  run(1s);
  ASSERT_EQ(opened_.size(), 2U);
  EXPECT_EQ(opened_[0].channel, ChannelId(1));
  EXPECT_EQ(opened_[0].opener, Opener::kUs);
  EXPECT_EQ(opened_[1].channel, ChannelId(3));
  ASSERT_NE(client(a).channel("_lossy"), nullptr);
  EXPECT_EQ(client(a).channel("_lossy")->opener, Opener::kPeer);
}

TEST_F(SctpService, carries_text_binary_and_empty_messages_both_ways) {
  const TransportId a = join_with_channels();
  for (const std::uint16_t channel : {std::uint16_t{0}, std::uint16_t{2}}) {
    send(a, channel, bytes_of("text"), Payload::kText);
    send(a, channel, {}, Payload::kText);
    send(a, channel, {}, Payload::kBinary);
    send(a, channel, {0, 1, 2});
    client(a).send(ChannelId(channel), Payload::kText, bytes_of("up"), now_);
    client(a).send(ChannelId(channel), Payload::kBinary, {}, now_);
  }
  run(1s);
  const auto& down = client(a).messages;
  ASSERT_EQ(down.size(), 8U);
  for (std::size_t i = 0; i < 8; i += 4) {
    EXPECT_EQ(down[i].payload, Payload::kText);
    EXPECT_EQ(down[i].bytes, bytes_of("text"));
    EXPECT_EQ(down[i + 1].payload, Payload::kText);
    EXPECT_TRUE(down[i + 1].bytes.empty());
    EXPECT_EQ(down[i + 2].payload, Payload::kBinary);
    EXPECT_TRUE(down[i + 2].bytes.empty());
    EXPECT_EQ(down[i + 3].bytes, (Raw{0, 1, 2}));
  }
  ASSERT_EQ(messages_.size(), 4U);
  EXPECT_EQ(messages_[0].transport, a);
  EXPECT_EQ(messages_[0].bytes, bytes_of("up"));
  EXPECT_EQ(messages_[1].payload, Payload::kBinary);
}

TEST_F(SctpService, carries_messages_up_to_256_kib_in_small_packets) {
  const TransportId a = join_with_channels();
  const Raw large = numbered(kMaxMessageSize, 7);
  send(a, 0, large);
  client(a).send(ChannelId(0), Payload::kBinary, large, now_);
  run(20s);
  ASSERT_EQ(client(a).messages.size(), 1U);
  EXPECT_EQ(client(a).messages[0].bytes, large);
  ASSERT_EQ(messages_.size(), 1U);
  EXPECT_EQ(messages_[0].bytes, large);
  EXPECT_LE(largest_packet_, 1172U);
  EXPECT_EQ(service_.counters().sends_failed, 0U);
  send(a, 0, Raw(kMaxMessageSize + 1));
  EXPECT_EQ(service_.counters().messages_too_large, 1U);
}

TEST_F(SctpService, delivers_everything_in_order_over_two_percent_loss) {
  const TransportId a = join_with_channels();
  loss_ = 0.02;
  for (int i = 0; i < 300; ++i) {
    send(a, 0, numbered(1 + rng_.below(5000), static_cast<std::uint8_t>(i)));
    client(a).send(ChannelId(0), Payload::kBinary, numbered(500, static_cast<std::uint8_t>(i)),
                   now_);
    run(10ms);
  }
  run(30s);
  ASSERT_EQ(client(a).messages.size(), 300U);
  ASSERT_EQ(messages_.size(), 300U);
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(client(a).messages[i].bytes[0], static_cast<std::uint8_t>(i));
    EXPECT_EQ(messages_[i].bytes[0], static_cast<std::uint8_t>(i));
  }
}

TEST_F(SctpService, does_not_repeat_lossy_messages) {
  const TransportId a = join_with_channels();
  loss_ = 0.2;
  for (int i = 0; i < 500; ++i) {
    send(a, 2, {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(i >> 8)});
    run(10ms);
  }
  loss_ = 0;
  run(10s);
  EXPECT_LT(client(a).messages.size(), 480U);
  EXPECT_GT(client(a).messages.size(), 250U);
  EXPECT_TRUE(ended_.empty());
}

TEST_F(SctpService, survives_loss_of_the_handshake) {
  loss_ = 0.3;
  for (int i = 0; i < 20; ++i) {
    client(join()).open_livekit_channels(now_);
  }
  run(80s);  // a round trip succeeds in half of all cases, and the stack waits up to 2 s for one
  EXPECT_EQ(opened_.size(), 40U);
}

TEST_F(SctpService, closes_a_channel_from_either_side_and_reuses_its_number) {
  const TransportId a = join_with_channels();
  handle(CloseChannel{a, ChannelId(0)});
  run(2s);
  ASSERT_EQ(closed_.size(), 1U);
  EXPECT_EQ(closed_[0].reason, ChannelCloseReason::kByUs);
  ASSERT_EQ(client(a).closed.size(), 1U);
  EXPECT_EQ(client(a).closed[0].reason, ChannelCloseReason::kByPeer);
  client(a).close_channel(ChannelId(2), now_);
  run(2s);
  ASSERT_EQ(closed_.size(), 2U);
  EXPECT_EQ(closed_[1].channel, ChannelId(2));
  EXPECT_EQ(closed_[1].reason, ChannelCloseReason::kByPeer);
  send(a, 2, {1});
  EXPECT_EQ(service_.counters().sends_without_channel, 1U);
  client(a).opened.clear();
  client(a).open_livekit_channels(now_);
  run(2s);
  ASSERT_EQ(client(a).opened.size(), 2U);
  EXPECT_EQ(client(a).opened[0].channel, ChannelId(0));
  EXPECT_EQ(client(a).opened[1].channel, ChannelId(2));
}

TEST_F(SctpService, a_peer_that_does_not_read_loses_its_own_channel_and_nothing_else) {
  const TransportId slow = join_with_channels();
  const TransportId good = join_with_channels();
  cut_.insert(slow);
  const auto shared = std::make_shared<const Raw>(numbered(10'000, 0));
  std::size_t sent = 0;
  for (; closed_.empty() && sent < 1000; ++sent) {
    handle(Send{slow, ChannelId(0), Payload::kBinary, shared});
    handle(Send{slow, ChannelId(2), Payload::kBinary, shared});
    handle(Send{good, ChannelId(0), Payload::kBinary, shared});
    run(20ms);
  }
  ASSERT_EQ(closed_.size(), 1U);
  EXPECT_EQ(closed_[0].transport, slow);
  EXPECT_EQ(closed_[0].channel, ChannelId(0));
  EXPECT_EQ(closed_[0].reason, ChannelCloseReason::kBacklogged);
  EXPECT_EQ(service_.counters().backlogged_channels, 1U);
  EXPECT_GT(service_.counters().lossy_messages_dropped, 0U);
  // Never more than 1 MiB waited for it: what it was sent and is not dropped never left.
  EXPECT_LE(sent * 10'000, kMaxQueuedBytes + 10'000);
  run(2s);
  EXPECT_EQ(client(good).messages.size(), sent);
}

TEST_F(SctpService, ends_an_association_whose_peer_is_gone) {
  const TransportId a = join_with_channels();
  cut_.insert(a);
  send(a, 0, {1});
  run(120s);
  ASSERT_EQ(ended_.size(), 1U);
  EXPECT_EQ(ended_[0].transport, a);
  EXPECT_EQ(ended_[0].reason, CloseReason::kTimeout);
  EXPECT_EQ(service_.associations(), 0U);
  EXPECT_TRUE(service_.next_timeout().is_never());
}

TEST_F(SctpService, ends_an_association_that_never_comes_up) {
  const TransportId a(77);
  handle(Open{a, WorkerIndex(3)});
  run(120s);
  ASSERT_EQ(ended_.size(), 1U);
  EXPECT_EQ(ended_[0].reason, CloseReason::kTimeout);
}

TEST_F(SctpService, looks_at_its_timers_seldom_while_nothing_is_on_its_way) {
  for (int i = 0; i < 3; ++i) {
    join_with_channels();
  }
  run(3s);
  const std::size_t packets = packets_;
  looks_ = 0;
  run(20s);
  EXPECT_GT(packets_, packets);  // heartbeats, in time
  EXPECT_LE(looks_, 20s / Stack::kIdleInterval + 1);
}

TEST_F(SctpService, repeats_what_was_lost_in_time_after_a_calm) {
  const TransportId a = join_with_channels();
  run(5s);
  cut_.insert(a);
  send(a, 0, {1});
  const std::size_t before = packets_;
  const Instant lost = now_;
  while (packets_ == before && now_ - lost < 5s) {
    run(5ms);
  }
  EXPECT_GE(now_ - lost, 300ms);
  EXPECT_LE(now_ - lost, 620ms + Stack::kWaiting.interval);  // the stack looks at its clock twice
  cut_.clear();
  run(2s);
  EXPECT_EQ(client(a).messages.size(), 1U);
}

/// A meeting of one whose peer vanishes, as a run of its own.
class VanishingPeer : public SctpService {
 public:
  explicit VanishingPeer(std::uint64_t seed) { support::usrsctp_random = Rng(seed); }
  void TestBody() override {
    const TransportId a = join_with_channels();
    cut_.insert(a);
    send(a, 0, {1});
    run(120s);
    EXPECT_EQ(ended_.size(), 1U);
  }
};

TEST(SctpServiceAgain, works_where_the_stack_could_not_end) {
  // usrsctp can keep a reference that nobody lets go of when an association times out (about one in
  // 200), and then does not end. What it holds must stay reachable, which the leak checker of the
  // sanitized build sees, and the next service must work on it.
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    VanishingPeer(seed).TestBody();
  }
}

TEST_F(SctpService, aborts_on_close_and_the_peer_notices) {
  const TransportId a = join_with_channels();
  handle(Close{a});
  run(1s);
  EXPECT_EQ(service_.associations(), 0U);
  EXPECT_TRUE(ended_.empty());
  ASSERT_EQ(client(a).ended.size(), 1U);
  EXPECT_EQ(client(a).ended[0].reason, CloseReason::kByPeer);
  handle(Packet{a, {1, 2, 3}});
  EXPECT_EQ(service_.counters().packets_for_unknown_transport, 1U);
}

TEST_F(SctpService, keeps_many_associations_apart) {
  std::vector<TransportId> all;
  for (int i = 0; i < 40; ++i) {
    all.push_back(join());
    client(all.back()).open_livekit_channels(now_);
  }
  run(3s);
  ASSERT_EQ(opened_.size(), 80U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    send(all[i], 0, {static_cast<std::uint8_t>(i)});
    client(all[i]).send(ChannelId(0), Payload::kBinary, Raw{static_cast<std::uint8_t>(i)}, now_);
  }
  run(1s);
  ASSERT_EQ(messages_.size(), all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    ASSERT_EQ(client(all[i]).messages.size(), 1U);
    EXPECT_EQ(client(all[i]).messages[0].bytes[0], i);
  }
  for (const MessageReceived& message : messages_) {
    EXPECT_EQ(all[message.bytes[0]], message.transport);
  }
}

TEST_F(SctpService, sheds_a_flood_of_packets_from_one_peer) {
  const TransportId a = join_with_channels();
  for (int i = 0; i < 5000; ++i) {
    handle(Packet{a, Raw(12, 0)});
  }
  EXPECT_GE(service_.counters().packets_over_rate, 4000U);
  run(1s);
  client(a).send(ChannelId(0), Payload::kBinary, Raw{9}, now_);
  run(1s);
  EXPECT_EQ(messages_.size(), 1U);
}

TEST_F(SctpService, ignores_packets_that_are_no_sctp) {
  const TransportId a = join_with_channels();
  Rng rng(3);
  for (int i = 0; i < 500; ++i) {
    Raw raw(rng.below(200));
    for (auto& byte : raw) {
      byte = static_cast<std::uint8_t>(rng.next());
    }
    handle(Packet{a, raw});
  }
  run(1s);
  send(a, 0, {1});
  run(1s);
  EXPECT_EQ(client(a).messages.size(), 1U);
}

}  // namespace
}  // namespace meridian::sctp
