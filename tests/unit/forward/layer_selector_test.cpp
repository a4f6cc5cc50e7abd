#include "forward/layer_selector.hpp"

#include <array>

#include <gtest/gtest.h>

#include "unit/forward/samples.hpp"

namespace meridian::forward {
namespace {

using test::at;

constexpr LayerView kThree{.count = 3, .live = 0b111};
constexpr LayerView kOne{.count = 1, .live = 0b1};

/// Each packet is the next of its stream.
MediaPacket delta() {
  static std::uint64_t sequence = 65'600;
  return test::media(++sequence, 0, at(1s));
}
MediaPacket key() {
  MediaPacket packet = delta();
  packet.starts_key_frame = true;
  return packet;
}

TEST(LayerSelector, nothing_is_forwarded_before_a_key_frame) {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = 2, .max_temporal = 7});
  EXPECT_EQ(selector.awaits_key_frame(kThree), 2);
  EXPECT_EQ(selector.decide(2, delta(), kThree), Verdict::kIgnore);
  EXPECT_EQ(selector.decide(2, key(), kThree), Verdict::kSwitch);
  EXPECT_EQ(selector.decide(2, delta(), kThree), Verdict::kForward);
  EXPECT_EQ(selector.awaits_key_frame(kThree), std::nullopt);
}

TEST(LayerSelector, begins_with_what_is_there_and_goes_up_when_more_comes) {
  LayerSelector selector;
  EXPECT_EQ(selector.decide(0, key(), {.count = 3, .live = 0b001}), Verdict::kSwitch);
  EXPECT_EQ(selector.decide(1, delta(), {.count = 3, .live = 0b011}), Verdict::kIgnore);
  EXPECT_EQ(selector.awaits_key_frame({.count = 3, .live = 0b011}), 1);
  EXPECT_EQ(selector.decide(0, delta(), {.count = 3, .live = 0b011}), Verdict::kForward);
  EXPECT_EQ(selector.decide(1, key(), {.count = 3, .live = 0b011}), Verdict::kSwitch);
  EXPECT_EQ(selector.decide(0, delta(), {.count = 3, .live = 0b011}), Verdict::kIgnore);
}

TEST(LayerSelector, keeps_the_old_layer_until_the_new_one_can_be_decoded) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(2, key(), kThree), Verdict::kSwitch);
  selector.set_target({.is_enabled = true, .max_spatial = 0, .max_temporal = 7});
  EXPECT_EQ(selector.awaits_key_frame(kThree), 0);
  EXPECT_EQ(selector.decide(0, delta(), kThree), Verdict::kIgnore);
  EXPECT_EQ(selector.decide(2, delta(), kThree), Verdict::kForward);
  EXPECT_EQ(selector.decide(0, key(), kThree), Verdict::kSwitch);
  EXPECT_EQ(selector.current(), 0);
}

TEST(LayerSelector, a_lost_stream_does_not_begin_again_with_the_key_frame_that_it_had) {
  LayerSelector selector;
  const MediaPacket first = key();
  ASSERT_EQ(selector.decide(2, first, kThree), Verdict::kSwitch);
  ASSERT_EQ(selector.decide(2, delta(), kThree), Verdict::kForward);
  selector.lose_stream();
  EXPECT_EQ(selector.decide(2, first, kThree), Verdict::kIgnore) << "it came twice";
  EXPECT_EQ(selector.awaits_key_frame(kThree), 2);
  EXPECT_EQ(selector.decide(2, key(), kThree), Verdict::kSwitch);
}

TEST(LayerSelector, falls_to_what_lives_when_its_layer_dies) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(2, key(), kThree), Verdict::kSwitch);
  const LayerView view{.count = 3, .live = 0b011};
  EXPECT_EQ(selector.awaits_key_frame(view), 1);
  EXPECT_EQ(selector.decide(1, key(), view), Verdict::kSwitch);
}

TEST(LayerSelector, takes_a_higher_layer_when_no_lower_one_comes) {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = 0, .max_temporal = 7});
  EXPECT_EQ(selector.decide(1, key(), {.count = 3, .live = 0b110}), Verdict::kSwitch);
}

