#include <gtest/gtest.h>

#include "bwe/probe_controller.hpp"
#include "bwe/probe_estimator.hpp"
#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::packet;

constexpr Probe kProbe{.cluster = 1, .rate = Bitrate(1'000'000), .bytes = 5000, .packets = 5};

std::optional<Bitrate> send(ProbeEstimator& estimator, int count, Duration apart_in,
                            Duration apart_out) {
  std::optional<Bitrate> rate;
  for (int i = 0; i < count; ++i) {
    rate = estimator.on_packet(packet(static_cast<std::uint64_t>(i), at(1s + i * apart_in),
                                      at(2s + i * apart_out), 1000, 1));
  }
  return rate;
}

TEST(ProbeEstimator, takes_the_rate_that_went_through) {
  ProbeEstimator estimator;
  estimator.on_probe(kProbe);
  EXPECT_EQ(send(estimator, 5, 8ms, 8ms), Bitrate(1'000'000));
}

TEST(ProbeEstimator, takes_a_little_less_than_a_full_link) {
  ProbeEstimator estimator;
  estimator.on_probe(kProbe);
  EXPECT_EQ(send(estimator, 5, 8ms, 16ms), Bitrate(475'000));
}

TEST(ProbeEstimator, does_without_what_the_way_loses_of_anything) {
  ProbeEstimator estimator;
  estimator.on_probe({.cluster = 1, .rate = Bitrate(1'000'000), .bytes = 10'000, .packets = 10});
  std::optional<Bitrate> rate;
  for (int i = 0; i < 10; ++i) {
    if (i % 3 != 1) {  // 7 of 10 arrive
      const auto number = static_cast<std::uint64_t>(i);
      rate = estimator.on_packet(packet(number, at(1s + i * 8ms), at(2s + i * 8ms), 1000, 1), 0.3);
    }
  }
  ASSERT_TRUE(rate);
  EXPECT_NEAR(to_double(*rate), 1e6, 150e3);
}

TEST(ProbeEstimator, wants_most_of_the_probe_and_believable_times) {
  ProbeEstimator few;
  few.on_probe(kProbe);
  EXPECT_FALSE(send(few, 3, 8ms, 8ms));
  ProbeEstimator compressed;
  compressed.on_probe(kProbe);
  EXPECT_FALSE(send(compressed, 5, 8ms, 2ms));
  ProbeEstimator slow;
  slow.on_probe(kProbe);
  EXPECT_FALSE(send(slow, 5, 8ms, 300ms));
  ProbeEstimator unknown;
  EXPECT_FALSE(send(unknown, 5, 8ms, 8ms));
}

TEST(ProbeController, begins_with_two_probes_and_goes_on_while_they_pass) {
  ProbeController probes(Bitrate(20'000'000));
  probes.on_estimate(Bitrate(300'000), at(0s));
  EXPECT_FALSE(probes.poll(at(0s)));  // nobody wants more
  probes.set_wanted(Bitrate(10'000'000));
  EXPECT_EQ(probes.poll(at(0s))->rate, Bitrate(900'000));
  EXPECT_EQ(probes.poll(at(0s))->rate, Bitrate(1'800'000));
  EXPECT_FALSE(probes.poll(at(100ms)));
  probes.on_result(Bitrate(1'700'000), at(200ms));
  probes.on_estimate(Bitrate(1'700'000), at(200ms));
  EXPECT_EQ(probes.poll(at(210ms))->rate, Bitrate(3'400'000));
  // That one says where the limit is.
  probes.on_result(Bitrate(2'000'000), at(300ms));
  probes.on_estimate(Bitrate(2'000'000), at(300ms));
  EXPECT_FALSE(probes.poll(at(310ms)));
}

TEST(ProbeController, never_probes_far_beyond_what_is_wanted) {
  ProbeController probes(Bitrate(20'000'000));
  probes.on_estimate(Bitrate(300'000), at(0s));
  probes.set_wanted(Bitrate(400'000));
  EXPECT_NEAR(static_cast<double>(probes.poll(at(0s))->rate.value()), 460'000, 1);
  EXPECT_FALSE(probes.poll(at(0s)));
}

/// A controller that is done with its start at 300 kbit/s.
ProbeController steady() {
  ProbeController probes(Bitrate(20'000'000));
  probes.on_estimate(Bitrate(300'000), at(0s));
  probes.set_wanted(Bitrate(2'000'000));
  (void)probes.poll(at(0s));
  (void)probes.poll(at(0s));
  (void)probes.poll(at(1100ms));  // no result
  return probes;
}

TEST(ProbeController, tries_again_now_and_then_and_steps_up_quickly_once_it_passes) {
  ProbeController probes = steady();
  EXPECT_FALSE(probes.poll(at(3s)));
  EXPECT_EQ(probes.poll(at(4200ms))->rate, Bitrate(600'000));
  EXPECT_FALSE(probes.poll(at(5300ms)));  // nothing came of it
  EXPECT_FALSE(probes.poll(at(9s)));
  EXPECT_EQ(probes.poll(at(10s))->rate, Bitrate(600'000));
  probes.on_result(Bitrate(590'000), at(10100ms));
  probes.on_estimate(Bitrate(590'000), at(10100ms));
  EXPECT_EQ(probes.poll(at(10400ms))->rate, Bitrate(1'180'000));
}

TEST(ProbeController, tries_again_soon_where_the_probe_may_have_been_lost) {
  ProbeController probes = steady();
  probes.set_inherent_loss(0.3);
  EXPECT_TRUE(probes.poll(at(5s)));
  EXPECT_FALSE(probes.poll(at(6100ms)));  // nobody said anything
  EXPECT_FALSE(probes.poll(at(7s)));
  EXPECT_TRUE(probes.poll(at(7200ms)));
  probes.on_overuse(at(7300ms));
  EXPECT_FALSE(probes.poll(at(9s))) << "that says something";
}

TEST(ProbeController, does_not_hurry_where_it_saw_the_end_of_the_way) {
  ProbeController probes = steady();
  probes.on_estimate(Bitrate(1'500'000), at(4s));
  EXPECT_EQ(probes.poll(at(5s))->rate, Bitrate(2'300'000));
  probes.on_result(Bitrate(1'800'000), at(5100ms));  // less than the 2 Mbit/s that are wanted
  probes.on_estimate(Bitrate(1'800'000), at(5100ms));
  EXPECT_FALSE(probes.poll(at(7s)));
  EXPECT_TRUE(probes.poll(at(12s)));
}

TEST(ProbeController, tries_the_old_rate_after_a_large_drop) {
  ProbeController probes = steady();
  probes.on_estimate(Bitrate(1'000'000), at(2s));
  probes.on_estimate(Bitrate(200'000), at(3s));
  EXPECT_FALSE(probes.poll(at(3500ms)));
  EXPECT_EQ(probes.poll(at(5600ms))->rate, Bitrate(850'000));
}

TEST(ProbeController, tries_often_while_nothing_is_shown) {
  using Need = ProbeController::Need;
  ProbeController probes = steady();
  probes.on_estimate(Bitrate(100'000), at(4s));
  probes.set_wanted(Bitrate(200'000), Need::kAnything);
  probes.on_overuse(at(4s));
  EXPECT_FALSE(probes.poll(at(4200ms)));
  const auto probe = probes.poll(at(4400ms));
  ASSERT_TRUE(probe);
  EXPECT_NEAR(static_cast<double>(probe->rate.value()), 230'000, 1) << "all of it at once";
  EXPECT_FALSE(probes.poll(at(5600ms)));
  EXPECT_TRUE(probes.poll(at(5700ms))) << "nothing came of the first";
  EXPECT_FALSE(probes.poll(at(7200ms)));
  EXPECT_TRUE(probes.poll(at(7300ms))) << "a little later each time";
  EXPECT_FALSE(probes.ends_need(Bitrate(190'000)));
  EXPECT_TRUE(probes.ends_need(Bitrate(200'000)));
  probes.set_wanted(Bitrate(500'000), Need::kMore);
  EXPECT_FALSE(probes.ends_need(Bitrate(500'000)));
}

TEST(ProbeController, waits_while_the_delay_grows) {
  ProbeController probes = steady();
  probes.on_overuse(at(4s));
  EXPECT_FALSE(probes.poll(at(5s)));
  EXPECT_TRUE(probes.poll(at(7100ms)));
}

}  // namespace
}  // namespace meridian::bwe
