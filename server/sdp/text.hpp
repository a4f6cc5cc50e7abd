#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

/// The pieces that lines of a description are made of.
namespace meridian::sdp {

/// The whole text as a decimal number in the range of T; no sign, no spaces.
template <std::unsigned_integral T>
std::optional<T> number(std::string_view text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) {
    return std::nullopt;
  }
  return value;
}

/// Cuts the text before the first separator off `rest`.
inline std::string_view take(std::string_view& rest, char separator) {
  const std::size_t at = rest.find(separator);
  const std::string_view head = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return head;
}

/// Cuts the first word off `rest`; words are separated by one space.
inline std::string_view take_word(std::string_view& rest) {
  return take(rest, ' ');
}

/// The non-empty words of the text.
inline std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> result;
  while (!text.empty()) {
    if (const std::string_view word = take_word(text); !word.empty()) {
      result.emplace_back(word);
    }
  }
  return result;
}

}  // namespace meridian::sdp
