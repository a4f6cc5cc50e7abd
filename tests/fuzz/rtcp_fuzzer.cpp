// Covers: server/rtcp/packet.cpp server/rtcp/packet.hpp server/rtcp/text.cpp
// Any datagram after decryption: each view of an accepted compound is read to its end.
#include <cstdint>

#include "base/check.hpp"
#include "rtcp/text.hpp"

using namespace meridian;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto compound = rtcp::Compound::parse(Bytes(data, size));
  if (!compound) {
    MERIDIAN_CHECK(rtcp::to_text(compound.error()) != "unknown");
    return 0;
  }
  MERIDIAN_CHECK(!rtcp::to_text(*compound).empty());
  for (const rtcp::Packet packet : *compound) {
    if (const auto* nack = std::get_if<rtcp::Nack>(&packet)) {
      std::size_t count = 0;
      for (rtcp::NackCursor cursor = nack->sequences(); cursor.next();) {
        ++count;
      }
      MERIDIAN_CHECK(count <= rtcp::NackCursor::kMaxSequences);
    } else if (const auto* feedback = std::get_if<rtcp::TransportFeedback>(&packet)) {
      std::size_t count = 0;
      for (rtcp::StatusCursor cursor = feedback->statuses(); cursor.next();) {
        ++count;
      }
      MERIDIAN_CHECK(count <= rtcp::StatusCursor::kMaxStatuses);
    }
  }
  return 0;
}
