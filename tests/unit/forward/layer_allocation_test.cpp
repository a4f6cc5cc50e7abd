#include "forward/layer_allocation.hpp"

#include <array>
#include <deque>
#include <variant>

#include <gtest/gtest.h>

#include "bwe/arrival_recorder.hpp"
#include "forward/publication.hpp"
#include "forward/relay_sink.hpp"
#include "forward/sender.hpp"
#include "rtcp/compound_writer.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

/// Cameras of three layers, 100, 400 and 1500 kbit/s, and one subscriber of them.
class LayerAllocationTest : public testing::Test {
 protected:
  static constexpr LayerTarget kAll{};

  Publication& camera(bool is_screen_share = false) {
    const PublicationId id(static_cast<std::uint32_t>(publications_.size() + 1));
    Publication& publication =
        publications_.emplace_back(PublicationTraits{.id = id,
                                                     .room = RoomNumber(1),
                                                     .kind = rtp::MediaKind::kVideo,
                                                     .is_screen_share = is_screen_share});
    publication.set_layer_count(3, Publication::Memory::kAtFirstPacket);
    publication.rates().set_table({{{100'000}, {400'000}, {1'500'000}}});
    publication.update_ladder();
    return publication;
  }
  Subscription& subscribe(Publication& publication, const LayerTarget& target = {}) {
    const auto number = static_cast<std::uint32_t>(subscriptions_.size() + 1);
    Subscription& subscription =
        subscriptions_.emplace_back(Subscribe{.subscription = SubscriptionId(number),
                                              .publication = publication.id(),
                                              .transport = bob_.id,
                                              .mid = {},
                                              .ssrc = Ssrc(100 + number),
                                              .rtx_ssrc = Ssrc(200 + number),
                                              .codecs = {test::vp8(102)},
                                              .extensions = extensions_,
                                              .target = target},
                                    publication, sender_, FirstSequences{});
    EXPECT_TRUE(sender_.add(subscription));
    return subscription;
  }
  /// The subscriber claims so much.
  void claims(Bitrate rate) { sender_.downlink()->handle_remb(rate, bed_.now); }
  std::vector<StreamPaused> allocate(
      int times = 1, LayerAllocation::Small small = LayerAllocation::Small::kAsWished) {
    std::vector<Event> events;
    for (int i = 0; i < times; ++i) {
      bed_.now = bed_.now + LayerAllocation::kInterval;
      sender_.allocate(bed_.now, events, small);
    }
    std::vector<StreamPaused> paused;
    for (const Event& event : events) {
      paused.push_back(std::get<StreamPaused>(event));
    }
    return paused;
  }

