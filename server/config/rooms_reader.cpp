#include "config/rooms_reader.hpp"

#include <utility>

namespace meridian::config {
namespace {

std::optional<std::uint32_t> read_count(const YamlNode& node, std::uint32_t low,
                                        std::uint32_t high) {
  const auto value = node.number(low, high);
  return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
}

RoomTemplate read_template(const YamlNode& node, const Limits& limits) {
  RoomTemplate result;
  result.empty_timeout = read_count(node["empty_timeout"], 1, kMaxRoomTimeout);
  result.departure_timeout = read_count(node["departure_timeout"], 1, kMaxRoomTimeout);
  result.max_participants = read_count(node["max_participants"], 0, limits.participants_per_room);
  result.sync_streams = node["sync_streams"].flag();
  result.loudest = read_count(node["loudest"], 0, kMaxLoudest);
  result.metadata = node["metadata"].text();
  if (result.metadata && result.metadata->size() > limits.metadata_size) {
    node["metadata"].error("is longer than limits.metadata_size allows");
  }
  result.min_playout_delay = read_count(node["min_playout_delay"], 0, kMaxPlayoutDelay);
  result.max_playout_delay = read_count(node["max_playout_delay"], 0, kMaxPlayoutDelay);
  const std::uint32_t most = result.max_playout_delay.value_or(0);
  if (most > 0 && result.min_playout_delay.value_or(0) > most) {
    node["min_playout_delay"].error("is more than max_playout_delay");
  }
  return result;
}

}  // namespace

Rooms read_rooms(const YamlNode& node, const Limits& limits) {
  constexpr std::size_t kMaxPresetName = 256;
  node.expect_keys({"auto_create", "remote_unmute", "empty_timeout", "departure_timeout",
                    "max_participants", "sync_streams", "loudest", "metadata", "min_playout_delay",
                    "max_playout_delay", "presets"});
  Rooms rooms;
  rooms.auto_create = node["auto_create"].flag().value_or(rooms.auto_create);
  rooms.remote_unmute = node["remote_unmute"].flag().value_or(rooms.remote_unmute);
  rooms.defaults = read_template(node, limits);
  for (const auto& [name, preset] : node["presets"].entries()) {
    preset.expect_keys({"empty_timeout", "departure_timeout", "max_participants", "sync_streams",
                        "loudest", "metadata", "min_playout_delay", "max_playout_delay"});
    if (name.size() > kMaxPresetName) {
      preset.error("has a name of more than " + std::to_string(kMaxPresetName) + " bytes");
    }
    rooms.presets.emplace(name, read_template(preset, limits));
  }
  return rooms;
}

}  // namespace meridian::config
