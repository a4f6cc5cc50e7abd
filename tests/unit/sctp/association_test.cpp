// Goal: what a hostile peer sends inside a valid association is refused, counted, and costs only
// its own channels or association. Method: the peer is the bare stack, which sends whatever it is
// told.
#include "sctp/association.hpp"

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "sctp/dcep.hpp"
#include "sctp/service.hpp"
#include "sctp/stack.hpp"

namespace meridian::sctp {
namespace {

using Raw = std::vector<std::uint8_t>;

class SctpAssociation : public testing::Test {
 protected:
  SctpAssociation()
      : peer_stack_(
            [](void* self, AssociationKey, Bytes packet) {
              static_cast<SctpAssociation*>(self)->to_service_.emplace_back(packet.begin(),
                                                                            packet.end());
            },
            this),
        key_(peer_stack_.make_key()) {
    service_.handle(Open{kTransport, WorkerIndex(0)}, now_);
    peer_ = peer_stack_.connect(key_);
    run(1s);
  }
  ~SctpAssociation() override { peer_.reset(); }

  void run(Duration duration) {
    for (const Instant end = now_ + duration; now_ < end; now_ = now_ + 10ms) {
      for (Raw& packet : std::exchange(to_service_, {})) {
        service_.handle(Packet{kTransport, std::move(packet)}, now_);
      }
      service_.handle_timeout(now_);
      while (auto event = service_.poll_event()) {
        if (auto* packet = std::get_if<PacketToSend>(&*event)) {
          peer_stack_.input(key_, packet->bytes);
        } else {
          events_.push_back(std::move(*event));
        }
      }
      read_peer();
    }
  }

