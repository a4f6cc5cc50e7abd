#include "node/handshake_queue.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::node {

bool HandshakeQueue::push(TransportId transport, const ice::Tuple& from, Bytes datagram) {
  MERIDIAN_CHECK(datagram.size() <= transport::Transport::kMaxDatagram);
  std::size_t of_transport = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    of_transport += at(i).transport == transport ? 1 : 0;
  }
  if (size_ == kMaxWaiting || of_transport == kMaxPerTransport) {
    return false;
  }
  Waiting& last = at(size_++);
  last.transport = transport;
  last.from = from;
  last.size = datagram.size();
  std::ranges::copy(datagram, last.datagram.begin());
  return true;
}

void HandshakeQueue::pop() {
  MERIDIAN_CHECK(size_ > 0);
  first_ = (first_ + 1) % kMaxWaiting;
  --size_;
}

}  // namespace meridian::node
