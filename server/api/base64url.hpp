#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace meridian::api {

/// RFC 4648 section 5 without padding.
[[nodiscard]] std::string base64url_encode(Bytes bytes);
/// Nothing for padding, other alphabets, impossible lengths and non-zero unused bits: each value
/// has one text.
[[nodiscard]] std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace meridian::api
