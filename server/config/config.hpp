#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "audit/digest.hpp"
#include "base/address.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "residency/policy.hpp"
#include "residency/preset.hpp"
#include "residency/region.hpp"

/// The configuration of one node: read once, checked whole, never changed afterwards. Every key is
/// described in docs/configuration.md; names here are those of the file.
namespace meridian::config {

/// Longest configuration text, in bytes.
inline constexpr std::size_t kMaxConfigSize = 1024 * 1024;
/// Entries of any list in the file.
inline constexpr std::size_t kMaxListEntries = 1024;
/// Workers of one node, over all of its pools.
inline constexpr std::uint16_t kMaxWorkers = 64;
/// Shorter API secrets can be guessed from one token (reliability: HMAC keys of at least the
/// length of the hash); they are accepted with a warning, because development keys are short.
inline constexpr std::size_t kMinSecretLength = 32;

/// `auto`: the address of the interface that holds the default route, or behind a cloud's NAT what
/// Media::public_address_from says; found by `io` at start.
struct AutoAddress {
  friend bool operator==(const AutoAddress&, const AutoAddress&) = default;
};

/// Sockets on which the workers of a pool receive and send media.
struct Media {
  /// At least one; at most one of each family. Worker i binds each of them at port + i.
  std::vector<IpAddress> addresses;
  std::uint16_t port = 0;
  /// What clients are told instead, one for each of `addresses` in order; empty = the same.
  std::variant<std::vector<IpAddress>, AutoAddress> advertised_address;
  /// The operator's STUN server, `host:port`, asked with `auto` when the host's own address is
  /// private; empty = none is asked.
  std::string public_address_from;
  /// The port that clients are told for worker 0; worker i is at advertised_port + i.
  std::uint16_t advertised_port = 0;
  /// TCP port of worker 0, on the same addresses, for clients whose networks block UDP; worker i
  /// listens at tcp_port + i, and clients are told the same numbers. 0 = none.
  std::uint16_t tcp_port = 0;
  /// The network interface that the sockets send and receive on, whatever the routing table says
  /// (SO_BINDTODEVICE); empty = any.
  std::string bind_device;
  friend bool operator==(const Media&, const Media&) = default;
};

/// TURN servers of the operator's, in a pool's region.
struct TurnServer {
  /// `turn:` and `turns:` URIs (RFC 7065).
  std::vector<std::string> urls;
  /// Fixed credentials; empty with `secret`.
  std::string username;
  std::string credential;
  /// Shared with the server, which then takes names that run out (`use-auth-secret` of coturn).
  std::string secret;
  friend bool operator==(const TurnServer&, const TurnServer&) = default;
};
/// Of one pool.
inline constexpr std::size_t kMaxTurnServers = 8;

/// TURN on the node itself, for the clients of a pool (RFC 8656). It relays to nobody but the pool.
struct Turn {
  /// Over TLS on the signalling listeners and on `listen`; over TCP on media.tcp_port; over UDP on
  /// media.port.
  bool tls = false;
  bool tcp = false;
  bool udp = false;
  /// Listeners for TURN over TLS alone.
  std::vector<SocketAddress> listen;
  /// `host:port` that clients are told for TLS; the certificate names the host.
  std::string address;
  std::vector<TurnServer> servers;

