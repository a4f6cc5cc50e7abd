#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace meridian::audit {

/// `text` cut to at most `limit` bytes at a character's boundary, with each ill-formed UTF-8 byte
/// replaced by U+FFFD (which counts in the limit).
[[nodiscard]] std::string clean_utf8(std::string_view text, std::size_t limit);

/// Appends `text` as a JSON string. It must be well-formed UTF-8. Only `"`, `\` and control
/// characters are escaped, the latter as \u00xx, so that each string has one form.
void append_json_string(std::string& out, std::string_view text);

}  // namespace meridian::audit
