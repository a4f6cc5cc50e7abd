// Covers: server/ice/stun.cpp server/ice/stun_wire.cpp
// With the first byte odd, magic cookie, length and FINGERPRINT are made right, which no mutation
// would find; the rest is the datagram. What is read is written again, and must read the same.
#include <array>
#include <cstdint>
#include <vector>

#include <zlib.h>

#include "base/check.hpp"
#include "ice/stun.hpp"

using namespace meridian;

namespace {

void repair(std::vector<std::uint8_t>& datagram) {
  constexpr std::array<std::uint8_t, 8> kFingerprint = {0x80, 0x28, 0, 4, 0, 0, 0, 0};
  datagram.resize(std::max(ice::kStunHeaderSize, datagram.size() / 4 * 4));
  datagram.insert(datagram.end(), kFingerprint.begin(), kFingerprint.end());
  store_u16(datagram.data() + 2,
            static_cast<std::uint16_t>(datagram.size() - ice::kStunHeaderSize));
  store_u32(datagram.data() + 4, ice::kStunMagicCookie);
  const auto crc = crc32(0, datagram.data(), static_cast<uInt>(datagram.size() - 8));
  store_u32(datagram.data() + datagram.size() - 4, static_cast<std::uint32_t>(crc) ^ 0x5354554eU);
}

void write_again(const ice::StunMessage& message, const ice::IntegrityKey& key) {
  std::vector<std::uint8_t> buffer(2048);
  ice::StunBuilder builder(buffer, message.message_class, message.transaction);
  if (!message.username.empty()) {
    builder.username(message.username);
  }
  if (message.priority) {
    builder.priority(*message.priority);
  }
  if (message.use_candidate) {
    builder.use_candidate();
  }
  if (message.ice_controlling) {
    builder.ice_controlling(*message.ice_controlling);
  }
  if (message.xor_mapped_address) {
    builder.xor_mapped_address(*message.xor_mapped_address);
  }
  if (message.error_code) {
    builder.error_code(*message.error_code, "reason");
  }
  buffer.resize(builder.finish(key));
  const auto again = ice::parse_stun(buffer);
  MERIDIAN_CHECK(again && again->verify(key));
  MERIDIAN_CHECK(again->message_class == message.message_class);
  MERIDIAN_CHECK(again->username == message.username && again->priority == message.priority);
  MERIDIAN_CHECK(again->use_candidate == message.use_candidate);
  MERIDIAN_CHECK(again->ice_controlling == message.ice_controlling);
  MERIDIAN_CHECK(again->xor_mapped_address == message.xor_mapped_address);
  MERIDIAN_CHECK(again->error_code == message.error_code);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  static const ice::IntegrityKey kKey("VOkJxbRl1RmTxUk/WvJxBt");
  std::vector<std::uint8_t> datagram(data + 1, data + size);
  if (data[0] % 2 == 1) {
    repair(datagram);
  }
  datagram.shrink_to_fit();
  if (const auto message = ice::parse_stun(datagram)) {
    (void)message->verify(kKey);
    write_again(*message, kKey);
  }
  return 0;
}
