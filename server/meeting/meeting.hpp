#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "base/expected.hpp"
#include "base/time.hpp"
#include "meeting/data.hpp"
#include "meeting/forwards.hpp"
#include "meeting/offers.hpp"
#include "meeting/room.hpp"
#include "meeting/server_rpcs.hpp"
#include "meeting/speakers.hpp"
#include "meeting/subscriptions.hpp"
#include "meeting/tracks.hpp"
#include "meeting/updates.hpp"
#include "wire/livekit_room.pb.h"

namespace meridian::meeting {

struct JoinArguments {
  SignalSessionId session;
  /// Made by the caller, because the audit record of the permit names it.
  ParticipantSid sid;
  Grant grant;
  livekit::JoinRequest request;
  residency::Permit<residency::ClientLeg> permit;
  /// For the second connection: dual-connection mode.
  std::optional<residency::Permit<residency::ClientLeg>> subscriber_permit = {};
  /// The guest's own account; empty for the host's people.
  AccountId home_account = {};
  TokenMaker make_token;
  /// See Participant::is_told.
  bool is_told = true;
};
enum class JoinError : std::uint8_t { kRoomFull, kNoWorker };

struct ResumeArguments {
  SignalSessionId session;
  Identity identity;
  livekit::JoinRequest request;
  ConnectionMode mode = ConnectionMode::kSingle;
  TokenMaker make_token;
};
/// The tracks that somebody wants who can't say so later: WHEP.
struct TrackChoice {
  /// Only this participant's; empty = anybody's.
  Identity publisher;
  /// Only this track; empty = any. It may be encrypted end to end, as no other is chosen.
  TrackSid track;
  std::size_t max_audios = 1;
  std::size_t max_videos = 1;
};

enum class ResumeError : std::uint8_t { kUnknownParticipant };

/// Why a call of the server API could not be carried out.
enum class AdminError : std::uint8_t {
  kNoParticipant,
  kNoTrack,
  kTooLarge,   // metadata, name, attributes, data or a payload
  kTooMany,    // calls that wait for their answers
  kForwarded,  // it is changed in the room that it is forwarded from
};
template <class T>
using AdminResult = base::Expected<T, AdminError>;

/// The message that ends a session. `action` says what the client is to do then.
[[nodiscard]] livekit::SignalResponse leave_message(livekit::DisconnectReason reason,
                                                    livekit::LeaveRequest::Action action);

/// The control half of one room of one account: who is there, what they publish and get, in which
/// order things happened. Its outputs go to Services::outbox. One owner, on a control thread.
class Meeting {
 public:
  Meeting(Services& services, AccountId account, std::string name, RoomSid sid, Now now,
          RoomOptions options = {});
  /// Ends what is left, as with close().
  ~Meeting();
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

  /// Takes somebody in; `join` is the first message of the session. A participant of the same
  /// identity is replaced.
  [[nodiscard]] base::Expected<void, JoinError> join(JoinArguments arguments, Now now);
  /// Attaches a new signalling connection to a participant who is still here; `reconnect` is its
  /// first message. The old connection is closed.
  [[nodiscard]] base::Expected<ParticipantSid, ResumeError> resume(ResumeArguments arguments,
                                                                   Now now);

  /// A request of whoever has that session; ignored when nobody does any more.
  void handle_request(const ParticipantSid& sid, SignalSessionId session,
                      const livekit::SignalRequest& request, Now now);
  void handle_signal_closed(const ParticipantSid& sid, SignalSessionId session, Now now);
  void handle_event(const forward::Event& event, Now now);
  void handle_sctp_event(sctp::Event&& event, Now now);
  void handle_timeout(Now now);
  [[nodiscard]] Instant next_timeout() const;

  /// Says leave to everyone and removes them.
  void close(livekit::DisconnectReason reason, livekit::LeaveRequest::Action action, Now now);
  /// From now on the meeting runs under these levels of its account's policy: workers are told, and
  /// close what these forbid. The caller then evicts whom they leave outside.
  void set_levels(const residency::LevelNames& levels);
  /// Where somebody's media is.
  [[nodiscard]] residency::RegionSet regions_in_use() const;

