#include "srtp/aead.hpp"

#include <openssl/crypto.h>

#include "base/check.hpp"
#include "srtp/key_derivation.hpp"
#include "srtp/packet_layout.hpp"

namespace meridian::srtp {
namespace {

constexpr std::uint64_t kMaxRtpIndex = (std::uint64_t{1} << 48U) - 1;

GcmCipher make_cipher(const KeyMaterial& material, KeyLabel label, Gcm::Direction direction,
                      GcmLibrary library) {
  std::array<std::uint8_t, 32> key{};
  const MutableBytes used = MutableBytes(key).first(key_size(material.profile));
  derive_key(material, label, used);
  GcmCipher cipher(direction, used, library);
  OPENSSL_cleanse(key.data(), key.size());
  return cipher;
}

}  // namespace

AeadKeys::AeadKeys(const KeyMaterial& material, Use use, Gcm::Direction direction,
                   GcmLibrary library)
    : cipher(make_cipher(material,
                         use == Use::kRtp ? KeyLabel::kRtpEncryption : KeyLabel::kRtcpEncryption,
                         direction, library)) {
  derive_key(material, use == Use::kRtp ? KeyLabel::kRtpSalt : KeyLabel::kRtcpSalt, salt);
}

Gcm::Nonce AeadKeys::nonce(Ssrc ssrc, std::uint64_t index) const {
  // In registers: what is read in other pieces than it was written in waits until all that was
  // written before, the payload above all, has reached the cache.
  const std::uint64_t first = std::uint64_t{ssrc.value()} << 16U | (index >> 32U & 0xffffU);
  const auto last = static_cast<std::uint32_t>(index);
  Gcm::Nonce nonce;
  store_u64(nonce.data(), load_u64(salt.data()) ^ first);
  store_u32(nonce.data() + 8, load_u32(salt.data() + 8) ^ last);
  return nonce;
}

AeadProtect::AeadProtect(const KeyMaterial& material, GcmLibrary library)
    : rtp_(material, AeadKeys::Use::kRtp, Gcm::Direction::kEncrypt, library),
      rtcp_(material, AeadKeys::Use::kRtcp, Gcm::Direction::kEncrypt, library),
      streams_(ProtectSession::kMaxStreams) {}

base::Expected<void, SrtpError> AeadProtect::add_stream(Ssrc ssrc) {
  if (streams_.insert(ssrc) == nullptr) {
    return std::unexpected(SrtpError::kTooManyStreams);
  }
  return {};
}

base::Expected<std::size_t, SrtpError> AeadProtect::protect_rtp(MutableBytes buffer,
                                                                std::size_t length) {
  const auto outside = read_rtp_outside(buffer.first(length));
  if (!outside) {
    return std::unexpected(SrtpError::kMalformed);
  }
  if (buffer.size() - length < Gcm::kTagSize) {
    return std::unexpected(SrtpError::kNoRoom);
  }
  Stream* stream = streams_.find(outside->ssrc);
  if (stream == nullptr) {
    return std::unexpected(SrtpError::kUnknownStream);
  }
  const auto index = packet_index(outside->sequence, stream->used);
  if (!index || !stream->used.is_new(*index)) {
    return std::unexpected(SrtpError::kIndexReused);
  }
  if (*index > kMaxRtpIndex) {
    return std::unexpected(SrtpError::kKeyExhausted);
  }
  stream->used.add(*index);
  rtp_.cipher.seal(rtp_.nonce(outside->ssrc, *index), buffer.first(outside->header_size),
                   buffer.first(length).subspan(outside->header_size), buffer.data() + length);
  return length + Gcm::kTagSize;
}

base::Expected<std::size_t, SrtpError> AeadProtect::protect_rtcp(MutableBytes buffer,
                                                                 std::size_t length) {
  const auto sender = read_rtcp_sender(buffer.first(length));
  if (!sender) {
    return std::unexpected(SrtpError::kMalformed);
  }
  if (buffer.size() - length < Gcm::kTagSize + kRtcpTrailerSize) {
    return std::unexpected(SrtpError::kNoRoom);
  }
  Stream* stream = streams_.find(*sender);
  if (stream == nullptr) {
    return std::unexpected(SrtpError::kUnknownStream);
  }
  if (stream->next_rtcp_index > kMaxRtcpIndex) {
    return std::unexpected(SrtpError::kKeyExhausted);
  }
  const auto index = static_cast<std::uint32_t>(stream->next_rtcp_index++);
  // The trailer stands behind the tag and is authenticated behind the header (section 9.2).
  const MutableBytes trailer = buffer.subspan(length + Gcm::kTagSize).first(kRtcpTrailerSize);
  store_u32(trailer.data(), index | kEncryptedBit);
  rtcp_.cipher.seal(rtcp_.nonce(*sender, index), buffer.first(kRtcpHeaderSize), trailer,
                    buffer.first(length).subspan(kRtcpHeaderSize), buffer.data() + length);
  return length + Gcm::kTagSize + kRtcpTrailerSize;
}

AeadUnprotect::AeadUnprotect(const KeyMaterial& material, GcmLibrary library)
    : rtp_(material, AeadKeys::Use::kRtp, Gcm::Direction::kDecrypt, library),
      rtcp_(material, AeadKeys::Use::kRtcp, Gcm::Direction::kDecrypt, library),
      rtp_streams_(UnprotectSession::kMaxStreams),
      rtcp_streams_(UnprotectSession::kMaxStreams) {}

base::Expected<std::size_t, SrtpError> AeadUnprotect::unprotect_rtp(MutableBytes packet) {
  const auto outside = read_rtp_outside(packet);
  if (!outside || packet.size() < outside->header_size + Gcm::kTagSize) {
    return std::unexpected(SrtpError::kMalformed);
  }
  auto* window = rtp_streams_.find(outside->ssrc);
  if (window == nullptr && rtp_streams_.is_full()) {
    return std::unexpected(SrtpError::kTooManyStreams);
  }
  // Nothing lies before a stream's beginning: such a number can only be a leap forward.
  std::uint64_t index = outside->sequence.value();
  if (window != nullptr) {
    index = packet_index(outside->sequence, *window).value_or(index);
    if (index > kMaxRtpIndex || !window->is_new(index)) {
      return std::unexpected(SrtpError::kReplayed);
    }
  }
  const std::size_t length = packet.size() - Gcm::kTagSize;
  if (!rtp_.cipher.open(rtp_.nonce(outside->ssrc, index), packet.first(outside->header_size), {},
                        packet.first(length).subspan(outside->header_size),
                        packet.data() + length)) {
    return std::unexpected(SrtpError::kAuthFailed);
  }
  // Only an authentic packet makes a stream or moves its window.
  if (window == nullptr) {
    window = rtp_streams_.insert(outside->ssrc);
  }
  window->add(index);
  return length;
}

base::Expected<std::size_t, SrtpError> AeadUnprotect::unprotect_rtcp(MutableBytes packet) {
  const auto sender = read_rtcp_sender(packet);
  if (!sender || packet.size() < kRtcpHeaderSize + Gcm::kTagSize + kRtcpTrailerSize) {
    return std::unexpected(SrtpError::kMalformed);
  }
  const Bytes trailer = packet.last(kRtcpTrailerSize);
  const std::uint32_t word = load_u32(trailer.data());
  if ((word & kEncryptedBit) == 0) {
    return std::unexpected(SrtpError::kNotEncrypted);
  }
  const std::uint32_t index = word & ~kEncryptedBit;
  auto* window = rtcp_streams_.find(*sender);
  if (window == nullptr && rtcp_streams_.is_full()) {
    return std::unexpected(SrtpError::kTooManyStreams);
  }
  if (window != nullptr && !window->is_new(index)) {
    return std::unexpected(SrtpError::kReplayed);
  }
  const std::size_t length = packet.size() - Gcm::kTagSize - kRtcpTrailerSize;
  if (!rtcp_.cipher.open(rtcp_.nonce(*sender, index), packet.first(kRtcpHeaderSize), trailer,
                         packet.first(length).subspan(kRtcpHeaderSize), packet.data() + length)) {
    return std::unexpected(SrtpError::kAuthFailed);
  }
  if (window == nullptr) {
    window = rtcp_streams_.insert(*sender);
  }
  window->add(index);
  return length;
}

}  // namespace meridian::srtp
