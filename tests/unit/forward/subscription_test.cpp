#include "forward/subscription.hpp"

#include <set>

#include <gtest/gtest.h>

#include "rtp/extensions.hpp"
#include "rtp/vp9.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::PacketBytes;
using test::red;
using test::text;
using test::token;
using test::view;

// One publication with the codecs of the test, and one subscriber.
class SubscriptionTest : public testing::Test {
 protected:
  static constexpr PublicationId kTrack{1};

  void publish(rtp::MediaKind kind, std::vector<rtp::CodecBinding> codecs,
               bool is_encrypted = false, std::vector<rtp::Token> rids = {}) {
    bed_.shard.publish({.publication = kTrack,
                        .transport = alice_.id,
                        .room = RoomNumber(1),
                        .kind = kind,
                        .is_screen_share = false,
                        .is_encrypted = is_encrypted});
    bed_.shard.configure({.transport = alice_.id,
                          .extensions = test::extension_ids(),
                          .sections = {{.mid = token("0"),
                                        .kind = kind,
                                        .publication = kTrack,
                                        .codecs = std::move(codecs),
                                        .rids = std::move(rids),
                                        .sources = {}}}});
  }
  void subscribe(std::vector<rtp::CodecBinding> codecs, LayerTarget target = {}) {
    bed_.shard.subscribe({.subscription = SubscriptionId(1),
                          .publication = kTrack,
                          .transport = bob_.id,
                          .mid = token("9"),
                          .ssrc = Ssrc(1001),
                          .rtx_ssrc = Ssrc(2001),
                          .codecs = std::move(codecs),
                          .extensions = {},
                          .target = target},
                         bed_.now);
    bed_.pump();
  }
  void set_target(LayerTarget target) {
    bed_.shard.set_subscription({.subscription = SubscriptionId(1), .target = target}, bed_.now);
  }
  void send(std::uint8_t type, const std::vector<std::uint8_t>& payload,
            std::uint32_t timestamp = 0, bool marker = true) {
    bed_.send(alice_, test::rtp_packet({.ssrc = 100,
                                        .sequence = sequence_++,
                                        .timestamp = timestamp,
                                        .payload_type = type,
                                        .marker = marker,
                                        .extensions = {{1, text("0")}}},
                                       payload));
  }
  static rtp::CodecBinding vp9(std::uint8_t type) {
    rtp::CodecBinding binding = test::vp8(type);
    binding.codec = rtp::Codec::kVp9;
    return binding;
  }
  std::uint64_t dropped(metrics::DropReason reason) const {
    return bed_.counters.dropped[static_cast<std::size_t>(reason)].value();
  }

  /// One redundant block of 2 bytes and a primary of 3, payload type 111 inside.
  const std::vector<std::uint8_t> red_payload_ = {0x80 | 111, 0x0f, 0, 2, 111, 1, 1, 7, 8, 9};
  test::ShardBed bed_;
  Client& alice_ = bed_.join();
  Client& bob_ = bed_.join();
  std::uint16_t sequence_ = 1;
};

TEST_F(SubscriptionTest, red_passes_to_those_who_take_it) {
  publish(rtp::MediaKind::kAudio, {red(63), test::opus(111)});
  subscribe({red(62), test::opus(112)});
  send(63, red_payload_);
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(view(packets[0]).payload_type(), PayloadType(62));
  EXPECT_EQ(view(packets[0]).payload()[0], 0x80 | 112);
  EXPECT_EQ(view(packets[0]).payload()[4], 112);
  EXPECT_EQ(view(packets[0]).payload().size(), red_payload_.size());
}

TEST_F(SubscriptionTest, redundancy_is_taken_off_for_those_who_do_not) {
  publish(rtp::MediaKind::kAudio, {red(63), test::opus(111)});
  subscribe({test::opus(112)});
  send(63, red_payload_);
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 1U);
  EXPECT_EQ(view(packets[0]).payload_type(), PayloadType(112));
  const Bytes payload = view(packets[0]).payload();
  EXPECT_TRUE(std::ranges::equal(payload, std::vector<std::uint8_t>{7, 8, 9}));
}

TEST_F(SubscriptionTest, end_to_end_encrypted_redundancy_is_left_alone) {
  publish(rtp::MediaKind::kAudio, {red(63), test::opus(111)}, true);
  subscribe({test::opus(112)});
  send(63, red_payload_);
  EXPECT_TRUE(bob_.take_rtp().empty());
  EXPECT_EQ(dropped(metrics::DropReason::kUnknownPayloadType), 1U);
}

