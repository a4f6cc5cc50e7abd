#include "turn/credentials.hpp"

#include <charconv>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.hpp"

namespace meridian::turn {
namespace {

constexpr std::string_view kVersion = "1";
constexpr std::size_t kMaxUsername = 64;
/// Of the digits of the HMAC: 64 bits, for ten minutes.
constexpr std::size_t kProofSize = 16;
constexpr std::size_t kEndSize = 8;

std::string to_hex(Bytes bytes) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(kDigits[byte >> 4U]);
    text.push_back(kDigits[byte & 15U]);
  }
  return text;
}

/// The whole text as a number without sign or leading zero.
template <class T>
std::optional<T> read_decimal(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_canonical = text == "0" || (!text.empty() && text[0] != '0' && text[0] != '-');
  if (error != std::errc() || end != text.data() + text.size() || !is_canonical) {
    return std::nullopt;
  }
  return value;
}

/// Cuts `text` behind the next colon; what was in front of it.
std::string_view next_part(std::string_view& text) {
  const std::size_t colon = text.find(':');
  const std::string_view part = text.substr(0, colon);
  text = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  return part;
}

std::string password_of(const Secret& secret, std::string_view username) {
  return secret.sign(as_bytes("password:" + std::string(username)));
}

std::string proof_of(const Secret& secret, std::string_view end, const SocketAddress& from) {
  const std::string text = "nonce:" + std::string(end) + ":" + from.to_string();
  return secret.sign(as_bytes(text)).substr(0, kProofSize);
}

}  // namespace

std::string Secret::sign(Bytes text) const {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const void* result = HMAC(EVP_sha256(), bytes_.data(), static_cast<int>(bytes_.size()),
                            text.data(), text.size(), mac.data(), &size);
  MERIDIAN_CHECK(result != nullptr);
  return to_hex(Bytes(mac).first(size));
}

Credentials issue(const Secret& secret, const Claims& claims) {
  Credentials made;
  made.username = std::string(kVersion) + ":" + std::to_string(claims.expires.seconds()) + ":" +
                  std::to_string(claims.worker.value()) + ":" +
                  std::to_string(claims.participant.value());
  made.password = password_of(secret, made.username);
  return made;
}

Credentials issue_shared(std::string_view secret, std::string_view name, UnixTime expires) {
  Credentials made;
  made.username = std::to_string(expires.seconds()) + ":" + std::string(name);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> mac{};
  unsigned size = 0;
  const Bytes text = as_bytes(made.username);
  const void* result = HMAC(EVP_sha1(), secret.data(), static_cast<int>(secret.size()), text.data(),
                            text.size(), mac.data(), &size);
  MERIDIAN_CHECK(result != nullptr);
  std::array<std::uint8_t, 2UL * EVP_MAX_MD_SIZE> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), mac.data(), static_cast<int>(size));
  made.password = as_text(Bytes(encoded).first(static_cast<std::size_t>(length)));
  return made;
}

std::optional<Claims> read_username(std::string_view username) {
  if (username.size() > kMaxUsername || next_part(username) != kVersion) {
    return std::nullopt;
  }
  const auto expires = read_decimal<std::uint32_t>(next_part(username));
  const auto worker = read_decimal<WorkerIndex::rep>(next_part(username));
  const auto participant = read_decimal<TransportId::rep>(username);
  if (!expires || *expires == 0 || !worker || !participant || *participant == 0) {
    return std::nullopt;
  }
  return Claims{UnixTime::from_seconds(*expires), WorkerIndex(*worker), TransportId(*participant)};
}

ice::IntegrityKey long_term_key(std::string_view username, std::string_view realm,
                                std::string_view password) {
  std::string text;
  text.append(username).append(":").append(realm).append(":").append(password);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> key{};
  unsigned size = 0;
  MERIDIAN_CHECK(EVP_Digest(text.data(), text.size(), key.data(), &size, EVP_md5(), nullptr) == 1);
  OPENSSL_cleanse(text.data(), text.size());
  return ice::IntegrityKey(as_text(Bytes(key).first(size)));
}

ice::IntegrityKey key_for(const Secret& secret, std::string_view username) {
  return long_term_key(username, kRealmName, password_of(secret, username));
}

std::string make_nonce(const Secret& secret, const SocketAddress& from, Instant now) {
  using std::chrono::seconds;
  const auto ends = std::chrono::duration_cast<seconds>((now + kNonceTime).since_origin()).count();
  std::array<std::uint8_t, 4> raw{};
  store_u32(raw.data(), static_cast<std::uint32_t>(ends));
  const std::string end = to_hex(raw);
  return end + proof_of(secret, end, from);
}

bool is_good_nonce(const Secret& secret, std::string_view nonce, const SocketAddress& from,
                   Instant now) {
  if (nonce.size() != kEndSize + kProofSize) {
    return false;
  }
  const std::string_view end = nonce.substr(0, kEndSize);
  const std::string proof = proof_of(secret, end, from);
  if (CRYPTO_memcmp(proof.data(), nonce.data() + kEndSize, proof.size()) != 0) {
    return false;
  }
  std::uint32_t ends = 0;
  (void)std::from_chars(end.data(), end.data() + end.size(), ends, 16);
  return now < Instant::from_origin(std::chrono::seconds(ends));
}

}  // namespace meridian::turn
