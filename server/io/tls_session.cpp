#include "io/tls_session.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.hpp"

namespace meridian::io {
namespace {

/// A buffer that is empty gives back what is more than this: a session lasts as long as a meeting,
/// and is idle for most of it.
constexpr std::size_t kKeptTlsBuffer = 512;

void clear(std::vector<std::uint8_t>& buffer) {
  buffer.clear();
  if (buffer.capacity() > kKeptTlsBuffer) {
    buffer.shrink_to_fit();
  }
}

}  // namespace

/// A memory BIO would keep the size that it once had, and a copy of each byte.
struct TlsSession::Wire {
  static TlsSession& session_of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* data, int size) {
    std::vector<std::uint8_t>& written = session_of(bio).written_;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
    written.insert(written.end(), bytes, bytes + std::max(size, 0));
    return size;
  }
  static int read(BIO* bio, char* data, int size) {
    TlsSession& session = session_of(bio);
    BIO_clear_retry_flags(bio);
    const std::size_t count = std::min(session.input_.size() - session.read_,
                                       static_cast<std::size_t>(std::max(size, 0)));
    if (count == 0) {
      BIO_set_retry_read(bio);  // empty means: not yet
      return -1;
    }
    std::memcpy(data, session.input_.data() + session.read_, count);
    session.read_ += count;
    if (session.read_ == session.input_.size()) {
      clear(session.input_);
      session.read_ = 0;
    }
    return static_cast<int>(count);
  }
  static long control(BIO* /*bio*/, int command, long /*argument*/, void* /*pointer*/) {
    // Above all not 1 for BIO_CTRL_GET_KTLS_SEND and _RECV, which would claim kernel TLS.
    return command == BIO_CTRL_FLUSH ? 1 : 0;
  }
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const kMethod = [] {
      BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "session");
      MERIDIAN_CHECK(made != nullptr && BIO_meth_set_write(made, &Wire::write) == 1 &&
                     BIO_meth_set_read(made, &Wire::read) == 1 &&
                     BIO_meth_set_ctrl(made, &Wire::control) == 1);
      return made;
    }();
    return kMethod;
  }
};

void TlsSession::Free::operator()(SSL* session) const {
  SSL_free(session);
}

TlsSession::TlsSession(SSL_CTX* context) : ssl_(SSL_new(context)) {
  MERIDIAN_CHECK(ssl_ != nullptr);
  BIO* bio = BIO_new(Wire::method());
  MERIDIAN_CHECK(bio != nullptr);
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
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
  input_.insert(input_.end(), ciphertext.begin(), ciphertext.end());
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
  // The wire takes everything.
  return SSL_write(ssl_.get(), plaintext.data(), static_cast<int>(plaintext.size())) ==
         static_cast<int>(plaintext.size());
}

void TlsSession::close() {
  ERR_clear_error();
  (void)SSL_shutdown(ssl_.get());
}

Bytes TlsSession::output() {
  if (sent_ == output_.size()) {
    clear(output_);
    sent_ = 0;
    std::swap(output_, written_);
  }
  return Bytes(output_).subspan(sent_);
}

void TlsSession::consume(std::size_t sent) {
  sent_ += sent;
  if (sent_ == output_.size()) {
    clear(output_);
    sent_ = 0;
  }
}

}  // namespace meridian::io
