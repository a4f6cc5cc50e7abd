#include "support/peer_dtls.hpp"

#include <algorithm>
#include <deque>
#include <string_view>
#include <sys/time.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/check.hpp"

namespace meridian::test {
namespace {

constexpr Duration kFirstRetransmission = 100ms;
constexpr long kMtu = 1200;

using Datagram = std::vector<std::uint8_t>;

}  // namespace

struct PeerDtls::Impl {
  static int write(BIO* bio, const char* data, int size);
  static int read(BIO* bio, char* data, int size);
  static long control(BIO* bio, int command, long argument, void* pointer);
  static const BIO_METHOD* method();
  static Impl& of(BIO* bio) { return *static_cast<Impl*>(BIO_get_data(bio)); }

  void make_certificate(const Settings& settings);
  void make_ssl(const Settings& settings);
  void advance(Instant now);
  void read_payloads();
  void export_keys();

  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{nullptr, &EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> certificate{nullptr, &X509_free};
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{nullptr, &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl{nullptr, &SSL_free};
  dtls::Fingerprint fingerprint;
  Bytes input;
  std::deque<Datagram> output;
  std::deque<Datagram> payloads;
  std::optional<dtls::ExportedKeys> keys;
  Instant timeout = Instant::never();
  Duration retransmit_after = kFirstRetransmission;
  timeval* openssl_timeout = nullptr;
  bool is_closed = false;
};

int PeerDtls::Impl::write(BIO* bio, const char* data, int size) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
  of(bio).output.emplace_back(bytes, bytes + size);
  return size;
}

int PeerDtls::Impl::read(BIO* bio, char* data, int size) {
  Impl& self = of(bio);
  BIO_clear_retry_flags(bio);
  if (self.input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t count = std::min(self.input.size(), static_cast<std::size_t>(size));
  std::copy_n(self.input.begin(), count, data);
  self.input = {};
  return static_cast<int>(count);
}

long PeerDtls::Impl::control(BIO* bio, int command, long /*argument*/, void* pointer) {
  switch (command) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_DGRAM_SET_NEXT_TIMEOUT:
      // Up to OpenSSL 3.1 this points at the timer itself, which is how simulated time can let it
      // expire. Later ones pass a copy, and retransmissions go by the machine's clock.
      if (OPENSSL_VERSION_NUMBER < 0x30200000L) {
        of(bio).openssl_timeout = static_cast<timeval*>(pointer);
      }
      return 1;
    default:
      return 0;
  }
}

const BIO_METHOD* PeerDtls::Impl::method() {
  static const BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "peer");
    BIO_meth_set_write(made, &Impl::write);
    BIO_meth_set_read(made, &Impl::read);
    BIO_meth_set_ctrl(made, &Impl::control);
    return made;
  }();
  return kMethod;
}