  void read_peer() {
    for (const AssociationKey ready : peer_stack_.take_ready()) {
      EXPECT_EQ(ready, key_);
    }
    Raw buffer(100'000);
    while (true) {
      Received received = peer_->receive(buffer);
      if (received.kind == Received::Kind::kNothing) {
        return;
      }
      if (received.kind == Received::Kind::kStreamsReset) {
        resets_.insert(resets_.end(), received.streams.begin(), received.streams.end());
      }
      is_down_ |= received.kind == Received::Kind::kDown;
      if (is_down_) {
        return;
      }
    }
  }

  void send(std::uint16_t channel, Ppid ppid, Bytes bytes) {
    while (!bytes.empty() && !is_down_) {
      const auto taken = peer_->send({.channel = ChannelId(channel), .ppid = ppid}, bytes);
      ASSERT_TRUE(taken);
      bytes = bytes.subspan(*taken);
      if (*taken == 0) {
        run(10ms);
      }
    }
  }
  void open(std::uint16_t channel, std::string label = "x") {
    ChannelOptions options;
    options.label = std::move(label);
    send(channel, Ppid::kDcep, dcep::build_open(options));
  }
  template <class Kind>
  [[nodiscard]] std::vector<Kind> all() const {
    std::vector<Kind> found;
    for (const Event& event : events_) {
      if (const auto* kind = std::get_if<Kind>(&event)) {
        found.push_back(*kind);
      }
    }
    return found;
  }

  static constexpr TransportId kTransport = TransportId(5);
  Instant now_ = Instant::from_origin(100s);
  std::vector<Raw> to_service_;
  Service service_;
  Stack peer_stack_;
  AssociationKey key_;
  std::unique_ptr<Socket> peer_;
  std::vector<Event> events_;
  std::vector<ChannelId> resets_;
  bool is_down_ = false;
};

TEST_F(SctpAssociation, opens_a_channel_of_the_peers_parity) {
  open(4);
  run(100ms);
  ASSERT_EQ(all<ChannelOpened>().size(), 1U);
  EXPECT_EQ(all<ChannelOpened>()[0].channel, ChannelId(4));
}

TEST_F(SctpAssociation, resets_a_channel_of_the_wrong_parity_and_keeps_the_association) {
  open(3);
  run(500ms);
  EXPECT_TRUE(all<ChannelOpened>().empty());
  EXPECT_EQ(service_.counters().refused_channels, 1U);
  EXPECT_EQ(resets_, (std::vector{ChannelId(3)}));
  open(4);
  run(100ms);
  EXPECT_EQ(all<ChannelOpened>().size(), 1U);
}

TEST_F(SctpAssociation, closes_a_channel_that_is_opened_twice) {
  open(4);
  open(4);
  run(500ms);
  ASSERT_EQ(all<ChannelClosed>().size(), 1U);
  EXPECT_EQ(all<ChannelClosed>()[0].reason, ChannelCloseReason::kProtocolError);
  EXPECT_EQ(resets_, (std::vector{ChannelId(4)}));
  EXPECT_EQ(service_.associations(), 1U);
}

TEST_F(SctpAssociation, opens_at_most_16_channels) {
  // There is a stream for one more of each side.
  static_assert(kMaxStreams == 2 * (Association::kMaxChannels + 1));
  for (std::uint16_t i = 0; i <= Association::kMaxChannels; ++i) {
    open(static_cast<std::uint16_t>(2 * i));
  }
  run(500ms);
  EXPECT_EQ(all<ChannelOpened>().size(), Association::kMaxChannels);
  EXPECT_EQ(service_.counters().refused_channels, 1U);
}

TEST_F(SctpAssociation, resets_a_stream_with_malformed_establishment) {
  send(0, Ppid::kDcep, Raw{0x03, 0, 0, 0});
  send(2, Ppid::kDcep, Raw{0x55});
  run(500ms);
  EXPECT_EQ(service_.counters().malformed_dcep, 2U);
  EXPECT_EQ(resets_.size(), 2U);
  EXPECT_EQ(service_.associations(), 1U);
}

TEST_F(SctpAssociation, ignores_an_acknowledgement_of_nothing) {
  open(0);
  send(0, Ppid::kDcep, dcep::kAck);
  send(1, Ppid::kDcep, dcep::kAck);
  run(200ms);
  EXPECT_EQ(events_.size(), 1U);
}

TEST_F(SctpAssociation, drops_messages_on_streams_that_are_no_channel) {
  send(8, Ppid::kBinary, Raw{1});
  open(0);
  send(0, static_cast<Ppid>(52), Raw{1});
  send(0, static_cast<Ppid>(0), Raw{1});
  run(200ms);
  EXPECT_EQ(service_.counters().messages_without_channel, 1U);
  EXPECT_EQ(service_.counters().unknown_payloads, 2U);
  EXPECT_TRUE(all<MessageReceived>().empty());
}

TEST_F(SctpAssociation, takes_a_first_message_for_the_acknowledgement_of_our_channel) {
  service_.handle(OpenChannel{kTransport, {.label = "ours"}}, now_);
  run(100ms);
  EXPECT_TRUE(events_.empty());  // the peer here never acknowledges
  send(1, Ppid::kText, Raw{'a'});
  run(100ms);
  ASSERT_EQ(events_.size(), 2U);
  EXPECT_EQ(std::get<ChannelOpened>(events_[0]).opener, Opener::kUs);
  EXPECT_EQ(std::get<MessageReceived>(events_[1]).bytes, (Raw{'a'}));
}

TEST_F(SctpAssociation, refuses_to_open_what_cannot_be_opened) {
  service_.handle(OpenChannel{kTransport, {.label = std::string(257, 'x')}}, now_);
  for (int i = 0; i < 17; ++i) {
    service_.handle(OpenChannel{kTransport, {.label = "x"}}, now_);
  }
  run(100ms);
  ASSERT_EQ(all<ChannelClosed>().size(), 2U);
  EXPECT_EQ(all<ChannelClosed>()[0].reason, ChannelCloseReason::kRefused);
}

TEST_F(SctpAssociation, ends_when_a_message_is_larger_than_256_kib) {
  open(0);
  send(0, Ppid::kBinary, Raw(kMaxMessageSize));
  run(5s);
  ASSERT_EQ(all<MessageReceived>().size(), 1U);
  send(0, Ppid::kBinary, Raw(kMaxMessageSize + 1));
  run(5s);
  ASSERT_EQ(all<AssociationClosed>().size(), 1U);
  EXPECT_EQ(all<AssociationClosed>()[0].reason, CloseReason::kLimit);
  EXPECT_EQ(service_.counters().messages_too_large, 1U);
  EXPECT_EQ(all<MessageReceived>().size(), 1U);
  EXPECT_TRUE(is_down_);
}

TEST_F(SctpAssociation, says_that_the_peer_closed_it) {
  peer_.reset();
  Raw abort = std::move(to_service_.back());
  service_.handle(Packet{kTransport, std::move(abort)}, now_);
  const auto event = service_.poll_event();
  ASSERT_TRUE(event);
  EXPECT_EQ(std::get<AssociationClosed>(*event).reason, CloseReason::kByPeer);
}

}  // namespace
}  // namespace meridian::sctp