  [[nodiscard]] bool is_on() const { return tls || tcp || udp; }
  friend bool operator==(const Turn&, const Turn&) = default;
};

/// The workers of this node for one region, and the listeners through which clients reach them.
struct Pool {
  RegionId region;
  std::uint16_t workers = 1;
  std::vector<SocketAddress> signalling;
  Media media;
  Turn turn;
  /// Participants that the pool takes, over all of its workers.
  std::uint32_t participants = 1000;
  /// So many people of one room a worker takes before the room goes on to the next worker of the
  /// pool.
  std::uint32_t people_per_worker = 50;
  /// Takes nobody. A reload may change it.
  bool is_closed = false;
  friend bool operator==(const Pool&, const Pool&) = default;
};

struct ApiKey {
  std::string key;
  std::string secret;
  friend bool operator==(const ApiKey&, const ApiKey&) = default;
};

/// What a receiver of webhooks is told.
enum class WebhookContent : std::uint8_t {
  kFull,  // names, identities, metadata: only where the account permits its region
  kIds,   // ids that the server made, and times
};

/// What a webhook may be told of, by LiveKit's names; node::name_of() takes them in this order.
inline constexpr std::array<std::string_view, 7> kWebhookEvents{"room_started",
                                                                "room_finished",
                                                                "participant_joined",
                                                                "participant_left",
                                                                "participant_connection_aborted",
                                                                "track_published",
                                                                "track_unpublished"};

/// A server of the account's that hears what happens in its rooms.
struct Webhook {
  std::string url;
  /// Where it stands.
  RegionId region;
  WebhookContent content = WebhookContent::kFull;
  /// Signs; empty = the account's first key.
  std::string api_key = {};
  /// Only these events; empty = all. And none of those.
  std::vector<std::string> events = {};
  std::vector<std::string> except = {};
  friend bool operator==(const Webhook&, const Webhook&) = default;
};
/// Of one account.
inline constexpr std::size_t kMaxWebhooks = 8;

struct Account {
  AccountId id;
  std::string name;
  RegionId default_region;
  residency::RegionSet opted_in;
  residency::SignallingScope signalling_scope = residency::SignallingScope::kPermittedOnly;
  residency::GuestMode guest_mode = residency::GuestMode::kHostGoverns;
  residency::Evidence evidence = residency::Evidence::kBestEffort;
  residency::RoutingControl routing_control = residency::RoutingControl::kChosen;
  /// One of Config::presets; empty = none.
  std::string preset;
  std::set<residency::Setting> locked;
  residency::LevelSettings levels;
  /// Host name of its own under which its people signal; empty = those of the regions.
  std::string signalling_host;
  std::vector<ApiKey> api_keys;
  std::vector<Webhook> webhooks;

