// Goal: time costs those for whom something is due, and nobody else. Method: the counter of those
// who were looked at, over seconds in which nothing, sound, or video passes.
#include <array>

#include <gtest/gtest.h>

#include "forward/shard.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using test::Client;
using test::Meeting;

class ShardTimersTest : public testing::Test {
 protected:
  std::uint64_t looks_in(Duration time) {
    const std::uint64_t before = bed_.counters.peers_looked_at.value();
    bed_.run_for(time);
    return bed_.counters.peers_looked_at.value() - before;
  }
  test::ShardBed bed_;
  Meeting meeting_{bed_};
  Client& alice_ = bed_.join();
  Client& bob_ = bed_.join();
};

TEST_F(ShardTimersTest, who_has_nothing_is_looked_at_once_a_second) {
  bed_.run_for(1s);
  EXPECT_LE(looks_in(10s), 2U * 11);
}

TEST_F(ShardTimersTest, who_listens_is_looked_at_often_only_at_first) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kMicrophone, 1);
  EXPECT_GE(looks_in(1s), 10U);
  bed_.run_for(2s);
  EXPECT_LE(looks_in(10s), 2U * 11);
}

TEST_F(ShardTimersTest, who_watches_is_looked_at_for_each_choice_of_layers_until_the_end) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.run_for(3s);
  const std::uint64_t looks = looks_in(10s);
  EXPECT_GE(looks, 99U);
  EXPECT_LE(looks, 101U + 11);
  bed_.shard.unsubscribe(SubscriptionId(1));
  EXPECT_LE(looks_in(10s), 2U * 11 + 2);
}

TEST_F(ShardTimersTest, it_says_when_the_next_is_due) {
  bed_.run_for(1500ms);
  EXPECT_GT(bed_.shard.next_timeout(), bed_.now + 10ms);
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kMicrophone, 1);
  bed_.run_for(1s);
  bed_.send(alice_, meeting_.audio(1));
  EXPECT_LE(bed_.shard.next_timeout(), bed_.now + 100ms);  // feedback, or a choice of layers
}

TEST_F(ShardTimersTest, what_somebody_says_about_what_arrives_asks_for_no_tick) {
  meeting_.publish(alice_);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  bed_.run_for(20s);  // no probe is under way any more
  const std::uint64_t told = bed_.counters.transport_feedback_received.value();
  bob_.send_rtcp([&](rtcp::CompoundWriter& writer) {
    const std::array<Instant, 1> times = {bed_.now};
    rtcp::Arrivals arrivals{.base = SequenceNumber(1), .times = times};
    (void)writer.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals);
  });
  bed_.pump();
  ASSERT_EQ(bed_.counters.transport_feedback_received.value(), told + 1);
  EXPECT_GT(bed_.shard.next_timeout(), bed_.now);
}

}  // namespace
}  // namespace meridian::forward
