#include "srtp/libsrtp.hpp"

#include <srtp2/srtp.h>

#include "base/check.hpp"
#include "srtp/packet_layout.hpp"
#include "srtp/session.hpp"

namespace meridian::srtp {
namespace {

constexpr std::size_t kTagSize = 10;
constexpr std::size_t kMasterSize = 30;  // key, then salt

class Policy {
 public:
  Policy(const KeyMaterial& material, srtp_ssrc_t ssrc) {
    std::copy_n(material.key.begin(), key_size(material.profile), master_.begin());
    std::copy_n(material.salt.begin(), salt_size(material.profile),
                master_.begin() + static_cast<std::ptrdiff_t>(key_size(material.profile)));
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy_.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy_.rtcp);
    policy_.ssrc = ssrc;
    policy_.key = master_.data();
    policy_.window_size = UnprotectSession::kRtpReplayWindow;
  }
  [[nodiscard]] const srtp_policy_t* get() const { return &policy_; }

 private:
  std::array<unsigned char, kMasterSize> master_{};
  srtp_policy_t policy_{};
};

LibsrtpContext make_context(const srtp_policy_t* policy) {
  static const srtp_err_status_t kInitialized = srtp_init();
  MERIDIAN_CHECK(kInitialized == srtp_err_status_ok);
  srtp_t context = nullptr;
  MERIDIAN_CHECK(srtp_create(&context, policy) == srtp_err_status_ok);
  return LibsrtpContext(context);
}

SrtpError error_of(srtp_err_status_t status) {
  switch (status) {
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
      return SrtpError::kReplayed;
    case srtp_err_status_cant_check:
      return SrtpError::kNotEncrypted;
    case srtp_err_status_key_expired:
      return SrtpError::kKeyExhausted;
    case srtp_err_status_no_ctx:
      return SrtpError::kUnknownStream;
    case srtp_err_status_bad_param:
    case srtp_err_status_parse_err:
      return SrtpError::kMalformed;
    default:
      return SrtpError::kAuthFailed;
  }
}

std::unexpected<SrtpError> send_error(srtp_err_status_t status) {
  const SrtpError error = error_of(status);
  return std::unexpected(error == SrtpError::kReplayed ? SrtpError::kIndexReused : error);
}

}  // namespace

void LibsrtpFree::operator()(srtp_ctx_t_* context) const {
  srtp_dealloc(context);
}

LibsrtpProtect::LibsrtpProtect(const KeyMaterial& material)
    : material_(material), context_(make_context(nullptr)), streams_(ProtectSession::kMaxStreams) {}

base::Expected<void, SrtpError> LibsrtpProtect::add_stream(Ssrc ssrc) {
  if (streams_.find(ssrc) != nullptr) {
    return {};
  }
  if (streams_.insert(ssrc) == nullptr) {
    return std::unexpected(SrtpError::kTooManyStreams);
  }
  const Policy policy(material_, {ssrc_specific, ssrc.value()});
  MERIDIAN_CHECK(srtp_add_stream(context_.get(), policy.get()) == srtp_err_status_ok);
  return {};
}

base::Expected<std::size_t, SrtpError> LibsrtpProtect::protect_rtp(MutableBytes buffer,
                                                                   std::size_t length) {
  const auto outside = read_rtp_outside(buffer.first(length));
  if (!outside) {
    return std::unexpected(SrtpError::kMalformed);
  }
  if (buffer.size() - length < kTagSize) {
    return std::unexpected(SrtpError::kNoRoom);
  }
  if (streams_.find(outside->ssrc) == nullptr) {
    return std::unexpected(SrtpError::kUnknownStream);
  }
  int size = static_cast<int>(length);
  const auto status = srtp_protect(context_.get(), buffer.data(), &size);
  if (status != srtp_err_status_ok) {
    return send_error(status);
  }
  return static_cast<std::size_t>(size);
}

base::Expected<std::size_t, SrtpError> LibsrtpProtect::protect_rtcp(MutableBytes buffer,
                                                                    std::size_t length) {
  const auto sender = read_rtcp_sender(buffer.first(length));
  if (!sender) {
    return std::unexpected(SrtpError::kMalformed);
  }
  if (buffer.size() - length < kTagSize + kRtcpTrailerSize) {
    return std::unexpected(SrtpError::kNoRoom);
  }
  if (streams_.find(*sender) == nullptr) {
    return std::unexpected(SrtpError::kUnknownStream);
  }
  int size = static_cast<int>(length);
  const auto status = srtp_protect_rtcp(context_.get(), buffer.data(), &size);
  if (status != srtp_err_status_ok) {
    return send_error(status);
  }
  return static_cast<std::size_t>(size);
}

LibsrtpUnprotect::LibsrtpUnprotect(const KeyMaterial& material)
    : context_(make_context(Policy(material, {ssrc_any_inbound, 0}).get())),
      streams_(UnprotectSession::kMaxStreams) {}

base::Expected<std::size_t, SrtpError> LibsrtpUnprotect::unprotect_rtp(MutableBytes packet) {
  const auto outside = read_rtp_outside(packet);
  if (!outside || packet.size() < outside->header_size + kTagSize) {
    return std::unexpected(SrtpError::kMalformed);
  }
  if (streams_.find(outside->ssrc) == nullptr && streams_.is_full()) {
    return std::unexpected(SrtpError::kTooManyStreams);
  }
  int size = static_cast<int>(packet.size());
  const auto status = srtp_unprotect(context_.get(), packet.data(), &size);
  if (status != srtp_err_status_ok) {
    return std::unexpected(error_of(status));
  }
  (void)streams_.insert(outside->ssrc);
  return static_cast<std::size_t>(size);
}

base::Expected<std::size_t, SrtpError> LibsrtpUnprotect::unprotect_rtcp(MutableBytes packet) {
  const auto sender = read_rtcp_sender(packet);
  if (!sender || packet.size() < kRtcpHeaderSize + kTagSize + kRtcpTrailerSize) {
    return std::unexpected(SrtpError::kMalformed);
  }
  const std::size_t trailer = packet.size() - kTagSize - kRtcpTrailerSize;
  if ((load_u32(packet.data() + trailer) & kEncryptedBit) == 0) {
    return std::unexpected(SrtpError::kNotEncrypted);
  }
  if (streams_.find(*sender) == nullptr && streams_.is_full()) {
    return std::unexpected(SrtpError::kTooManyStreams);
  }
  int size = static_cast<int>(packet.size());
  const auto status = srtp_unprotect_rtcp(context_.get(), packet.data(), &size);
  if (status != srtp_err_status_ok) {
    return std::unexpected(error_of(status));
  }
  (void)streams_.insert(*sender);
  return static_cast<std::size_t>(size);
}

}  // namespace meridian::srtp
