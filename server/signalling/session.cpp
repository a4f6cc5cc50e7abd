#include "signalling/session.hpp"

#include <algorithm>

#include <boost/json.hpp>

namespace meridian::signalling {
namespace {

/// Whether it is the JSON object of an ICE candidate, as browsers make it.
bool is_candidate(const std::string& text) {
  static constexpr std::size_t kMaxCandidate = 4096;
  if (text.size() > kMaxCandidate) {
    return false;
  }
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  return !error && value.is_object() && value.get_object().contains("candidate") &&
         value.get_object().at("candidate").is_string();
}

}  // namespace

bool Session::take_allowance(Instant now) {
  const double seconds = std::chrono::duration<double>(now - last_refill_).count();
  last_refill_ = now;
  allowance_ = std::min<double>(kMaxRequestBurst, allowance_ + seconds * kMaxRequestsPerSecond);
  if (allowance_ < 1) {
    return false;
  }
  allowance_ -= 1;
  return true;
}

Session::Outcome Session::reject(livekit::RequestResponse::Reason reason, std::string_view text) {
  if (++bad_messages_ > kMaxBadMessages) {
    return Abusive{};
  }
  Rejected rejected;
  rejected.answer.mutable_request_response()->set_reason(reason);
  rejected.answer.mutable_request_response()->set_message(std::string(text));
  return rejected;
}

Session::Outcome Session::read(Bytes message, FrameKind kind, std::size_t max_size, Instant now) {
  kind_ = kind;
  if (!take_allowance(now)) {
    return reject(livekit::RequestResponse::LIMIT_EXCEEDED, "too many requests");
  }
  if (message.size() > max_size) {
    return reject(livekit::RequestResponse::LIMIT_EXCEEDED, "message too large");
  }
  auto request = decode_request(message, kind);
  if (!request) {
    switch (request.error()) {
      case FrameError::kTooLarge:
        return reject(livekit::RequestResponse::LIMIT_EXCEEDED, "message too large");
      case FrameError::kMalformed:
        return reject(livekit::RequestResponse::INVALID_REQUEST, "message can't be decoded");
      case FrameError::kEmpty:
        return reject(livekit::RequestResponse::INVALID_REQUEST, "unknown request");
    }
  }
  if (request->has_trickle() && !request->trickle().candidateinit().empty() &&
      !is_candidate(request->trickle().candidateinit())) {
    Outcome outcome =
        reject(livekit::RequestResponse::UNCLASSIFIED_ERROR, "candidate can't be decoded");
    if (auto* rejected = std::get_if<Rejected>(&outcome)) {
      *rejected->answer.mutable_request_response()->mutable_trickle() = request->trickle();
    }
    return outcome;
  }
  return std::move(*request);
}

}  // namespace meridian::signalling
