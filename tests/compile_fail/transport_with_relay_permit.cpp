#include <utility>

#include "transport/transport.hpp"

using namespace meridian;

#ifdef MUST_FAIL
using Permit = residency::Permit<residency::RelayLeg>;
#else
using Permit = residency::Permit<residency::ClientLeg>;
#endif

void open(Permit permit, const transport::TransportSettings& settings,
          const dtls::Certificate& certificate, Instant now) {
  const transport::Transport made(std::move(permit), settings, certificate, now);
}
