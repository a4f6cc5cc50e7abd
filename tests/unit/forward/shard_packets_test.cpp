#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "forward/shard.hpp"
#include "rtp/vp8.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::Meeting;
using test::PacketBytes;
using test::token;
using test::view;

class ShardPacketsTest : public testing::Test {
 protected:
  std::uint64_t dropped(metrics::DropReason reason) const {
    return bed_.counters.dropped[static_cast<std::size_t>(reason)].value();
  }
  /// Bob, for his first subscription.
  void ask_for_key_frame() {
    bob_.send_rtcp(
        [](rtcp::CompoundWriter& writer) { (void)writer.add_picture_loss(Ssrc(9), Ssrc(1001)); });
  }
  test::ShardBed bed_;
  Meeting meeting_{bed_};
  Client& alice_ = bed_.join();
  Client& bob_ = bed_.join();
};

TEST_F(ShardPacketsTest, simulcast_layers_are_told_apart_by_rid_and_one_is_forwarded) {
  meeting_.publish(alice_, {token("q"), token("h"), token("f")});
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  const auto send = [&](std::uint16_t number, bool is_key) {
    bed_.send(alice_, meeting_.video(number, is_key, 0, "q"));
    bed_.send(alice_, meeting_.video(number, is_key, 1, "h"));
    bed_.send(alice_, meeting_.video(number, is_key, 2, "f"));
    bed_.run_for(33ms);
  };
  send(1, true);
  send(2, false);
  send(3, false);
  const auto started = bed_.take_events<LayerStarted>();
  ASSERT_EQ(started.size(), 3U);
  EXPECT_EQ(started[2].layer, 2);
  EXPECT_EQ(started[2].codec, rtp::Codec::kVp8);
  // The key frames of all three layers came in turn; each was better than the one before.
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 3U + 2);
  for (std::size_t i = 1; i < packets.size(); ++i) {
    EXPECT_EQ(view(packets[i]).sequence(), view(packets[i - 1]).sequence().next());
    const auto earlier = rtp::parse_vp8(view(packets[i - 1]).payload());
    const auto later = rtp::parse_vp8(view(packets[i]).payload());
    EXPECT_EQ(*later->picture_id, *earlier->picture_id + 1);
    EXPECT_GT(view(packets[i]).timestamp(), view(packets[i - 1]).timestamp());
  }
}

/// A frame in packets with so much payload each, sent as one batch.
void send_frame(test::ShardBed& bed, Client& client, std::uint16_t first, bool is_key,
                const std::vector<std::size_t>& sizes) {
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    client.peer->send_rtp(test::rtp_packet(
        {.ssrc = 200,
         .sequence = static_cast<std::uint16_t>(first + i),
         .timestamp = first * 3000U,
         .payload_type = Meeting::kVp8,
         .marker = i + 1 == sizes.size(),
         .extensions = {{1, test::text("1")}}},
        test::vp8_payload(
            {.is_key = is_key, .starts = i == 0, .picture_id = first, .size = sizes[i]})));
  }
  bed.pump();
}

std::vector<std::size_t> sizes_of(const std::vector<PacketBytes>& packets) {
  std::vector<std::size_t> sizes;
  for (const PacketBytes& packet : packets) {
    sizes.push_back(packet.size());
  }
  return sizes;
}

TEST_F(ShardPacketsTest, packets_of_a_frame_get_one_size_and_their_payload_stays) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  send_frame(bed_, alice_, 1, true, {500});
  const auto key_frame = bob_.take_rtp();
  ASSERT_EQ(key_frame.size(), 1U);
  const std::size_t headers = key_frame[0].size() - 500;
  send_frame(bed_, alice_, 2, false, {1000, 1000, 1001, 990});
  const auto packets = bob_.take_rtp();
  EXPECT_EQ(sizes_of(packets), (std::vector<std::size_t>{headers + 1001, headers + 1001,
                                                         headers + 1001, headers + 990}));
  const std::size_t descriptor = view(key_frame[0]).payload().size() - 500;
  EXPECT_EQ(view(packets[0]).payload().size(), descriptor + 1000);
  EXPECT_EQ(view(packets[3]).payload().size(), descriptor + 990);
}