TEST_F(SubscriptionTest, a_codec_that_the_subscriber_does_not_take_is_dropped) {
  publish(rtp::MediaKind::kVideo, {vp9(98)});
  subscribe({test::vp8(102)});
  send(98, {0x08, 1, 2, 3});
  EXPECT_TRUE(bob_.take_rtp().empty());
}

TEST_F(SubscriptionTest, every_packet_of_a_picture_says_the_rooms_playout_delay) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  rtp::ExtensionMap extensions;
  extensions.set(rtp::Extension::kPlayoutDelay, 3);
  bed_.shard.subscribe({.subscription = SubscriptionId(1),
                        .publication = kTrack,
                        .transport = bob_.id,
                        .mid = token("9"),
                        .ssrc = Ssrc(1001),
                        .rtx_ssrc = Ssrc(2001),
                        .codecs = {test::vp8(102)},
                        .extensions = extensions,
                        .target = {},
                        .playout_delay = rtp::PlayoutDelay{.min = 500ms, .max = 1s}},
                       bed_.now);
  bed_.pump();
  send(96, test::vp8_payload({.is_key = true, .picture_id = 1}), 0, false);
  send(96, test::vp8_payload({.is_key = true, .picture_id = 1}), 0);
  send(96, test::vp8_payload({.picture_id = 2}), 3000);
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 3U);
  for (const auto& packet : packets) {
    EXPECT_EQ(rtp::read_playout_delay(view(packet).extension(3)), (rtp::PlayoutDelay{500ms, 1s}));
  }
}

TEST_F(SubscriptionTest, a_subscription_can_pause_and_resume_at_a_key_frame) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  send(96, test::vp8_payload({.is_key = true, .picture_id = 1}), 0);
  set_target({.is_enabled = false, .max_spatial = 2, .max_temporal = 7});
  send(96, test::vp8_payload({.picture_id = 2}), 3000);
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
  set_target({});
  send(96, test::vp8_payload({.picture_id = 3}), 6000);
  EXPECT_TRUE(bob_.take_rtp().empty());
  send(96, test::vp8_payload({.is_key = true, .picture_id = 4}), 9000);
  EXPECT_EQ(bob_.take_rtp().size(), 1U);
}

TEST_F(SubscriptionTest, dropped_temporal_layers_leave_no_gap) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)}, {.is_enabled = true, .max_spatial = 2, .max_temporal = 0});
  for (std::uint16_t i = 0; i < 20; ++i) {
    send(96,
         test::vp8_payload({.is_key = i == 0,
                            .picture_id = i,
                            .tl0 = static_cast<std::uint8_t>(i / 2),
                            .temporal = static_cast<std::uint8_t>(i % 2)}),
         i * 3000U);
  }
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 10U);
  for (std::size_t i = 1; i < packets.size(); ++i) {
    EXPECT_EQ(view(packets[i]).sequence(), view(packets[i - 1]).sequence().next());
    EXPECT_EQ(view(packets[i]).payload()[3], view(packets[i - 1]).payload()[3] + 1);
  }
}

TEST_F(SubscriptionTest, padding_of_the_publisher_is_not_forwarded) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  send(96, test::vp8_payload({.is_key = true, .picture_id = 1}), 0);
  send(96, {}, 0);
  send(96, test::vp8_payload({.picture_id = 2}), 3000);
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 2U);
  EXPECT_EQ(view(packets[1]).sequence(), view(packets[0]).sequence().next());
}

// VP9 with two spatial layers in one stream: I, L and B/E bits; layer byte TID|U|SID|D.
std::vector<std::uint8_t> vp9_payload(std::uint8_t spatial, bool is_key) {
  const auto first = static_cast<std::uint8_t>(0x80U | (is_key ? 0U : 0x40U) | 0x20U | 0x0cU);
  return {
      first, 0x05, static_cast<std::uint8_t>((unsigned{spatial} << 1U) | (spatial > 0 ? 1U : 0U)),
      0x01,  9,    9};
}

