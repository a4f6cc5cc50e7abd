#pragma once

#include <cstddef>
#include <cstdint>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "turn/credentials.hpp"
#include "turn/message.hpp"

/// Where a TURN connection begins that came to no particular worker: on a port that several
/// workers share, and HTTP too.
namespace meridian::turn {

/// Whether what a connection's first byte begins is STUN, and no HTTP.
[[nodiscard]] constexpr bool is_stun_start(std::uint8_t first) {
  return first <= 3;
}

/// Room for a challenge.
inline constexpr std::size_t kMaxChallenge = 128;
/// Writes the answer to a request without (good) credentials: REALM and a fresh NONCE (RFC 8489
/// section 9.2.4). `reply` has at least kMaxChallenge bytes. The length.
std::size_t write_challenge(const Secret& secret, const Message& message, std::uint16_t code,
                            const SocketAddress& from, Instant now, MutableBytes reply);

struct Look {
  enum class Step : std::uint8_t {
    kMore,      // the message is not complete
    kReply,     // it took `taken` bytes, and `reply_size` bytes are the answer
    kHandOver,  // the connection belongs to `worker`, with all bytes that have come
    kRefuse,    // nothing that a TURN client begins with
  } step = Step::kRefuse;
  std::size_t taken = 0;
  std::size_t reply_size = 0;
  WorkerIndex worker = {};
};
/// Looks at what a connection has brought so far. Credentials are only read here: whom they name
/// proves them. Changes nothing, keeps nothing.
[[nodiscard]] Look look(const Secret& secret, Bytes received, const SocketAddress& from,
                        Instant now, MutableBytes reply);

}  // namespace meridian::turn
