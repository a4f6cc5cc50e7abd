#include "forward/sender.hpp"

#include <gtest/gtest.h>

#include "forward/publication.hpp"
#include "forward/relay_sink.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::Meeting;

class SenderTest : public testing::Test {
 protected:
  Subscription make(std::uint32_t ssrc, std::uint32_t rtx) {
    return Subscription({.subscription = SubscriptionId(1),
                         .publication = PublicationId(1),
                         .transport = bob_.id,
                         .mid = {},
                         .ssrc = Ssrc(ssrc),
                         .rtx_ssrc = Ssrc(rtx),
                         .codecs = {test::vp8(102)},
                         .extensions = test::extension_ids(),
                         .target = {}},
                        publication_, sender_,
                        sender_.first_sequences(Ssrc(ssrc), Ssrc(rtx), bed_.random));
  }
  test::ShardBed bed_;
  Client& bob_ = bed_.join();
  Sender sender_{*bob_.transport};
  Publication publication_{
      {.id = PublicationId(1), .room = RoomNumber(1), .kind = rtp::MediaKind::kVideo}};
};

TEST_F(SenderTest, finds_subscriptions_by_ssrc) {
  Subscription one = make(10, 11);
  ASSERT_TRUE(sender_.add(one));
  EXPECT_EQ(sender_.find(Ssrc(10)), &one);
  EXPECT_EQ(sender_.find(Ssrc(12)), nullptr);
  sender_.remove(one);
  EXPECT_EQ(sender_.find(Ssrc(10)), nullptr);
}

TEST_F(SenderTest, an_ssrc_cannot_be_used_twice_at_once) {
  Subscription one = make(10, 11);
  Subscription two = make(10, 13);
  Subscription same = make(20, 20);
  ASSERT_TRUE(sender_.add(one));
  EXPECT_FALSE(sender_.add(two));
  EXPECT_FALSE(sender_.add(same));
}

TEST_F(SenderTest, streams_begin_in_the_lower_half_and_go_on_where_they_were) {
  for (std::uint32_t i = 0; i < 100; ++i) {
    const FirstSequences first = sender_.first_sequences(Ssrc(i), Ssrc(i + 1000), bed_.random);
    EXPECT_LT(first.media.value() & 0xffffU, 0x8000U);
  }
  Subscription one = make(10, 11);
  ASSERT_TRUE(sender_.add(one));
  const FirstSequences next = one.next_sequences();
  sender_.remove(one);
  const FirstSequences again = sender_.first_sequences(Ssrc(10), Ssrc(11), bed_.random);
  EXPECT_EQ(again.media, next.media);
  EXPECT_EQ(again.rtx, next.rtx);
}

TEST_F(SenderTest, full_intra_requests_count_once_for_each_number) {
  Subscription one = make(10, 11);
  ASSERT_TRUE(sender_.add(one));
  EXPECT_TRUE(sender_.is_new_full_intra({.media = Ssrc(10), .sequence = 0}));
  EXPECT_FALSE(sender_.is_new_full_intra({.media = Ssrc(10), .sequence = 0}));
  EXPECT_TRUE(sender_.is_new_full_intra({.media = Ssrc(10), .sequence = 1}));
  EXPECT_FALSE(sender_.is_new_full_intra({.media = Ssrc(99), .sequence = 1}));
}

TEST_F(SenderTest, loss_is_the_worst_of_what_was_reported) {
  Subscription one = make(10, 11);
  ASSERT_TRUE(sender_.add(one));
  std::array<std::uint8_t, 200> buffer{};
  rtcp::CompoundWriter writer(buffer);
  rtcp::ReportBlock block;
  block.ssrc = Ssrc(10);
  block.fraction_lost = 128;
  const std::array<rtcp::ReportBlock, 1> blocks = {block};
  std::span<const rtcp::ReportBlock> rest = blocks;
  (void)writer.add_receiver_report(Ssrc(1), rest);
  for (const rtcp::Packet& packet : *rtcp::Compound::parse(writer.bytes())) {
    sender_.handle_report_blocks(std::get<rtcp::ReceiverReport>(packet).blocks, bed_.now);
  }
  EXPECT_FLOAT_EQ(sender_.take_loss(), 0.5F);
  EXPECT_FLOAT_EQ(sender_.take_loss(), 0);
  EXPECT_EQ(sender_.round_trip(), Duration::zero()) << "no report of ours was referred to";
}

