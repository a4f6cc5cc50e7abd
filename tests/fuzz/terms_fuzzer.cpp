// Stored policies: whatever is accepted is exactly what would be written, so that a digest stands
// for one policy only; and whatever it says, no level widens.
// Covers: server/directory/terms_reader.cpp
#include <cstddef>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "directory/terms_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace meridian;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto terms = directory::parse_terms(text);
  if (!terms) {
    return 0;
  }
  MERIDIAN_CHECK(canonical(*terms) == text);
  MERIDIAN_CHECK(is_within(*terms, *terms));
  (void)check_levels(*terms);
  const residency::AccountPolicy policy(*terms, PolicyEpoch(1));
  for (const auto& [name, regions] : terms->levels.rooms) {
    const residency::RegionSet left = policy.effective({.group = "", .user = "", .room = name});
    MERIDIAN_CHECK(left.contains(policy.default_region()));
    for (const RegionId& region : left) {
      MERIDIAN_CHECK(policy.effective().contains(region));
    }
  }
  return 0;
}
