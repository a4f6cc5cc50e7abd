#include "dtls/datagram_bio.hpp"

#include <algorithm>
#include <cstring>

#include "base/check.hpp"

namespace meridian::dtls {
namespace {

int wire_write(BIO* bio, const char* data, int size) {
  auto* wire = static_cast<DatagramWire*>(BIO_get_data(bio));
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
  if (size <= 0 || static_cast<std::size_t>(size) > DatagramWire::kMaxSize) {
    return -1;
  }
  wire->output.emplace_back(bytes, bytes + size);
  return size;
}

int wire_read(BIO* bio, char* data, int size) {
  auto* wire = static_cast<DatagramWire*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (wire->input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t count = std::min(wire->input.size(), static_cast<std::size_t>(size));
  std::memcpy(data, wire->input.data(), count);
  wire->input = {};  // a datagram is read once; what doesn't fit is gone
  return static_cast<int>(count);
}

long wire_control(BIO* /*bio*/, int command, long /*argument*/, void* /*pointer*/) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
      return static_cast<long>(DatagramWire::kHandshakeSize);
    default:
      // Above all BIO_CTRL_GET_KTLS_SEND and _RECV: any other answer claims kernel TLS.
      return 0;
  }
}

const BIO_METHOD* wire_method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
    MERIDIAN_CHECK(method != nullptr && BIO_meth_set_write(method, wire_write) == 1 &&
                   BIO_meth_set_read(method, wire_read) == 1 &&
                   BIO_meth_set_ctrl(method, wire_control) == 1);
    return method;
  }();
  return kMethod;
}

}  // namespace

BIO* make_datagram_bio(DatagramWire& wire) {
  BIO* bio = BIO_new(wire_method());
  MERIDIAN_CHECK(bio != nullptr);
  BIO_set_data(bio, &wire);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace meridian::dtls