TEST_F(SubscriptionTest, spatial_layers_of_vp9_are_cut_with_the_marker_in_place) {
  publish(rtp::MediaKind::kVideo, {vp9(98)});
  subscribe({vp9(102)}, {.is_enabled = true, .max_spatial = 0, .max_temporal = 7});
  for (std::uint32_t i = 0; i < 3; ++i) {
    send(98, vp9_payload(0, i == 0), i * 3000, false);
    send(98, vp9_payload(1, i == 0), i * 3000, true);
  }
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 3U);
  for (const PacketBytes& packet : packets) {
    EXPECT_TRUE(view(packet).marker());
    EXPECT_EQ(rtp::parse_vp9(view(packet).payload())->spatial_layer, 0);
  }
  EXPECT_EQ(view(packets[2]).sequence(), view(packets[0]).sequence().plus(2));
}

// Every (SSRC, sequence) that reaches the subscriber is new, whatever it asks for.
TEST_F(SubscriptionTest, no_index_is_ever_encrypted_twice) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  Rng rng(3);
  std::set<std::pair<std::uint32_t, std::uint16_t>> seen;
  for (std::uint16_t i = 0; i < 300; ++i) {
    send(96, test::vp8_payload({.is_key = i % 50 == 0, .picture_id = i}), i * 3000U);
    if (rng.chance(0.3)) {
      set_target({.is_enabled = rng.chance(0.9),
                  .max_spatial = 2,
                  .max_temporal = static_cast<std::uint8_t>(rng.below(3))});
    }
    bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
      std::array<SequenceNumber, 1> list = {SequenceNumber(static_cast<std::uint16_t>(rng.next()))};
      if (!seen.empty() && rng.chance(0.8)) {
        list[0] = SequenceNumber(std::prev(seen.lower_bound({1002, 0}))->second);
      }
      std::span<const SequenceNumber> rest = list;
      (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
    });
    bed_.run_for(10ms);
    for (const PacketBytes& packet : bob_.take_rtp()) {
      ASSERT_TRUE(
          seen.emplace(view(packet).ssrc().value(), view(packet).sequence().value()).second);
    }
  }
  EXPECT_GT(bed_.counters.retransmissions_sent.value(), 10U);
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
  EXPECT_EQ(dropped(metrics::DropReason::kSrtpIndexReused), 0U);
}

// What a subscriber's way carries spreads the packets of a frame.
class PacedSubscriptionTest : public SubscriptionTest {
 protected:
  static constexpr std::size_t kPackets = 30;

  void narrow(Bitrate rate) {
    bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
      const std::array<Ssrc, 1> sources = {Ssrc(1001)};
      (void)writer.add_remb(Ssrc(9), rate, sources);
    });
    bed_.run_for(200ms);
  }
  /// A picture of kPackets packets of 1000 bytes.
  void send_frame(std::uint32_t timestamp, bool is_key) {
    for (std::size_t i = 0; i < kPackets; ++i) {
      auto payload =
          test::vp8_payload({.is_key = is_key,
                             .starts = i == 0,
                             .picture_id = static_cast<std::uint16_t>(timestamp / 3000)});
      payload.resize(1000);
      send(96, payload, timestamp, i + 1 == kPackets);
    }
  }
  std::vector<std::uint16_t> take_numbers() {
    std::vector<std::uint16_t> numbers;
    for (const PacketBytes& packet : bob_.take_rtp()) {
      if (view(packet).ssrc() == Ssrc(1001)) {
        numbers.push_back(view(packet).sequence().value());
      }
    }
    return numbers;
  }
};

TEST_F(PacedSubscriptionTest, a_frame_larger_than_a_burst_leaves_in_several) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  send_frame(0, true);
  std::vector<std::uint16_t> numbers = take_numbers();
  EXPECT_EQ(numbers.size(), 5U) << "4,500 bytes, and what the last one goes beyond";
  EXPECT_EQ(bed_.counters.packets_paced.value(), kPackets - numbers.size());
  bed_.run_for(100ms);
  EXPECT_LT(take_numbers().size(), 15U);
  bed_.run_for(400ms);
  (void)take_numbers();
  send_frame(3000, false);
  bed_.run_for(500ms);
  const std::vector<std::uint16_t> rest = take_numbers();
  ASSERT_EQ(rest.size(), kPackets) << "nothing is lost";
  for (std::size_t i = 1; i < rest.size(); ++i) {
    EXPECT_EQ(rest[i], static_cast<std::uint16_t>(rest[i - 1] + 1));
  }
  EXPECT_EQ(dropped(metrics::DropReason::kPacedOut), 0U);
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(PacedSubscriptionTest, without_a_word_about_what_arrives_nothing_waits) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  bed_.run_for(200ms);
  send_frame(0, true);
  EXPECT_EQ(take_numbers().size(), kPackets);
}

