#include <optional>

#include "residency/permit.hpp"

using ClientPermit = meridian::residency::Permit<meridian::residency::ClientLeg>;

void hold() {
#ifdef MUST_FAIL
  ClientPermit permit;
#else
  std::optional<ClientPermit> permit;
#endif
  (void)permit;
}