TEST_F(ShardPacketsTest, who_waits_for_a_better_layer_gets_no_padding) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  // The stream begins with this frame: until then the subscriber has nothing that it asked for.
  send_frame(bed_, alice_, 1, true, {1000, 1001, 1001});
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[0].size() + 1, packets[1].size());
}

TEST_F(ShardPacketsTest, a_lower_target_switches_at_the_key_frame_that_it_asks_for) {
  meeting_.publish(alice_, {token("q"), token("h")});
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(1, true, 0, "q"));
  bed_.send(alice_, meeting_.video(1, true, 1, "h"));
  (void)alice_.take_picture_losses();
  bed_.run_for(1500ms);
  bed_.shard.set_subscription({.subscription = SubscriptionId(1),
                               .target = {.is_enabled = true, .max_spatial = 0, .max_temporal = 7}},
                              bed_.now);
  bed_.pump();
  EXPECT_EQ(alice_.take_picture_losses(), std::vector<Ssrc>{Ssrc(200)});
  (void)bob_.take_rtp();
  bed_.send(alice_, meeting_.video(2, false, 0, "q"));
  EXPECT_TRUE(bob_.take_rtp().empty());
  bed_.send(alice_, meeting_.video(2, false, 1, "h"));
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
  bed_.send(alice_, meeting_.video(3, true, 0, "q"));
  bed_.send(alice_, meeting_.video(3, false, 1, "h"));
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
}

TEST_F(ShardPacketsTest, key_frame_requests_of_many_are_joined) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.video(1, true));
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(2, true));
  bed_.run_for(2s);
  (void)alice_.take_picture_losses();
  std::uint16_t number = 3;
  for (int i = 0; i < 100; ++i) {
    ask_for_key_frame();
    bed_.pump();
    bed_.run_for(20ms);
    bed_.send(alice_, meeting_.video(number++, i % 10 == 0));
  }
  EXPECT_LE(alice_.take_picture_losses().size(), 5U);  // in 2 s, one each 500 ms
  EXPECT_EQ(bed_.counters.key_frame_requests_received.value(), 100U);
}

TEST_F(ShardPacketsTest, who_is_about_to_get_another_layer_asks_for_that_ones_key_frame) {
  meeting_.publish(alice_, {token("q"), token("h")});
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(1, true, 0, "q"));
  bed_.send(alice_, meeting_.video(1, true, 1, "h"));
  bed_.shard.set_subscription({.subscription = SubscriptionId(1),
                               .target = {.is_enabled = true, .max_spatial = 0, .max_temporal = 7}},
                              bed_.now);
  bed_.run_for(2s);
  (void)alice_.take_picture_losses();
  ask_for_key_frame();
  bed_.run_for(1s);
  for (const Ssrc asked : alice_.take_picture_losses()) {
    EXPECT_EQ(asked, Ssrc(200)) << "whoever else watches the other layer would pay for it";
  }
}

TEST_F(ShardPacketsTest, who_gets_nothing_needs_no_key_frame) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(1, true));
  bed_.shard.set_subscription(
      {.subscription = SubscriptionId(1),
       .target = {.is_enabled = false, .max_spatial = 2, .max_temporal = 7}},
      bed_.now);
  bed_.run_for(2s);
  (void)alice_.take_picture_losses();
  ask_for_key_frame();
  bed_.run_for(1s);
  EXPECT_TRUE(alice_.take_picture_losses().empty());
  EXPECT_EQ(bed_.counters.key_frame_requests_received.value(), 1U);
}