TEST_F(PacedSubscriptionTest, without_retransmissions_nothing_waits) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  rtp::CodecBinding plain = test::vp8(102);
  plain.rtx.reset();
  subscribe({plain});
  narrow(Bitrate(1'000'000));
  send_frame(0, true);
  EXPECT_EQ(take_numbers().size(), kPackets);
}

TEST_F(PacedSubscriptionTest, a_retransmission_does_not_wait_behind_video) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  send_frame(0, true);
  const std::vector<std::uint16_t> first = take_numbers();
  ASSERT_FALSE(first.empty());
  bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
    const std::array<SequenceNumber, 1> list = {SequenceNumber(first[0])};
    std::span<const SequenceNumber> rest = list;
    (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
  });
  bed_.pump();
  bed_.run_for(60ms);
  const auto packets = bob_.take_rtp();
  ASSERT_FALSE(packets.empty());
  EXPECT_EQ(view(packets[0]).ssrc(), Ssrc(2001));
  EXPECT_EQ(view(packets[1]).ssrc(), Ssrc(1001));
}

TEST_F(PacedSubscriptionTest, what_would_come_too_late_is_given_up_until_the_next_key_frame) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  std::uint32_t timestamp = 0;
  send_frame(timestamp, true);
  const std::uint16_t last = take_numbers().back();
  (void)alice_.take_picture_losses();
  for (std::size_t i = 0; i < SentLog::kMinCapacity / kPackets; ++i) {
    send_frame(timestamp += 3000, false);
  }
  EXPECT_EQ(dropped(metrics::DropReason::kPacedOut), SentLog::kMinCapacity);
  bed_.run_for(1s);
  EXPECT_TRUE(take_numbers().empty());
  EXPECT_FALSE(alice_.take_picture_losses().empty());
  send_frame(timestamp += 3000, false);
  bed_.run_for(200ms);
  EXPECT_TRUE(take_numbers().empty()) << "nobody could decode it";
  send_frame(timestamp += 3000, true);
  bed_.run_for(500ms);
  const std::vector<std::uint16_t> next = take_numbers();
  ASSERT_EQ(next.size(), kPackets);
  EXPECT_EQ(next[0], static_cast<std::uint16_t>(last + 1)) << "nobody asks for what never left";
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(PacedSubscriptionTest, a_smaller_size_goes_on_with_the_numbers_of_what_waited) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)}, false, {token("q"), token("h")});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  const auto send_key_frame = [&](std::string_view rid, std::uint32_t ssrc, std::size_t packets) {
    for (std::size_t i = 0; i < packets; ++i) {
      auto payload = test::vp8_payload({.is_key = true, .starts = i == 0, .picture_id = 1});
      payload.resize(1000);
      bed_.send(alice_, test::rtp_packet({.ssrc = ssrc,
                                          .sequence = sequence_++,
                                          .payload_type = 96,
                                          .marker = i + 1 == packets,
                                          .extensions = {{1, text("0")}, {2, text(rid)}}},
                                         payload));
    }
  };
  send_key_frame("h", 300, kPackets);
  const std::vector<std::uint16_t> large = take_numbers();
  ASSERT_FALSE(large.empty());
  ASSERT_LT(large.size(), kPackets);
  set_target({.max_spatial = 0});
  send_key_frame("q", 200, 3);
  EXPECT_EQ(bed_.counters.packets_superseded.value(), kPackets - large.size());
  bed_.run_for(200ms);
  const std::vector<std::uint16_t> small = take_numbers();
  ASSERT_EQ(small.size(), 3U);
  EXPECT_EQ(small[0], static_cast<std::uint16_t>(large.back() + 1)) << "nothing is missing";
  EXPECT_EQ(dropped(metrics::DropReason::kPacedOut), 0U);
  EXPECT_EQ(dropped(metrics::DropReason::kSrtpIndexReused), 0U);
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(PacedSubscriptionTest, fewer_spatial_layers_go_on_with_the_numbers_of_what_waited) {
  publish(rtp::MediaKind::kVideo, {vp9(98)});
  subscribe({vp9(102)});
  narrow(Bitrate(1'000'000));
  const auto send_layer = [&](std::uint8_t spatial, std::uint32_t timestamp) {
    auto payload = vp9_payload(spatial, true);
    payload.resize(1000);
    send(98, payload, timestamp, spatial == 1);
  };
  send_layer(0, 0);
  for (std::uint32_t i = 0; i < kPackets; ++i) {
    send_layer(1, 0);
  }
  const std::vector<std::uint16_t> large = take_numbers();
  ASSERT_LT(large.size(), kPackets);
  set_target({.max_spatial = 0});
  send_layer(0, 3000);
  EXPECT_EQ(bed_.counters.packets_superseded.value(), kPackets + 1 - large.size());
  bed_.run_for(200ms);
  const std::vector<std::uint16_t> small = take_numbers();
  ASSERT_EQ(small.size(), 1U);
  EXPECT_EQ(small[0], static_cast<std::uint16_t>(large.back() + 1)) << "nothing is missing";
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(PacedSubscriptionTest, nothing_is_sent_of_what_waited_when_a_video_is_hidden) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  send_frame(0, true);
  const std::vector<std::uint16_t> before = take_numbers();
  ASSERT_LT(before.size(), kPackets);
  set_target({.is_enabled = false});
  EXPECT_EQ(dropped(metrics::DropReason::kPacedOut), kPackets - before.size());
  bed_.run_for(500ms);
  EXPECT_TRUE(take_numbers().empty());
  set_target({});
  send_frame(3000, true);
  bed_.run_for(500ms);
  const std::vector<std::uint16_t> after = take_numbers();
  ASSERT_EQ(after.size(), kPackets);
  EXPECT_EQ(after[0], static_cast<std::uint16_t>(before.back() + 1)) << "nothing is missing";
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(PacedSubscriptionTest, nothing_is_sent_of_what_waited_when_a_video_is_paused) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  send_frame(0, true);
  bed_.run_for(500ms);
  for (std::uint32_t i = 1; i <= 4; ++i) {  // what it costs becomes known
    send_frame(3000 * i, false);
    bed_.run_for(500ms);
  }
  send_frame(30'000, true);
  (void)bed_.take_events<StreamPaused>();
  bed_.shard.limit_downlink({.transport = bob_.id, .limit = Bitrate(10'000)});
  std::vector<StreamPaused> paused;
  for (int i = 0; i < 20 && paused.empty(); ++i) {
    bed_.run_for(10ms);
    paused = bed_.take_events<StreamPaused>();
  }
  ASSERT_EQ(paused.size(), 1U);
  ASSERT_TRUE(paused[0].is_paused);
  (void)take_numbers();
  EXPECT_GT(dropped(metrics::DropReason::kPacedOut), 0U);
  bed_.run_for(5s);
  EXPECT_TRUE(take_numbers().empty());
  EXPECT_TRUE(bed_.shard.next_release().is_never());
}

TEST_F(PacedSubscriptionTest, what_waits_while_nothing_can_be_sent_is_given_up_whole) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(1'000'000));
  send_frame(0, true);
  const std::vector<std::uint16_t> before = take_numbers();
  ASSERT_LT(before.size(), kPackets);
  bed_.now = bed_.now + 16s;  // without a word from the subscriber
  bob_.transport->handle_timeout(bed_.now, bed_.output);
  ASSERT_FALSE(bob_.transport->can_send());
  bed_.shard.release(bed_.now);
  EXPECT_TRUE(bed_.shard.next_release().is_never()) << "not the second half of a picture later";
  EXPECT_EQ(dropped(metrics::DropReason::kPacedOut), kPackets - before.size());
  bed_.run_for(6s);
  ASSERT_TRUE(bob_.transport->can_send());
  send_frame(3000, false);
  bed_.run_for(500ms);
  EXPECT_TRUE(take_numbers().empty()) << "nobody could decode it";
  send_frame(6000, true);
  bed_.run_for(500ms);
  const std::vector<std::uint16_t> after = take_numbers();
  ASSERT_EQ(after.size(), kPackets);
  EXPECT_EQ(after[0], static_cast<std::uint16_t>(before.back() + 1)) << "nothing is missing";
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(PacedSubscriptionTest, nothing_waits_of_a_subscription_that_ended) {
  publish(rtp::MediaKind::kVideo, {test::vp8(96)});
  subscribe({test::vp8(102)});
  narrow(Bitrate(200'000));
  send_frame(0, true);
  (void)take_numbers();
  EXPECT_FALSE(bed_.shard.next_release().is_never());
  bed_.shard.unsubscribe(SubscriptionId(1));
  bed_.run_for(1s);
  EXPECT_TRUE(take_numbers().empty());
  EXPECT_TRUE(bed_.shard.next_release().is_never());
}

}  // namespace
}  // namespace meridian::forward
