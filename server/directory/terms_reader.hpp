#pragma once

#include <string_view>

#include "base/expected.hpp"
#include "residency/policy.hpp"

namespace meridian::directory {

/// The terms of a canonical text: what residency::canonical() gives for them is this very text.
/// Error: a sentence on what is wrong with any other.
[[nodiscard]] base::Expected<residency::AccountPolicy::Terms, base::Error> parse_terms(
    std::string_view text);

}  // namespace meridian::directory