  /// Whether a participant may stay where it is.
  using Stays = std::function<bool(const Participant&)>;
  /// Who was sent away.
  struct Evicted {
    ParticipantSid sid;
    /// Of its connections.
    std::vector<TransportId> transports;
    /// Signalling was there to tell them to reconnect.
    bool was_told = false;
  };
  /// Says leave to those who may not stay, with the action RECONNECT, and removes them.
  std::vector<Evicted> evict(const Stays& stays, Now now);
  /// The same for guests whose own account excludes a region in use, where one of the two accounts
  /// is strict about guests. `next` is about to be used, too; empty = none.
  void evict_conflicting_guests(const RegionId& next, Now now);
  /// Tells at most `limit` of those who may not stay the same, each once for an epoch, and lets
  /// them go by themselves: who comes back is placed anew and takes the place of who was here. How
  /// many were told.
  std::size_t ask_to_move(const Stays& stays, PolicyEpoch epoch, std::size_t limit, Now now);
  /// Everybody gets a token for the policy as it is now.
  void renew_tokens(Now now);

  // What the server API does to those who are here; meeting_admin.cpp. Requests are well-formed,
  // and their `room` is this one.
  AdminResult<void> remove_participant(const Identity& identity, Now now);
  /// Its client is told to mute or unmute as well. Gives the track as it then is.
  AdminResult<livekit::TrackInfo> mute_track(const livekit::MuteRoomTrackRequest& request, Now now);
  /// Changes what the request has; an attribute without value is deleted. Permissions are replaced
  /// as a whole: tracks that they forbid end.
  AdminResult<livekit::ParticipantInfo> update_participant(
      const livekit::UpdateParticipantRequest& request, Now now);
  AdminResult<void> update_subscriptions(const livekit::UpdateSubscriptionsRequest& request,
                                         Now now);
  /// Data from nobody in the room. A nonce that was here lately is not sent again.
  AdminResult<void> send_data(const livekit::SendDataRequest& request, Now now);
  AdminResult<void> set_metadata(std::string metadata, Now now);
  /// Calls a method of a participant's client; the outcome comes into Outbox::rpcs.
  AdminResult<void> perform_rpc(const livekit::PerformRpcRequest& request, RpcTicket ticket,
                                Now now);
  /// Tells a participant's client to join that room instead, with a token for it, and ends its
  /// session here.
  AdminResult<void> move_participant(const Identity& identity, const Meeting& destination, Now now);

  // Somebody of another room of the account who is forwarded to this one: Forwards. The owner of
  // both rooms calls these, and ends the copy when the source is gone.
  /// Takes in a copy; nobody here has the identity. The sid that it has here.
  ParticipantSid begin_forward(const Participant& source, const residency::LevelNames& levels,
                               Now now);
  /// Makes the copy what the source is now.
  void follow(const ParticipantSid& copy, const Participant& source, Now now);
  void end_forward(const ParticipantSid& copy, Now now);
  /// In the source's room: what those who watch the copy need of its client.
  void ask_forwarded(const ParticipantSid& source, const Participant& copy);
  /// In the source's room: the copy is gone.
  void forget_forward(const Identity& source, const ParticipantSid& copy);
  /// Whether a guest of that account may be where these regions are in use; `home` empty = no
  /// guest.
  [[nodiscard]] bool suits(const AccountId& home, const residency::RegionSet& in_use) const;

  /// Empty for long enough; the owner may destroy it.
  [[nodiscard]] bool is_finished(Instant now) const;
  /// The newest tracks that `subscriber` may have and that fit the choice, pictures first.
  [[nodiscard]] std::vector<TrackSid> choose_tracks(const ParticipantSid& subscriber,
                                                    const TrackChoice& choice) const;
  /// Whether others see a track of somebody.
  [[nodiscard]] bool publishes(const ParticipantSid& publisher) const;
  [[nodiscard]] const Room& room() const { return room_; }
  [[nodiscard]] const Participant* find(const Identity& identity) const {
    return room_.roster.find(identity);
  }
  [[nodiscard]] const Participant* find(const ParticipantSid& sid) const {
    return room_.roster.find(sid);
  }
  [[nodiscard]] std::size_t tracks() const;
  [[nodiscard]] std::size_t subscriptions() const { return subscriptions_.bound(); }
  [[nodiscard]] std::uint64_t dropped_data() const { return data_.dropped(); }
  /// What was routed over data channels since last asked, by region.
  [[nodiscard]] std::map<RegionId, metrics::TransitCounts> take_data_transit() {
    return data_.take_transit();
  }