TEST_F(ShardPacketsTest, fir_is_answered_once_for_each_number) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.video(1, true));
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  for (int i = 0; i < 3; ++i) {
    bob_.send_rtcp(
        [](rtcp::CompoundWriter& writer) { (void)writer.add_full_intra(Ssrc(9), Ssrc(1001), 5); });
    bed_.pump();
  }
  EXPECT_EQ(bed_.counters.key_frame_requests_received.value(), 1U);
}

TEST_F(ShardPacketsTest, a_missing_packet_is_resent_as_rtx_under_its_own_numbers) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(1, true));
  bob_.is_deaf = true;
  bed_.send(alice_, meeting_.video(2, false));
  bob_.is_deaf = false;
  bed_.send(alice_, meeting_.video(3, false));
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 2U);
  const SequenceNumber missing = view(packets[0]).sequence().next();
  const auto ask = [&] {
    bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
      const std::array<SequenceNumber, 1> list = {missing};
      std::span<const SequenceNumber> rest = list;
      (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
    });
    bed_.pump();
  };
  ask();
  const auto resent = bob_.take_rtp();
  ASSERT_EQ(resent.size(), 1U);
  const rtp::PacketView rtx = view(resent[0]);
  EXPECT_EQ(rtx.ssrc(), Ssrc(2001));
  EXPECT_EQ(rtx.payload_type(), PayloadType(103));
  EXPECT_EQ(load_u16(rtx.payload().data()), missing.value());
  const auto original = rtp::parse_vp8(rtx.payload().subspan(2));
  EXPECT_EQ(*original->picture_id, *rtp::parse_vp8(view(packets[0]).payload())->picture_id + 1);
  EXPECT_EQ(rtx.timestamp().value(), view(packets[0]).timestamp().value() + 3000);

  // Asked for often: limited, and each time under a new number of the RTX stream.
  std::set<std::uint16_t> numbers = {rtx.sequence().value()};
  for (int i = 0; i < 12; ++i) {
    bed_.run_for(150ms);
    ask();
    for (const PacketBytes& again : bob_.take_rtp()) {
      if (view(again).ssrc() == Ssrc(2001)) {
        EXPECT_TRUE(numbers.insert(view(again).sequence().value()).second);
      }
    }
  }
  EXPECT_EQ(numbers.size(), 10U);
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

/// The way to a subscriber, that let all through quickly, is now full, and most gets lost.
void overflow(bwe::SendSideEstimator& estimator, Instant now) {
  std::uint64_t number = 100'000;
  const auto tell = [&](Instant from, int packets, Duration delay, int arriving) {
    std::vector<bwe::PacketResult> results;
    for (int i = 0; i < packets; ++i) {
      const Instant sent = from + i * 5ms;
      results.push_back(
          {.sent = {.sequence = ExtendedSequence(number++), .sent_at = sent, .size = 1000},
           .received = i % arriving == 0 ? sent + delay : Instant::never()});
    }
    estimator.on_feedback(results, 50ms, now);
  };
  tell(now - 2s, 200, 20ms, 1);
  tell(now - 1s, 100, 270ms, 8);
}

TEST_F(ShardPacketsTest,
       what_is_left_of_a_larger_picture_is_not_resent_into_a_queue_that_overflew) {
  meeting_.publish(alice_, {token("q"), token("h")});
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  const auto lose = [&](const PacketBytes& packet) {
    bob_.is_deaf = true;
    bed_.send(alice_, packet);
    bob_.is_deaf = false;
  };
  bed_.send(alice_, meeting_.video(1, true, 0, "q"));
  bed_.send(alice_, meeting_.video(1, true, 1, "h"));
  const SequenceNumber last = view(bob_.take_rtp().back()).sequence();
  lose(meeting_.video(2, false, 1, "h"));
  bed_.shard.set_subscription(
      {.subscription = SubscriptionId(1), .target = {.is_enabled = true, .max_spatial = 0}},
      bed_.now);
  bed_.send(alice_, meeting_.video(3, true, 0, "q"));
  lose(meeting_.video(4, false, 0, "q"));
  (void)bob_.take_rtp();
  const auto resent = [&](int after) {
    bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
      const std::array list = {last.plus(after)};
      std::span<const SequenceNumber> rest = list;
      (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
    });
    bed_.pump();
    return bob_.take_rtp().size();
  };
  EXPECT_EQ(resent(1), 1U) << "the way is as it was";
  bed_.run_for(200ms);
  overflow(bob_.member->sender.downlink()->estimator(), bed_.now);
  EXPECT_EQ(resent(1), 0U);
  EXPECT_EQ(resent(3), 1U) << "of the picture that is shown";
}