TEST_F(SenderTest, transport_wide_feedback_counts_as_loss) {
  Subscription one = make(10, 11);
  ASSERT_TRUE(sender_.add(one));
  const SequenceNumber first = sender_.downlink()->next_number();
  for (int i = 0; i < 4; ++i) {
    sender_.downlink()->on_sent(1000, Downlink::Copy::kFirst, Downlink::Numbered::kYes,
                                bwe::kNoCluster, bed_.now);
  }
  std::array<std::uint8_t, 200> buffer{};
  rtcp::CompoundWriter writer(buffer);
  const std::array<Instant, 4> times = {bed_.now, Instant::never(), bed_.now, bed_.now};
  rtcp::Arrivals arrivals{.base = first, .times = times};
  (void)writer.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals);
  for (const rtcp::Packet& packet : *rtcp::Compound::parse(writer.bytes())) {
    sender_.handle_transport_feedback(std::get<rtcp::TransportFeedback>(packet), bed_.now);
  }
  EXPECT_FLOAT_EQ(sender_.take_loss(), 0.25F);
}

TEST_F(SenderTest, tests_for_more_with_padding_in_the_stream_of_retransmissions) {
  publication_.set_layer_count(3, Publication::Memory::kAtFirstPacket);
  publication_.rates().set_table({{{100'000}, {400'000}, {1'500'000}}});
  publication_.update_ladder();
  Subscription one = make(10, 11);
  ASSERT_TRUE(sender_.add(one));
  EXPECT_TRUE(one.can_pad()) << "what is paused from the start must be able to begin";
  const auto payload = test::vp8_payload({.is_key = true});
  MediaPacket key = test::media(1, 9000, bed_.now);
  key.starts_key_frame = true;
  key.payload = payload;
  const SequenceNumber first = sender_.downlink()->next_number();
  Outlet outlet = sender_.outlet(bed_.output, bed_.counters, bed_.now);
  one.forward(2, key, {.count = 3, .live = 7}, outlet);
  ASSERT_TRUE(one.can_pad());
  bed_.now = bed_.now + 20ms;
  std::array<std::uint8_t, 200> buffer{};
  rtcp::CompoundWriter writer(buffer);
  const std::array<Instant, 1> times = {bed_.now};
  rtcp::Arrivals arrivals{.base = first, .times = times};
  (void)writer.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals);
  for (const rtcp::Packet& packet : *rtcp::Compound::parse(writer.bytes())) {
    sender_.handle_transport_feedback(std::get<rtcp::TransportFeedback>(packet), bed_.now);
  }
  std::vector<Event> events;
  sender_.allocate(bed_.now, events);
  for (int tick = 0; tick < 4; ++tick) {
    sender_.send_probe(bed_.output, bed_.counters, bed_.now);
    bed_.now = bed_.now + 10ms;
  }
  bed_.pump();
  // Three times the 600 kbit/s of the start, for 20 ms.
  std::size_t padding = 0;
  for (const auto& packet : bob_.take_rtp()) {
    const auto view = rtp::PacketView::parse(packet);
    ASSERT_TRUE(view);
    if (view->ssrc() == Ssrc(11)) {
      EXPECT_TRUE(view->payload().empty());
      EXPECT_EQ(view->payload_type(), PayloadType(103));
      EXPECT_FALSE(view->extension(5).empty()) << "numbered";
      padding += packet.size();
    }
  }
  EXPECT_GT(padding, 4000U);
  EXPECT_LT(padding, 9500U) << "the first of two may be followed by half of the second";
  EXPECT_EQ(bed_.counters.retransmissions_sent.value(), 0U);
}

}  // namespace
}  // namespace meridian::forward
