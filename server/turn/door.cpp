#include "turn/door.hpp"

#include "turn/stream_reader.hpp"

namespace meridian::turn {
std::size_t write_challenge(const Secret& secret, const Message& message, std::uint16_t code,
                            const SocketAddress& from, Instant now, MutableBytes reply) {
  return Writer(reply, ice::StunClass::kError, message.method, message.transaction)
      .error(code)
      .text(kRealm, kRealmName)
      .text(kNonce, make_nonce(secret, from, now))
      .finish(nullptr);
}

Look look(const Secret& secret, Bytes received, const SocketAddress& from, Instant now,
          MutableBytes reply) {
  if (received.size() < StreamReader::kHead) {
    return {.step = Look::Step::kMore};
  }
  const auto size = StreamReader::length(received);
  if (!size || !is_stun_start(received[0])) {
    return {};
  }
  if (received.size() < *size) {
    return {.step = Look::Step::kMore};
  }
  const auto message = parse(received.first(*size));
  if (!message || message->message_class != ice::StunClass::kRequest ||
      message->method != kAllocate) {
    return {};
  }
  if (const auto claims = read_username(message->username)) {
    return {.step = Look::Step::kHandOver, .worker = claims->worker};
  }
  return {.step = Look::Step::kReply,
          .taken = *size,
          .reply_size = write_challenge(secret, *message, kUnauthenticated, from, now, reply)};
}

}  // namespace meridian::turn
