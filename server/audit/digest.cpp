#include "audit/digest.hpp"

#include <cstddef>
#include <memory>

#include <openssl/evp.h>

#include "base/check.hpp"

namespace meridian::audit {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

}  // namespace

std::string Digest::hex() const {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text.push_back(kHexDigits[byte >> 4U]);
    text.push_back(kHexDigits[byte & 0xfU]);
  }
  return text;
}

std::optional<Digest> Digest::from_hex(std::string_view text) {
  Digest digest;
  if (text.size() != 2 * digest.bytes.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < digest.bytes.size(); ++i) {
    const std::size_t high = kHexDigits.find(text[2 * i]);
    const std::size_t low = kHexDigits.find(text[2 * i + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return std::nullopt;
    }
    digest.bytes[i] = static_cast<std::uint8_t>((high << 4U) | low);
  }
  return digest;
}

Digest sha256(std::initializer_list<Bytes> parts) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        &EVP_MD_CTX_free);
  Digest digest;
  MERIDIAN_CHECK(context && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  for (const Bytes part : parts) {
    MERIDIAN_CHECK(EVP_DigestUpdate(context.get(), part.data(), part.size()) == 1);
  }
  MERIDIAN_CHECK(EVP_DigestFinal_ex(context.get(), digest.bytes.data(), nullptr) == 1);
  return digest;
}

}  // namespace meridian::audit
