#include "meeting/quality.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

constexpr Instant kStart = Instant::from_origin(100s);

forward::TransportQuality report(float loss, Duration round_trip) {
  return {.transport = TransportId(1),
          .uplink_loss = 0,
          .downlink_loss = loss,
          .round_trip = round_trip};
}

forward::LayersWanted wanted(std::uint8_t max_spatial) {
  return {.publication = PublicationId(1), .max_spatial = max_spatial, .is_wanted = true};
}

TEST(QualityMeter, falls_with_loss_and_delay) {
  QualityMeter meter;
  meter.handle(report(0, 30ms));
  EXPECT_EQ(meter.quality(), livekit::EXCELLENT);
  EXPECT_FLOAT_EQ(meter.score(), 5);
  meter.handle(report(0.06F, 50ms));
  EXPECT_EQ(meter.quality(), livekit::GOOD);
  meter.handle(report(0.3F, 400ms));
  EXPECT_EQ(meter.quality(), livekit::POOR);
  EXPECT_FLOAT_EQ(meter.score(), 1);
  meter.handle(report(0, 450ms));
  EXPECT_EQ(meter.quality(), livekit::GOOD);
}

TEST(QualityMeter, tells_each_change_once) {
  QualityMeter meter;
  EXPECT_TRUE(meter.take_change());
  EXPECT_FALSE(meter.take_change());
  meter.handle(report(0.5F, 0ms));
  EXPECT_TRUE(meter.take_change());
  EXPECT_FALSE(meter.take_change());
}

TEST(Dynacast, lowers_only_after_a_while) {
  Dynacast dynacast;
  dynacast.handle(wanted(0), kStart);
  EXPECT_FALSE(dynacast.take_change(kStart + 4999ms).has_value());
  EXPECT_EQ(dynacast.next_timeout(), kStart + 5s);
  EXPECT_EQ(dynacast.take_change(kStart + 5s), 1);
  EXPECT_TRUE(dynacast.next_timeout().is_never());
}

TEST(Dynacast, raises_at_once) {
  Dynacast dynacast;
  dynacast.handle({.publication = PublicationId(1), .max_spatial = 0, .is_wanted = false}, kStart);
  EXPECT_EQ(dynacast.take_change(kStart + 5s), 0);
  dynacast.handle(wanted(1), kStart + 6s);
  EXPECT_EQ(dynacast.take_change(kStart + 6s), 2);
}

TEST(Dynacast, forgets_a_dip) {
  Dynacast dynacast;
  dynacast.handle(wanted(0), kStart);
  dynacast.handle(wanted(2), kStart + 1s);
  EXPECT_TRUE(dynacast.next_timeout().is_never());
  EXPECT_FALSE(dynacast.take_change(kStart + 10s).has_value());
}

TEST(QualityUpdate, lists_every_quality_and_names_the_codec) {
  const std::vector<CodecLayers> codecs = {{"video/vp8", 2}, {"video/vp9", 0}};
  const livekit::SubscribedQualityUpdate update = quality_update("TR_1", codecs);
  EXPECT_EQ(update.track_sid(), "TR_1");
  ASSERT_EQ(update.subscribed_codecs_size(), 2);
  EXPECT_EQ(update.subscribed_codecs(1).codec(), "vp9");
  EXPECT_FALSE(update.subscribed_codecs(1).qualities(0).enabled());
  EXPECT_EQ(update.subscribed_codecs(0).codec(), "vp8");
  ASSERT_EQ(update.subscribed_codecs(0).qualities_size(), 3);
  EXPECT_TRUE(update.subscribed_codecs(0).qualities(1).enabled());
  EXPECT_FALSE(update.subscribed_codecs(0).qualities(2).enabled());
  ASSERT_EQ(update.subscribed_qualities_size(), 3);
  EXPECT_TRUE(update.subscribed_qualities(1).enabled()) << "of the first codec";
}

}  // namespace
}  // namespace meridian::meeting