 private:
  // What handle_request() dispatches to.
  void handle_offer(Participant& participant, const livekit::SessionDescription& offer, Now now);
  /// Handles the offer of the join once it is due. True: the participant may be gone.
  bool release_held_offer(Participant& participant, Now now);
  void handle_answer(Participant& participant, const livekit::SessionDescription& answer, Now now);
  void handle_ping(const Participant& participant, const livekit::SignalRequest& request, Now now);
  void handle_data_request(Participant& participant, const livekit::SignalRequest& request,
                           Now now);
  void handle_leave(Participant& participant, const livekit::LeaveRequest& request, Now now);
  void handle_metadata(Participant& participant, const livekit::UpdateParticipantMetadata& request,
                       Now now);
  /// Whether metadata, name and attributes as they would be are within limits; then they are so.
  bool apply_profile(Participant& participant, const livekit::UpdateParticipantMetadata& changes,
                     Now now);
  void apply_permission(Participant& participant, const livekit::ParticipantPermission& permission,
                        Now now);
  void handle_sync_state(Participant& participant, const livekit::SyncState& state, Now now);
  void handle_simulate(Participant& participant, const livekit::SimulateScenario& scenario,
                       Now now);
  /// Data blobs, which livekit-server doesn't serve either unless it is told to.
  void refuse_blob(const Participant& participant, std::uint32_t request_id) const;

  void handle(const forward::TransportStateChanged& event, Now now);
  void handle(const forward::TransportQuality& event);
  void handle_media_up(Participant& participant, Connection& connection, Now now);
  void handle_media_lost(Participant& participant, Connection& connection, Now now);
  void open_data(const Participant& participant, Connection& connection) const;

  void send_join(const Participant& participant, Now now) const;
  void send_token(Participant& participant, Now now) const;
  void tell_quality(Now now);
  /// Whether somebody's time is up; then it is gone.
  bool handle_deadlines(Participant& participant, Now now);
  /// The earliest of the above.
  [[nodiscard]] static Instant next_deadline(const Participant& participant);

  /// Says leave, closes the session and removes the participant.
  void dismiss(Participant& participant, livekit::DisconnectReason reason,
               livekit::LeaveRequest::Action action, Now now);
  void remove(Participant& participant, livekit::DisconnectReason reason,
              Updates::Departure departure, Now now);
  /// Runs `work` for each participant; it may remove that one.
  void for_each(const std::function<void(Participant&)>& work);
  /// Whom the server API is to change.
  [[nodiscard]] AdminResult<Participant*> administered(const Identity& identity) const;
  /// Ends every public call that changes something.
  void settle(Now now);
  [[nodiscard]] Instant find_next_timeout() const;
  /// How long it may be empty.
  [[nodiscard]] Duration patience() const {
    return was_joined_ ? room_.options.departure_timeout : room_.options.empty_timeout;
  }

  Room room_;
  Updates updates_;
  Speakers speakers_;
  Subscriptions subscriptions_;
  Tracks tracks_;
  Offers offers_;
  Forwards forwards_;
  DataTracks data_tracks_;
  ServerRpcs rpcs_;
  DataRouter data_;
  /// Of data that the server API sent lately: its clients repeat calls whose answer was lost.
  std::deque<std::string> nonces_;
  Instant empty_since_;
  bool was_joined_ = false;
  Instant quality_due_;
  /// Asked for after each turn of the node, for each meeting: found anew only after a change.
  mutable std::optional<Instant> next_timeout_;
};

}  // namespace meridian::meeting
