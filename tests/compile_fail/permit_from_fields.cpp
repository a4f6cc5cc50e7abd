#include "residency/permit.hpp"

using meridian::AccountId;
using meridian::PolicyEpoch;
using meridian::RegionId;
using ClientPermit = meridian::residency::Permit<meridian::residency::ClientLeg>;

void forge() {
#ifdef MUST_FAIL
  const ClientPermit permit(AccountId("acme"), RegionId("uk-london"), PolicyEpoch(1), {});
  (void)permit;
#endif
}
