// Covers: server/srtp/aead.cpp server/srtp/libsrtp.cpp server/srtp/packet_layout.hpp
// Covers: server/srtp/replay_window.hpp
// The first byte picks the profile; then follow packets, each {operation, length, bytes}. Anything
// that one session encrypts another decrypts to the same bytes, once; anything else is refused.
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/check.hpp"
#include "srtp/packet_layout.hpp"
#include "srtp/session.hpp"

using namespace meridian;

namespace {

using Packet = std::vector<std::uint8_t>;

struct Sessions {
  explicit Sessions(const srtp::KeyMaterial& material) : protect(material), unprotect(material) {}
  srtp::ProtectSession protect;
  srtp::UnprotectSession unprotect;
};

void rtp_round_trip(Sessions& sessions, const Packet& plain) {
  const auto outside = srtp::read_rtp_outside(plain);
  if (outside) {
    (void)sessions.protect.add_stream(outside->ssrc);
  }
  Packet packet = plain;
  packet.resize(plain.size() + srtp::kMaxRtpOverhead);
  const auto size = sessions.protect.protect_rtp(packet, plain.size());
  MERIDIAN_CHECK(!size || outside);
  if (!size) {
    return;
  }
  packet.resize(*size);
  packet.shrink_to_fit();
  Packet again = plain;
  again.resize(plain.size() + srtp::kMaxRtpOverhead);
  MERIDIAN_CHECK(sessions.protect.protect_rtp(again, plain.size()).error() ==
                 srtp::SrtpError::kIndexReused);
  if (const auto length = sessions.unprotect.unprotect_rtp(packet)) {
    MERIDIAN_CHECK(*length == plain.size());
    MERIDIAN_CHECK(std::memcmp(packet.data(), plain.data(), plain.size()) == 0);
  }
}

void rtcp_round_trip(Sessions& sessions, const Packet& plain) {
  if (const auto sender = srtp::read_rtcp_sender(plain)) {
    (void)sessions.protect.add_stream(*sender);
  }
  Packet packet = plain;
  packet.resize(plain.size() + srtp::kMaxRtcpOverhead);
  const auto size = sessions.protect.protect_rtcp(packet, plain.size());
  if (!size) {
    return;
  }
  packet.resize(*size);
  Packet replayed = packet;
  if (const auto length = sessions.unprotect.unprotect_rtcp(packet)) {
    MERIDIAN_CHECK(*length == plain.size());
    MERIDIAN_CHECK(std::memcmp(packet.data(), plain.data(), plain.size()) == 0);
    MERIDIAN_CHECK(!sessions.unprotect.unprotect_rtcp(replayed));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader reader(Bytes(data, size));
  constexpr srtp::Profile kProfiles[] = {srtp::Profile::kAeadAes128Gcm,
                                         srtp::Profile::kAeadAes256Gcm,
                                         srtp::Profile::kAes128CmSha1_80};
  Sessions sessions(srtp::KeyMaterial{.profile = kProfiles[reader.u8() % 3]});
  while (reader.remaining() >= 2) {
    const unsigned operation = reader.u8() % 4;
    const std::size_t length = std::min<std::size_t>(reader.u8(), reader.remaining());
    const Bytes bytes = reader.bytes(length);
    Packet packet(bytes.begin(), bytes.end());
    switch (operation) {
      case 0:
        rtp_round_trip(sessions, packet);
        break;
      case 1:
        rtcp_round_trip(sessions, packet);
        break;
      case 2:
        MERIDIAN_CHECK(!sessions.unprotect.unprotect_rtp(packet));
        break;
      default:
        MERIDIAN_CHECK(!sessions.unprotect.unprotect_rtcp(packet));
        break;
    }
  }
  return 0;
}
