#include "io/tls_session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.hpp"

namespace meridian::io {

void TlsSession::Free::operator()(SSL* session) const {
  SSL_free(session);
}

TlsSession::TlsSession(SSL_CTX* context) : ssl_(SSL_new(context)) {
  MERIDIAN_CHECK(ssl_ != nullptr);
  BIO* in = BIO_new(BIO_s_mem());
  BIO* out = BIO_new(BIO_s_mem());
  MERIDIAN_CHECK(in != nullptr && out != nullptr);
  BIO_set_mem_eof_return(in, -1);  // empty means: not yet
  SSL_set_bio(ssl_.get(), in, out);
  SSL_set_accept_state(ssl_.get());
}

TlsSession::~TlsSession() = default;

TlsSession::Step TlsSession::step_of(int result) const {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return Step::kDone;
    case SSL_ERROR_WANT_READ:
      return Step::kMore;
    case SSL_ERROR_ZERO_RETURN:
      return Step::kClosed;
    default:
      return Step::kFailed;
  }
}

void TlsSession::feed(Bytes ciphertext) {
  if (!ciphertext.empty()) {
    const int written =
        BIO_write(SSL_get_rbio(ssl_.get()), ciphertext.data(), static_cast<int>(ciphertext.size()));
    MERIDIAN_CHECK(written == static_cast<int>(ciphertext.size()));
  }
}

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  return step_of(SSL_do_handshake(ssl_.get()));
}

TlsSession::Read TlsSession::read(MutableBytes into) {
  ERR_clear_error();
  const int size = SSL_read(ssl_.get(), into.data(), static_cast<int>(into.size()));
  return size > 0 ? Read{Step::kDone, static_cast<std::size_t>(size)} : Read{step_of(size), 0};
}

bool TlsSession::write(Bytes plaintext) {
  ERR_clear_error();
  // A memory BIO takes everything.
  return SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size())) ==
         static_cast<int>(plaintext.size());
}

void TlsSession::close() {
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
}

Bytes TlsSession::output() {
  if (sent_ == output_.size()) {
    BIO* out = SSL_get_wbio(ssl_.get());
    output_.resize(BIO_ctrl_pending(out));
    sent_ = 0;
    if (!output_.empty()) {
      const int taken = BIO_read(out, output_.data(), static_cast<int>(output_.size()));
      MERIDIAN_CHECK(taken == static_cast<int>(output_.size()));
    }
  }
  return Bytes(output_).subspan(sent_);
}

}  // namespace meridian::io
