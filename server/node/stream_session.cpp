#include "node/stream_session.hpp"

#include <algorithm>
#include <chrono>

namespace meridian::node {

void StreamSession::take(const livekit::SignalResponse& message) {
  if (message.has_answer()) {
    answer = message.answer().sdp();
    sent_tracks = static_cast<std::size_t>(message.answer().mid_to_track_id_size());
  } else if (message.has_request_response() && !refused &&
             message.request_response().reason() != livekit::RequestResponse::OK) {
    refused = message.request_response().reason();
  }
}

bool StreamSession::take_allowance(Instant now) {
  const auto passed = std::chrono::duration<double>(now - last_refill_).count();
  last_refill_ = now;
  allowance_ =
      std::min<double>(kMaxStreamRequestBurst, allowance_ + passed * kMaxStreamRequestsPerSecond);
  if (allowance_ < 1) {
    return false;
  }
  allowance_ -= 1;
  return true;
}

}  // namespace meridian::node
