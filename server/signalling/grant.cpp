#include "signalling/grant.hpp"

#include <optional>
#include <string_view>

namespace meridian::signalling {
namespace {

livekit::ParticipantInfo::Kind wire_kind(api::ParticipantKind kind) {
  switch (kind) {
    case api::ParticipantKind::kStandard:
      return livekit::ParticipantInfo::STANDARD;
    case api::ParticipantKind::kIngress:
      return livekit::ParticipantInfo::INGRESS;
    case api::ParticipantKind::kEgress:
      return livekit::ParticipantInfo::EGRESS;
    case api::ParticipantKind::kSip:
      return livekit::ParticipantInfo::SIP;
    case api::ParticipantKind::kAgent:
      return livekit::ParticipantInfo::AGENT;
    case api::ParticipantKind::kConnector:
      return livekit::ParticipantInfo::CONNECTOR;
    case api::ParticipantKind::kBridge:
      return livekit::ParticipantInfo::BRIDGE;
  }
  return livekit::ParticipantInfo::STANDARD;
}

std::optional<livekit::ParticipantInfo::KindDetail> wire_kind_detail(std::string_view detail) {
  using Info = livekit::ParticipantInfo;
  static constexpr std::pair<std::string_view, Info::KindDetail> kDetails[] = {
      {"cloud_agent", Info::CLOUD_AGENT},
      {"forwarded", Info::FORWARDED},
      {"connector_whatsapp", Info::CONNECTOR_WHATSAPP},
      {"connector_twilio", Info::CONNECTOR_TWILIO},
      {"bridge_rtsp", Info::BRIDGE_RTSP},
      {"simulation", Info::SIMULATION},
  };
  for (const auto& [name, value] : kDetails) {
    if (name == detail) {
      return value;
    }
  }
  return std::nullopt;
}

livekit::TrackSource wire_source(api::TrackSource source) {
  switch (source) {
    case api::TrackSource::kUnknown:
      break;
    case api::TrackSource::kCamera:
      return livekit::CAMERA;
    case api::TrackSource::kMicrophone:
      return livekit::MICROPHONE;
    case api::TrackSource::kScreenShare:
      return livekit::SCREEN_SHARE;
    case api::TrackSource::kScreenShareAudio:
      return livekit::SCREEN_SHARE_AUDIO;
  }
  return livekit::UNKNOWN;
}

livekit::ParticipantPermission wire_permission(const api::VideoGrant& grant) {
  livekit::ParticipantPermission permission;
  permission.set_can_subscribe(grant.can_subscribe());
  permission.set_can_publish(grant.can_publish());
  permission.set_can_publish_data(grant.can_publish_data());
  permission.set_can_update_metadata(grant.can_update_own_metadata());
  permission.set_can_subscribe_metrics(grant.can_subscribe_metrics());
  permission.set_can_manage_agent_session(grant.manage_agent_session.value_or(false));
  permission.set_hidden(grant.hidden);
  permission.set_recorder(grant.recorder);
  permission.set_agent(grant.agent);
  for (const api::TrackSource source : grant.publish_sources) {
    permission.add_can_publish_sources(wire_source(source));
  }
  return permission;
}

api::TrackSource claim_source(livekit::TrackSource source) {
  switch (source) {
    case livekit::CAMERA:
      return api::TrackSource::kCamera;
    case livekit::MICROPHONE:
      return api::TrackSource::kMicrophone;
    case livekit::SCREEN_SHARE:
      return api::TrackSource::kScreenShare;
    case livekit::SCREEN_SHARE_AUDIO:
      return api::TrackSource::kScreenShareAudio;
    default:
      return api::TrackSource::kUnknown;
  }
}

}  // namespace

void take_permission(const livekit::ParticipantPermission& permission, api::VideoGrant& grant) {
  grant.subscribe = permission.can_subscribe();
  grant.publish = permission.can_publish();
  grant.publish_data = permission.can_publish_data();
  grant.update_own_metadata = permission.can_update_metadata();
  grant.subscribe_metrics = permission.can_subscribe_metrics();
  grant.manage_agent_session = permission.can_manage_agent_session();
  grant.hidden = permission.hidden();
  grant.recorder = permission.recorder();
  grant.agent = permission.agent();
  grant.publish_sources.clear();
  for (const int source : permission.can_publish_sources()) {
    grant.publish_sources.push_back(claim_source(static_cast<livekit::TrackSource>(source)));
  }
}

base::Expected<meeting::Grant, api::AuthError> make_grant(const api::Caller& caller,
                                                          const livekit::JoinRequest& request,
                                                          const config::Limits& limits) {
  const api::Claims& claims = caller.claims;
  meeting::Grant grant;
  grant.identity = meeting::Identity(claims.identity);
  grant.name = claims.name;
  grant.metadata = claims.metadata;
  grant.attributes = claims.attributes;
  grant.kind = wire_kind(claims.kind);
  grant.permission = wire_permission(claims.video.value_or(api::VideoGrant{}));
  for (const std::string& detail : claims.kind_details) {
    if (const auto known = wire_kind_detail(detail)) {
      grant.kind_details.push_back(*known);
    }
  }
  if (request.metadata().empty() && request.participant_attributes().empty()) {
    return grant;
  }
  if (!grant.permission.can_update_metadata()) {
    return std::unexpected(api::AuthError{401, "permissions denied: no right to set metadata"});
  }
  if (!request.metadata().empty()) {
    grant.metadata = request.metadata();
  }
  std::size_t attribute_bytes = 0;
  for (const auto& [key, value] : request.participant_attributes()) {
    grant.attributes[key] = value;
  }
  for (const auto& [key, value] : grant.attributes) {
    attribute_bytes += key.size() + value.size();
  }
  if (grant.metadata.size() > limits.metadata_size || attribute_bytes > limits.attributes_size) {
    return std::unexpected(api::AuthError{400, "metadata or attributes are too large"});
  }
  return grant;
}

meeting::TokenMaker make_token_maker(const api::Caller& caller,
                                     const directory::Directory& directory) {
  return [claims = caller.claims, name = caller.api_key, owner = caller.account, &directory](
             const livekit::ParticipantInfo& info, std::string_view room,
             UnixTime now) -> std::string {
    const directory::ApiKey* key = directory.find_key(name);
    if (key == nullptr) {
      return {};  // the key was withdrawn: what it signed isn't prolonged
    }
    api::Claims current = claims;
    const directory::Account* account = directory.find_account(owner);
    if (current.routing && current.routing->epoch && account != nullptr) {
      // Who is here was admitted under what holds now.
      current.routing->epoch = account->policy.epoch().value();
    }
    if (current.video) {
      take_permission(info.permission(), *current.video);
      current.video->room = room;
    }
    current.name = info.name();
    current.metadata = info.metadata();
    current.attributes.clear();
    for (const auto& [attribute, value] : info.attributes()) {
      current.attributes[attribute] = value;
    }
    return api::refresh_token(std::move(current), {key->key, key->secret, now});
  };
}

}  // namespace meridian::signalling
