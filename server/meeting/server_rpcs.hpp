#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "meeting/ids.hpp"
#include "wire/livekit_data.pb.h"

namespace meridian::meeting {

/// Names a call for whoever asked for it.
using RpcTicket = base::StrongInt<struct RpcTicketTag, std::uint64_t>;

/// How a call ended.
struct RpcOutcome {
  /// The participant's method answered with an error, in its numbers and words.
  struct Error {
    std::uint32_t code = 0;
    std::string message;
    std::string data;
  };
  struct TimedOut {};
  struct Disconnected {};
  RpcTicket ticket;
  std::variant<std::string, Error, TimedOut, Disconnected> result;
};

/// Calls that this side makes to methods of participants, in the manner in which participants call
/// each other: over data packets of which clients take the first version everywhere.
class ServerRpcs {
 public:
  /// Calls of one room that may wait for their answers.
  static constexpr std::size_t kMaxPending = 256;
  /// Bytes of a payload in the first version (wire convention of LiveKit).
  static constexpr std::size_t kMaxPayload = 15 * 1024;
  static constexpr std::size_t kMaxMethodName = 64;

  struct Call {
    RpcTicket ticket;
    ParticipantSid to;
    std::string id;
    Duration timeout{};
  };
  /// Waits for the answer; false when too many do already.
  [[nodiscard]] bool begin(Call call, Instant now);
  /// Whether the packet was an answer to us, so that it goes to nobody.
  bool take(const ParticipantSid& from, const livekit::DataPacket& packet);
  void handle_left(const ParticipantSid& sid);
  void handle_timeout(Instant now);
  [[nodiscard]] Instant next_timeout() const;
  /// What ended since last asked.
  [[nodiscard]] std::vector<RpcOutcome> take_outcomes();

 private:
  struct Pending {
    RpcTicket ticket;
    ParticipantSid to;
    Instant deadline;
  };
  using Entry = std::map<std::string, Pending>::iterator;
  Entry end(Entry entry, decltype(RpcOutcome::result) result);

  std::map<std::string, Pending> pending_;
  std::vector<RpcOutcome> outcomes_;
};

}  // namespace meridian::meeting