  /// Packets of 500 bytes, of which each `lost_each`th doesn't arrive (0: all do), and what the
  /// subscriber says about them; and as much as is `repeated` that has no numbers of its own.
  void pass(Duration time, Bitrate rate, unsigned lost_each, Bitrate repeated = {}) {
    constexpr Duration kStep = 20ms;
    const auto bytes_of = [&](Bitrate of) { return of.value() * kStep.count() / 8'000'000'000; };
    Downlink& downlink = *sender_.downlink();
    std::uint64_t due = 0;
    for (Duration passed{}; passed < time; passed += kStep) {
      bed_.now = bed_.now + kStep;
      for (due += bytes_of(rate); due >= 500; due -= 500) {
        const SequenceNumber number = downlink.next_number();
        downlink.on_sent(500, Downlink::Copy::kFirst, Downlink::Numbered::kYes, bwe::kNoCluster,
                         bed_.now);
        ++packets_;
        if (lost_each == 0 || packets_ % lost_each != 0) {
          arrivals_.on_packet(number, bed_.now);
        }
      }
      downlink.on_sent(bytes_of(repeated), Downlink::Copy::kRetransmission, Downlink::Numbered::kNo,
                       bwe::kNoCluster, bed_.now);
      tell();
    }
    sender_.update_rates(time);
  }
  void tell() {
    std::array<std::uint8_t, 1200> buffer{};
    while (const auto report = arrivals_.poll(bed_.now)) {
      rtcp::CompoundWriter writer(buffer);
      rtcp::Arrivals arrivals{.base = report->base, .times = report->times};
      (void)writer.add_transport_feedback(Ssrc(1), Ssrc(2), report->feedback_count, arrivals);
      arrivals_.on_reported(report->times.size() - arrivals.times.size(), bed_.now);
      for (const rtcp::Packet& packet : *rtcp::Compound::parse(writer.bytes())) {
        sender_.downlink()->handle_feedback(std::get<rtcp::TransportFeedback>(packet), bed_.now);
      }
    }
  }

  rtp::ExtensionMap extensions_;
  bwe::ArrivalRecorder arrivals_;
  unsigned packets_ = 0;
  test::ShardBed bed_;
  test::Client& bob_ = bed_.join();
  Sender sender_{*bob_.transport};
  std::deque<Publication> publications_;
  std::deque<Subscription> subscriptions_;
};

TEST_F(LayerAllocationTest, a_busy_worker_lowers_what_is_small_beside_others) {
  Subscription& large = subscribe(camera());
  Subscription& small = subscribe(camera(), {.is_enabled = true, .max_spatial = 1});
  Subscription& screen = subscribe(camera(true), {.is_enabled = true, .max_spatial = 1});
  claims(Bitrate(5'000'000));
  (void)allocate(1, LayerAllocation::Small::kLowest);
  EXPECT_EQ(large.allowed().max_spatial, 2);
  EXPECT_EQ(small.allowed().max_spatial, 0);
  EXPECT_TRUE(small.is_limited());
  EXPECT_EQ(screen.allowed().max_spatial, 1);
  EXPECT_EQ(sender_.allocation().division().video, Bitrate(1'500'000 + 100'000 + 400'000));
  (void)allocate();
  EXPECT_EQ(small.allowed().max_spatial, 1);
  EXPECT_FALSE(small.is_limited());
}

TEST_F(LayerAllocationTest, where_many_are_of_one_size_a_busy_worker_lowers_them_all) {
  std::vector<Subscription*> tiles;
  for (std::size_t i = 0; i <= LayerAllocation::kMaxLarge; ++i) {
    tiles.push_back(&subscribe(camera()));
  }
  claims(Bitrate(20'000'000));
  (void)allocate(1, LayerAllocation::Small::kLowest);
  for (const Subscription* tile : tiles) {
    EXPECT_EQ(tile->allowed().max_spatial, 0);
  }
}

TEST_F(LayerAllocationTest, whoever_has_room_for_all_gets_what_they_wish) {
  Subscription& first = subscribe(camera());
  Subscription& second = subscribe(camera(), {.is_enabled = true, .max_spatial = 1});
  claims(Bitrate(5'000'000));
  EXPECT_TRUE(allocate().empty());
  EXPECT_EQ(first.allowed(), first.target());
  EXPECT_EQ(second.allowed(), second.target());
  EXPECT_FALSE(first.is_limited());
  EXPECT_EQ(sender_.allocation().division().video, Bitrate(1'900'000));
}

TEST_F(LayerAllocationTest, layers_go_down_to_what_fits) {
  Subscription& first = subscribe(camera());
  Subscription& second = subscribe(camera());
  claims(Bitrate(700'000));
  EXPECT_TRUE(allocate().empty());
  EXPECT_EQ(first.allowed().max_spatial, 1);
  EXPECT_EQ(second.allowed().max_spatial, 0);
  EXPECT_TRUE(first.is_limited());
  EXPECT_EQ(first.target(), kAll) << "the wish stays";
}

TEST_F(LayerAllocationTest, what_does_not_fit_at_all_is_paused_and_told) {
  Subscription& camera_of_alice = subscribe(camera());
  Subscription& screen = subscribe(camera(true));
  sender_.set_limit(Bitrate(150'000));
  const auto told = allocate();
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].transport, bob_.id);
  EXPECT_EQ(told[0].publication, camera_of_alice.publication().id());
  EXPECT_TRUE(told[0].is_paused);
  EXPECT_FALSE(camera_of_alice.allowed().is_enabled);
  EXPECT_TRUE(screen.allowed().is_enabled) << "who shows a screen goes first";
  EXPECT_TRUE(allocate().empty()) << "told once";
  sender_.set_limit(std::nullopt);
  claims(Bitrate(4'000'000));
  const auto again = allocate(100);
  ASSERT_EQ(again.size(), 1U);
  EXPECT_FALSE(again[0].is_paused);
  EXPECT_EQ(camera_of_alice.allowed(), kAll);
}

TEST_F(LayerAllocationTest, what_is_sent_again_does_not_pause_the_only_picture) {
  Subscription& first = subscribe(camera());
  Subscription& second = subscribe(camera());
  sender_.set_limit(Bitrate(230'000));
  (void)allocate();
  ASSERT_TRUE(first.allowed().is_enabled);
  ASSERT_TRUE(second.allowed().is_enabled);
  for (int i = 0; i < 3; ++i) {
    sender_.downlink()->on_sent(50'000, Downlink::Copy::kRetransmission, Downlink::Numbered::kNo,
                                bwe::kNoCluster, bed_.now);
    sender_.update_rates(1s);
  }
  EXPECT_EQ(allocate().size(), 1U);
  EXPECT_TRUE(first.allowed().is_enabled);
  EXPECT_FALSE(second.allowed().is_enabled);
  EXPECT_EQ(sender_.allocation().division().reserved, Bitrate(115'000)) << "half of the way";
  sender_.set_limit(Bitrate(150'000));
  EXPECT_TRUE(allocate().empty());
  EXPECT_TRUE(first.allowed().is_enabled);
  EXPECT_EQ(sender_.allocation().division().reserved, Bitrate(50'000)) << "what it leaves";
}

TEST_F(LayerAllocationTest, nothing_is_paused_that_nothing_could_tell_to_go_on) {
  Subscription& first = subscribe(camera());
  Subscription& second = subscribe(camera());
  claims(Bitrate(50'000));  // by REMB: no padding could show more
  EXPECT_TRUE(allocate(5).empty());
  for (const Subscription* subscription : {&first, &second}) {
    EXPECT_TRUE(subscription->allowed().is_enabled);
    EXPECT_EQ(subscription->allowed().max_spatial, 0);
  }
}

TEST_F(LayerAllocationTest, what_is_sent_again_without_numbers_does_not_end_the_search_for_more) {
  extensions_.set(rtp::Extension::kTransportSequence, 5);
  Subscription& subscription = subscribe(camera());
  sender_.set_limit(Bitrate(150'000));
  (void)allocate();
  sender_.set_limit(std::nullopt);
  pass(3s, Bitrate(500'000), 3);
  ASSERT_FALSE(sender_.downlink()->estimator().is_in_start());
  // More sound is repeated than all that is known to arrive.
  for (int i = 0; i < 8; ++i) {
    pass(1s, Bitrate(120'000), 0, Bitrate(200'000));
  }
  (void)allocate();
  ASSERT_GT(sender_.allocation().division().reserved, Bitrate(150'000));
  ASSERT_LT(*sender_.downlink()->estimator().shown(bed_.now), Bitrate(150'000));
  EXPECT_EQ(subscription.allowed().max_spatial, 0);
  bool has_probed = false;
  for (int i = 0; i < 60; ++i) {
    pass(100ms, Bitrate(120'000), 0, Bitrate(200'000));
    (void)allocate();
    has_probed |= sender_.downlink()->estimator().poll_probe(bed_.now).has_value();
  }
  EXPECT_TRUE(has_probed);
}

TEST_F(LayerAllocationTest, the_higher_priority_goes_first) {
  Subscription& first = subscribe(camera());
  Subscription& second = subscribe(camera(), {.is_enabled = true, .priority = 1});
  claims(Bitrate(700'000));
  (void)allocate();
  EXPECT_EQ(first.allowed().max_spatial, 0);
  EXPECT_EQ(second.allowed().max_spatial, 1);
}

TEST_F(LayerAllocationTest, nothing_is_kept_for_what_is_not_watched) {
  Subscription& hidden = subscribe(camera(), {.is_enabled = false});
  Publication& muted = camera();
  muted.set_muted(true);
  (void)subscribe(muted);
  Subscription& seen = subscribe(camera());
  claims(Bitrate(1'700'000));
  EXPECT_TRUE(allocate().empty());
  EXPECT_EQ(seen.allowed(), kAll);
  EXPECT_FALSE(hidden.is_paused());
}

TEST_F(LayerAllocationTest, a_developer_may_make_the_way_narrower) {
  Subscription& subscription = subscribe(camera());
  claims(Bitrate(5'000'000));
  sender_.set_limit(Bitrate(150'000));
  (void)allocate();
  EXPECT_EQ(subscription.allowed().max_spatial, 0);
  sender_.set_limit(std::nullopt);
  (void)allocate(100);
  EXPECT_EQ(subscription.allowed(), kAll);
}

TEST_F(LayerAllocationTest, who_never_says_what_arrives_is_not_limited) {
  Subscription& subscription = subscribe(camera());
  sender_.downlink()->on_sent(100, Downlink::Copy::kFirst, Downlink::Numbered::kNo, bwe::kNoCluster,
                              bed_.now);
  (void)allocate();
  EXPECT_EQ(subscription.allowed().max_spatial, 1) << "600 kbit/s to begin with";
  bed_.now = bed_.now + Downlink::kPatience;
  (void)allocate();
  EXPECT_EQ(subscription.allowed(), kAll);
  EXPECT_FALSE(sender_.allocation().division().estimate);
}

}  // namespace
}  // namespace meridian::forward
