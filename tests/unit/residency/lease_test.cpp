#include "residency/lease.hpp"

#include <gtest/gtest.h>

namespace meridian::residency {
namespace {

const Instant kStart = Instant::from_origin(100s);

TEST(Lease, covers_nothing_before_it_was_granted) {
  const Lease lease;
  EXPECT_FALSE(lease.covers(0, Instant{}));
  EXPECT_FALSE(lease.covers(1, kStart));
}

TEST(Lease, runs_out_its_term_after_it_was_asked_for) {
  Lease lease;
  lease.renew(1, kStart);
  EXPECT_TRUE(lease.covers(1, kStart + Lease::kTerm - 1ns));
  EXPECT_FALSE(lease.covers(1, kStart + Lease::kTerm));
  lease.renew(1, kStart + 1s);
  EXPECT_TRUE(lease.covers(1, kStart + Lease::kTerm));
  EXPECT_EQ(lease.until(), kStart + 1s + Lease::kTerm);
}

TEST(Lease, covers_only_who_has_seen_what_it_was_granted_for) {
  Lease lease;
  lease.renew(2, kStart);
  EXPECT_FALSE(lease.covers(1, kStart));
  EXPECT_TRUE(lease.covers(2, kStart));
  EXPECT_TRUE(lease.covers(3, kStart));
}

}  // namespace
}  // namespace meridian::residency
