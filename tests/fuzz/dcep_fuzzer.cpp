// Covers: server/sctp/dcep.cpp
// Any establishment message: what is accepted is written again and read as the same.
#include <cstdint>

#include "base/check.hpp"
#include "sctp/dcep.hpp"

using namespace meridian;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto message = sctp::dcep::parse(Bytes(data, size));
  if (!message || message->type == sctp::dcep::Type::kAck) {
    return 0;
  }
  const auto again = sctp::dcep::parse(sctp::dcep::build_open(message->options));
  MERIDIAN_CHECK(again && again->options == message->options);
  return 0;
}
