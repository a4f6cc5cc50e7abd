// OpenSSL deprecates these calls in favour of EVP, which allocates for each message.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "ice/integrity_key.hpp"

#include <algorithm>
#include <bit>

#include <openssl/crypto.h>
#include <openssl/sha.h>

namespace meridian::ice {
namespace {

constexpr std::size_t kBlockSize = 64;
using Block = std::array<std::uint8_t, kBlockSize>;

/// The state behind a key combined with one of HMAC's pads (RFC 2104).
SHA_CTX start(const Block& key, std::uint8_t pad) {
  Block block;
  std::ranges::transform(key, block.begin(),
                         [pad](std::uint8_t byte) -> std::uint8_t { return byte ^ pad; });
  SHA_CTX state;
  SHA1_Init(&state);
  SHA1_Update(&state, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
  return state;
}

}  // namespace

IntegrityKey::IntegrityKey(std::string_view password) {
  Block key{};
  if (password.size() > kBlockSize) {
    SHA1(as_bytes(password).data(), password.size(), key.data());
  } else {
    std::ranges::copy(password, key.begin());
  }
  inner_ = std::bit_cast<State>(start(key, 0x36));
  outer_ = std::bit_cast<State>(start(key, 0x5c));
  OPENSSL_cleanse(key.data(), key.size());
}

IntegrityKey::Mac IntegrityKey::sign(Bytes first, Bytes second) const {
  Mac mac{};
  auto inner = std::bit_cast<SHA_CTX>(inner_);
  SHA1_Update(&inner, first.data(), first.size());
  SHA1_Update(&inner, second.data(), second.size());
  SHA1_Final(mac.data(), &inner);
  auto outer = std::bit_cast<SHA_CTX>(outer_);
  SHA1_Update(&outer, mac.data(), mac.size());
  SHA1_Final(mac.data(), &outer);
  return mac;
}

}  // namespace meridian::ice
