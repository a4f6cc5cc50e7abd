#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/jwt.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"

/// What a LiveKit access token says: docs.livekit.io "Authentication", field by field.
namespace meridian::api {

/// What a participant is. `kind` in the token, lower case.
enum class ParticipantKind : std::uint8_t {
  kStandard,
  kIngress,
  kEgress,
  kSip,
  kAgent,
  kConnector,
  kBridge,
};
[[nodiscard]] std::string_view name_of(ParticipantKind kind);

/// Where a track comes from. kUnknown is any name that we don't know, or none.
enum class TrackSource : std::uint8_t {
  kUnknown,
  kCamera,
  kMicrophone,
  kScreenShare,
  kScreenShareAudio,
};
[[nodiscard]] std::string_view name_of(TrackSource source);

/// The `video` claim. Absent differs from false where the type is optional; the methods of the same
/// name give what holds.
struct VideoGrant {
  bool room_create = false;
  bool room_list = false;
  bool room_record = false;
  bool room_admin = false;
  bool room_join = false;
  bool ingress_admin = false;
  bool hidden = false;
  bool recorder = false;
  bool agent = false;
  std::string room;
  std::string destination_room;
  std::optional<bool> publish;               // canPublish
  std::optional<bool> subscribe;             // canSubscribe
  std::optional<bool> publish_data;          // canPublishData
  std::optional<bool> update_own_metadata;   // canUpdateOwnMetadata
  std::optional<bool> subscribe_metrics;     // canSubscribeMetrics
  std::optional<bool> manage_agent_session;  // canManageAgentSession
  /// canPublishSources; when not empty, only these. Names that we don't know stay as kUnknown, so
  /// that a list of them alone doesn't turn into no restriction.
  std::vector<TrackSource> publish_sources;

  [[nodiscard]] bool can_publish() const { return publish.value_or(true); }
  /// With a list of sources, a track of unknown source is never allowed.
  [[nodiscard]] bool can_publish(TrackSource source) const;
  [[nodiscard]] bool can_subscribe() const { return subscribe.value_or(true); }
  [[nodiscard]] bool can_publish_data() const { return publish_data.value_or(can_publish()); }
  [[nodiscard]] bool can_update_own_metadata() const { return update_own_metadata.value_or(false); }
  [[nodiscard]] bool can_subscribe_metrics() const { return subscribe_metrics.value_or(false); }
  friend bool operator==(const VideoGrant&, const VideoGrant&) = default;
};

struct SipGrant {
  bool admin = false;
  bool call = false;
  friend bool operator==(const SipGrant&, const SipGrant&) = default;
};

/// The `meridian` claim: whose meeting it is, and under which policy the token was made. A token
/// without it joins under the account's own set.
struct RoutingClaim {
  /// The host's group and user, as the account's routing names them; empty = none.
  std::string group = {};
  std::string user = {};
  /// The participant's own account (`home_account`), when that is another one.
  std::string home_account = {};
  /// The epoch of the host account's policy (`epoch`); an older one than is in force is refused.
  std::optional<std::uint64_t> epoch = {};
  friend bool operator==(const RoutingClaim&, const RoutingClaim&) = default;
};

struct Claims {
  /// `sub`, or `jti` when that is empty.
  std::string identity;
  std::string name;
  ParticipantKind kind = ParticipantKind::kStandard;
  std::vector<std::string> kind_details;
  std::string metadata;
  std::map<std::string, std::string> attributes;
  /// Base64 of the body's SHA-256, in tokens of webhooks.
  std::string sha256;
  std::string room_preset;
  /// `roomConfig` as JSON text (protobuf JSON of RoomConfiguration); empty when absent.
  std::string room_config;
  /// Nothing when the token has no `video` claim: no permission at all.
  std::optional<VideoGrant> video;
  std::optional<SipGrant> sip;
  std::optional<RoutingClaim> routing;
  UnixTime expires;
  friend bool operator==(const Claims&, const Claims&) = default;
};

/// Reads the claims of a token whose signature was checked. Unknown claims are ignored. Error: a
/// known claim of the wrong type.
[[nodiscard]] base::Expected<Claims, base::Error> parse_claims(const UncheckedJwt& token);

/// Who signs, and from when the token counts.
struct Signer {
  std::string_view key;
  std::string_view secret;
  UnixTime now;
};

/// A token with these claims until `claims.expires`.
[[nodiscard]] std::string make_token(const Claims& claims, const Signer& signer);

/// LiveKit's default for tokens that SDKs make.
inline constexpr Duration kDefaultTokenLifetime = std::chrono::hours(6);

/// The common case: somebody may join a room with all rights of a participant.
struct JoinTokenRequest {
  std::string room;
  std::string identity;
  std::string name;
  std::string metadata;
  std::map<std::string, std::string> attributes;
  std::string room_config;
  std::optional<RoutingClaim> routing = {};
  Duration lifetime = kDefaultTokenLifetime;
};
[[nodiscard]] std::string join_token(const JoinTokenRequest& request, const Signer& signer);

/// The token that a running session gets to reconnect with: the same rights and attributes, valid
/// until the original expiry but at least ten more minutes.
inline constexpr Duration kMinRefreshLifetime = std::chrono::minutes(10);
[[nodiscard]] std::string refresh_token(Claims claims, const Signer& signer);

}  // namespace meridian::api