TEST(LayerSelector, a_disabled_subscription_gets_nothing_and_begins_at_a_key_frame) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  selector.set_target({.is_enabled = false, .max_spatial = 2, .max_temporal = 7});
  EXPECT_EQ(selector.decide(0, key(), kOne), Verdict::kIgnore);
  EXPECT_EQ(selector.awaits_key_frame(kOne), std::nullopt);
  selector.set_target({});
  EXPECT_EQ(selector.awaits_key_frame(kOne), 0);
  EXPECT_EQ(selector.decide(0, delta(), kOne), Verdict::kIgnore);
  EXPECT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
}

TEST(LayerSelector, a_stream_that_began_anew_is_joined_at_a_key_frame) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  MediaPacket packet = delta();
  packet.generation = 2;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kIgnore);
  EXPECT_EQ(selector.awaits_key_frame(kOne), 0);
  packet.starts_key_frame = true;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kSwitch);
}

TEST(LayerSelector, drops_temporal_layers_above_the_target) {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = 2, .max_temporal = 1});
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  MediaPacket packet = delta();
  packet.temporal = 2;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kDrop);
  packet.temporal = 1;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kForward);
}

TEST(LayerSelector, goes_up_in_time_only_where_the_stream_allows_it) {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = 2, .max_temporal = 0});
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  selector.set_target({.is_enabled = true, .max_spatial = 2, .max_temporal = 2});
  MediaPacket packet = delta();
  packet.temporal = 1;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kDrop);
  packet = delta();
  packet.temporal = 1;
  packet.is_temporal_switch = true;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kForward);
  packet = delta();
  packet.temporal = 1;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kForward);
  packet = delta();
  packet.temporal = 2;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kDrop);
}

TEST(LayerSelector, a_frame_is_forwarded_or_dropped_as_a_whole) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  MediaPacket packet = delta();
  packet.temporal = 2;
  packet.ends_frame = false;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kForward);
  selector.set_target({.is_enabled = true, .max_spatial = 2, .max_temporal = 0});
  packet.sequence = delta().sequence;
  packet.starts_frame = false;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kForward);
  packet.sequence = delta().sequence;
  packet.starts_frame = true;
  EXPECT_EQ(selector.decide(0, packet, kOne), Verdict::kDrop);
}

TEST(LayerSelector, a_frame_is_forwarded_or_dropped_as_a_whole_when_its_packets_come_late) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  // A frame of three packets, of which the second is lost and the third comes first.
  std::array<MediaPacket, 3> upper{};
  for (MediaPacket& packet : upper) {
    packet = delta();
    packet.temporal = 2;
    packet.starts_frame = &packet == upper.data();
  }
  EXPECT_EQ(selector.decide(0, upper[2], kOne), Verdict::kForward);
  selector.set_target({.is_enabled = true, .max_spatial = 2, .max_temporal = 0});
  EXPECT_EQ(selector.decide(0, upper[0], kOne), Verdict::kForward) << "the third was";
  EXPECT_EQ(selector.decide(0, delta(), kOne), Verdict::kForward);
  MediaPacket next = delta();
  next.temporal = 2;
  EXPECT_EQ(selector.decide(0, next, kOne), Verdict::kDrop);
  EXPECT_EQ(selector.decide(0, upper[1], kOne), Verdict::kForward) << "as the rest of its frame";
  // And the other way round.
  selector.set_target({});
  MediaPacket up = delta();
  up.temporal = 1;
  up.is_temporal_switch = true;
  ASSERT_EQ(selector.decide(0, up, kOne), Verdict::kForward);
  up = delta();
  up.temporal = 2;
  up.is_temporal_switch = true;
  ASSERT_EQ(selector.decide(0, up, kOne), Verdict::kForward);
  next.starts_frame = false;
  EXPECT_EQ(selector.decide(0, next, kOne), Verdict::kDrop) << "the rest of what was dropped";
}

MediaPacket spatial(std::uint8_t layer) {
  MediaPacket packet = delta();
  packet.spatial = layer;
  return packet;
}

TEST(LayerSelector, sends_the_spatial_layers_of_svc_up_to_the_target) {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = 1, .max_temporal = 7});
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  EXPECT_EQ(selector.decide(0, spatial(1), kOne), Verdict::kForward);
  EXPECT_TRUE(selector.ends_picture(spatial(1), kOne));
  EXPECT_FALSE(selector.ends_picture(spatial(0), kOne));
  EXPECT_EQ(selector.decide(0, spatial(2), kOne), Verdict::kDrop);
}