TEST_F(ShardPacketsTest, audio_without_rtx_is_never_resent) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kMicrophone, 1);
  bed_.send(alice_, meeting_.audio(1));
  const SequenceNumber sequence = view(bob_.take_rtp().at(0)).sequence();
  bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
    const std::array<SequenceNumber, 1> list = {sequence};
    std::span<const SequenceNumber> rest = list;
    (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
  });
  bed_.pump();
  EXPECT_TRUE(bob_.take_rtp().empty());
}

TEST_F(ShardPacketsTest, a_gap_is_asked_for_and_filled_from_the_publishers_rtx) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(1, true));
  const PacketBytes lost = meeting_.video(2, false);
  bed_.send(alice_, meeting_.video(3, false));
  bed_.run_for(40ms);
  const auto nacks = alice_.take_rtcp<rtcp::Nack, std::pair<Ssrc, SequenceNumber>>(
      [](const rtcp::Nack& nack) { return std::pair(nack.media, *nack.sequences().next()); });
  ASSERT_FALSE(nacks.empty());
  EXPECT_EQ(nacks[0], std::pair(Ssrc(200), SequenceNumber(2)));

  std::vector<std::uint8_t> payload = {0, 2};
  payload.insert(payload.end(), view(lost).payload().begin(), view(lost).payload().end());
  const PacketBytes rtx = test::rtp_packet({.ssrc = 300,
                                            .sequence = 77,
                                            .timestamp = view(lost).timestamp().value(),
                                            .payload_type = Meeting::kVp8 + 1,
                                            .marker = true,
                                            .extensions = {{1, test::text("1")}}},
                                           payload);
  bed_.send(alice_, rtx);
  bed_.send(alice_, lost);  // and late by itself
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(view(packets[2]).sequence(), view(packets[0]).sequence().next());
  EXPECT_EQ(bed_.counters.retransmissions_received.value(), 1U);
  EXPECT_EQ(dropped(metrics::DropReason::kDuplicate), 1U);
}

TEST_F(ShardPacketsTest, the_publisher_gets_reports_and_transport_wide_feedback) {
  meeting_.publish(alice_);
  for (std::uint16_t i = 1; i <= 10; ++i) {
    bed_.send(alice_, meeting_.video(i, i == 1));
    bed_.run_for(30ms);
  }
  bed_.run_for(1s);
  std::size_t reports = 0;
  std::size_t arrived = 0;
  while (auto bytes = alice_.peer->poll_rtcp()) {
    EXPECT_LE(bytes->size(), 1200U);
    for (const rtcp::Packet& packet : *rtcp::Compound::parse(*bytes)) {
      if (const auto* report = std::get_if<rtcp::ReceiverReport>(&packet)) {
        reports += report->blocks.size();
        EXPECT_EQ(report->blocks[0].ssrc, Ssrc(200));
        EXPECT_EQ(report->blocks[0].highest_sequence & 0xffffU, 10U);
      } else if (const auto* feedback = std::get_if<rtcp::TransportFeedback>(&packet)) {
        rtcp::StatusCursor statuses = feedback->statuses();
        while (const auto status = statuses.next()) {
          arrived += status->arrival ? 1 : 0;
        }
      }
    }
  }
  EXPECT_GE(reports, 1U);
  EXPECT_EQ(arrived, 10U);
}

