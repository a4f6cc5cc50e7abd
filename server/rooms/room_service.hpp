#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/authenticator.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"
#include "meeting/meeting.hpp"
#include "rooms/agent_hub.hpp"
#include "rooms/twirp.hpp"
#include "signalling/http.hpp"
#include "wire/livekit_room.pb.h"

namespace meridian::rooms {

/// The node, as the server API needs it. Rooms of one account only are ever given.
class RoomHost {
 public:
  /// Null when there is none.
  virtual meeting::Meeting* find_room(const AccountId& account, const std::string& name) = 0;
  virtual std::vector<meeting::Meeting*> rooms_of(const AccountId& account) = 0;
  /// A new room without anybody in it. Errors: limits, and what the account requires.
  virtual TwirpResult<meeting::Meeting*> create_room(const api::Caller& caller,
                                                     const std::string& name,
                                                     meeting::RoomOptions options, Now now) = 0;
  /// Sends everybody away; the room is gone afterwards.
  virtual void delete_room(const AccountId& account, const std::string& name, Now now) = 0;
  /// Whether somebody of the room could join that one, where they now are.
  virtual TwirpResult<void> check_move(const meeting::Participant& who,
                                       const meeting::Meeting& destination) = 0;
  /// Shows somebody of one room in another, too; nothing new when that is so already. Errors: what
  /// the account doesn't permit, limits, and an identity that is taken there.
  virtual TwirpResult<void> forward_participant(meeting::Meeting& from,
                                                const meeting::Participant& who,
                                                meeting::Meeting& to, Now now) = 0;
  /// For an answer that comes later.
  virtual signalling::PendingResponse defer() = 0;

 protected:
  ~RoomHost() = default;
};

/// LiveKit's server API on this node's rooms: `livekit.RoomService`,
/// `livekit.AgentDispatchService`, and a clear `unimplemented` for the services that it has not.
/// Who calls is who signed the token, so that a room of another account is not found; and since
/// calls carry content, they are taken only where the account's signalling may be. One owner, on a
/// control thread.
class RoomService {
 public:
  struct Config {
    RoomHost& host;
    const directory::Directory& directory;
    const config::Config& config;
    AgentHub& agents;
  };
  explicit RoomService(Config config) : config_(config) {}

  /// Answers a request whose path is_twirp_path().
  [[nodiscard]] signalling::HttpAnswer handle(const signalling::HttpRequest& request, Now now);

  /// What to answer a PerformRpc with. Nothing for calls that weren't made here.
  [[nodiscard]] std::optional<signalling::HttpResponse> finish(const meeting::RpcOutcome& outcome);

  /// Calls since the start, by method and code (`ok` for success); `other` where a client chose
  /// the name.
  using Counts = std::map<std::pair<std::string, std::string>, std::uint64_t>;
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  struct Call;
  struct Method;
  /// Somebody who is to go from one room to another, or to be seen there.
  struct Passage {
    meeting::Meeting& from;
    const meeting::Participant& who;
    meeting::Meeting& to;
  };
  using Answer = std::variant<signalling::HttpResponse, signalling::PendingResponse>;
  /// Null when the service has none of that name, or there is no such service.
  static const Method* find_method(std::string_view service, std::string_view name);
  template <class Request, auto handler>
  static TwirpResult<Answer> run(RoomService& service, const Call& call);

  [[nodiscard]] TwirpResult<Answer> dispatch(const signalling::HttpRequest& request,
                                             const TwirpCall& call, Now now);
  TwirpResult<livekit::Room> create(const livekit::CreateRoomRequest& request, const Call& call);
  TwirpResult<livekit::ListRoomsResponse> list(const livekit::ListRoomsRequest& request,
                                               const Call& call);
  TwirpResult<livekit::DeleteRoomResponse> remove(const livekit::DeleteRoomRequest& request,
                                                  const Call& call);
  TwirpResult<livekit::ListParticipantsResponse> list_participants(
      const livekit::ListParticipantsRequest& request, const Call& call);
  TwirpResult<livekit::ParticipantInfo> get_participant(
      const livekit::RoomParticipantIdentity& request, const Call& call);
  TwirpResult<livekit::RemoveParticipantResponse> remove_participant(
      const livekit::RoomParticipantIdentity& request, const Call& call);
  TwirpResult<livekit::MuteRoomTrackResponse> mute(const livekit::MuteRoomTrackRequest& request,
                                                   const Call& call);
  TwirpResult<livekit::ParticipantInfo> update_participant(
      const livekit::UpdateParticipantRequest& request, const Call& call);
  TwirpResult<livekit::UpdateSubscriptionsResponse> update_subscriptions(
      const livekit::UpdateSubscriptionsRequest& request, const Call& call);
  TwirpResult<livekit::SendDataResponse> send_data(const livekit::SendDataRequest& request,
                                                   const Call& call);
  TwirpResult<livekit::Room> update_metadata(const livekit::UpdateRoomMetadataRequest& request,
                                             const Call& call);
  TwirpResult<livekit::ForwardParticipantResponse> forward(
      const livekit::ForwardParticipantRequest& request, const Call& call);
  TwirpResult<livekit::MoveParticipantResponse> move(const livekit::MoveParticipantRequest& request,
                                                     const Call& call);
  TwirpResult<signalling::PendingResponse> perform_rpc(const livekit::PerformRpcRequest& request,
                                                       const Call& call);

  // agent_dispatch.cpp
  static const Method* find_dispatch_method(std::string_view name);
  TwirpResult<livekit::AgentDispatch> create_dispatch(
      const livekit::CreateAgentDispatchRequest& request, const Call& call);
  TwirpResult<livekit::AgentDispatch> delete_dispatch(
      const livekit::DeleteAgentDispatchRequest& request, const Call& call);
  TwirpResult<livekit::ListAgentDispatchResponse> list_dispatch(
      const livekit::ListAgentDispatchRequest& request, const Call& call);

  /// For a caller who may do that, between rooms that are there.
  template <class Request>
  TwirpResult<Passage> find_passage(const Request& request, const Call& call);
  /// The room, for somebody who administers it.
  [[nodiscard]] TwirpResult<meeting::Meeting*> administered(const std::string& room,
                                                            const Call& call);
  [[nodiscard]] TwirpResult<void> check_region(const std::string& room, const Call& call);

  const Config config_;
  /// Of calls that wait for a participant.
  std::map<meeting::RpcTicket, TwirpEncoding> waiting_;
  Counts counts_;
};

}  // namespace meridian::rooms
