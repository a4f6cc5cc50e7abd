#include "dtls/protected_records.hpp"

#include <algorithm>
#include <string>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/ssl.h>

#include "base/check.hpp"
#include "dtls/record.hpp"

namespace meridian::dtls {
namespace {

constexpr std::uint64_t kEpoch = 1;
constexpr unsigned kNumberBits = 48;
constexpr std::uint64_t kMaxNumber = (std::uint64_t{1} << kNumberBits) - 1;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kExplicitNonceSize = 8;
constexpr std::size_t kRandomSize = 32;
constexpr std::size_t kMaxKeySize = 32;
constexpr std::size_t kMaxFixedNonce = 12;
constexpr std::size_t kMaxKeyBlock = 2 * (kMaxKeySize + kMaxFixedNonce);

struct CipherTraits {
  const EVP_CIPHER* cipher = nullptr;
  std::size_t key_size = 0;
  std::size_t fixed_nonce_size = 0;
};

std::optional<CipherTraits> traits_of(const SSL_CIPHER* cipher) {
  switch (cipher == nullptr ? NID_undef : SSL_CIPHER_get_cipher_nid(cipher)) {
    case NID_aes_128_gcm:
      return CipherTraits{.cipher = EVP_aes_128_gcm(), .key_size = 16, .fixed_nonce_size = 4};
    case NID_aes_256_gcm:
      return CipherTraits{.cipher = EVP_aes_256_gcm(), .key_size = 32, .fixed_nonce_size = 4};
    case NID_chacha20_poly1305:
      return CipherTraits{
          .cipher = EVP_chacha20_poly1305(), .key_size = 32, .fixed_nonce_size = 12};
    default:
      return std::nullopt;
  }
}

/// The key block of RFC 5246 section 6.3, of which an AEAD cipher has no MAC keys.
bool expand_keys(const SSL* ssl, MutableBytes block) {
  std::array<std::uint8_t, SSL_MAX_MASTER_KEY_LENGTH> master{};
  std::array<std::uint8_t, kRandomSize> client{};
  std::array<std::uint8_t, kRandomSize> server{};
  std::array<char, 14> label = {"key expansion"};
  const SSL_SESSION* session = SSL_get_session(ssl);
  const EVP_MD* digest = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
  if (session == nullptr || digest == nullptr ||
      SSL_get_client_random(ssl, client.data(), client.size()) != client.size() ||
      SSL_get_server_random(ssl, server.data(), server.size()) != server.size()) {
    return false;
  }
  const std::size_t size = SSL_SESSION_get_master_key(session, master.data(), master.size());
  std::string name = EVP_MD_get0_name(digest);
  const std::array<OSSL_PARAM, 6> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, name.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master.data(), size),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, label.data(), label.size() - 1),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, server.data(), server.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, client.data(), client.size()),
      OSSL_PARAM_construct_end()};
  const std::unique_ptr<EVP_KDF, decltype(&EVP_KDF_free)> function(
      EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_TLS1_PRF, nullptr), &EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, decltype(&EVP_KDF_CTX_free)> context(
      EVP_KDF_CTX_new(function.get()), &EVP_KDF_CTX_free);
  const bool is_done =
      size > 0 && context &&
      EVP_KDF_derive(context.get(), block.data(), block.size(), parameters.data()) == 1;
  OPENSSL_cleanse(master.data(), master.size());
  return is_done;
}

enum class Use : std::uint8_t { kDecrypt, kEncrypt };

EVP_CIPHER_CTX* make_cipher(const EVP_CIPHER* cipher, Use use, Bytes key) {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  MERIDIAN_CHECK(context != nullptr && EVP_CipherInit_ex(context, cipher, nullptr, key.data(),
                                                         nullptr, static_cast<int>(use)) == 1);
  return context;
}

/// Additional data of RFC 5246 section 6.2.3.3: epoch and number, type, version, length.
std::array<std::uint8_t, 13> additional_data(std::uint64_t place, std::uint8_t type,
                                             std::size_t size) {
  std::array<std::uint8_t, 13> data{};
  ByteWriter writer(data);
  writer.u64(place);
  writer.u8(type);
  writer.u16(kDtls12);
  writer.u16(static_cast<std::uint16_t>(size));
  return data;
}

bool update(EVP_CIPHER_CTX* context, std::uint8_t* out, Bytes in) {
  int written = 0;
  return in.empty() ||
         EVP_CipherUpdate(context, out, &written, in.data(), static_cast<int>(in.size())) == 1;
}

}  // namespace

void ProtectedRecords::Free::operator()(evp_cipher_ctx_st* context) const {
  EVP_CIPHER_CTX_free(context);
}

ProtectedRecords::~ProtectedRecords() = default;

bool ProtectedRecords::Window::is_new(std::uint64_t number) const {
  return number >= end_ || (end_ - 1 - number < 64 && ((seen_ >> (end_ - 1 - number)) & 1U) == 0);
}

void ProtectedRecords::Window::add(std::uint64_t number) {
  if (number >= end_) {
    const std::uint64_t step = number + 1 - end_;
    seen_ = step < 64 ? seen_ << step : 0;
    end_ = number + 1;
  }
  seen_ |= std::uint64_t{1} << (end_ - 1 - number);
}