TEST(LayerSelector, goes_down_at_a_picture_and_up_at_a_key_frame_of_svc) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  ASSERT_EQ(selector.decide(0, spatial(2), kOne), Verdict::kForward);
  selector.set_target({.is_enabled = true, .max_spatial = 0, .max_temporal = 7});
  EXPECT_EQ(selector.decide(0, spatial(2), kOne), Verdict::kForward);  // the picture began before
  EXPECT_EQ(selector.decide(0, spatial(0), kOne), Verdict::kForward);
  EXPECT_EQ(selector.decide(0, spatial(1), kOne), Verdict::kDrop);
  selector.set_target({});
  EXPECT_EQ(selector.decide(0, spatial(0), kOne), Verdict::kForward);
  EXPECT_EQ(selector.decide(0, spatial(1), kOne), Verdict::kDrop);
  EXPECT_EQ(selector.awaits_key_frame(kOne), 0);
  EXPECT_EQ(selector.decide(0, key(), kOne), Verdict::kForward);
  EXPECT_EQ(selector.decide(0, spatial(2), kOne), Verdict::kForward);
  EXPECT_EQ(selector.awaits_key_frame(kOne), std::nullopt);
}

TEST(LayerSelector, simulcast_layers_are_not_cut_by_their_spatial_id) {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = 0, .max_temporal = 7});
  ASSERT_EQ(selector.decide(0, key(), kThree), Verdict::kSwitch);
  EXPECT_EQ(selector.decide(0, spatial(2), kThree), Verdict::kForward);
}

TEST(LayerSelector, after_a_pause_of_the_path_it_waits_for_a_key_frame) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  EXPECT_TRUE(selector.is_current(0, delta()));
  selector.lose_stream();
  EXPECT_FALSE(selector.is_current(0, delta()));
  EXPECT_EQ(selector.decide(0, delta(), kOne), Verdict::kIgnore);
}

/// Of three spatial layers that go on from themselves: only the layer's own target needs it.
MediaPacket independent(std::uint8_t layer) {
  MediaPacket packet = spatial(layer);
  for (std::size_t target = layer + 1U; target < Unneeded::kSpatial; ++target) {
    for (std::size_t temporal = 0; temporal < Unneeded::kTemporal && layer < 2; ++temporal) {
      packet.unneeded.set(target, temporal);
    }
  }
  return packet;
}

TEST(LayerSelector, only_key_frames_need_the_layers_below_where_each_goes_on_from_itself) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  EXPECT_EQ(selector.decide(0, spatial(1), kOne), Verdict::kForward) << "of the key frame";
  EXPECT_EQ(selector.decide(0, spatial(2), kOne), Verdict::kForward);
  EXPECT_EQ(selector.decide(0, independent(0), kOne), Verdict::kDrop);
  EXPECT_EQ(selector.decide(0, independent(1), kOne), Verdict::kDrop);
  EXPECT_EQ(selector.decide(0, independent(2), kOne), Verdict::kForward);
}

TEST(LayerSelector, down_to_a_layer_that_was_left_out_leads_only_a_key_frame) {
  LayerSelector selector;
  ASSERT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch);
  ASSERT_EQ(selector.decide(0, spatial(2), kOne), Verdict::kForward);
  ASSERT_EQ(selector.decide(0, independent(0), kOne), Verdict::kDrop);
  selector.set_target({.is_enabled = true, .max_spatial = 1, .max_temporal = 7});
  EXPECT_EQ(selector.awaits_key_frame(kOne), 0);
  EXPECT_EQ(selector.decide(0, independent(0), kOne), Verdict::kDrop);
  EXPECT_EQ(selector.decide(0, independent(1), kOne), Verdict::kDrop);
  EXPECT_EQ(selector.decide(0, independent(2), kOne), Verdict::kForward) << "until then";
  EXPECT_EQ(selector.decide(0, key(), kOne), Verdict::kSwitch) << "what came before is past";
  EXPECT_EQ(selector.awaits_key_frame(kOne), std::nullopt);
  EXPECT_EQ(selector.decide(0, independent(0), kOne), Verdict::kDrop);
  EXPECT_EQ(selector.decide(0, independent(1), kOne), Verdict::kForward);
  EXPECT_EQ(selector.decide(0, independent(2), kOne), Verdict::kDrop);
}

}  // namespace
}  // namespace meridian::forward
