#include "video_room.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include <boost/json.hpp>

namespace meridian::bench {
namespace json = boost::json;
namespace {

constexpr std::string_view kPlugin = "janus.plugin.videoroom";
/// The room is there already.
constexpr std::uint64_t kRoomExists = 427;

ice::Credentials make_credentials(RandomSource& random) {
  return {.ufrag = random.alphanumeric(8), .password = random.alphanumeric(24)};
}

const json::object* member(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  return found == nullptr ? nullptr : found->if_object();
}
std::string_view text(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  const json::string* value = found == nullptr ? nullptr : found->if_string();
  return value == nullptr ? std::string_view() : std::string_view(*value);
}
std::uint64_t number(const json::object& object, std::string_view name) {
  const json::value* found = object.if_contains(name);
  boost::system::error_code error;
  const auto value = found == nullptr ? 0 : found->to_number<std::uint64_t>(error);
  return error ? 0 : value;
}

}  // namespace

VideoRoomClient::VideoRoomClient(VideoRoomSettings settings, std::uint64_t seed)
    : settings_(std::move(settings)),
      random_(seed),
      media_({.cname = "participant-" + std::to_string(settings_.id)}, make_credentials(random_),
             seed + 1),
      offer_(media_.credentials(), media_.peer().fingerprint()) {
  offer_.make_plain(settings_.local);
}

void VideoRoomClient::publish(std::uint32_t source, test::TrackShape shape) {
  test::MediaSession::SentTrack track;
  track.cid = "cid-" + std::to_string(source);
  std::vector<std::string> rids;
  for (const test::VideoLayerShape& layer : shape.layers) {
    if (!layer.rid.empty()) {
      rids.push_back(layer.rid);
    }
  }
  track.mid = offer_.add_sending(shape.kind, track.cid, std::move(rids));
  track.media =
      std::make_unique<test::SyntheticTrack>(source, std::move(shape), track.mid, random_);
  media_.sent().insert_or_assign(source, std::move(track));
}

// ---- Out ---------------------------------------------------------------------------------------

void VideoRoomClient::start(Instant now) {
  next_keep_alive_ = now + kKeepAlive;
  send("create", {});
}

void VideoRoomClient::send(std::string_view what, json::object message) {
  message["janus"] = what;
  message["transaction"] = std::to_string(++transaction_);
  if (session_ != 0) {
    message["session_id"] = session_;
  }
  if (handle_ != 0) {
    message["handle_id"] = handle_;
  }
  messages_.push_back(json::serialize(message));
}

void VideoRoomClient::request(json::object body, std::string_view type, std::string_view sdp) {
  body["room"] = settings_.room;
  json::object message;
  message["body"] = std::move(body);
  if (!type.empty()) {
    message["jsep"] = json::object{{"type", type}, {"sdp", sdp}};
  }
  send("message", std::move(message));
}

std::optional<std::string> VideoRoomClient::poll_message() {
  if (messages_.empty()) {
    return std::nullopt;
  }
  std::string message = std::move(messages_.front());
  messages_.pop_front();
  return message;
}

Instant VideoRoomClient::next_timeout() const {
  return std::min(next_keep_alive_, media_.next_timeout());
}

void VideoRoomClient::handle_timeout(Instant now) {
  media_.handle_timeout(now);
  if (now >= next_keep_alive_) {
    next_keep_alive_ = now + kKeepAlive;
    send("keepalive", {});
  }
}

void VideoRoomClient::leave() {
  media_.close();
  handle_ = 0;
  send("destroy", {});
}

void VideoRoomClient::join() {
  stage_ = Stage::kRunning;
  if (settings_.feeds.empty()) {
    request({{"request", "join"}, {"ptype", "publisher"}, {"id", settings_.id}});
    return;
  }
  json::array streams;
  for (const std::uint64_t feed : settings_.feeds) {
    streams.push_back(json::object{{"feed", feed}});
  }
  request({{"request", "join"}, {"ptype", "subscriber"}, {"streams", std::move(streams)}});
}

// ---- In ----------------------------------------------------------------------------------------

void VideoRoomClient::handle_message(std::string_view message, Instant now) {
  boost::system::error_code error;
  const json::value value = json::parse(message, error);
  const json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) {
    refuse("a message that can't be decoded");
    return;
  }
  const std::string_view what = text(*object, "janus");
  if (what == "success") {
    handle_success(*object);
  } else if (what == "event") {
    handle_event(*object, now);
  } else if (what == "error") {
    const json::object* reason = member(*object, "error");
    refuse(reason == nullptr ? what : text(*reason, "reason"));
  } else if (what == "hangup") {
    refuse(text(*object, "reason"));
  } else if (what == "timeout") {
    refuse(what);
  }
}

void VideoRoomClient::handle_success(const json::object& message) {
  const json::object* data = member(message, "data");
  switch (stage_) {
    case Stage::kSession:
      session_ = data == nullptr ? 0 : number(*data, "id");
      stage_ = Stage::kHandle;
      send("attach", {{"plugin", kPlugin}});
      break;
    case Stage::kHandle:
      handle_ = data == nullptr ? 0 : number(*data, "id");
      if (!settings_.feeds.empty()) {
        join();
        break;
      }
      stage_ = Stage::kRoom;
      request({{"request", "create"},
               {"publishers", kMaxPublishers},
               {"bitrate", 0},
               {"audiocodec", "opus"},
               {"videocodec", "vp8"},
               {"notify_joining", false}});
      break;
    case Stage::kRoom: {
      const json::object* plugin = member(message, "plugindata");
      const json::object* result = plugin == nullptr ? nullptr : member(*plugin, "data");
      const std::uint64_t refused = result == nullptr ? 0 : number(*result, "error_code");
      if (refused != 0 && refused != kRoomExists) {
        refuse(text(*result, "error"));
        break;
      }
      join();
      break;
    }
    case Stage::kRunning:
      break;
  }
}

void VideoRoomClient::handle_event(const json::object& message, Instant now) {
  const json::object* plugin = member(message, "plugindata");
  const json::object* data = plugin == nullptr ? nullptr : member(*plugin, "data");
  if (data == nullptr) {
    return;
  }
  if (number(*data, "error_code") != 0) {
    refuse(text(*data, "error"));
    return;
  }
  if (text(*data, "videoroom") == "joined") {
    request({{"request", "publish"}}, "offer", offer_.text());
  }
  const json::object* description = member(message, "jsep");
  if (description == nullptr) {
    return;
  }
  const std::string_view sdp = text(*description, "sdp");
  if (text(*description, "type") == "offer") {
    request(
        {{"request", "start"}}, "answer",
        test::answer_to(sdp, media_.credentials(), media_.peer().fingerprint(), settings_.local));
  }
  if (!media_.apply(test::Answer::parse(sdp), now)) {
    refuse("a description without candidates");
  }
}

void VideoRoomClient::refuse(std::string_view why) {
  if (refusal_.empty()) {
    refusal_ = why.empty() ? "no reason given" : why;
  }
}

}  // namespace meridian::bench
