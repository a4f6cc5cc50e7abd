// Sound on its way through a shard: redundancy made, taken off and used, and packets sent again.
#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "bwe/arrival_recorder.hpp"
#include "rtp/extensions.hpp"
#include "rtp/red.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::PacketBytes;
using test::red;
using test::text;
using test::token;
using test::view;

class SoundTest : public testing::Test {
 protected:
  static constexpr PublicationId kTrack{1};
  static constexpr std::uint8_t kOpus = 111;
  static constexpr std::uint8_t kRed = 63;

  static rtp::CodecBinding opus(std::uint8_t type, bool has_nack = false) {
    rtp::CodecBinding binding = test::opus(type);
    binding.nack = has_nack;
    return binding;
  }
  void publish(bool is_encrypted = false, bool has_nack = false) {
    bed_.shard.publish({.publication = kTrack,
                        .transport = alice_.id,
                        .room = RoomNumber(1),
                        .kind = rtp::MediaKind::kAudio,
                        .is_screen_share = false,
                        .is_encrypted = is_encrypted});
    bed_.shard.configure({.transport = alice_.id,
                          .extensions = test::extension_ids(),
                          .sections = {{.mid = token("0"),
                                        .kind = rtp::MediaKind::kAudio,
                                        .publication = kTrack,
                                        .codecs = {red(kRed), opus(kOpus, has_nack)},
                                        .rids = {},
                                        .sources = {}}}});
  }
  void subscribe(Client& client, std::vector<rtp::CodecBinding> codecs) {
    bed_.shard.subscribe({.subscription = SubscriptionId(++subscriptions_),
                          .publication = kTrack,
                          .transport = client.id,
                          .mid = token("9"),
                          .ssrc = Ssrc(1001),
                          .rtx_ssrc = {},
                          .codecs = std::move(codecs),
                          .extensions = test::extension_ids(),
                          .target = {}},
                         bed_.now);
    bed_.pump();
  }
  /// A packet whose frame is two bytes of its number.
  static PacketBytes frame(std::uint16_t number) {
    return PacketBytes(2, static_cast<std::uint8_t>(number));
  }
  void send_payload(std::uint16_t number, std::uint8_t type, const PacketBytes& payload) {
    bed_.send(alice_, test::rtp_packet({.ssrc = 100,
                                        .sequence = number,
                                        .timestamp = number * 960U,
                                        .payload_type = type,
                                        .extensions = {{1, text("0")}, {4, {20}}}},
                                       payload));
  }
  void send(std::uint16_t number) { send_payload(number, kOpus, frame(number)); }
  /// With the two frames before it.
  void send_red(std::uint16_t number) {
    const PacketBytes oldest = frame(static_cast<std::uint16_t>(number - 2));
    const PacketBytes older = frame(static_cast<std::uint16_t>(number - 1));
    const PacketBytes now = frame(number);
    const std::array<rtp::RedBlock, 3> blocks = {rtp::RedBlock{PayloadType(kOpus), 1920, oldest},
                                                 rtp::RedBlock{PayloadType(kOpus), 960, older},
                                                 rtp::RedBlock{PayloadType(kOpus), 0, now}};
    PacketBytes payload(rtp::red_size(blocks));
    ASSERT_EQ(rtp::write_red(blocks, payload), payload.size());
    send_payload(number, kRed, payload);
  }
  void ask(Client& client, std::vector<SequenceNumber> missing) {
    client.send_rtcp([&](rtcp::CompoundWriter& writer) {
      std::span<const SequenceNumber> rest = missing;
      (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
    });
    bed_.pump();
  }
  static std::vector<int> frames_of(const std::vector<PacketBytes>& packets) {
    std::vector<int> frames;
    for (const PacketBytes& packet : packets) {
      EXPECT_EQ(view(packet).payload().size(), 2U);
      frames.push_back(view(packet).payload()[0]);
    }
    return frames;
  }
  static void expect_in_order(const std::vector<PacketBytes>& packets) {
    for (std::size_t i = 1; i < packets.size(); ++i) {
      EXPECT_EQ(view(packets[i]).sequence(), view(packets[i - 1]).sequence().next()) << i;
      EXPECT_EQ(view(packets[i]).timestamp().value(),
                view(packets[i - 1]).timestamp().value() + 960)
          << i;
    }
  }

  test::ShardBed bed_;
  Client& alice_ = bed_.join();
  Client& bob_ = bed_.join();
  Client& carol_ = bed_.join();
  std::uint32_t subscriptions_ = 0;
};

TEST_F(SoundTest, redundancy_is_made_for_those_who_take_it) {
  publish();
  subscribe(bob_, {opus(112), red(62)});
  subscribe(carol_, {opus(113)});
  for (std::uint16_t number = 1; number <= 4; ++number) {
    send(number);
  }
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 4U);
  expect_in_order(packets);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    EXPECT_EQ(view(packets[i]).payload_type(), PayloadType(62));
    EXPECT_EQ(view(packets[i]).extension(4)[0], 20) << "the audio level";
    const auto parsed = rtp::parse_red(view(packets[i]).payload());
    ASSERT_TRUE(parsed);
    EXPECT_EQ(parsed->redundant().size(), std::min<std::size_t>(i, 2));
    for (std::size_t block = 0; block < parsed->blocks().size(); ++block) {
      const std::size_t back = parsed->blocks().size() - 1 - block;
      EXPECT_EQ(parsed->blocks()[block].payload_type, PayloadType(112));
      EXPECT_EQ(parsed->blocks()[block].timestamp_offset, back * 960);
      EXPECT_EQ(parsed->blocks()[block].payload[0], i + 1 - back);
    }
  }
  EXPECT_EQ(bed_.counters.red_made.value(), 4U);
  EXPECT_EQ(frames_of(carol_.take_rtp()), (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(SoundTest, one_batch_is_enough) {
  publish();
  subscribe(bob_, {opus(112), red(62)});
  subscribe(carol_, {opus(113), red(61)});
  for (std::uint16_t number = 1; number <= 5; ++number) {
    alice_.peer->send_rtp(test::rtp_packet({.ssrc = 100,
                                            .sequence = number,
                                            .timestamp = number * 960U,
                                            .payload_type = kOpus,
                                            .extensions = {{1, text("0")}}},
                                           frame(number)));
  }
  bed_.pump();
  for (Client* client : {&bob_, &carol_}) {
    const auto packets = client->take_rtp();
    ASSERT_EQ(packets.size(), 5U);
    const auto last = rtp::parse_red(view(packets[4]).payload());
    ASSERT_TRUE(last);
    EXPECT_EQ(last->blocks()[0].payload[0], 3);
    EXPECT_EQ(last->primary().payload[0], 5);
    EXPECT_EQ(last->primary().payload_type, PayloadType(client == &bob_ ? 112 : 113));
  }
}

TEST_F(SoundTest, what_is_encrypted_end_to_end_is_left_alone) {
  publish(true);
  subscribe(bob_, {opus(112), red(62)});
  send(1);
  send(2);
  send_red(5);
  const auto packets = bob_.take_rtp();
  ASSERT_EQ(packets.size(), 3U) << "nothing is recovered";
  EXPECT_EQ(view(packets[1]).payload_type(), PayloadType(112));
  EXPECT_EQ(view(packets[1]).payload().size(), 2U);
  EXPECT_EQ(view(packets[2]).payload_type(), PayloadType(62));
  EXPECT_EQ(view(packets[2]).payload()[0] & 0x7f, kOpus) << "not even the payload types";
  EXPECT_EQ(bed_.counters.red_made.value() + bed_.counters.red_stripped.value() +
                bed_.counters.red_recovered.value(),
            0U);
}

TEST_F(SoundTest, a_packet_lost_on_the_way_to_us_comes_back_as_redundancy) {
  publish();
  subscribe(bob_, {opus(112)});
  subscribe(carol_, {opus(113), red(61)});
  send_red(65'535);
  send_red(2);  // 0 and 1 were lost
  send_red(3);
  send_red(1);  // was only late
  const auto packets = bob_.take_rtp();
  EXPECT_EQ(frames_of(packets), (std::vector<int>{255, 0, 1, 2, 3}));
  EXPECT_EQ(view(packets[3]).sequence(), view(packets[0]).sequence().plus(3));
  EXPECT_TRUE(view(packets[1]).extension(4).empty()) << "the level is that of another frame";
  EXPECT_EQ(bed_.counters.red_recovered.value(), 2U);
  EXPECT_EQ(bed_.counters.red_stripped.value(), 3U);
  const auto with_redundancy = carol_.take_rtp();
  ASSERT_EQ(with_redundancy.size(), 5U);
  for (std::size_t i = 0; i < with_redundancy.size(); ++i) {
    EXPECT_EQ(view(with_redundancy[i]).payload_type(), PayloadType(61));
    EXPECT_EQ(view(with_redundancy[i]).sequence(),
              view(with_redundancy[0]).sequence().plus(static_cast<std::uint16_t>(i)));
  }
}

TEST_F(SoundTest, a_track_begins_with_a_packet_of_its_own) {
  publish();
  subscribe(bob_, {opus(112)});
  send_red(5);
  EXPECT_EQ(frames_of(bob_.take_rtp()), (std::vector<int>{5}));
  const auto started = bed_.take_events<LayerStarted>();
  ASSERT_EQ(started.size(), 1U);
  EXPECT_EQ(started[0].codec, rtp::Codec::kRed);
}

TEST_F(SoundTest, redundancy_of_what_was_not_agreed_on_is_ignored) {
  publish();
  subscribe(bob_, {opus(112)});
  send_red(1);
  // A block of payload type 5; one without age; an empty one.
  send_payload(3, kRed, {0x80 | 5, 0x0f, 0, 1, kOpus, 9, 3, 3});
  send_payload(5, kRed, {0x80 | kOpus, 0, 0, 1, kOpus, 9, 5, 5});
  send_payload(7, kRed, {0x80 | kOpus, 0x0f, 0, 0, kOpus, 7, 7});
  send_payload(9, kRed, {0x80 | kOpus, 0x0f, 0});
  EXPECT_EQ(frames_of(bob_.take_rtp()), (std::vector<int>{1, 3, 5, 7}));
  EXPECT_EQ(bed_.counters.red_recovered.value(), 0U);
}

TEST_F(SoundTest, what_a_subscriber_misses_is_sent_again_as_it_was) {
  publish(true);
  subscribe(bob_, {opus(112, true)});
  send(1);
  const SequenceNumber first = view(bob_.take_rtp().at(0)).sequence();
  bob_.is_deaf = true;
  send(2);
  send(3);
  bob_.is_deaf = false;
  send(4);
  EXPECT_EQ(frames_of(bob_.take_rtp()), (std::vector<int>{4}));
  ask(bob_, {first.plus(1), first.plus(2)});
  const auto again = bob_.take_rtp();
  EXPECT_EQ(frames_of(again), (std::vector<int>{2, 3}));
  EXPECT_EQ(view(again.at(0)).sequence(), first.plus(1));
  EXPECT_EQ(view(again.at(0)).ssrc(), Ssrc(1001));
  EXPECT_EQ(bed_.counters.sound_resent.value(), 2U);
  ask(bob_, {first.plus(1), first.plus(9)});
  EXPECT_EQ(bed_.counters.sound_resent.value(), 2U) << "it can't have arrived yet; never sent";
  bed_.run_for(110ms);
  ask(bob_, {first.plus(1)});
  EXPECT_EQ(bed_.counters.sound_resent.value(), 3U);
  EXPECT_EQ(bob_.peer->repeated(), 1U) << "the same bytes";
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
  bed_.run_for(500ms);
  ask(bob_, {first.plus(2)});
  EXPECT_EQ(bed_.counters.sound_resent.value(), 3U) << "too late to be played";
}

TEST_F(SoundTest, who_has_redundancy_needs_nothing_kept) {
  publish();
  subscribe(bob_, {opus(112), red(62)});
  send(1);
  ask(bob_, {view(bob_.take_rtp().at(0)).sequence()});
  EXPECT_EQ(bed_.counters.nack_received.value(), 1U);
  EXPECT_EQ(bed_.counters.sound_resent.value(), 0U);
}

/// A client that tells what of its transport-wide numbers arrives.
class Reporter {
 public:
  void take(Client& client, Instant now) {
    for (const PacketBytes& packet : client.take_rtp()) {
      if (const auto number = rtp::read_transport_sequence(view(packet).extension(5))) {
        arrivals_.on_packet(*number, now);
      }
      frames_.insert(view(packet).payload()[0]);
    }
    while (const auto report = arrivals_.poll(now)) {
      rtcp::Arrivals arrivals{.base = report->base, .times = report->times};
      client.send_rtcp([&](rtcp::CompoundWriter& writer) {
        (void)writer.add_transport_feedback(Ssrc(9), Ssrc(9), report->feedback_count, arrivals);
      });
      const std::size_t written = report->times.size() - arrivals.times.size();
      arrivals_.on_reported(written, now);
    }
  }
  [[nodiscard]] std::size_t frames() const { return frames_.size(); }

 private:
  bwe::ArrivalRecorder arrivals_;
  std::set<int> frames_;
};

TEST_F(SoundTest, where_much_is_lost_and_nobody_asks_each_packet_comes_again) {
  publish(true);
  subscribe(bob_, {opus(112)});
  Reporter reporter;
  const auto run = [&](std::uint16_t first, std::uint16_t last, unsigned lost_of_ten) {
    for (std::uint16_t number = first; number < last; ++number) {
      bob_.is_deaf = number % 10U < lost_of_ten;
      send(number);
      bob_.is_deaf = false;
      bed_.run_for(20ms);
      reporter.take(bob_, bed_.now);
    }
  };
  run(1, 100, 0);
  EXPECT_EQ(bed_.counters.sound_repeated.value(), 0U) << "nothing is lost";
  run(100, 250, 2);
  const std::uint64_t repeated = bed_.counters.sound_repeated.value();
  EXPECT_GT(repeated, 50U);
  EXPECT_EQ(bed_.counters.sound_resent.value(), repeated);
  EXPECT_GT(reporter.frames(), 225U) << "of two lost ones the second comes again";
  EXPECT_GT(bob_.peer->repeated(), 20U) << "byte for byte";
  EXPECT_EQ(bob_.peer->srtp_refused(), 0U);
}

TEST_F(SoundTest, where_very_much_is_lost_redundancy_goes_further_back) {
  publish();
  subscribe(bob_, {opus(112), red(62)});
  Reporter reporter;
  std::uint16_t number = 1;
  const auto run = [&](std::uint16_t packets, unsigned lost_of_ten) {
    for (const auto end = static_cast<std::uint16_t>(number + packets); number < end; ++number) {
      bob_.is_deaf = number % 10U < lost_of_ten;
      send(number);
      bob_.is_deaf = false;
      bed_.run_for(20ms);
      reporter.take(bob_, bed_.now);
    }
  };
  const auto frames_before = [&](bool is_red) {
    is_red ? send_red(number++) : send(number++);
    const auto parsed = rtp::parse_red(view(bob_.take_rtp().at(0)).payload());
    return parsed ? parsed->redundant().size() : 0;
  };
  run(100, 0);
  EXPECT_EQ(frames_before(false), 2U);
  run(250, 3);
  EXPECT_EQ(frames_before(false), 3U);
  EXPECT_EQ(frames_before(true), 3U) << "more than its publisher sends";
  run(600, 0);
  EXPECT_EQ(frames_before(false), 2U);
}

TEST_F(SoundTest, what_a_repetition_brings_is_lost_all_the_same) {
  publish(true);
  subscribe(bob_, {opus(112)});
  Reporter reporter;
  for (std::uint16_t number = 1; number < 600; ++number) {
    bob_.is_deaf = number % 10U < 2;
    send(number);
    bob_.is_deaf = false;
    bed_.run_for(20ms);
    reporter.take(bob_, bed_.now);
  }
  ASSERT_GT(bed_.counters.sound_repeated.value(), 100U);
  EXPECT_NEAR(bob_.member->sender.downlink()->estimator().loss(), 0.2, 0.06)
      << "far less, when repetitions count as arrived";
}

TEST_F(SoundTest, publishers_are_asked_for_sound_where_they_agreed_to_that) {
  publish(true, true);
  subscribe(bob_, {opus(112)});
  send(1);
  send(3);
  bed_.run_for(20ms);
  const auto asked = alice_.take_rtcp<rtcp::Nack, SequenceNumber>(
      [](const rtcp::Nack& nack) { return nack.sequences().next().value(); });
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_EQ(asked[0], SequenceNumber(2));
  send(2);
  EXPECT_EQ(frames_of(bob_.take_rtp()), (std::vector<int>{1, 3, 2}));
  bed_.run_for(200ms);
  EXPECT_EQ(bed_.counters.nack_sent.value(), 1U) << "asked once";
}

TEST_F(SoundTest, publishers_are_not_asked_where_they_did_not) {
  publish();
  send(1);
  send(3);
  bed_.run_for(200ms);
  EXPECT_EQ(bed_.counters.nack_sent.value(), 0U);
}

}  // namespace
}  // namespace meridian::forward
