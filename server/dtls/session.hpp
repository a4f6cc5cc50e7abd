#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "dtls/certificate.hpp"
#include "dtls/fingerprint.hpp"

namespace meridian::dtls {

enum class SessionState : std::uint8_t { kHandshaking, kConnected, kClosed, kFailed };

enum class SessionFailure : std::uint8_t {
  kNone,
  kTimeout,              // no handshake within kHandshakeTime
  kProtocol,             // handshakes kept failing
  kFingerprintMismatch,  // the peer's certificate is not the one that signalling named
  kNoSrtpProfile,        // no SRTP protection profile in common
};

/// What happened to a datagram.
enum class Input : std::uint8_t { kTaken, kDiscarded, kQueueFull };

/// SRTP keys as the handshake exports them (RFC 5764 section 4.2). `profile` is the IANA number.
struct ExportedKeys {
  static constexpr std::size_t kMaxKeySize = 32;
  static constexpr std::size_t kMaxSaltSize = 14;
  struct Side {
    std::array<std::uint8_t, kMaxKeySize> key{};
    std::array<std::uint8_t, kMaxSaltSize> salt{};
  };
  std::uint16_t profile = 0;
  Side client;
  Side server;
};

/// One DTLS 1.2 association as the passive side (RFC 6347, RFC 5764). Datagrams, application data
/// and `now` go in; datagrams, application data and the next timeout come out. Garbage during the
/// handshake is discarded and the handshake waits on; after it, OpenSSL's part is freed, and
/// records that aren't authentic are discarded. Not copyable, not movable; one thread at a time.
class Session {
 public:
  /// From start() until the handshake must be done.
  static constexpr Duration kHandshakeTime = 15s;
  /// A flight is sent again after this, and then after twice as long each time up to the longest.
  /// Our last one is, too (RFC 6347 section 4.2.4 only demands that it answers a repeated
  /// Finished): the client's timer doubles without end, and where much is lost both sides would
  /// wait for it for half a minute.
  static constexpr Duration kFirstRetransmission = 200ms;
  static constexpr Duration kLongestRetransmission = 1600ms;
  static constexpr int kMaxRetransmissions = 6;
  /// Handshake attempts and bytes that one session takes before it gives up.
  static constexpr int kMaxAttempts = 16;
  static constexpr std::size_t kMaxHandshakeBytes = 64UL * 1024;
  /// Datagrams of the handshake are at most this long.
  static constexpr std::size_t kMaxHandshakeDatagram = 1200;
  /// Longest application payload (an SCTP packet), and the datagram that it makes.
  static constexpr std::size_t kMaxPayload = 1350;
  static constexpr std::size_t kMaxDatagram = 1400;
  static constexpr std::size_t kMaxQueued = 128;

  /// `expected` is what signalling said; nothing is exported for any other certificate.
  Session(const Certificate& certificate, const Fingerprint& expected);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  /// Starts the clock of the handshake. Only datagrams handled after this are looked at.
  void start(Instant now);
  Input handle_datagram(Bytes datagram, Instant now);
  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now);

  [[nodiscard]] SessionState state() const;
  /// The peer has begun a handshake, which is neither done nor given up: it holds most of the
  /// memory that a session ever does.
  [[nodiscard]] bool is_handshaking() const;
  [[nodiscard]] SessionFailure failure() const;
  /// Present once connected.
  [[nodiscard]] const std::optional<ExportedKeys>& keys() const;
  /// The peer has shown by something else, such as SRTP that is authentic, that it has our last
  /// flight. Data that comes in this session shows it, too.
  void confirm();
  /// From our first flight to the answer, when nothing was retransmitted.
  [[nodiscard]] std::optional<Duration> round_trip() const;

  /// Encrypts one payload into the output queue.
  enum class Send : std::uint8_t { kQueued, kNotConnected, kTooLong, kQueueFull };
  [[nodiscard]] Send send(Bytes payload);
  /// Queues close_notify; nothing more is sent or taken.
  void close();

  /// Copies the oldest output datagram to `out` (at least kMaxDatagram bytes); its length, or
  /// nothing when the queue is empty.
  [[nodiscard]] std::optional<std::size_t> poll_output(MutableBytes out);
  /// The oldest application payload.
  [[nodiscard]] std::optional<std::vector<std::uint8_t>> poll_payload();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace meridian::dtls
