#include "node/load_meter.hpp"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace meridian::node {
namespace {

using forward::LoadLevel;

class LoadMeterTest : public testing::Test {
 protected:
  /// So many intervals in which the thread computes `share` of the time, in turns of `turn`.
  void run(int intervals, double share, Duration turn = 1ms) {
    for (int i = 0; i < intervals; ++i) {
      now_ = now_ + LoadMeter::kInterval;
      const auto computed = std::chrono::duration_cast<Duration>(share * LoadMeter::kInterval);
      computed_ += computed;
      for (Duration passed{}; passed < computed; passed += turn) {
        meter_.observe_turn(turn);
      }
      ASSERT_TRUE(meter_.is_due(now_));
      if (const auto load = meter_.poll(now_, computed_)) {
        level_ = load->level;
        levels_.push_back(load->level);
        told_ = *load;
      }
    }
  }

  Instant now_ = Instant::from_origin(10s);
  Duration computed_ = 7s;
  LoadMeter meter_;
  LoadLevel level_ = LoadLevel::kNormal;
  std::vector<LoadLevel> levels_;
  forward::WorkerLoad told_;
};

TEST_F(LoadMeterTest, what_was_computed_before_it_began_does_not_count) {
  run(2, 0.1);
  EXPECT_LT(told_.share, 0.2F);
  EXPECT_EQ(level_, LoadLevel::kNormal);
  EXPECT_TRUE(meter_.next_timeout().is_never());
}

TEST_F(LoadMeterTest, rises_by_one_level_at_a_time) {
  run(1, 0.5);
  levels_.clear();
  run(10, 1.0);
  const std::vector<LoadLevel> expected = {LoadLevel::kNormal, LoadLevel::kNormal, LoadLevel::kBusy,
                                           LoadLevel::kStrained, LoadLevel::kFull};
  EXPECT_EQ(levels_, expected);
  EXPECT_EQ(meter_.next_timeout(), now_ + LoadMeter::kInterval);
}

TEST_F(LoadMeterTest, one_busy_interval_sheds_nothing) {
  run(4, 0.6);
  run(1, 1.0);
  run(4, 0.6);
  EXPECT_EQ(level_, LoadLevel::kNormal);
}

TEST_F(LoadMeterTest, falls_by_one_level_when_it_was_calm_for_long_enough) {
  run(20, 1.0);
  ASSERT_EQ(level_, LoadLevel::kFull);
  run(9, 0.5);
  EXPECT_EQ(level_, LoadLevel::kFull);
  run(3, 0.5);
  EXPECT_EQ(level_, LoadLevel::kStrained);
  run(30, 0.5);
  EXPECT_EQ(level_, LoadLevel::kNormal);
}

TEST_F(LoadMeterTest, load_that_comes_back_begins_the_calm_anew) {
  run(20, 1.0);
  run(8, 0.5);
  run(6, 1.0);
  run(9, 0.5);
  EXPECT_EQ(level_, LoadLevel::kFull);
}

TEST_F(LoadMeterTest, long_turns_are_load_however_little_is_computed) {
  run(2, 0.5);
  run(10, 0.5, 150ms);
  EXPECT_EQ(level_, LoadLevel::kBusy);
}

TEST_F(LoadMeterTest, tells_only_what_changed) {
  run(10, 0.5);
  levels_.clear();
  run(20, 0.51);
  EXPECT_TRUE(levels_.empty());
}

}  // namespace
}  // namespace meridian::node
