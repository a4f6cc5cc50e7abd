#include "dtls/fingerprint.hpp"

#include <cctype>

namespace meridian::dtls {
namespace {

constexpr std::string_view kHash = "sha-256";

std::optional<std::uint8_t> nibble(char c) {
  if (c >= '0' && c <= '9') {
    return static_cast<std::uint8_t>(c - '0');
  }
  if (c >= 'A' && c <= 'F') {
    return static_cast<std::uint8_t>(c - 'A' + 10);
  }
  if (c >= 'a' && c <= 'f') {
    return static_cast<std::uint8_t>(c - 'a' + 10);
  }
  return std::nullopt;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::tolower(static_cast<unsigned char>(text[i])) != lower[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Fingerprint> Fingerprint::parse(std::string_view attribute) {
  Fingerprint fingerprint;
  const std::size_t digits = kHash.size() + 1;
  if (attribute.size() != digits + fingerprint.sha256.size() * 3 - 1 ||
      attribute[kHash.size()] != ' ' ||
      !equals_ignoring_case(attribute.substr(0, kHash.size()), kHash)) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < fingerprint.sha256.size(); ++i) {
    const std::string_view pair = attribute.substr(digits + i * 3);
    const auto high = nibble(pair[0]);
    const auto low = nibble(pair[1]);
    if (!high || !low || (pair.size() > 2 && pair[2] != ':')) {
      return std::nullopt;
    }
    fingerprint.sha256[i] = static_cast<std::uint8_t>((*high << 4U) | *low);
  }
  return fingerprint;
}

std::string Fingerprint::to_string() const {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text(kHash);
  char separator = ' ';
  for (const std::uint8_t byte : sha256) {
    text += separator;
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0x0fU];
    separator = ':';
  }
  return text;
}

}  // namespace meridian::dtls
