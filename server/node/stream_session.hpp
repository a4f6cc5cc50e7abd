#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "audit/digest.hpp"
#include "base/time.hpp"
#include "signalling/stream_http.hpp"
#include "wire/livekit_rtc.pb.h"

namespace meridian::node {

/// Requests about one session in a burst, and for each second after it.
inline constexpr std::uint32_t kMaxStreamRequestBurst = 60;
inline constexpr std::uint32_t kMaxStreamRequestsPerSecond = 5;

/// A WHIP or WHEP client between two of its requests: it is a participant like any other, whose
/// signalling messages end here.
class StreamSession {
 public:
  StreamSession(signalling::StreamKind of_kind, const audit::Digest& of_token, Instant now)
      : kind(of_kind), token(of_token), last_refill_(now) {}

  /// Keeps what a request will be answered with; everything else can't be told.
  void take(const livekit::SignalResponse& message);
  /// Whether one more request may be served.
  [[nodiscard]] bool take_allowance(Instant now);

  const signalling::StreamKind kind;
  /// SHA-256 of the token that began it, which is good for as long as it lasts.
  const audit::Digest token;
  /// The offer as it now is, for restarts.
  std::string offer;
  ice::Credentials remote;
  /// Names the ICE session: our username fragment.
  std::string etag;

  /// Since the last request: the answer, how many tracks it sends, and the first refused track.
  std::string answer;
  std::size_t sent_tracks = 0;
  std::optional<livekit::RequestResponse::Reason> refused;

 private:
  Instant last_refill_;
  double allowance_ = kMaxStreamRequestBurst;
};

}  // namespace meridian::node
