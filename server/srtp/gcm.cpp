#include "srtp/gcm.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::srtp {
namespace {

/// The additional data in one piece, which is what the libraries take.
class JoinedData {
 public:
  JoinedData(Bytes header, Bytes more) : whole_(header) {
    if (!more.empty()) {
      MERIDIAN_CHECK(header.size() + more.size() <= joined_.size());
      std::ranges::copy(more, std::ranges::copy(header, joined_.begin()).out);
      whole_ = Bytes(joined_).first(header.size() + more.size());
    }
  }
  [[nodiscard]] Bytes whole() const { return whole_; }

 private:
  std::array<std::uint8_t, Gcm::kMaxSplitData> joined_;
  Bytes whole_;
};

std::variant<EvpGcm, IpsecMbGcm> make(Gcm::Direction direction, Bytes key, GcmLibrary library) {
  MERIDIAN_CHECK(key.size() == 32 || key.size() == 16);
  if (library == GcmLibrary::kIpsecMb) {
    return IpsecMbGcm(key);
  }
  return EvpGcm(direction, key);
}

}  // namespace

std::string_view to_string(GcmLibrary library) {
  return library == GcmLibrary::kIpsecMb ? "libipsec-mb" : "OpenSSL";
}

bool is_available(GcmLibrary library) {
  return library == GcmLibrary::kOpenSsl || IpsecMbGcm::is_available();
}

GcmLibrary fastest_gcm() {
  static const GcmLibrary kFastest =
      IpsecMbGcm::is_available() ? GcmLibrary::kIpsecMb : GcmLibrary::kOpenSsl;
  return kFastest;
}

GcmCipher::GcmCipher(Direction direction, Bytes key, GcmLibrary library)
    : cipher_(make(direction, key, library)) {}

void GcmCipher::seal(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text,
                     std::uint8_t* tag) {
  seal(nonce, JoinedData(header, more).whole(), text, tag);
}

void GcmCipher::seal(const Nonce& nonce, Bytes header, MutableBytes text, std::uint8_t* tag) {
  if (auto* fast = std::get_if<IpsecMbGcm>(&cipher_)) {
    fast->seal(nonce, header, text, tag);
  } else {
    std::get_if<EvpGcm>(&cipher_)->seal(nonce, header, text, tag);
  }
}

bool GcmCipher::open(const Nonce& nonce, Bytes header, Bytes more, MutableBytes text,
                     const std::uint8_t* tag) {
  const JoinedData data(header, more);
  if (auto* fast = std::get_if<IpsecMbGcm>(&cipher_)) {
    return fast->open(nonce, data.whole(), text, tag);
  }
  return std::get_if<EvpGcm>(&cipher_)->open(nonce, data.whole(), text, tag);
}

}  // namespace meridian::srtp
