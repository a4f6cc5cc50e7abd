#include "forward/relay_transit.hpp"

#include <gtest/gtest.h>

namespace meridian::forward {
namespace {

constexpr WorkerIndex kFrom{3};
const Instant kStart = Instant::from_origin(10s);

RelayTransit report(std::uint32_t publication) {
  RelayTransit last;
  last.publication = PublicationId(publication);
  last.peer = kFrom;
  last.is_final = true;
  return last;
}

TEST(ClosedSinks, count_what_comes_late_and_report_once) {
  ClosedSinks sinks;
  std::vector<Event> events;
  sinks.add(report(1), events);
  EXPECT_TRUE(sinks.count(PublicationId(1), kFrom, 100));
  EXPECT_FALSE(sinks.count(PublicationId(2), kFrom, 100));
  EXPECT_FALSE(sinks.count(PublicationId(1), WorkerIndex(4), 100));
  sinks.poll(kStart, events);
  EXPECT_TRUE(sinks.count(PublicationId(1), kFrom, 20));
  // What still comes puts the end off: the time counts from the poll that follows it.
  const Instant last_poll = kStart + ClosedSinks::kLinger - 1ns;
  sinks.poll(last_poll, events);
  sinks.poll(last_poll + ClosedSinks::kLinger - 1ns, events);
  EXPECT_TRUE(events.empty());
  sinks.poll(last_poll + ClosedSinks::kLinger, events);
  ASSERT_EQ(events.size(), 1U);
  const auto& counts = std::get<RelayTransit>(events[0]).counts;
  EXPECT_EQ(counts.at(metrics::TransitKind::kRtp, metrics::Direction::kIn),
            (metrics::TransitCount{.packets = 2, .bytes = 120}));
  EXPECT_TRUE(sinks.empty());
}

TEST(ClosedSinks, the_oldest_gives_way_and_is_reported_all_the_same) {
  ClosedSinks sinks;
  std::vector<Event> events;
  for (std::uint32_t i = 0; i <= ClosedSinks::kMaxSinks; ++i) {
    sinks.add(report(i), events);
  }
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(std::get<RelayTransit>(events[0]).publication, PublicationId(0));
}

}  // namespace
}  // namespace meridian::forward
