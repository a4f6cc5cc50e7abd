#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/random.hpp"

/// Ed25519 (RFC 8032) by OpenSSL, with keys in the form of C2SP signed-note.
namespace meridian::audit {

/// Longest name of a key, in bytes.
inline constexpr std::size_t kMaxKeyName = 128;

using SignatureBytes = std::array<std::uint8_t, 64>;

/// Whether a key may be called so: not empty, no longer than kMaxKeyName, printable ASCII without
/// space and `+`.
[[nodiscard]] bool is_key_name(std::string_view name);

class PublicKey {
 public:
  PublicKey(std::string name, const std::array<std::uint8_t, 32>& bytes);
  /// Of `NAME+8 hex digits of the id+base64 of 0x01 and the key`.
  static std::optional<PublicKey> parse(std::string_view text);

  [[nodiscard]] const std::string& name() const { return name_; }
  /// The first four bytes of SHA-256(name || "\n" || 0x01 || key).
  [[nodiscard]] std::uint32_t id() const { return id_; }
  /// What parse() reads: how keys are published.
  [[nodiscard]] std::string to_string() const;
  [[nodiscard]] bool verify(Bytes message, const SignatureBytes& signature) const;
  friend bool operator==(const PublicKey&, const PublicKey&) = default;

 private:
  std::string name_;
  std::array<std::uint8_t, 32> bytes_;
  std::uint32_t id_;
};

/// A private key. Never printed; erased from memory when destroyed.
class SigningKey {
 public:
  using Seed = std::array<std::uint8_t, 32>;

  /// `name` must be a key name.
  SigningKey(std::string name, const Seed& seed);
  static SigningKey generate(std::string name, RandomSource& random);
  SigningKey(SigningKey&&) = default;
  SigningKey& operator=(SigningKey&&) = default;
  SigningKey(const SigningKey&) = delete;
  SigningKey& operator=(const SigningKey&) = delete;
  ~SigningKey();

  [[nodiscard]] const PublicKey& public_key() const { return public_; }
  [[nodiscard]] SignatureBytes sign(Bytes message) const;
  /// For the key file only.
  [[nodiscard]] const Seed& seed() const { return seed_; }

 private:
  Seed seed_;
  PublicKey public_;
};

}  // namespace meridian::audit
