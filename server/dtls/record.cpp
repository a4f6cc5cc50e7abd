#include "dtls/record.hpp"

namespace meridian::dtls {
namespace {

// Renegotiation is off, so that there is no second one.
constexpr std::uint16_t kEncryptedEpoch = 1;
// change_cipher_spec, alert, handshake, application_data.
constexpr std::uint8_t kFirstType = 20;
constexpr std::uint8_t kLastType = 23;

}  // namespace

bool may_be_protected(Bytes datagram, std::size_t overhead) {
  while (!datagram.empty()) {
    if (datagram.size() < kRecordHeaderSize || datagram[0] < kFirstType ||
        datagram[0] > kLastType || load_u16(&datagram[1]) != kDtls12 ||
        load_u16(&datagram[3]) > kEncryptedEpoch) {
      return false;
    }
    const std::size_t size = load_u16(&datagram[11]);
    const std::size_t least = load_u16(&datagram[3]) == kEncryptedEpoch ? overhead : 0;
    if (size < least || size > datagram.size() - kRecordHeaderSize) {
      return false;
    }
    datagram = datagram.subspan(kRecordHeaderSize + size);
  }
  return true;
}

}  // namespace meridian::dtls
