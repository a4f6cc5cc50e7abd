#include "api/grants.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <boost/json.hpp>

#include "api/json_text.hpp"
#include "api/jwt.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

// Reads members of one object and remembers the first that has the wrong type. Null counts as
// absent, as it does in Go.
class ClaimReader {
 public:
  ClaimReader(const json::object& object, std::string where)
      : object_(object), where_(std::move(where)) {}

  void read(std::string_view name, bool& out) {
    if (const auto* value = find(name, json::kind::bool_)) {
      out = value->get_bool();
    }
  }
  void read(std::string_view name, std::optional<bool>& out) {
    if (const auto* value = find(name, json::kind::bool_)) {
      out = value->get_bool();
    }
  }
  void read(std::string_view name, std::string& out) {
    if (const auto* value = find(name, json::kind::string)) {
      out = std::string(value->get_string());
    }
  }
  void read(std::string_view name, std::optional<std::uint64_t>& out) {
    if (const auto* value = object_.if_contains(json_view(name));
        value != nullptr && !value->is_null()) {
      json::error_code error;
      const auto number = value->to_number<std::uint64_t>(error);
      if (error) {
        fail(name, "a whole number");
      } else {
        out = number;
      }
    }
  }
  void read(std::string_view name, std::vector<std::string>& out) {
    if (const auto* value = find(name, json::kind::array)) {
      for (const json::value& element : value->get_array()) {
        append_text(name, element, out);
      }
    }
  }
  void read(std::string_view name, std::map<std::string, std::string>& out) {
    if (const auto* object = read_object(name)) {
      for (const auto& [key, value] : *object) {
        if (value.is_string()) {
          out.insert_or_assign(std::string(key), std::string(value.get_string()));
        } else {
          fail(name, "an object of strings");
        }
      }
    }
  }
  const json::object* read_object(std::string_view name) {
    const auto* value = find(name, json::kind::object);
    return value == nullptr ? nullptr : &value->get_object();
  }

  [[nodiscard]] const std::string& error() const { return error_; }
  void take_error(const ClaimReader& inner) {
    if (error_.empty()) {
      error_ = inner.error_;
    }
  }

 private:
  const json::value* find(std::string_view name, json::kind kind) {
    const json::value* value = object_.if_contains(json_view(name));
    if (value == nullptr || value->is_null()) {
      return nullptr;
    }
    if (value->kind() != kind) {
      const json::string_view expected = json::to_string(kind);
      fail(name, std::string("of type ") + std::string(expected.data(), expected.size()));
      return nullptr;
    }
    return value;
  }
  void append_text(std::string_view name, const json::value& element,
                   std::vector<std::string>& out) {
    if (element.is_string()) {
      out.emplace_back(element.get_string());
    } else {
      fail(name, "a list of strings");
    }
  }
  void fail(std::string_view name, const std::string& expected) {
    if (error_.empty()) {
      error_ = "claim " + where_ + std::string(name) + " must be " + expected;
    }
  }

  const json::object& object_;
  std::string where_;
  std::string error_;
};

template <class Enum>
Enum enum_of(std::string_view name, Enum last, Enum otherwise) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(last); ++i) {
    if (name_of(static_cast<Enum>(i)) == name) {
      return static_cast<Enum>(i);
    }
  }
  return otherwise;
}

// The plain members of VideoGrant and their names, for both directions.
template <class Grant, class Visit>
void for_each_member(Grant& grant, Visit visit) {
  visit("roomCreate", grant.room_create);
  visit("roomList", grant.room_list);
  visit("roomRecord", grant.room_record);
  visit("roomAdmin", grant.room_admin);
  visit("roomJoin", grant.room_join);
  visit("ingressAdmin", grant.ingress_admin);
  visit("hidden", grant.hidden);
  visit("recorder", grant.recorder);
  visit("agent", grant.agent);
  visit("room", grant.room);
  visit("destinationRoom", grant.destination_room);
  visit("canPublish", grant.publish);
  visit("canSubscribe", grant.subscribe);
  visit("canPublishData", grant.publish_data);
  visit("canUpdateOwnMetadata", grant.update_own_metadata);
  visit("canSubscribeMetrics", grant.subscribe_metrics);
  visit("canManageAgentSession", grant.manage_agent_session);
}

