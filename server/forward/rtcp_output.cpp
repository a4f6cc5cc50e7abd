#include "forward/rtcp_output.hpp"

#include <algorithm>

namespace meridian::forward {

void RtcpOutput::send() {
  if (writer_.empty()) {
    return;
  }
  const MutableBytes packet = writer_.bytes();
  if (transport_.can_send()) {
    const MutableBytes slot = batch_.reserve();
    std::ranges::copy(packet, slot.begin());
    const auto sent = transport_.send_rtcp(batch_, slot, packet.size());
    if (sent) {
      counters_.out(metrics::Traffic::kRtcp).add(packet.size());
    } else {
      counters_.drop(sent.error());
    }
  }
  writer_.clear();
}

}  // namespace meridian::forward