TEST_F(ShardPacketsTest, subscribers_get_sender_reports_on_the_publishers_clock) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kMicrophone, 1);
  bed_.send(alice_, meeting_.audio(1));
  alice_.send_rtcp([](rtcp::CompoundWriter& writer) {
    rtcp::SenderReport report;
    report.sender = Ssrc(100);
    report.ntp = rtcp::NtpTime(5ULL << 32U);
    report.rtp = RtpTimestamp(960);
    std::span<const rtcp::ReportBlock> none;
    (void)writer.add_sender_report(report, none);
  });
  bed_.pump();
  const Instant told = bed_.now;
  bed_.run_for(200ms);
  struct Told {
    Ssrc sender;
    double seconds;
    std::uint32_t rtp;
  };
  const auto reports =
      bob_.take_rtcp<rtcp::SenderReport, Told>([](const rtcp::SenderReport& report) {
        return Told{report.sender, static_cast<double>(report.ntp.value()) / 4294967296.0,
                    report.rtp.value()};
      });
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_EQ(reports[0].sender, Ssrc(1001));
  const double since = reports[0].seconds - 5;
  EXPECT_GT(since, 0);
  EXPECT_LE(since, std::chrono::duration<double>(bed_.now - told).count());
  EXPECT_NEAR(reports[0].rtp, 960 + since * 48'000, 2);
}

TEST_F(ShardPacketsTest, round_trip_is_measured_by_reports) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kMicrophone, 1);
  bed_.send(alice_, meeting_.audio(1));
  alice_.send_rtcp([](rtcp::CompoundWriter& writer) {
    rtcp::SenderReport report;
    report.sender = Ssrc(100);
    report.ntp = rtcp::NtpTime(5ULL << 32U);
    std::span<const rtcp::ReportBlock> none;
    (void)writer.add_sender_report(report, none);
  });
  bed_.run_for(200ms);
  const auto compacts = bob_.take_rtcp<rtcp::SenderReport, std::uint32_t>(
      [](const rtcp::SenderReport& report) { return report.ntp.compact(); });
  ASSERT_FALSE(compacts.empty());
  bed_.run_for(80ms);
  bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
    rtcp::ReportBlock block;
    block.ssrc = Ssrc(1001);
    block.fraction_lost = 64;
    block.last_sender_report = compacts[0];
    const std::array<rtcp::ReportBlock, 1> blocks = {block};
    std::span<const rtcp::ReportBlock> rest = blocks;
    (void)writer.add_receiver_report(Ssrc(9), rest);
  });
  bed_.pump();
  EXPECT_GE(bob_.member->sender.round_trip(), 80ms);
  EXPECT_LE(bob_.member->sender.round_trip(), 300ms);
  EXPECT_FLOAT_EQ(bob_.member->sender.take_loss(), 0.25F);
}

TEST_F(ShardPacketsTest, remb_is_clamped_and_stays_with_its_subscriber) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kMicrophone, 1);
  bob_.send_rtcp([](rtcp::CompoundWriter& writer) {
    (void)writer.add_remb(Ssrc(9), Bitrate(1ULL << 60U), {});
  });
  bed_.pump();
  EXPECT_EQ(bob_.member->sender.downlink()->estimate(bed_.now), Downlink::kMaxBitrate);
  EXPECT_EQ(alice_.member->sender.downlink(), nullptr) << "she only publishes";
}

TEST_F(ShardPacketsTest, a_packet_of_no_section_is_dropped) {
  meeting_.publish(alice_);
  bed_.send(
      alice_,
      test::rtp_packet(
          {.ssrc = 999, .sequence = 1, .payload_type = 50, .extensions = {{1, test::text("7")}}},
          test::PacketBytes(20)));
  EXPECT_EQ(dropped(metrics::DropReason::kUnknownSource), 1U);
}

TEST_F(ShardPacketsTest, malformed_rtcp_is_dropped_whole) {
  const std::array<std::uint8_t, 12> bad = {0x81, 201, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0};
  alice_.peer->send_rtcp(bad);
  bed_.pump();
  EXPECT_EQ(dropped(metrics::DropReason::kMalformedRtcp), 1U);
}

