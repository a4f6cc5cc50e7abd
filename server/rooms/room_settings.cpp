#include "rooms/room_settings.hpp"

#include <algorithm>
#include <utility>

#include "rooms/agent_hub.hpp"

namespace meridian::rooms {
namespace {

/// From milliseconds; nothing when both are 0.
std::optional<rtp::PlayoutDelay> playout_delay(std::uint32_t min, std::uint32_t max) {
  // What livekit-server makes of a minimum alone.
  constexpr Duration kDefaultMax = 10s;
  if (min == 0 && max == 0) {
    return std::nullopt;
  }
  const Duration least = std::chrono::milliseconds(min);
  return rtp::PlayoutDelay{
      .min = least,
      .max = max > 0 ? Duration(std::chrono::milliseconds(max)) : std::max(least, kDefaultMax)};
}

void apply(const config::RoomTemplate& from, meeting::RoomOptions& options) {
  if (from.empty_timeout) {
    options.empty_timeout = std::chrono::seconds(*from.empty_timeout);
  }
  if (from.departure_timeout) {
    options.departure_timeout = std::chrono::seconds(*from.departure_timeout);
  }
  options.max_participants = from.max_participants.value_or(options.max_participants);
  options.sync_streams = from.sync_streams.value_or(options.sync_streams);
  options.loudest = static_cast<std::uint8_t>(from.loudest.value_or(options.loudest));
  options.metadata = from.metadata.value_or(options.metadata);
  if (from.min_playout_delay || from.max_playout_delay) {
    options.playout_delay =
        playout_delay(from.min_playout_delay.value_or(0), from.max_playout_delay.value_or(0));
  }
}

/// Fields that a call and a token's configuration have in common; the defaults mean nothing.
template <class Message>
void apply(const Message& from, meeting::RoomOptions& options) {
  if (from.empty_timeout() > 0) {
    options.empty_timeout = std::chrono::seconds(from.empty_timeout());
  }
  if (from.departure_timeout() > 0) {
    options.departure_timeout = std::chrono::seconds(from.departure_timeout());
  }
  if (from.max_participants() > 0) {
    options.max_participants = from.max_participants();
  }
  if (!from.metadata().empty()) {
    options.metadata = from.metadata();
  }
  options.sync_streams = options.sync_streams || from.sync_streams();
  if (const auto delay = playout_delay(from.min_playout_delay(), from.max_playout_delay())) {
    options.playout_delay = delay;
  }
  for (const auto& [name, value] : from.tags()) {
    options.tags[name] = value;
  }
  if (from.agents_size() > 0) {
    options.agents.assign(from.agents().begin(), from.agents().end());
  }
}

std::unexpected<TwirpError> invalid(std::string text) {
  return std::unexpected(TwirpError{TwirpCode::kInvalidArgument, std::move(text)});
}

std::unexpected<TwirpError> unimplemented(std::string text) {
  return std::unexpected(TwirpError{TwirpCode::kUnimplemented, std::move(text)});
}

TwirpResult<meeting::RoomOptions> check(meeting::RoomOptions options,
                                        const config::Limits& limits) {
  constexpr Duration kLongest = std::chrono::seconds(config::kMaxRoomTimeout);
  std::size_t tag_bytes = 0;
  for (const auto& [name, value] : options.tags) {
    tag_bytes += name.size() + value.size();
  }
  if (options.metadata.size() > limits.metadata_size) {
    return invalid("room metadata exceeds the limit of " + std::to_string(limits.metadata_size) +
                   " bytes");
  }
  if (tag_bytes > limits.attributes_size) {
    return invalid("room tags exceed the limit of " + std::to_string(limits.attributes_size) +
                   " bytes");
  }
  std::size_t agent_bytes = 0;
  for (const livekit::RoomAgentDispatch& agent : options.agents) {
    agent_bytes += agent.ByteSizeLong();
  }
  if (options.agents.size() > AgentHub::kMaxDispatches || agent_bytes > limits.metadata_size) {
    return invalid("a room can begin with at most " + std::to_string(AgentHub::kMaxDispatches) +
                   " agents and " + std::to_string(limits.metadata_size) + " bytes about them");
  }
  constexpr Duration kMostDelay = std::chrono::milliseconds(config::kMaxPlayoutDelay);
  if (options.playout_delay && (options.playout_delay->min > options.playout_delay->max ||
                                options.playout_delay->max > kMostDelay)) {
    return invalid("a playout delay has a minimum of at most its maximum, and that is at most " +
                   std::to_string(config::kMaxPlayoutDelay) + " milliseconds");
  }
  if (options.empty_timeout > kLongest || options.departure_timeout > kLongest) {
    return invalid("a room can be kept empty for at most " +
                   std::to_string(config::kMaxRoomTimeout) + " seconds");
  }
  return options;
}

}  // namespace

TwirpResult<meeting::RoomOptions> configured_options(const config::Rooms& rooms,
                                                     std::string_view preset) {
  meeting::RoomOptions options;
  apply(rooms.defaults, options);
  if (!preset.empty()) {
    const auto found = rooms.presets.find(std::string(preset));
    if (found == rooms.presets.end()) {
      return invalid("this node has no room preset of that name");
    }
    apply(found->second, options);
  }
  return options;
}

TwirpResult<meeting::RoomOptions> options_of(const livekit::CreateRoomRequest& request,
                                             const config::Config& config) {
  if (request.has_egress()) {
    return unimplemented("this node doesn't record rooms");
  }
  if (request.replay_enabled()) {
    return unimplemented("this node doesn't replay rooms");
  }
  auto options = configured_options(config.rooms, request.room_preset());
  if (!options) {
    return options;
  }
  apply(request, *options);
  return check(std::move(*options), config.limits);
}

TwirpResult<meeting::RoomOptions> options_of(const api::Claims& claims,
                                             const config::Config& config) {
  auto options = configured_options(config.rooms, claims.room_preset);
  if (!options || claims.room_config.empty()) {
    return options;
  }
  livekit::RoomConfiguration wanted;
  if (!decode(claims.room_config, TwirpEncoding::kJson, wanted)) {
    return invalid("the token's roomConfig can't be decoded");
  }
  apply(wanted, *options);
  return check(std::move(*options), config.limits);
}

}  // namespace meridian::rooms
