#include "bwe/send_side_estimator.hpp"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

#include "unit/bwe/samples.hpp"

namespace meridian::bwe {
namespace {

using test::at;
using test::Bottleneck;

constexpr Bitrate kMax(20'000'000);

/// A sender that always has enough to send, paced at the estimate or at `source`, and its probes.
struct Sender {
  SendSideEstimator estimator{kMax};
  Bottleneck link{1};
  Instant now = at(1s);
  double source = 1e9;
  double least = 0;  // whatever the estimate is
  std::uint64_t number = 1;
  double debt = 0;
  Duration worst_backlog{};
  std::vector<Duration> backlogs;

  void send(std::uint32_t size, ProbeCluster cluster) {
    link.send(
        {.sequence = ExtendedSequence(number++), .sent_at = now, .size = size, .cluster = cluster},
        now);
    estimator.on_sent(size, now);
  }
  void run(Duration time) {
    for (const Instant end = now + time; now < end; now = now + 5ms) {
      if (auto results = link.report(now); !results.empty()) {
        const Instant newest = std::ranges::max(results, {}, [](const auto& r) {
                                 return r.sent.sent_at;
                               }).sent.sent_at;
        estimator.on_feedback(results, now - newest, now);
      }
      estimator.handle_timeout(now);
      if (const auto probe = estimator.poll_probe(now)) {
        probe_ = *probe;
        probe_left_ = static_cast<double>(probe->bytes);
      }
      double rate = std::max(std::min(to_double(estimator.estimate(now)), source), least);
      ProbeCluster cluster = kNoCluster;
      if (probe_left_ > 0) {
        rate = to_double(probe_.rate);
        cluster = probe_.cluster;
      }
      debt += rate * 0.005 / 8;
      const std::uint32_t size = cluster != kNoCluster ? 250 : 1000;
      for (; debt > 0; debt -= size) {
        send(size, cluster);
        probe_left_ -= size;
      }
      backlogs.push_back(link.backlog(now));
    }
  }
  [[nodiscard]] double estimate() const { return to_double(estimator.estimate(now)); }
  [[nodiscard]] Duration backlog_95() {
    std::ranges::sort(backlogs);
    return backlogs[backlogs.size() * 95 / 100];
  }

