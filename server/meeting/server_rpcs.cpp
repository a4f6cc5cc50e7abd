#include "meeting/server_rpcs.hpp"

#include <algorithm>
#include <utility>

namespace meridian::meeting {

bool ServerRpcs::begin(Call call, Instant now) {
  if (pending_.size() >= kMaxPending) {
    return false;
  }
  pending_.emplace(
      std::move(call.id),
      Pending{.ticket = call.ticket, .to = std::move(call.to), .deadline = now + call.timeout});
  return true;
}

ServerRpcs::Entry ServerRpcs::end(Entry entry, decltype(RpcOutcome::result) result) {
  outcomes_.push_back({.ticket = entry->second.ticket, .result = std::move(result)});
  return pending_.erase(entry);
}

bool ServerRpcs::take(const ParticipantSid& from, const livekit::DataPacket& packet) {
  const bool is_ack = packet.has_rpc_ack();
  if (!is_ack && !packet.has_rpc_response()) {
    return false;
  }
  const auto found =
      pending_.find(is_ack ? packet.rpc_ack().request_id() : packet.rpc_response().request_id());
  if (found == pending_.end() || found->second.to != from) {
    return false;
  }
  if (is_ack) {
    return true;
  }
  const livekit::RpcResponse& response = packet.rpc_response();
  if (response.has_error()) {
    end(found, RpcOutcome::Error{.code = response.error().code(),
                                 .message = response.error().message(),
                                 .data = response.error().data()});
  } else {
    end(found, response.payload());
  }
  return true;
}

void ServerRpcs::handle_left(const ParticipantSid& sid) {
  for (auto entry = pending_.begin(); entry != pending_.end();) {
    entry = entry->second.to == sid ? end(entry, RpcOutcome::Disconnected{}) : std::next(entry);
  }
}

void ServerRpcs::handle_timeout(Instant now) {
  for (auto entry = pending_.begin(); entry != pending_.end();) {
    entry = entry->second.deadline <= now ? end(entry, RpcOutcome::TimedOut{}) : std::next(entry);
  }
}

Instant ServerRpcs::next_timeout() const {
  Instant next = Instant::never();
  for (const auto& [id, call] : pending_) {
    next = std::min(next, call.deadline);
  }
  return next;
}

std::vector<RpcOutcome> ServerRpcs::take_outcomes() {
  return std::exchange(outcomes_, {});
}

}  // namespace meridian::meeting
