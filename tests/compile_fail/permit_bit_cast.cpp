#include <array>
#include <bit>
#include <cstddef>

#include "residency/permit.hpp"

using ClientPermit = meridian::residency::Permit<meridian::residency::ClientLeg>;
using Raw = std::array<std::byte, sizeof(ClientPermit)>;

void forge(const Raw& raw) {
#ifdef MUST_FAIL
  const auto permit = std::bit_cast<ClientPermit>(raw);
  (void)permit;
#else
  (void)std::bit_cast<Raw>(raw);
#endif
}
