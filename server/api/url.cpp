#include "api/url.hpp"

#include <algorithm>

namespace meridian::api {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_unreserved(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return is_digit(c) || (lower >= 'a' && lower <= 'z') || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

struct Scheme {
  std::string_view prefix;
  std::string_view port;
  bool is_secure;
};
constexpr Scheme kSchemes[] = {{"https://", "443", true},
                               {"http://", "80", false},
                               {"wss://", "443", true},
                               {"ws://", "80", false}};

// Host and port of `authority`; false when it isn't one.
bool read_authority(std::string_view authority, Url& url) {
  std::string_view rest;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) {
      return false;
    }
    url.host = authority.substr(1, end - 1);
    rest = authority.substr(end + 1);
    if (!url.host.contains(':')) {
      return false;
    }
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    url.host = authority.substr(0, end);
    rest = authority.substr(end);
  }
  if (!rest.empty()) {
    url.port = rest.substr(1);
    constexpr std::size_t kMaxPortDigits = 5;
    if (rest[0] != ':' || url.port.empty() || url.port.size() > kMaxPortDigits ||
        !std::ranges::all_of(url.port, is_digit)) {
      return false;
    }
  }
  return !url.host.empty() && !authority.contains('@');
}

}  // namespace

std::string Url::authority() const {
  return host.contains(':') ? "[" + host + "]:" + port : host + ":" + port;
}

std::optional<Url> parse_url(std::string_view text) {
  const auto is_bad = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  const auto* scheme = std::ranges::find_if(
      kSchemes, [&](const Scheme& candidate) { return text.starts_with(candidate.prefix); });
  if (scheme == std::end(kSchemes) || std::ranges::any_of(text, is_bad)) {
    return std::nullopt;
  }
  text.remove_prefix(scheme->prefix.size());
  text = text.substr(0, text.find('#'));
  const std::size_t end = std::min(text.find_first_of("/?"), text.size());
  Url url{
      .is_secure = scheme->is_secure, .host = {}, .port = std::string(scheme->port), .target = {}};
  if (!read_authority(text.substr(0, end), url)) {
    return std::nullopt;
  }
  url.target = text.substr(end);
  if (!url.target.starts_with('/')) {
    url.target.insert(0, 1, '/');
  }
  return url;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4U]);
      out.push_back(kHex[byte & 0xfU]);
    }
  }
  return out;
}

std::optional<std::string> query_parameter(std::string_view target, std::string_view name) {
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) {
    return std::nullopt;
  }
  std::string_view rest = target.substr(question + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const std::size_t equals = pair.find('=');
    if (pair.substr(0, equals) == name) {
      return percent_decode(equals == std::string_view::npos ? std::string_view{}
                                                             : pair.substr(equals + 1));
    }
  }
  return std::nullopt;
}

}  // namespace meridian::api
