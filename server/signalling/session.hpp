#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "meeting/ids.hpp"
#include "signalling/frame_kind.hpp"
#include "signalling/frames.hpp"
#include "wire/livekit_rtc.pb.h"

namespace meridian::signalling {

/// Requests that a client may make in a burst, and for each second after it. A page that opens a
/// large meeting sends one or two for each of its tracks at once.
inline constexpr std::uint32_t kMaxRequestBurst = 2000;
inline constexpr std::uint32_t kMaxRequestsPerSecond = 200;
/// Unusable messages after which a client is shown out.
inline constexpr std::uint32_t kMaxBadMessages = 100;

/// One client's signalling connection in single-connection mode: turns messages into requests, and
/// answers those that are none. Which participant it speaks for, the owner knows.
class Session {
 public:
  explicit Session(Instant now) : last_refill_(now) {}

  /// Not a usable request: `answer` tells the client what is wrong.
  struct Rejected {
    livekit::SignalResponse answer;
  };
  /// The client doesn't stop; it is to be disconnected.
  struct Abusive {};
  using Outcome = std::variant<livekit::SignalRequest, Rejected, Abusive>;
  [[nodiscard]] Outcome read(Bytes message, FrameKind kind, std::size_t max_size, Instant now);

  /// A client is answered in the kind that it used last.
  [[nodiscard]] FrameKind kind() const { return kind_; }
  [[nodiscard]] std::uint32_t bad_messages() const { return bad_messages_; }

 private:
  [[nodiscard]] bool take_allowance(Instant now);
  Outcome reject(livekit::RequestResponse::Reason reason, std::string_view text);

  FrameKind kind_ = FrameKind::kBinary;
  Instant last_refill_;
  double allowance_ = kMaxRequestBurst;
  std::uint32_t bad_messages_ = 0;
};

}  // namespace meridian::signalling