  /// What all of this, preset and plan included, permits.
  [[nodiscard]] residency::AccountPolicy::Terms terms(
      const std::vector<residency::Preset>& presets,
      const std::vector<residency::Region>& regions) const;
  friend bool operator==(const Account&, const Account&) = default;
};

/// Bounds on what participants can make this node hold. All sizes are in bytes.
struct Limits {
  std::uint32_t rooms = 1000;
  std::uint32_t participants_per_room = 500;
  std::uint32_t tracks_per_participant = 32;
  std::uint32_t subscriptions_per_participant = 512;
  std::uint32_t room_name_length = 256;
  std::uint32_t identity_length = 256;
  std::uint32_t name_length = 256;
  std::uint32_t metadata_size = 64 * 1024;
  std::uint32_t attributes_size = 64 * 1024;
  std::uint32_t signal_message_size = 2 * 1024 * 1024;
  std::uint32_t join_request_size = 1024 * 1024;
  std::uint32_t data_packet_size = 64 * 1024;
  /// Over all workers, each of which has its share.
  std::uint32_t dtls_handshakes = 512;
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// What a room is like; what isn't there is as it would be without.
struct RoomTemplate {
  /// In seconds: how long it is kept when nobody joins, and when the last one has left.
  std::optional<std::uint32_t> empty_timeout;
  std::optional<std::uint32_t> departure_timeout;
  /// 0: as many as Limits allows.
  std::optional<std::uint32_t> max_participants;
  std::optional<bool> sync_streams;
  /// How many people are heard at once, the loudest; 0: all.
  std::optional<std::uint32_t> loudest;
  std::optional<std::string> metadata;
  /// In milliseconds; each counts as 0 when only the other is there. Both 0: none.
  std::optional<std::uint32_t> min_playout_delay = {};
  std::optional<std::uint32_t> max_playout_delay = {};
  friend bool operator==(const RoomTemplate&, const RoomTemplate&) = default;
};
/// Longest playout delay that packets can say, in milliseconds.
inline constexpr std::uint32_t kMaxPlayoutDelay = 40'950;
/// Longest time that an empty room is kept, in seconds.
inline constexpr std::uint32_t kMaxRoomTimeout = 30 * 24 * 3600;

/// Most places that RoomTemplate::loudest can have.
inline constexpr std::uint32_t kMaxLoudest = 64;

struct Rooms {
  /// A join makes the room when it isn't there. Else only the server API does, and tokens that
  /// grant roomCreate.
  bool auto_create = true;
  /// The server API may unmute people.
  bool remote_unmute = false;
  RoomTemplate defaults;
  /// By the name that tokens (`roomPreset`) and CreateRoom (`room_preset`) give.
  std::map<std::string, RoomTemplate> presets;
  friend bool operator==(const Rooms&, const Rooms&) = default;
};

/// PEM files for every signalling listener.
struct Tls {
  std::string certificate;
  std::string key;
  friend bool operator==(const Tls&, const Tls&) = default;
};

enum class TokenEndpoint : std::uint8_t {
  kOff,
  kDevelopment,  // anybody gets a token to any room of any account: never on a public node
};

struct Web {
  /// Folder of the browser client; empty = none is served.
  std::string root;
  TokenEndpoint token_endpoint = TokenEndpoint::kOff;
  friend bool operator==(const Web&, const Web&) = default;
};

/// What an administrator may do. All but the operator belong to one account.
enum class AdminRole : std::uint8_t {
  kOwner,     // everything of the account
  kAdmin,     // routing; reads everything
  kAuditor,   // reads everything
  kOperator,  // all accounts: creates, reads, narrows, never widens
};
[[nodiscard]] std::string_view name_of(AdminRole role);
[[nodiscard]] std::optional<AdminRole> parse_admin_role(std::string_view name);

/// A fixed token for development; refused unless Web::token_endpoint is kDevelopment.
struct StaticToken {
  /// Shown as the actor.
  std::string name;
  std::string token;
  AdminRole role = AdminRole::kAuditor;
  /// Empty for the operator.
  AccountId account;
  friend bool operator==(const StaticToken&, const StaticToken&) = default;
};

/// Sign-in of administrators through an OpenID provider; its endpoints and keys are those that it
/// publishes (OpenID Connect Discovery 1.0).
struct Oidc {
  std::string issuer;
  std::string client_id;
  /// What `aud` must hold; empty = the client id.
  std::string audience;
  std::string scope = "openid profile email";
  /// Claims that hold one of the role names, and the account's id.
  std::string role_claim = "meridian_role";
  std::string account_claim = "meridian_account";
  /// A token counts only when its `amr` has one of these values, or its `acr` is one of those.
  std::vector<std::string> amr = {"mfa"};
  std::vector<std::string> acr;
  friend bool operator==(const Oidc&, const Oidc&) = default;
};

struct Admin {
  std::vector<StaticToken> static_tokens;
  std::optional<Oidc> oidc;
  friend bool operator==(const Admin&, const Admin&) = default;
};

struct Audit {
  /// `https://…`: each signed checkpoint is POSTed to these, which the operator doesn't run.
  std::vector<std::string> witnesses;
  /// How long the table that leads from ids in the log to identities is kept.
  std::uint32_t retention_days = 90;
  friend bool operator==(const Audit&, const Audit&) = default;
};
inline constexpr std::size_t kMaxWitnesses = 16;

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarning, kError };

struct Config {
  std::vector<residency::Region> regions;
  std::vector<Pool> pools;
  std::vector<residency::Preset> presets;
  std::vector<Account> accounts;
  Admin admin;
  Audit audit;
  Limits limits;
  Rooms rooms;
  /// Prometheus text and health; nothing = off.
  std::optional<SocketAddress> metrics_listen;
  std::optional<Tls> tls;
  /// Where the audit log is kept. Relative paths are from the working directory.
  std::string data_dir = "data";
  Web web;
  LogLevel log_level = LogLevel::kInfo;
  /// A worker that has too much to do refuses new rooms, then lowers small videos, then refuses
  /// people.
  bool sheds_load = true;
  /// SHA-256 of the text; audit records name it.
  audit::Digest digest;

  [[nodiscard]] const residency::Region* region(const RegionId& id) const;
  [[nodiscard]] const residency::Preset* preset(std::string_view name) const;
};

/// What is wrong, as a sentence, and where.
struct Problem {
  std::string file;
  /// From 1; 0 when it concerns the whole file.
  std::size_t line = 0;
  /// `pools[0].media.port`; empty when it concerns the whole file.
  std::string path;
  std::string message;

  /// `config/dev.yaml:12: pools[0].media.port: must be between 1 and 65535, is 70000`
  [[nodiscard]] std::string to_string() const;
  friend auto operator<=>(const Problem&, const Problem&) = default;
};

struct Loaded {
  Config config;
  std::vector<Problem> warnings;
};

/// Reads and checks a whole configuration; finds all problems rather than the first.
/// `file` only names the source in problems.
[[nodiscard]] base::Expected<Loaded, std::vector<Problem>> parse(std::string_view text,
                                                                 std::string_view file);

}  // namespace meridian::config
