#include <utility>

#include "residency/permit.hpp"

using ClientPermit = meridian::residency::Permit<meridian::residency::ClientLeg>;

void replace(ClientPermit& held, ClientPermit& other) {
#ifdef MUST_FAIL
  held = other;
#else
  held = std::move(other);
#endif
}
