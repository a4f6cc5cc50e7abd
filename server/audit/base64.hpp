#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"

namespace meridian::audit {

/// RFC 4648 section 4, with padding: the form that signed notes use.
[[nodiscard]] std::string base64(Bytes bytes);
/// Exactly what base64() gives; nothing for any other text, stray bits at the end included.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> parse_base64(std::string_view text);

}  // namespace meridian::audit