std::unique_ptr<ProtectedRecords> ProtectedRecords::take_over(
    const ssl_st* ssl, std::span<const std::vector<std::uint8_t>> last_flight) {
  const auto traits = traits_of(SSL_get_current_cipher(ssl));
  std::unique_ptr<ProtectedRecords> records(new ProtectedRecords());
  std::array<std::uint8_t, kMaxKeyBlock> block{};
  if (!traits) {
    return nullptr;
  }
  records->has_explicit_nonce_ = traits->fixed_nonce_size < kNonceSize;
  const MutableBytes used =
      MutableBytes(block).first(2 * (traits->key_size + traits->fixed_nonce_size));
  if (!records->read_last_flight(last_flight) || !expand_keys(ssl, used)) {
    return nullptr;
  }
  // The client's key, ours; the client's nonce, ours.
  ByteReader reader(used);
  records->read_.cipher.reset(
      make_cipher(traits->cipher, Use::kDecrypt, reader.bytes(traits->key_size)));
  records->write_.cipher.reset(
      make_cipher(traits->cipher, Use::kEncrypt, reader.bytes(traits->key_size)));
  std::ranges::copy(reader.bytes(traits->fixed_nonce_size), records->read_.fixed_nonce.begin());
  std::ranges::copy(reader.bytes(traits->fixed_nonce_size), records->write_.fixed_nonce.begin());
  OPENSSL_cleanse(block.data(), block.size());
  return records;
}

/// Our numbers and nonces go on behind what the handshake used.
bool ProtectedRecords::read_last_flight(std::span<const std::vector<std::uint8_t>> flight) {
  bool has_finished = false;
  for (const auto& datagram : flight) {
    ByteReader reader(datagram);
    while (reader.remaining() > 0) {
      const std::uint8_t type = reader.u8();
      reader.skip(2);
      const std::uint64_t place = reader.u64();
      const Bytes body = reader.bytes(reader.u16());
      if (reader.failed() || place >> kNumberBits > kEpoch) {
        return false;
      }
      if (place >> kNumberBits < kEpoch) {
        continue;
      }
      if (type != static_cast<std::uint8_t>(Content::kHandshake) || body.size() < overhead() ||
          has_finished) {
        return false;
      }
      has_finished = true;
      next_number_ = (place & kMaxNumber) + 1;
      next_nonce_ = ByteReader(body).u64() + 1;
    }
  }
  return has_finished;
}

std::size_t ProtectedRecords::overhead() const {
  return kTagSize + (has_explicit_nonce_ ? kExplicitNonceSize : 0);
}

/// RFC 5288 section 3: the fixed part, then the explicit one. RFC 7905 section 2: the record's
/// place is added to the fixed nonce.
std::array<std::uint8_t, ProtectedRecords::kNonceSize> ProtectedRecords::nonce(
    const Side& side, std::uint64_t variable) const {
  std::array<std::uint8_t, kNonceSize> nonce = side.fixed_nonce;
  for (std::size_t i = 0; i < 8; ++i) {
    std::uint8_t& byte = nonce[kNonceSize - 1 - i];
    byte = static_cast<std::uint8_t>(byte ^ static_cast<std::uint8_t>(variable >> (8 * i)));
  }
  return nonce;
}

std::optional<std::size_t> ProtectedRecords::seal(Content type, Bytes payload, MutableBytes out) {
  if (next_number_ > kMaxNumber) {
    return std::nullopt;
  }
  const std::uint64_t place = (kEpoch << kNumberBits) | next_number_++;
  const std::uint64_t variable = has_explicit_nonce_ ? next_nonce_++ : place;
  ByteWriter writer(out);
  writer.u8(static_cast<std::uint8_t>(type));
  writer.u16(kDtls12);
  writer.u64(place);
  writer.u16(static_cast<std::uint16_t>(payload.size() + overhead()));
  if (has_explicit_nonce_) {
    writer.u64(variable);
  }
  const MutableBytes text = writer.reserve(payload.size());
  const MutableBytes tag = writer.reserve(kTagSize);
  MERIDIAN_CHECK(!writer.failed());
  const auto data = additional_data(place, static_cast<std::uint8_t>(type), payload.size());
  const auto iv = nonce(write_, variable);
  EVP_CIPHER_CTX* context = write_.cipher.get();
  int written = 0;
  MERIDIAN_CHECK(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, iv.data(), -1) == 1 &&
                 update(context, nullptr, data) && update(context, text.data(), payload) &&
                 EVP_CipherFinal_ex(context, tag.data(), &written) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(kTagSize),
                                     tag.data()) == 1);
  return writer.size();
}

std::optional<ProtectedRecords::Opened> ProtectedRecords::open(Bytes record, MutableBytes out) {
  ByteReader reader(record);
  const std::uint8_t type = reader.u8();
  reader.skip(2);
  const std::uint64_t place = reader.u64();
  const std::size_t size = reader.u16();
  const std::uint64_t number = place & kMaxNumber;
  if (place >> kNumberBits != kEpoch || size < overhead() || !received_.is_new(number)) {
    return std::nullopt;
  }
  const std::uint64_t variable = has_explicit_nonce_ ? reader.u64() : place;
  const Bytes text = reader.bytes(size - overhead());
  const Bytes tag = reader.bytes(kTagSize);
  if (reader.failed() || text.size() > out.size()) {
    return std::nullopt;
  }
  std::array<std::uint8_t, kTagSize> expected{};  // EVP takes it as non-const, and only reads it
  std::ranges::copy(tag, expected.begin());
  const auto data = additional_data(place, type, text.size());
  const auto iv = nonce(read_, variable);
  EVP_CIPHER_CTX* context = read_.cipher.get();
  int written = 0;
  MERIDIAN_CHECK(EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, iv.data(), -1) == 1 &&
                 EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(kTagSize),
                                     expected.data()) == 1 &&
                 update(context, nullptr, data) && update(context, out.data(), text));
  if (EVP_CipherFinal_ex(context, expected.data(), &written) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  received_.add(number);
  return Opened{.type = static_cast<Content>(type), .payload = out.first(text.size())};
}

}  // namespace meridian::dtls