 private:
  Probe probe_;
  double probe_left_ = 0;
};

TEST(SendSideEstimator, finds_a_steady_bottleneck_and_keeps_its_queue_short) {
  Sender sender;
  sender.estimator.set_wanted(Bitrate(10'000'000));
  sender.run(10s);
  sender.backlogs.clear();
  double lowest = 1e9;
  double highest = 0;
  double mean = 0;
  for (int i = 0; i < 30; ++i) {
    sender.run(1s);
    lowest = std::min(lowest, sender.estimate());
    highest = std::max(highest, sender.estimate());
    mean += sender.estimate() / 30;
  }
  EXPECT_GT(lowest, 0.75 * 2.5e6);
  EXPECT_GT(mean, 0.85 * 2.5e6);
  EXPECT_LT(highest, 1.15 * 2.5e6);
  EXPECT_LT(sender.backlog_95(), 60ms);
}

TEST(SendSideEstimator, follows_a_step_down_within_two_seconds_and_up_within_eight) {
  Sender sender;
  sender.estimator.set_wanted(Bitrate(10'000'000));
  sender.run(10s);
  sender.link.rate = 300e3;
  sender.run(2s);
  EXPECT_LT(sender.estimate(), 330e3);
  sender.run(20s);
  EXPECT_GT(sender.estimate(), 200e3);
  sender.link.rate = 2.5e6;
  sender.run(8s);
  EXPECT_GT(sender.estimate(), 0.8 * 2.5e6);
}

TEST(SendSideEstimator, a_queue_that_overflows_at_once_shows_what_the_way_carries) {
  Sender sender;
  sender.source = 1.8e6;
  sender.link.rate = 5e6;
  sender.link.queue = 250ms;
  sender.estimator.set_wanted(Bitrate(2'000'000));
  sender.run(10s);
  sender.link.rate = 300e3;
  sender.run(500ms);
  EXPECT_LT(sender.estimate(), 330e3) << "the delay can't grow any further";
  EXPECT_GT(sender.estimate(), 200e3);
  EXPECT_TRUE(sender.estimator.is_draining(sender.now));
  sender.run(5s);
  EXPECT_FALSE(sender.estimator.is_draining(sender.now));
  EXPECT_GT(sender.estimate(), 200e3);
}

/// As when one more layer is more than there is room for: only that must be taken back.
TEST(SendSideEstimator, a_way_that_has_just_been_filled_shows_what_it_carries) {
  Sender sender;
  sender.link.rate = 2.5e6;
  sender.source = 1.6e6;
  sender.estimator.set_wanted(Bitrate(2'500'000));
  sender.run(10s);
  const double before = sender.estimate();
  sender.least = 3.2e6;
  sender.run(200ms);
  sender.least = 0;
  double lowest = 1e9;
  for (int i = 0; i < 50; ++i) {
    sender.run(20ms);
    lowest = std::min(lowest, sender.estimate());
  }
  EXPECT_LT(lowest, before) << "it was seen to be full";
  EXPECT_GT(lowest, 0.8 * 2.5e6);
}

TEST(SendSideEstimator, pictures_that_wait_behind_each_other_show_what_the_way_carries) {
  Sender sender;
  sender.source = 0;
  // Four pictures, of which the first is the largest, again and again: 240 kbit/s.
  const auto show = [&](int times) {
    for (int picture = 0; picture < times * 4; ++picture) {
      for (int i = 0; i < (picture % 4 == 0 ? 6 : 1); ++i) {
        sender.send(900, kNoCluster);
      }
      sender.run(66ms);
    }
  };
  sender.link.rate = 3e6;
  show(20);
  sender.link.rate = 280e3;
  double lowest = 1e9;
  for (int i = 0; i < 30; ++i) {
    show(1);
    lowest = std::min(lowest, sender.estimate());
  }
  EXPECT_GT(lowest, 215e3) << "it carries all of them, one after the other";
}

TEST(SendSideEstimator, random_loss_leaves_most_of_the_link) {
  for (const double loss : {0.05, 0.1, 0.2, 0.3}) {
    Sender sender;
    sender.estimator.set_wanted(Bitrate(10'000'000));
    sender.link.loss = loss;
    sender.run(20s);
    double mean = 0;
    for (int i = 0; i < 20; ++i) {
      sender.run(1s);
      mean += sender.estimate() / 20;
    }
    EXPECT_GT(mean, (loss > 0.15 ? 0.6 : 0.85) * 2.5e6) << loss;
    EXPECT_NEAR(sender.estimator.loss(), loss, 0.1);
  }
}

TEST(SendSideEstimator, jitter_is_not_taken_for_a_full_link_and_a_full_link_is_seen_through_it) {
  for (const bool keeps_order : {true, false}) {
    Sender sender;
    sender.link.jitter = 200ms;
    sender.link.keeps_order = keeps_order;
    sender.link.rate = 5e6;
    sender.source = 1.8e6;
    sender.estimator.set_wanted(Bitrate(2'000'000));
    sender.run(20s);
    double lowest = 1e9;
    for (int i = 0; i < 30; ++i) {
      sender.run(1s);
      lowest = std::min(lowest, sender.estimate());
    }
    EXPECT_GT(lowest, 1e6) << keeps_order;
    sender.link.rate = 700e3;
    sender.run(10s);
    EXPECT_LT(sender.estimate(), 900e3) << keeps_order;
  }
}

TEST(SendSideEstimator, loss_that_begins_later_costs_the_rate_only_for_a_while) {
  Sender sender;
  sender.source = 1.8e6;
  sender.estimator.set_wanted(Bitrate(2'000'000));
  sender.run(10s);
  sender.link.loss = 0.3;
  sender.run(20s);
  EXPECT_GT(sender.estimate(), 0.6 * 1.8e6);
}

TEST(SendSideEstimator, what_losses_took_probes_give_back_although_nothing_else_is_sent) {
  Sender sender;
  sender.source = 1.8e6;
  sender.link.rate = 5e6;
  sender.estimator.set_wanted(Bitrate(2'000'000));
  sender.run(10s);
  sender.link.loss = 0.95;
  sender.run(2s);
  ASSERT_LT(sender.estimate(), 400e3);
  ASSERT_EQ(sender.estimator.limit(), Limit::kLoss);
  // There isn't room for any video, and there is no sound.
  sender.link.loss = 0;
  sender.source = 0;
  sender.estimator.set_wanted(Bitrate(700'000), SendSideEstimator::Need::kAnything);
  sender.run(2s);
  EXPECT_GT(sender.estimate(), 700e3);
}

TEST(SendSideEstimator, a_short_queue_that_overflows_is_still_a_full_link) {
  Sender sender;
  sender.link.queue = 25ms;
  sender.link.rate = 1e6;
  sender.estimator.set_wanted(Bitrate(10'000'000));
  sender.run(20s);
  double mean = 0;
  for (int i = 0; i < 20; ++i) {
    sender.run(1s);
    mean += sender.estimate() / 20;
  }
  EXPECT_LT(mean, 1.2e6);
}

TEST(SendSideEstimator, shows_only_what_went_through) {
  Sender sender;
  sender.source = 300e3;
  sender.run(5s);
  EXPECT_FALSE(sender.estimator.shown(sender.now));  // nothing was ever full
  sender.link.rate = 200e3;
  sender.run(5s);
  sender.link.rate = 2.5e6;
  sender.run(10s);
  ASSERT_TRUE(sender.estimator.shown(sender.now));
  EXPECT_LE(*sender.estimator.shown(sender.now), Bitrate(330'000));
  sender.estimator.set_wanted(Bitrate(600'000));
  sender.run(6s);
  EXPECT_GT(sender.estimate(), 600e3);
}

TEST(SendSideEstimator, probes_beyond_what_is_sent_only_when_more_is_wanted) {
  Sender sender;
  sender.source = 300e3;
  sender.run(10s);
  EXPECT_LT(sender.estimate(), 700e3);
  sender.estimator.set_wanted(Bitrate(1'500'000));
  sender.run(8s);
  EXPECT_GT(sender.estimate(), 1.5e6);
}

TEST(SendSideEstimator, silence_of_the_peer_lowers_the_estimate) {
  Sender sender;
  sender.run(3s);
  const double before = sender.estimate();
  for (int i = 0; i < 1000; ++i) {
    sender.now = sender.now + 10ms;
    sender.estimator.on_sent(1000, sender.now);
    sender.estimator.handle_timeout(sender.now);
  }
  EXPECT_LT(sender.estimate(), before / 2);
  EXPECT_EQ(sender.estimator.limit(), Limit::kSilence);
}

TEST(SendSideEstimator, without_feedback_claims_and_reports_decide) {
  SendSideEstimator estimator(kMax);
  EXPECT_EQ(estimator.estimate(at(0s)), SendSideEstimator::kStart);
  estimator.on_remb(Bitrate(2'000'000), at(0s));
  EXPECT_EQ(estimator.estimate(at(1s)), Bitrate(2'000'000));
  estimator.on_reported_loss(0.3, Bitrate(2'000'000), 50ms, at(2s));
  EXPECT_EQ(estimator.estimate(at(2s)), Bitrate(1'700'000));
  estimator.on_remb(Bitrate(500'000), at(3s));
  EXPECT_EQ(estimator.estimate(at(3s)), Bitrate(500'000));
  EXPECT_FALSE(estimator.poll_probe(at(3s)));
}

/// All video is paused, and there is no sound: nothing is sent, and nothing reported.
bool probes_in_silence(Sender& sender) {
  sender.estimator.set_wanted(Bitrate(5'000'000));
  for (const Instant end = sender.now + 5s; sender.now < end;) {
    sender.now = sender.now + 100ms;
    sender.estimator.handle_timeout(sender.now);
    if (sender.estimator.poll_probe(sender.now)) {
      return true;
    }
  }
  return false;
}

TEST(SendSideEstimator, a_queue_of_which_nobody_speaks_any_more_keeps_no_probe_back) {
  Sender sender;
  sender.run(5s);
  sender.link.rate = 300e3;
  while (sender.estimator.delay_state() != DelayState::kOveruse) {
    sender.run(50ms);
  }
  const Instant silent = sender.now;
  EXPECT_TRUE(probes_in_silence(sender)) << "the way would never be tried again";
  EXPECT_GE(sender.now - silent, SendSideEstimator::kQueueMemory);
}

TEST(SendSideEstimator, nor_does_one_that_overflowed) {
  Sender sender;
  sender.source = 1.8e6;
  sender.link.rate = 5e6;
  sender.link.queue = 250ms;
  sender.estimator.set_wanted(Bitrate(2'000'000));
  sender.run(10s);
  sender.link.rate = 300e3;
  sender.run(500ms);
  ASSERT_EQ(sender.estimator.delay_state(), DelayState::kOveruse);
  ASSERT_TRUE(sender.estimator.is_draining(sender.now));
  EXPECT_TRUE(probes_in_silence(sender));
}

}  // namespace
}  // namespace meridian::bwe