void read_video(ClaimReader& claims, std::optional<VideoGrant>& out) {
  const json::object* object = claims.read_object("video");
  if (object == nullptr) {
    return;
  }
  ClaimReader reader(*object, "video.");
  VideoGrant& grant = out.emplace();
  for_each_member(grant, [&](std::string_view name, auto& member) { reader.read(name, member); });
  std::vector<std::string> sources;
  reader.read("canPublishSources", sources);
  for (const std::string& source : sources) {
    grant.publish_sources.push_back(
        enum_of(source, TrackSource::kScreenShareAudio, TrackSource::kUnknown));
  }
  claims.take_error(reader);
}

void read_sip(ClaimReader& claims, std::optional<SipGrant>& out) {
  if (const json::object* object = claims.read_object("sip")) {
    ClaimReader reader(*object, "sip.");
    SipGrant& grant = out.emplace();
    reader.read("admin", grant.admin);
    reader.read("call", grant.call);
    claims.take_error(reader);
  }
}

void read_routing(ClaimReader& claims, std::optional<RoutingClaim>& out) {
  if (const json::object* object = claims.read_object("meridian")) {
    ClaimReader reader(*object, "meridian.");
    RoutingClaim& routing = out.emplace();
    reader.read("group", routing.group);
    reader.read("user", routing.user);
    reader.read("home_account", routing.home_account);
    reader.read("epoch", routing.epoch);
    claims.take_error(reader);
  }
}

// Writes what differs from its default.
class ClaimWriter {
 public:
  void write(std::string_view name, bool value) {
    if (value) {
      object_[json_view(name)] = true;
    }
  }
  void write(std::string_view name, const std::optional<bool>& value) {
    if (value) {
      object_[json_view(name)] = *value;
    }
  }
  void write(std::string_view name, const std::string& value) {
    if (!value.empty()) {
      object_[json_view(name)] = json_view(value);
    }
  }
  void write(std::string_view name, const std::optional<std::uint64_t>& value) {
    if (value) {
      object_[json_view(name)] = *value;
    }
  }
  void write(std::string_view name, json::object value) {
    object_[json_view(name)] = std::move(value);
  }
  void write(std::string_view name, json::array value) {
    if (!value.empty()) {
      object_[json_view(name)] = std::move(value);
    }
  }
  void write(std::string_view name, UnixTime value) { object_[json_view(name)] = value.seconds(); }

  json::object finish() && { return std::move(object_); }

 private:
  json::object object_;
};

json::object video_object(const VideoGrant& grant) {
  ClaimWriter writer;
  for_each_member(grant,
                  [&](std::string_view name, const auto& member) { writer.write(name, member); });
  json::array sources;
  for (const TrackSource source : grant.publish_sources) {
    sources.emplace_back(json_view(name_of(source)));
  }
  writer.write("canPublishSources", std::move(sources));
  return std::move(writer).finish();
}

void write_profile(const Claims& claims, ClaimWriter& writer) {
  writer.write("name", claims.name);
  if (claims.kind != ParticipantKind::kStandard) {
    writer.write("kind", std::string(name_of(claims.kind)));
  }
  writer.write("kindDetails", json::array(claims.kind_details.begin(), claims.kind_details.end()));
  writer.write("metadata", claims.metadata);
  if (!claims.attributes.empty()) {
    json::object attributes;
    for (const auto& [key, value] : claims.attributes) {
      attributes[json_view(key)] = json_view(value);
    }
    writer.write("attributes", std::move(attributes));
  }
}

}  // namespace

std::string_view name_of(ParticipantKind kind) {
  static constexpr std::array<std::string_view, 7> kNames{"standard", "ingress",   "egress", "sip",
                                                          "agent",    "connector", "bridge"};
  return kNames.at(static_cast<std::size_t>(kind));
}

