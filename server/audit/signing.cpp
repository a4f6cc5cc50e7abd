#include "audit/signing.hpp"

#include <algorithm>
#include <memory>
#include <vector>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "audit/base64.hpp"
#include "audit/digest.hpp"
#include "base/check.hpp"

namespace meridian::audit {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

constexpr std::array<std::uint8_t, 1> kEd25519 = {1};  // the algorithm byte of C2SP signed-note
constexpr std::size_t kIdDigits = 8;

Context make_context() {
  Context context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  MERIDIAN_CHECK(context != nullptr);
  return context;
}

Key private_key(const SigningKey::Seed& seed) {
  Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()),
          &EVP_PKEY_free);
  MERIDIAN_CHECK(key != nullptr);
  return key;
}

PublicKey public_of(std::string name, const SigningKey::Seed& seed) {
  const Key key = private_key(seed);
  std::array<std::uint8_t, 32> bytes{};
  std::size_t size = bytes.size();
  MERIDIAN_CHECK(EVP_PKEY_get_raw_public_key(key.get(), bytes.data(), &size) == 1);
  return {std::move(name), bytes};
}

std::string hex_of(std::uint32_t id) {
  Digest digest;
  store_u32(digest.bytes.data(), id);
  return digest.hex().substr(0, kIdDigits);
}

}  // namespace

bool is_key_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxKeyName &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}

PublicKey::PublicKey(std::string name, const std::array<std::uint8_t, 32>& bytes)
    : name_(std::move(name)), bytes_(bytes), id_(0) {
  MERIDIAN_CHECK(is_key_name(name_));
  id_ = load_u32(sha256({as_bytes(name_), as_bytes("\n"), kEd25519, bytes_}).bytes.data());
}

std::optional<PublicKey> PublicKey::parse(std::string_view text) {
  const std::size_t name_end = text.find('+');
  if (name_end == std::string_view::npos || !is_key_name(text.substr(0, name_end)) ||
      text.size() < name_end + 1 + kIdDigits + 1) {
    return std::nullopt;
  }
  const auto raw = parse_base64(text.substr(name_end + 1 + kIdDigits + 1));
  std::array<std::uint8_t, 32> bytes{};
  if (!raw || raw->size() != bytes.size() + 1) {
    return std::nullopt;
  }
  std::copy(raw->begin() + 1, raw->end(), bytes.begin());
  PublicKey key(std::string(text.substr(0, name_end)), bytes);
  // The id and the algorithm follow from the rest.
  return key.to_string() == text ? std::optional(std::move(key)) : std::nullopt;
}

std::string PublicKey::to_string() const {
  std::vector<std::uint8_t> raw(kEd25519.begin(), kEd25519.end());
  raw.insert(raw.end(), bytes_.begin(), bytes_.end());
  return name_ + '+' + hex_of(id_) + '+' + base64(raw);
}

bool PublicKey::verify(Bytes message, const SignatureBytes& signature) const {
  const Key key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_.data(), bytes_.size()),
      &EVP_PKEY_free);
  const Context context = make_context();
  // Bytes that are no point on the curve make no key, and sign nothing.
  return key != nullptr &&
         EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

SigningKey::SigningKey(std::string name, const Seed& seed)
    : seed_(seed), public_(public_of(std::move(name), seed)) {}

SigningKey SigningKey::generate(std::string name, RandomSource& random) {
  Seed seed{};
  random.fill(seed);
  SigningKey key(std::move(name), seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return key;
}

SigningKey::~SigningKey() {
  OPENSSL_cleanse(seed_.data(), seed_.size());
}

SignatureBytes SigningKey::sign(Bytes message) const {
  const Key key = private_key(seed_);
  const Context context = make_context();
  SignatureBytes signature{};
  std::size_t size = signature.size();
  MERIDIAN_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1);
  MERIDIAN_CHECK(
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  return signature;
}

}  // namespace meridian::audit
