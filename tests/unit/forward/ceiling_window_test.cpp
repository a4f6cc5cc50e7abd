#include "forward/ceiling_window.hpp"

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

using Step = CeilingWindow::Step;

struct Course {
  CeilingWindow window;
  Instant now = Instant::from_origin(10s);
  Ceilings last;
  void run(Duration time, std::uint64_t kbps, bool is_start = false) {
    for (const Instant end = now + time; now < end; now = now + CeilingWindow::kInterval) {
      last = window.update(Bitrate(kbps * 1000), is_start, now);
    }
  }
};

TEST(CeilingWindow, more_is_added_when_the_estimate_has_allowed_it_for_a_while) {
  Course run;
  run.run(5s, 1000);
  run.run(2s, 2000);
  EXPECT_EQ(run.last.kept, Bitrate(2'120'000));
  EXPECT_EQ(run.last.added, Bitrate(970'000));
  run.run(1s, 2000);
  EXPECT_EQ(run.last.added, Bitrate(1'940'000));
}

TEST(CeilingWindow, a_fall_counts_at_once) {
  Course run;
  run.run(5s, 1000);
  run.run(100ms, 500);
  EXPECT_EQ(run.last.kept, Bitrate(530'000));
  EXPECT_EQ(run.last.added, Bitrate(485'000));
}

TEST(CeilingWindow, at_the_start_and_after_a_probe_nothing_has_to_be_waited_for) {
  Course run;
  run.run(1s, 600, true);
  run.run(100ms, 3000, true);
  EXPECT_EQ(run.last.added, Bitrate(2'910'000));

  Course probed;
  probed.run(5s, 600);
  probed.window.on_probed();
  probed.run(100ms, 1200);
  EXPECT_EQ(probed.last.added, Bitrate(1'164'000));
}

TEST(CeilingWindow, a_step_too_far_is_repeated_later_each_time) {
  Course run;
  run.run(5s, 1000);
  Duration waited{};
  for (int i = 0; i < 5; ++i) {
    run.window.on_step(Step::kUp, run.now);
    run.run(1s, 1000);
    run.window.on_step(Step::kDown, run.now);
    const Instant from = run.now;
    do {
      run.run(100ms, 1000);
      EXPECT_GT(run.last.lowest, Bitrate(0)) << "a picture at all is never kept waiting";
    } while (run.last.added == Bitrate(0) && run.now - from < 100s);
    EXPECT_GT(run.now - from, waited);
    waited = run.now - from;
  }
  EXPECT_GE(waited, 60s);
}

TEST(CeilingWindow, another_way_has_nothing_to_wait_for) {
  Course run;
  run.run(5s, 1000);
  run.window.on_step(Step::kUp, run.now);
  run.run(1s, 300);
  run.window.on_step(Step::kDown, run.now);
  run.run(1s, 400);
  EXPECT_EQ(run.last.added, Bitrate(0));
  run.window.on_probed();
  run.run(100ms, 1200);
  EXPECT_EQ(run.last.added, Bitrate(1'164'000));
}

}  // namespace
}  // namespace meridian::forward
