#include "forward/rtcp_output.hpp"

#include <gtest/gtest.h>

#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

TEST(RtcpOutput, splits_what_does_not_fit_into_one_datagram) {
  test::ShardBed bed;
  test::Client& bob = bed.join();
  {
    RtcpOutput output(*bob.transport, bed.output, bed.counters);
    for (std::uint32_t i = 0; i < 300; ++i) {
      output.add([&](auto& writer) { return writer.add_picture_loss(kFeedbackSsrc, Ssrc(i)); });
    }
  }
  EXPECT_EQ(bed.output.datagrams().size(), 3U);  // 12 bytes each, 1200 at most
  bed.pump();
  EXPECT_EQ(bob.take_picture_losses().size(), 300U);
  EXPECT_EQ(bed.counters.out(metrics::Traffic::kRtcp).packets.value(), 3U);
}

TEST(RtcpOutput, sends_nothing_when_there_is_nothing) {
  test::ShardBed bed;
  test::Client& bob = bed.join();
  {
    const RtcpOutput output(*bob.transport, bed.output, bed.counters);
  }
  EXPECT_TRUE(bed.output.empty());
}

}  // namespace
}  // namespace meridian::forward
