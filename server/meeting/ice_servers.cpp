#include "meeting/ice_servers.hpp"

#include "base/check.hpp"

namespace meridian::meeting {
namespace {

livekit::ICEServer to_server(const std::vector<std::string>& urls, turn::Credentials credentials) {
  livekit::ICEServer server;
  for (const std::string& url : urls) {
    server.add_urls(url);
  }
  server.set_username(std::move(credentials.username));
  server.set_credential(std::move(credentials.password));
  return server;
}

}  // namespace

void add_ice_servers(const Room& room, const Participant& participant, UnixTime now,
                     google::protobuf::RepeatedPtrField<livekit::ICEServer>& servers) {
  const WorkerPool::Seat* seat = room.services.workers.find(participant.worker);
  MERIDIAN_CHECK(seat != nullptr);
  const UnixTime expires = now + turn::kCredentialTime;
  if (room.services.turn && !seat->turn_urls.empty()) {
    *servers.Add() =
        to_server(seat->turn_urls,
                  turn::issue(*room.services.turn, {.expires = expires,
                                                    .worker = participant.worker,
                                                    .participant = participant.uplink.transport}));
  }
  for (const config::TurnServer& server : seat->turn_servers) {
    *servers.Add() = to_server(
        server.urls, server.secret.empty()
                         ? turn::Credentials{server.username, server.credential}
                         : turn::issue_shared(server.secret, participant.info.sid(), expires));
  }
}

}  // namespace meridian::meeting