std::string_view name_of(TrackSource source) {
  static constexpr std::array<std::string_view, 5> kNames{"unknown", "camera", "microphone",
                                                          "screen_share", "screen_share_audio"};
  return kNames.at(static_cast<std::size_t>(source));
}

bool VideoGrant::can_publish(TrackSource source) const {
  if (!can_publish() || publish_sources.empty()) {
    return can_publish();
  }
  return source != TrackSource::kUnknown &&
         std::ranges::find(publish_sources, source) != publish_sources.end();
}

base::Expected<Claims, base::Error> parse_claims(const UncheckedJwt& token) {
  json::error_code error;
  const json::value value = json::parse(json_view(token.payload), error);
  if (error || !value.is_object()) {
    return base::fail("claims must be a JSON object");
  }
  const json::object& object = value.get_object();
  ClaimReader reader(object, "");
  Claims claims;
  reader.read("sub", claims.identity);
  if (claims.identity.empty()) {
    reader.read("jti", claims.identity);
  }
  reader.read("name", claims.name);
  std::string kind;
  reader.read("kind", kind);
  claims.kind = enum_of(kind, ParticipantKind::kBridge, ParticipantKind::kStandard);
  reader.read("kindDetails", claims.kind_details);
  reader.read("metadata", claims.metadata);
  reader.read("attributes", claims.attributes);
  reader.read("sha256", claims.sha256);
  reader.read("roomPreset", claims.room_preset);
  if (const json::object* room_config = reader.read_object("roomConfig")) {
    claims.room_config = json::serialize(*room_config);
  }
  read_video(reader, claims.video);
  read_sip(reader, claims.sip);
  read_routing(reader, claims.routing);
  claims.expires = token.expires.value_or(UnixTime{});
  if (!reader.error().empty()) {
    return base::fail(reader.error());
  }
  return claims;
}

std::string make_token(const Claims& claims, const Signer& signer) {
  ClaimWriter writer;
  writer.write("iss", std::string(signer.key));
  writer.write("sub", claims.identity);
  writer.write("nbf", signer.now);
  writer.write("exp", claims.expires);
  write_profile(claims, writer);
  writer.write("sha256", claims.sha256);
  writer.write("roomPreset", claims.room_preset);
  json::error_code error;
  json::value room_config = json::parse(json_view(claims.room_config), error);
  if (!error && room_config.is_object()) {
    writer.write("roomConfig", std::move(room_config.get_object()));
  }
  if (claims.video) {
    writer.write("video", video_object(*claims.video));
  }
  if (claims.sip) {
    ClaimWriter sip;
    sip.write("admin", claims.sip->admin);
    sip.write("call", claims.sip->call);
    writer.write("sip", std::move(sip).finish());
  }
  if (claims.routing) {
    ClaimWriter routing;
    routing.write("group", claims.routing->group);
    routing.write("user", claims.routing->user);
    routing.write("home_account", claims.routing->home_account);
    routing.write("epoch", claims.routing->epoch);
    writer.write("meridian", std::move(routing).finish());
  }
  return sign_jwt(json::serialize(std::move(writer).finish()), signer.secret);
}

std::string join_token(const JoinTokenRequest& request, const Signer& signer) {
  Claims claims;
  claims.identity = request.identity;
  claims.name = request.name;
  claims.metadata = request.metadata;
  claims.attributes = request.attributes;
  claims.room_config = request.room_config;
  claims.routing = request.routing;
  VideoGrant& video = claims.video.emplace();
  video.room_join = true;
  video.room = request.room;
  claims.expires = signer.now + request.lifetime;
  return make_token(claims, signer);
}

std::string refresh_token(Claims claims, const Signer& signer) {
  claims.expires = std::max(claims.expires, signer.now + kMinRefreshLifetime);
  return make_token(claims, signer);
}

}  // namespace meridian::api