TEST_F(ShardPacketsTest, what_overtook_the_beginning_of_a_key_frame_follows_it) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.video(1, true));
  bed_.run_for(Publication::kMaxReplay + 20ms);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  const PacketBytes late = meeting_.video(5, true);
  bed_.send(alice_, meeting_.video(6, false));
  bed_.send(alice_, meeting_.video(7, false));
  EXPECT_TRUE(bob_.take_rtp().empty());
  // In one batch: the late beginning and a frame behind it.
  alice_.peer->send_rtp(late);
  alice_.peer->send_rtp(meeting_.video(8, false));
  bed_.pump();
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 4U);
  for (std::size_t i = 1; i < packets.size(); ++i) {
    EXPECT_EQ(view(packets[i]).sequence(), view(packets[i - 1]).sequence().next());
  }
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(ShardPacketsTest, somebody_new_begins_with_the_key_frame_that_came_last) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.video(1, true));
  for (std::uint16_t number = 2; number < 12; ++number) {
    bed_.run_for(30ms);
    bed_.send(alice_, meeting_.video(number, number == 9));
  }
  (void)alice_.take_picture_losses();
  alice_.peer->send_rtp(meeting_.video(12, false));  // in the batch in which the command comes
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.send(alice_, meeting_.video(13, false));
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 5U);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(view(packets[i]).timestamp().value() - view(packets[0]).timestamp().value(),
              i * 3000U);
    EXPECT_EQ(view(packets[i]).sequence().value(),
              static_cast<std::uint16_t>(view(packets[0]).sequence().value() + i));
  }
  EXPECT_TRUE(rtp::parse_vp8(view(packets[0]).payload())->is_keyframe);
  EXPECT_TRUE(alice_.take_picture_losses().empty()) << "nobody need make another for it";
  EXPECT_EQ(bed_.counters.key_frames_replayed.value(), 1U);
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(ShardPacketsTest, a_key_frame_from_long_ago_is_not_what_somebody_new_begins_with) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.video(1, true));
  bed_.run_for(Publication::kMaxReplay + 20ms);
  bed_.send(alice_, meeting_.video(2, false));
  (void)alice_.take_picture_losses();
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  EXPECT_TRUE(bob_.take_rtp().empty());
  EXPECT_EQ(alice_.take_picture_losses().size(), 1U);
  EXPECT_EQ(bed_.counters.key_frames_replayed.value(), 0U);
}

TEST_F(ShardPacketsTest, what_would_fill_the_way_for_long_is_not_replayed) {
  meeting_.publish(alice_);
  send_frame(bed_, alice_, 1, true, std::vector<std::size_t>(24, 1000));  // 320 ms of 600 kbit/s
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  EXPECT_TRUE(bob_.take_rtp().empty());
}

TEST_F(ShardPacketsTest, a_large_batch_is_forwarded_whole) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  for (std::uint16_t i = 1; i <= 100; ++i) {
    alice_.peer->send_rtp(meeting_.video(i, i == 1));
  }
  bed_.pump();
  EXPECT_EQ(bob_.take_rtp().size(), 100U);
}

TEST_F(ShardPacketsTest, extensions_are_those_of_the_subscriber) {
  meeting_.publish(alice_);
  Subscribe command = meeting_.subscription(bob_, Meeting::kMicrophone, 1);
  command.extensions = {};
  command.extensions.set(rtp::Extension::kAudioLevel, 12);
  bed_.shard.subscribe(command, bed_.now);
  bed_.send(alice_, meeting_.audio(1, 33));
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 1U);
  const rtp::PacketView packet = view(packets[0]);
  ASSERT_EQ(packet.extension_count(), 1U);
  EXPECT_EQ(packet.extension(12)[0], 33);
}

}  // namespace
}  // namespace meridian::forward
