#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "ice/integrity_key.hpp"

/// Who may allocate, without a table: names that say what they are good for, and passwords that
/// only this process can make from them (long-term credentials, RFC 8489 section 9.2).
namespace meridian::turn {

inline constexpr std::string_view kRealmName = "meridian";
/// How long a name is good for a new allocation; one that stands is refreshed under it for longer.
inline constexpr Duration kCredentialTime = std::chrono::hours(1);
/// How long a client may use one nonce.
inline constexpr Duration kNonceTime = std::chrono::minutes(10);

/// Of one process, never stored or logged.
class Secret {
 public:
  static constexpr std::size_t kSize = 32;
  explicit Secret(RandomSource& random) { random.fill(bytes_); }
  /// HMAC-SHA-256 in lower-case hexadecimal digits.
  [[nodiscard]] std::string sign(Bytes text) const;

 private:
  std::array<std::uint8_t, kSize> bytes_{};
};

/// What a name says: the one participant whose transports it reaches, and the worker they are on.
struct Claims {
  UnixTime expires;
  WorkerIndex worker;
  TransportId participant;
  friend bool operator==(const Claims&, const Claims&) = default;
};

struct Credentials {
  std::string username;
  std::string password;
};

[[nodiscard]] Credentials issue(const Secret& secret, const Claims& claims);
/// For another TURN server that shares this secret: a name that says when it runs out, and its
/// HMAC-SHA-1 in base64 (draft-uberti-behave-turn-rest, as coturn has it).
[[nodiscard]] Credentials issue_shared(std::string_view secret, std::string_view name,
                                       UnixTime expires);
/// `1:EXPIRES:WORKER:PARTICIPANT` in decimal digits; nothing when it is anything else. Proves
/// nothing.
[[nodiscard]] std::optional<Claims> read_username(std::string_view username);
/// The key for MESSAGE-INTEGRITY (RFC 8489 section 9.2.2, MD5, which all clients have).
[[nodiscard]] ice::IntegrityKey long_term_key(std::string_view username, std::string_view realm,
                                              std::string_view password);
/// That of whoever was issued this name.
[[nodiscard]] ice::IntegrityKey key_for(const Secret& secret, std::string_view username);

/// A nonce for requests from this address, without state: when it ends, and a proof.
[[nodiscard]] std::string make_nonce(const Secret& secret, const SocketAddress& from, Instant now);
[[nodiscard]] bool is_good_nonce(const Secret& secret, std::string_view nonce,
                                 const SocketAddress& from, Instant now);

}  // namespace meridian::turn
