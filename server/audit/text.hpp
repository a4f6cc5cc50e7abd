#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace meridian::audit {

/// `text` cut to at most `limit` bytes at a character's boundary, with each ill-formed UTF-8 byte
/// replaced by U+FFFD (which counts in the limit).
[[nodiscard]] std::string clean_utf8(std::string_view text, std::size_t limit);

/// Appends `text` as a JSON string. It must be well-formed UTF-8. Only `"`, `\` and control
/// characters are escaped, the latter as \u00xx, so that each string has one form.
void append_json_string(std::string& out, std::string_view text);

/// `2026-11-23T00:05:07Z`: RFC 3339, UTC, whole seconds.
[[nodiscard]] std::string rfc3339(UnixTime time);

/// Removes the first line of `text` and returns it without its newline; nothing, and `text` as it
/// was, when there is no newline.
[[nodiscard]] std::optional<std::string_view> take_line(std::string_view& text);

}  // namespace meridian::audit