void PeerDtls::Impl::make_certificate(const Settings& settings) {
  key.reset(settings.has_rsa_key ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"));
  certificate.reset(X509_new());
  X509* x509 = certificate.get();
  X509_set_version(x509, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  ASN1_TIME_set(X509_getm_notBefore(x509), 1'700'000'000);
  ASN1_TIME_set(X509_getm_notAfter(x509), 4'000'000'000);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("peer"), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(x509));
  X509_set_pubkey(x509, key.get());
  MERIDIAN_CHECK(X509_sign(x509, key.get(), EVP_sha256()) > 0);
  unsigned size = 0;
  MERIDIAN_CHECK(X509_digest(x509, EVP_sha256(), fingerprint.sha256.data(), &size) == 1);
}

void PeerDtls::Impl::make_ssl(const Settings& settings) {
  context.reset(SSL_CTX_new(DTLS_client_method()));
  MERIDIAN_CHECK(SSL_CTX_set_cipher_list(context.get(), settings.ciphers.c_str()) == 1);
  if (!settings.srtp_profiles.empty()) {
    MERIDIAN_CHECK(SSL_CTX_set_tlsext_use_srtp(context.get(), settings.srtp_profiles.c_str()) == 0);
  }
  if (settings.has_certificate) {
    SSL_CTX_use_certificate(context.get(), certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.get());
  }
  SSL_CTX_set_options(context.get(), SSL_OP_NO_QUERY_MTU);
  ssl.reset(SSL_new(context.get()));
  if (settings.has_long_hello) {
    // A long list of protocols is the plainest way to a ClientHello of two datagrams.
    std::vector<unsigned char> protocols;
    for (int i = 0; i < 60; ++i) {
      protocols.push_back(20);
      protocols.insert(protocols.end(), 20, static_cast<unsigned char>('a' + i % 26));
    }
    SSL_set_alpn_protos(ssl.get(), protocols.data(), static_cast<unsigned>(protocols.size()));
  }
  BIO* bio = BIO_new(method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_mtu(ssl.get(), kMtu);
  SSL_set_connect_state(ssl.get());
  if (OPENSSL_VERSION_NUMBER < 0x30200000L) {
    DTLS_set_timer_cb(ssl.get(), [](SSL*, unsigned) { return 3'600'000'000U; });
  }
}

void PeerDtls::Impl::advance(Instant now) {
  ERR_clear_error();
  const std::size_t before = output.size();
  const int result = SSL_do_handshake(ssl.get());
  if (result == 1) {
    export_keys();
    timeout = Instant::never();
    return;
  }
  if (SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ) {
    is_closed = true;
    timeout = Instant::never();
  } else if (output.size() > before) {
    retransmit_after = kFirstRetransmission;
    timeout = now + retransmit_after;
  }
}

void PeerDtls::Impl::export_keys() {
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  keys.emplace();
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl.get());
  if (profile == nullptr) {
    return;
  }
  keys->profile = static_cast<std::uint16_t>(profile->id);
  const std::size_t key_size = profile->id == SRTP_AEAD_AES_256_GCM ? 32 : 16;
  const std::size_t salt_size = profile->id == SRTP_AES128_CM_SHA1_80 ? 14 : 12;
  std::vector<std::uint8_t> raw(2 * (key_size + salt_size));
  MERIDIAN_CHECK(SSL_export_keying_material(ssl.get(), raw.data(), raw.size(), kLabel.data(),
                                            kLabel.size(), nullptr, 0, 0) == 1);
  ByteReader reader(raw);
  std::ranges::copy(reader.bytes(key_size), keys->client.key.begin());
  std::ranges::copy(reader.bytes(key_size), keys->server.key.begin());
  std::ranges::copy(reader.bytes(salt_size), keys->client.salt.begin());
  std::ranges::copy(reader.bytes(salt_size), keys->server.salt.begin());
}

void PeerDtls::Impl::read_payloads() {
  std::vector<std::uint8_t> buffer(2048);
  while (true) {
    ERR_clear_error();
    const int size = SSL_read(ssl.get(), buffer.data(), static_cast<int>(buffer.size()));
    if (size <= 0) {
      const int error = SSL_get_error(ssl.get(), size);
      is_closed |= error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE;
      return;
    }
    payloads.emplace_back(buffer.begin(), buffer.begin() + size);
  }
}

PeerDtls::PeerDtls(const Settings& settings) : impl_(std::make_unique<Impl>()) {
  impl_->make_certificate(settings);
  impl_->make_ssl(settings);
}
PeerDtls::~PeerDtls() = default;

const dtls::Fingerprint& PeerDtls::fingerprint() const {
  return impl_->fingerprint;
}

std::optional<dtls::Fingerprint> PeerDtls::server_fingerprint() const {
  X509* certificate = SSL_get0_peer_certificate(impl_->ssl.get());
  dtls::Fingerprint fingerprint;
  unsigned size = 0;
  if (certificate == nullptr ||
      X509_digest(certificate, EVP_sha256(), fingerprint.sha256.data(), &size) != 1) {
    return std::nullopt;
  }
  return fingerprint;
}

void PeerDtls::start(Instant now) {
  impl_->advance(now);
}

void PeerDtls::handle_datagram(Bytes datagram, Instant now) {
  if (impl_->is_closed) {
    return;
  }
  impl_->input = datagram;
  if (!impl_->keys) {
    impl_->advance(now);
  }
  if (impl_->keys) {
    impl_->read_payloads();
  }
  impl_->input = {};
}

Instant PeerDtls::next_timeout() const {
  return impl_->timeout;
}

void PeerDtls::handle_timeout(Instant now) {
  if (now < impl_->timeout || impl_->keys || impl_->is_closed) {
    return;
  }
  if (impl_->openssl_timeout != nullptr) {
    *impl_->openssl_timeout = {.tv_sec = 1, .tv_usec = 0};
  }
  ERR_clear_error();
  (void)DTLSv1_handle_timeout(impl_->ssl.get());
  impl_->retransmit_after *= 2;
  impl_->timeout = now + impl_->retransmit_after;
}

std::optional<std::vector<std::uint8_t>> PeerDtls::poll_datagram() {
  if (impl_->output.empty()) {
    return std::nullopt;
  }
  Datagram datagram = std::move(impl_->output.front());
  impl_->output.pop_front();
  return datagram;
}

bool PeerDtls::is_connected() const {
  return impl_->keys && !impl_->is_closed;
}
bool PeerDtls::is_closed() const {
  return impl_->is_closed;
}
const std::optional<dtls::ExportedKeys>& PeerDtls::keys() const {
  return impl_->keys;
}

bool PeerDtls::send(Bytes payload) {
  return is_connected() &&
         SSL_write(impl_->ssl.get(), payload.data(), static_cast<int>(payload.size())) > 0;
}

std::optional<std::vector<std::uint8_t>> PeerDtls::poll_payload() {
  if (impl_->payloads.empty()) {
    return std::nullopt;
  }
  Datagram payload = std::move(impl_->payloads.front());
  impl_->payloads.pop_front();
  return payload;
}

void PeerDtls::close() {
  (void)SSL_shutdown(impl_->ssl.get());
}

}  // namespace meridian::test
