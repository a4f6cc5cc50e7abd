#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

namespace meridian::api {

// Between Boost's string views and the standard's, which don't convert into each other everywhere.
[[nodiscard]] inline boost::json::string_view json_view(std::string_view text) {
  return {text.data(), text.size()};
}
[[nodiscard]] inline std::string_view text_view(const boost::json::string& text) {
  return {text.data(), text.size()};
}

/// The text as a JSON object; nothing when it is none.
[[nodiscard]] inline std::optional<boost::json::object> parse_object(std::string_view text) {
  boost::json::error_code error;
  boost::json::value value = boost::json::parse(json_view(text), error);
  if (error || !value.is_object()) {
    return std::nullopt;
  }
  return std::move(value.as_object());
}

/// A member that is a string, in `object`; empty when there is none.
[[nodiscard]] inline std::string_view text_member(const boost::json::object& object,
                                                  std::string_view name) {
  const boost::json::value* value = object.if_contains(json_view(name));
  return value != nullptr && value->is_string() ? text_view(value->get_string())
                                                : std::string_view();
}

}  // namespace meridian::api
