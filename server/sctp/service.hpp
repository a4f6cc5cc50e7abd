#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/time.hpp"
#include "sctp/messages.hpp"

namespace meridian::sctp {

/// Largest message that is accepted or sent (`a=max-message-size`).
inline constexpr std::size_t kMaxMessageSize = 256 * 1024;
/// Bytes that may wait for one peer, in our queue and the stack's send buffer together.
inline constexpr std::size_t kMaxQueuedBytes = 1024 * 1024;
/// Streams offered and accepted: those of Association::kMaxChannels, which have even numbers of one
/// side and odd ones of the other, and one more of each, which is then refused by its name. A
/// browser's 65535 would cost 6.7 MB an association.
inline constexpr std::uint16_t kMaxStreams = 34;
inline constexpr std::size_t kMaxAssociations = 4096;
/// The port that both sides use inside DTLS (RFC 8841).
inline constexpr std::uint16_t kPort = 5000;

/// What was dropped or refused, since the start.
struct Counters {
  std::uint64_t packets_for_unknown_transport = 0;
  std::uint64_t packets_over_rate = 0;
  std::uint64_t packets_not_queued = 0;
  std::uint64_t lossy_messages_dropped = 0;
  std::uint64_t messages_without_channel = 0;  // from the peer, on a stream that is not open
  std::uint64_t sends_without_channel = 0;     // from us, the channel having closed meanwhile
  std::uint64_t sends_failed = 0;              // refused by the stack
  std::uint64_t messages_too_large = 0;
  std::uint64_t unknown_payloads = 0;
  std::uint64_t malformed_dcep = 0;
  std::uint64_t refused_channels = 0;  // parity, duplicate or limit
  std::uint64_t backlogged_channels = 0;
};

/// All SCTP associations of a node (RFC 8831, 8832), sans-I/O: commands and `now` in, events and
/// the next timeout out. The stack below is process-global and not thread-safe in our use, so every
/// Service of a process lives on one thread; a node has one. A peer that does not read loses its
/// own lossy messages, then its own reliable channel; nobody else notices.
class Service {
 public:
  Service();
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// A command for a transport that is not open is ignored (and counted when it is a packet): it
  /// was closed while the command was on its way.
  void handle(Command command, Instant now);
  void handle_timeout(Instant now);
  /// never() without associations.
  [[nodiscard]] Instant next_timeout() const;
  /// Call until it gives nothing, after each handle() and handle_timeout().
  [[nodiscard]] std::optional<Event> poll_event();

  [[nodiscard]] const Counters& counters() const;
  [[nodiscard]] std::size_t associations() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meridian::sctp
