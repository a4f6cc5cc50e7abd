// Workers of agents over `/agent`: rooms::AgentHub decides, this carries its messages.
#include <google/protobuf/util/json_util.h>

#include "base/check.hpp"
#include "node/control_state.hpp"

namespace meridian::node {
namespace {

std::vector<std::uint8_t> encode(const livekit::ServerMessage& message, FrameKind kind) {
  if (kind == FrameKind::kBinary) {
    std::vector<std::uint8_t> bytes(message.ByteSizeLong());
    MERIDIAN_CHECK(message.SerializeToArray(bytes.data(), static_cast<int>(bytes.size())));
    return bytes;
  }
  std::string json;
  MERIDIAN_CHECK(google::protobuf::util::MessageToJsonString(message, &json).ok());
  return {json.begin(), json.end()};
}

bool decode(Bytes bytes, FrameKind kind, livekit::WorkerMessage& message) {
  if (kind == FrameKind::kBinary) {
    return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
  }
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  const std::string_view text = as_text(bytes);
  return google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &message, options)
      .ok();
}

}  // namespace

base::Expected<SignalSessionId, signalling::Refusal> Control::State::open_agent(
    const signalling::HttpRequest& request, Now now) {
  if (is_shutting_down) {
    return std::unexpected(signalling::refuse(503, "shutting_down", "node is shutting down"));
  }
  auto caller = signalling::read_caller(request, config.config.limits, directory, now.wall);
  if (!caller) {
    return std::unexpected(std::move(caller.error()));
  }
  if (!caller->claims.video || !caller->claims.video->agent) {
    return std::unexpected(signalling::refuse(401, "unauthorized", "permissions denied"));
  }
  const directory::Account* account = directory.find_account(caller->account);
  if (account == nullptr || !account->policy.allows(request.listener_region, {})) {
    return std::unexpected(
        signalling::refuse(403, "region_not_allowed",
                           "the account doesn't permit its meetings' media in this region"));
  }
  const SignalSessionId id(++last_session);
  if (!agents.open(id, *caller, request.listener_region, now)) {
    return std::unexpected(
        signalling::refuse(503, "limit", "node has exceeded its configured limit"));
  }
  agent_frames[id] = FrameKind::kBinary;
  return id;
}

void Control::State::handle_agent_frame(SignalSessionId id, Bytes bytes, FrameKind kind, Now now) {
  livekit::WorkerMessage message;
  if (bytes.size() > config.config.limits.signal_message_size || !decode(bytes, kind, message)) {
    ++undecodable_frames;
    signal_outputs.push_back({.session = id, .frame = {}, .kind = kind, .closes = true});
    return;
  }
  agent_frames[id] = kind;
  agents.handle(id, message, now);
}

void Control::State::drain_agents(Now) {
  for (const rooms::AgentHub::Output& output : agents.take_outputs()) {
    const auto kind = agent_frames.find(output.session);
    if (kind == agent_frames.end()) {
      continue;
    }
    SignalOutput out{.session = output.session, .frame = {}, .kind = kind->second};
    if (output.message.message_case() != livekit::ServerMessage::MESSAGE_NOT_SET) {
      out.frame = encode(output.message, kind->second);
    }
    out.closes = output.closes;
    signal_outputs.push_back(std::move(out));
  }
}

void Control::State::dispatch_agents(const meeting::Meeting& meeting, Now now) {
  const meeting::Room& room = meeting.room();
  for (const livekit::RoomAgentDispatch& wanted : room.options.agents) {
    livekit::CreateAgentDispatchRequest request;
    request.set_agent_name(wanted.agent_name());
    request.set_room(room.name);
    request.set_metadata(wanted.metadata());
    request.set_restart_policy(wanted.restart_policy());
    request.set_deployment(wanted.deployment());
    *request.mutable_attributes() = wanted.attributes();
    (void)agents.dispatch({.account = room.account, .levels = room.levels, .room = room.info()},
                          request, now);
  }
}

}  // namespace meridian::node
