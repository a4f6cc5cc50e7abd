#include <utility>

#include "residency/permit.hpp"

using ClientPermit = meridian::residency::Permit<meridian::residency::ClientLeg>;

ClientPermit pass_on(ClientPermit& permit) {
#ifdef MUST_FAIL
  return ClientPermit(permit);
#else
  return ClientPermit(std::move(permit));
#endif
}
