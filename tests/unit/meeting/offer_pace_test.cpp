#include "meeting/offer_pace.hpp"

#include <gtest/gtest.h>

namespace meridian::meeting {
namespace {

constexpr Instant kStart = Instant::from_origin(100s);

TEST(OfferPace, asks_a_moment_after_the_first_change) {
  OfferPace pace;
  EXPECT_TRUE(pace.next_timeout().is_never());
  pace.want(kStart);
  EXPECT_EQ(pace.next_timeout(), kStart + 10ms);
  EXPECT_EQ(pace.poll(kStart + 9ms), OfferPace::Due::kNothing);
  EXPECT_EQ(pace.poll(kStart + 10ms), OfferPace::Due::kAsk);
  EXPECT_EQ(pace.poll(kStart + 11ms), OfferPace::Due::kNothing);
}

TEST(OfferPace, collects_longer_right_after_an_offer) {
  OfferPace pace;
  pace.handle_exchange(kStart);
  pace.want(kStart + 100ms);
  EXPECT_EQ(pace.next_timeout(), kStart + 250ms);
  OfferPace later;
  later.handle_exchange(kStart);
  later.want(kStart + 1s);
  EXPECT_EQ(later.next_timeout(), kStart + 1s + 10ms);
}

TEST(OfferPace, asks_once_more_for_what_changed_meanwhile) {
  OfferPace pace;
  pace.want(kStart);
  ASSERT_EQ(pace.poll(kStart + 10ms), OfferPace::Due::kAsk);
  pace.want(kStart + 20ms);
  EXPECT_EQ(pace.poll(kStart + 500ms), OfferPace::Due::kNothing);
  pace.handle_exchange(kStart + 1s);
  EXPECT_EQ(pace.poll(kStart + 1150ms), OfferPace::Due::kAsk);
  pace.handle_exchange(kStart + 2s);
  EXPECT_TRUE(pace.next_timeout().is_never());
}

TEST(OfferPace, fails_when_no_offer_comes) {
  OfferPace pace;
  pace.want(kStart);
  ASSERT_EQ(pace.poll(kStart + 10ms), OfferPace::Due::kAsk);
  EXPECT_EQ(pace.next_timeout(), kStart + 15010ms);
  EXPECT_EQ(pace.poll(kStart + 15009ms), OfferPace::Due::kNothing);
  EXPECT_EQ(pace.poll(kStart + 15010ms), OfferPace::Due::kFailed);
}

TEST(OfferPace, forgets_everything_on_reset_and_only_the_request_on_cancel) {
  OfferPace pace;
  pace.want(kStart);
  ASSERT_EQ(pace.poll(kStart + 10ms), OfferPace::Due::kAsk);
  pace.cancel();
  EXPECT_TRUE(pace.next_timeout().is_never());
  pace.want(kStart + 20ms);
  pace.reset();
  EXPECT_TRUE(pace.next_timeout().is_never());
}

}  // namespace
}  // namespace meridian::meeting
