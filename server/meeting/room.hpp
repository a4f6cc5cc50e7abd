#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"
#include "dtls/fingerprint.hpp"
#include "forward/commands.hpp"
#include "meeting/ids.hpp"
#include "meeting/numbers.hpp"
#include "meeting/room_events.hpp"
#include "meeting/room_options.hpp"
#include "meeting/roster.hpp"
#include "meeting/server_rpcs.hpp"
#include "meeting/workers.hpp"
#include "residency/gate.hpp"
#include "sctp/messages.hpp"
#include "turn/credentials.hpp"
#include "wire/livekit_rtc.pb.h"

namespace meridian::meeting {

/// What one signalling connection is to get. One message may go to many: it is shared.
struct SignalMessage {
  SignalSessionId session;
  /// Null when the connection is only to be closed.
  std::shared_ptr<const livekit::SignalResponse> message;
  bool closes = false;
};

/// What meetings want done. The node drains it after each turn.
struct Outbox {
  std::vector<SignalMessage> signals;
  std::vector<std::pair<WorkerIndex, forward::Command>> commands;
  std::vector<sctp::Command> sctp;
  std::vector<RpcOutcome> rpcs;
  std::vector<RoomEvent> events;
  /// Rooms whose meeting may have another next_timeout() than when it was last asked.
  std::vector<RoomNumber> touched;
};

/// What all meetings of a control thread share; everything outlives them.
struct Services {
  const config::Limits& limits;
  const directory::Directory& directory;
  residency::Gate& gate;
  WorkerPool& workers;
  NumberSpace& numbers;
  RandomSource& random;
  Outbox& outbox;
  dtls::Fingerprint fingerprint;
  std::string node_id;
  /// Signs credentials for TURN on this node; nothing when it has none.
  std::optional<turn::Secret> turn = std::nullopt;
  /// Whether anybody is to hear of what happens in the account's rooms; empty = nobody.
  std::function<bool(const AccountId&)> has_listener = {};
};

/// The state of one meeting that its parts work on, and the ways out of it.
struct Room {
  Room(Services& shared, AccountId owner, std::string room_name, RoomSid room_sid, UnixTime now,
       RoomOptions chosen = {});

  Services& services;
  const AccountId account;
  const std::string name;
  const RoomSid sid;
  const RoomNumber number;
  const UnixTime created;
  /// Which levels of the account's policy hold here: the room's, and the host's group and user as
  /// the tokens name them.
  residency::LevelNames levels;
  /// Ends frames that the server makes on encrypted tracks; we make none, but clients want it.
  const std::string sif_trailer;
  RoomOptions options;
  Roster roster;

  [[nodiscard]] livekit::Room info() const;
  /// People that clients count: the visible ones.
  [[nodiscard]] std::uint32_t visible_participants() const;
  /// Whether the room or the node has no place for one more of that kind; agents and recorders
  /// don't take those that the room's own limit means.
  [[nodiscard]] bool is_full(const Grant& grant) const;
  [[nodiscard]] livekit::ServerInfo server_info(const RegionId& region) const;

  /// Dropped while the participant has no signalling connection; a resume brings everything.
  void send(const Participant& to, livekit::SignalResponse message) const;
  void send_shared(const Participant& to,
                   const std::shared_ptr<const livekit::SignalResponse>& message) const;
  void close_session(SignalSessionId session) const;
  void command(WorkerIndex worker, forward::Command command) const;
  /// Says that it happened, to the account's own servers.
  void note(RoomEventKind kind, UnixTime now, const Participant* who = nullptr,
            const Publication* track = nullptr) const;
  void note_finished(livekit::RoomEndReason reason, UnixTime now) const;
};

/// `prefix` (`PA_` …) and 12 random letters and digits.
[[nodiscard]] std::string new_sid(std::string_view prefix, RandomSource& random);

/// The version of livekit-server whose behaviour clients may expect; they gate features on it.
inline constexpr std::string_view kCompatibleVersion = "1.13.5";
inline constexpr int kProtocolVersion = 17;

}  // namespace meridian::meeting
