#include <utility>

#include "residency/permit.hpp"

using meridian::residency::ClientLeg;
using meridian::residency::Permit;
using meridian::residency::RelayLeg;

void run_relay(Permit<RelayLeg> permit);

#ifdef MUST_FAIL
void use(Permit<ClientLeg> permit) {
  run_relay(std::move(permit));
}
#else
void use(Permit<RelayLeg> permit) {
  run_relay(std::move(permit));
}
#endif
