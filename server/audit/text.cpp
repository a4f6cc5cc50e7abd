#include "audit/text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace meridian::audit {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool is_continuation(char byte) {
  return (static_cast<std::uint8_t>(byte) & 0xc0U) == 0x80U;
}

// Bytes of the well-formed character at the start of `text` (Unicode table 3-7); 0 when ill-formed.
std::size_t character_length(std::string_view text) {
  const auto first = static_cast<std::uint8_t>(text[0]);
  if (first < 0x80) {
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) {
    return 0;
  }
  const auto second = static_cast<std::uint8_t>(text[1]);
  const bool is_overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool is_surrogate = first == 0xed && second > 0x9f;
  const bool is_beyond = first == 0xf4 && second > 0x8f;
  if (is_overlong || is_surrogate || is_beyond) {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (!is_continuation(text[i])) {
      return 0;
    }
  }
  return length;
}

}  // namespace

std::string clean_utf8(std::string_view text, std::size_t limit) {
  std::string clean;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view character = length == 0 ? kReplacement : text.substr(0, length);
    if (clean.size() + character.size() > limit) {
      break;
    }
    clean.append(character);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return clean;
}

void append_json_string(std::string& out, std::string_view text) {
  static constexpr std::string_view kHexDigits = "0123456789abcdef";
  out.push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20) {
      out.append("\\u00");
      out.push_back(kHexDigits[byte >> 4U]);
      out.push_back(kHexDigits[byte & 0xfU]);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

std::string rfc3339(UnixTime time) {
  using namespace std::chrono;
  const sys_seconds at{seconds(time.seconds())};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  const auto padded = [](auto number, std::size_t width) {
    std::string digits = std::to_string(number);
    return digits.insert(0, width - std::min(width, digits.size()), '0');
  };
  return padded(static_cast<int>(date.year()), 4) + '-' +
         padded(static_cast<unsigned>(date.month()), 2) + '-' +
         padded(static_cast<unsigned>(date.day()), 2) + 'T' + padded(clock.hours().count(), 2) +
         ':' + padded(clock.minutes().count(), 2) + ':' + padded(clock.seconds().count(), 2) + 'Z';
}

std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) {
    return std::nullopt;
  }
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace meridian::audit
