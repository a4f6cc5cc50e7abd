#include <utility>

#include "transport/transport.hpp"

using namespace meridian;

void open(transport::ClientPermit permit, const transport::TransportSettings& settings,
          const dtls::Certificate& certificate, Instant now) {
#ifdef MUST_FAIL
  const transport::Transport made(settings, certificate, now);
#else
  const transport::Transport made(std::move(permit), settings, certificate, now);
#endif
}
