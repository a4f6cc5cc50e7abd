#include "rooms/room_settings.hpp"

#include <gtest/gtest.h>

namespace meridian::rooms {
namespace {

config::Config configured() {
  config::Config config;
  config.rooms.defaults.empty_timeout = 60;
  config.rooms.defaults.max_participants = 50;
  config.rooms.presets["webinar"] = {.empty_timeout = {},
                                     .departure_timeout = 7,
                                     .max_participants = 100,
                                     .sync_streams = true,
                                     .loudest = 3,
                                     .metadata = "preset"};
  return config;
}

TEST(RoomSettings, the_call_overrides_the_preset_and_that_the_defaults) {
  livekit::CreateRoomRequest request;
  request.set_room_preset("webinar");
  request.set_metadata("call");
  const auto options = options_of(request, configured());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->empty_timeout, 60s);
  EXPECT_EQ(options->departure_timeout, 7s);
  EXPECT_EQ(options->max_participants, 100U);
  EXPECT_TRUE(options->sync_streams);
  EXPECT_EQ(options->loudest, 3U);
  EXPECT_EQ(options->metadata, "call");
}

TEST(RoomSettings, without_anything_said_rooms_are_as_livekits) {
  const auto options = options_of(livekit::CreateRoomRequest(), config::Config());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->max_participants, 0U);
  EXPECT_TRUE(options->metadata.empty());
  EXPECT_EQ(options->empty_timeout, 300s);
  EXPECT_EQ(options->departure_timeout, 20s);
}

TEST(RoomSettings, tokens_name_a_preset_and_configure) {
  api::Claims claims;
  claims.room_preset = "webinar";
  claims.room_config = R"({"maxParticipants": 3, "tags": {"a": "b"}})";
  const auto options = options_of(claims, configured());
  ASSERT_TRUE(options);
  EXPECT_EQ(options->max_participants, 3U);
  EXPECT_EQ(options->metadata, "preset");
  EXPECT_EQ(options->tags.at("a"), "b");
}

TEST(RoomSettings, unknown_presets_and_sizes_are_invalid) {
  livekit::CreateRoomRequest request;
  request.set_room_preset("none");
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
  api::Claims claims;
  claims.room_preset = "none";
  EXPECT_FALSE(options_of(claims, configured()));
  claims.room_preset.clear();
  claims.room_config = R"({"maxParticipants": "many"})";
  EXPECT_FALSE(options_of(claims, configured()));
  request.clear_room_preset();
  request.set_metadata(std::string(configured().limits.metadata_size + 1, 'x'));
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
  request.set_metadata("");
  (*request.mutable_tags())["a"] = std::string(configured().limits.attributes_size, 'x');
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
  request.clear_tags();
  request.set_empty_timeout(config::kMaxRoomTimeout + 1);
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
}

TEST(RoomSettings, a_room_may_begin_with_agents) {
  livekit::CreateRoomRequest request;
  request.add_agents()->set_agent_name("scribe");
  EXPECT_EQ(options_of(request, configured())->agents.at(0).agent_name(), "scribe");
  api::Claims claims;
  claims.room_config = R"({"agents": [{"agentName": "scribe", "metadata": "m"}]})";
  EXPECT_EQ(options_of(claims, configured())->agents.at(0).metadata(), "m");
  for (int i = 0; i < 64; ++i) {
    request.add_agents();
  }
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
}

TEST(RoomSettings, a_playout_delay_comes_from_whoever_speaks_last) {
  config::Config config = configured();
  config.rooms.defaults.min_playout_delay = 100;
  config.rooms.presets["webinar"].max_playout_delay = 400;
  config.rooms.presets["prompt"].min_playout_delay = 0;
  livekit::CreateRoomRequest request;
  EXPECT_EQ(options_of(request, config)->playout_delay, (rtp::PlayoutDelay{100ms, 10s}));
  request.set_room_preset("prompt");
  EXPECT_FALSE(options_of(request, config)->playout_delay);
  request.set_room_preset("webinar");
  EXPECT_EQ(options_of(request, config)->playout_delay, (rtp::PlayoutDelay{0ms, 400ms}));
  request.set_min_playout_delay(12'000);
  EXPECT_EQ(options_of(request, config)->playout_delay, (rtp::PlayoutDelay{12s, 12s}));
  request.set_max_playout_delay(20'000);
  EXPECT_EQ(options_of(request, config)->playout_delay, (rtp::PlayoutDelay{12s, 20s}));
  api::Claims claims;
  claims.room_config = R"({"minPlayoutDelay": 200, "maxPlayoutDelay": 300})";
  EXPECT_EQ(options_of(claims, config)->playout_delay, (rtp::PlayoutDelay{200ms, 300ms}));
  EXPECT_FALSE(options_of(livekit::CreateRoomRequest(), config::Config())->playout_delay);
}

TEST(RoomSettings, a_playout_delay_that_no_packet_can_say_is_invalid) {
  livekit::CreateRoomRequest request;
  request.set_min_playout_delay(2);
  request.set_max_playout_delay(1);
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
  request.set_max_playout_delay(config::kMaxPlayoutDelay);
  EXPECT_TRUE(options_of(request, configured()));
  request.set_max_playout_delay(config::kMaxPlayoutDelay + 1);
  EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kInvalidArgument);
}

TEST(RoomSettings, what_is_not_there_is_refused_rather_than_ignored) {
  livekit::CreateRoomRequest egress;
  egress.mutable_egress();
  livekit::CreateRoomRequest replay;
  replay.set_replay_enabled(true);
  for (const auto& request : {egress, replay}) {
    EXPECT_EQ(options_of(request, configured()).error().code, TwirpCode::kUnimplemented);
  }
}

}  // namespace
}  // namespace meridian::rooms
