#include "config/rooms_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/sample.hpp"

namespace meridian::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::kSample;
using testing_support::problems_of;

std::string with_rooms(std::string_view rooms) {
  return std::string(kSample) + "rooms:\n" + std::string(rooms);
}

TEST(RoomsReader, reads_defaults_and_presets) {
  const auto loaded = parse(with_rooms(R"(
  auto_create: false
  remote_unmute: true
  empty_timeout: 60
  min_playout_delay: 200
  presets:
    webinar: {max_participants: 100, departure_timeout: 5, sync_streams: true, loudest: 3, metadata: '{"a":1}'}
    late: {min_playout_delay: 1000, max_playout_delay: 40950}
)"),
                            "f");
  ASSERT_TRUE(loaded);
  const Rooms& rooms = loaded->config.rooms;
  EXPECT_FALSE(rooms.auto_create);
  EXPECT_TRUE(rooms.remote_unmute);
  EXPECT_EQ(rooms.defaults.empty_timeout, 60U);
  EXPECT_FALSE(rooms.defaults.max_participants);
  const RoomTemplate& webinar = rooms.presets.at("webinar");
  EXPECT_EQ(webinar.max_participants, 100U);
  EXPECT_EQ(webinar.departure_timeout, 5U);
  EXPECT_EQ(webinar.sync_streams, true);
  EXPECT_EQ(webinar.loudest, 3U);
  EXPECT_EQ(webinar.metadata, R"({"a":1})");
  EXPECT_FALSE(webinar.empty_timeout);
  EXPECT_EQ(rooms.defaults.min_playout_delay, 200U);
  EXPECT_FALSE(webinar.min_playout_delay);
  EXPECT_EQ(rooms.presets.at("late").min_playout_delay, 1000U);
  EXPECT_EQ(rooms.presets.at("late").max_playout_delay, kMaxPlayoutDelay);
}

TEST(RoomsReader, a_node_without_the_section_makes_rooms_by_itself) {
  const auto loaded = parse(kSample, "f");
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->config.rooms, Rooms{});
  EXPECT_TRUE(loaded->config.rooms.auto_create);
}

TEST(RoomsReader, checks_values) {
  EXPECT_THAT(problems_of(with_rooms("  auto_create: maybe\n")),
              ElementsAre(HasSubstr("rooms.auto_create: must be true or false")));
  EXPECT_THAT(problems_of(with_rooms("  empty_timeout: 0\n")),
              ElementsAre(HasSubstr("rooms.empty_timeout")));
  EXPECT_THAT(problems_of(with_rooms("  max_participants: 501\n")),
              ElementsAre(HasSubstr("rooms.max_participants")));
  EXPECT_THAT(problems_of(with_rooms("  max_playout_delay: 40951\n")),
              ElementsAre(HasSubstr("rooms.max_playout_delay")));
  EXPECT_THAT(problems_of(with_rooms("  min_playout_delay: 3\n  max_playout_delay: 2\n")),
              ElementsAre(HasSubstr("rooms.min_playout_delay: is more than")));
  EXPECT_THAT(problems_of(with_rooms("  presets: {a: {colour: red}}\n")),
              ElementsAre(HasSubstr("rooms.presets.a")));
}

}  // namespace
}  // namespace meridian::config
