#include "srtp/aead.hpp"

#include <algorithm>

#include <openssl/evp.h>

#include "base/check.hpp"
#include "srtp/key_derivation.hpp"
#include "srtp/packet_layout.hpp"

namespace meridian::srtp {
namespace {

constexpr std::uint64_t kMaxRtpIndex = (std::uint64_t{1} << 48U) - 1;

GcmCipher make_cipher(const KeyMaterial& material, KeyLabel label, GcmCipher::Direction direction) {
  std::array<std::uint8_t, 32> key{};
  const MutableBytes used = MutableBytes(key).first(key_size(material.profile));
  derive_key(material, label, used);
  GcmCipher cipher(direction, used);
  OPENSSL_cleanse(key.data(), key.size());
  return cipher;
}

/// Additional data or text: EVP tells them apart by a null output.
bool update(EVP_CIPHER_CTX* context, std::uint8_t* out, Bytes in) {
  int written = 0;
  return in.empty() ||
         EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1;
}

}  // namespace

void GcmCipher::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

GcmCipher::GcmCipher(Direction direction, Bytes key) : context_(EVP_CIPHER_CTX_new()) {
  const EVP_CIPHER* cipher = key.size() == 32 ? EVP_aes_256_gcm() : EVP_aes_128_gcm();
  MERIDIAN_CHECK(context_ && (key.size() == 32 || key.size() == 16));
  MERIDIAN_CHECK(EVP_CipherInit_ex(context_.get(), cipher, nullptr, key.data(), nullptr,
                                   direction == Direction::kEncrypt ? 1 : 0) == 1);
}

void GcmCipher::seal(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text,
                     std::uint8_t* tag) {
  EVP_CIPHER_CTX* context = context_.get();
  int written = 0;
  MERIDIAN_CHECK(
      EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
      update(context, nullptr, header) && update(context, nullptr, more) &&
      update(context, text.data(), text) && EVP_CipherFinal_ex(context, nullptr, &written) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagSize), tag) == 1);
}

bool GcmCipher::open(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text,
                     const std::uint8_t* tag) {
  EVP_CIPHER_CTX* context = context_.get();
  // EVP takes the tag as a pointer to non-const, and only reads it.
  std::array<std::uint8_t, kTagSize> expected{};
  std::copy_n(tag, kTagSize, expected.begin());
  int written = 0;
  MERIDIAN_CHECK(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, nonce.data(), -1) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize),
                                     expected.data()) == 1 &&
                 update(context, nullptr, header) && update(context, nullptr, more) &&
                 update(context, text.data(), text));
  return EVP_CipherFinal_ex(context, nullptr, &written) == 1;
}

AeadKeys::AeadKeys(const KeyMaterial& material, Use use, GcmCipher::Direction direction)
    : cipher(make_cipher(material,
                         use == Use::kRtp ? KeyLabel::kRtpEncryption : KeyLabel::kRtcpEncryption,
                         direction)) {
  derive_key(material, use == Use::kRtp ? KeyLabel::kRtpSalt : KeyLabel::kRtcpSalt, salt);
}

GcmCipher::Nonce AeadKeys::nonce(Ssrc ssrc, std::uint64_t index) const {
  GcmCipher::Nonce nonce{};
  store_u32(nonce.data() + 2, ssrc.value());
  store_u16(nonce.data() + 6, static_cast<std::uint16_t>(index >> 32U));
  store_u32(nonce.data() + 8, static_cast<std::uint32_t>(index));
  for (std::size_t i = 0; i < nonce.size(); ++i) {
    nonce[i] ^= salt[i];
  }
  return nonce;
}

AeadProtect::AeadProtect(const KeyMaterial& material)
    : rtp_(material, AeadKeys::Use::kRtp, GcmCipher::Direction::kEncrypt),
      rtcp_(material, AeadKeys::Use::kRtcp, GcmCipher::Direction::kEncrypt),
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
  if (buffer.size() - length < GcmCipher::kTagSize) {
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
  rtp_.cipher.seal(rtp_.nonce(outside->ssrc, *index), buffer.first(outside->header_size), {},
                   buffer.first(length).subspan(outside->header_size), buffer.data() + length);
  return length + GcmCipher::kTagSize;
}

base::Expected<std::size_t, SrtpError> AeadProtect::protect_rtcp(MutableBytes buffer,
                                                                 std::size_t length) {
  const auto sender = read_rtcp_sender(buffer.first(length));
  if (!sender) {
    return std::unexpected(SrtpError::kMalformed);
  }
  if (buffer.size() - length < GcmCipher::kTagSize + kRtcpTrailerSize) {
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
  const MutableBytes trailer = buffer.subspan(length + GcmCipher::kTagSize).first(kRtcpTrailerSize);
  store_u32(trailer.data(), index | kEncryptedBit);
  rtcp_.cipher.seal(rtcp_.nonce(*sender, index), buffer.first(kRtcpHeaderSize), trailer,
                    buffer.first(length).subspan(kRtcpHeaderSize), buffer.data() + length);
  return length + GcmCipher::kTagSize + kRtcpTrailerSize;
}

AeadUnprotect::AeadUnprotect(const KeyMaterial& material)
    : rtp_(material, AeadKeys::Use::kRtp, GcmCipher::Direction::kDecrypt),
      rtcp_(material, AeadKeys::Use::kRtcp, GcmCipher::Direction::kDecrypt),
      rtp_streams_(UnprotectSession::kMaxStreams),
      rtcp_streams_(UnprotectSession::kMaxStreams) {}

base::Expected<std::size_t, SrtpError> AeadUnprotect::unprotect_rtp(MutableBytes packet) {
  const auto outside = read_rtp_outside(packet);
  if (!outside || packet.size() < outside->header_size + GcmCipher::kTagSize) {
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
  const std::size_t length = packet.size() - GcmCipher::kTagSize;
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
  if (!sender || packet.size() < kRtcpHeaderSize + GcmCipher::kTagSize + kRtcpTrailerSize) {
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
  const std::size_t length = packet.size() - GcmCipher::kTagSize - kRtcpTrailerSize;
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
