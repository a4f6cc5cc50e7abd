#include "dtls/session.hpp"

#include <algorithm>
#include <list>
#include <string_view>
#include <utility>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/check.hpp"
#include "dtls/datagram_bio.hpp"
#include "dtls/peer_check.hpp"
#include "dtls/protected_records.hpp"
#include "dtls/record.hpp"

namespace meridian::dtls {
namespace {

struct SslFree {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

/// OpenSSL would read the clock for its retransmissions. It is told to wait for an hour, and the
/// session repeats its flight by the time that it is given.
unsigned never_by_itself(SSL* /*ssl*/, unsigned /*previous_us*/) {
  return 3'600'000'000U;
}

struct ProfileSize {
  std::size_t key;
  std::size_t salt;
};

ProfileSize size_of(std::uint16_t profile) {
  switch (profile) {
    case SRTP_AEAD_AES_256_GCM:
      return {32, 12};
    case SRTP_AEAD_AES_128_GCM:
      return {16, 12};
    default:
      return {16, 14};
  }
}

/// The first record of a datagram for which may_be_protected() holds, which is shortened by it.
Bytes take_record(Bytes& datagram) {
  constexpr std::size_t kLengthAt = 11;
  const std::size_t size = ProtectedRecords::kHeaderSize + load_u16(&datagram[kLengthAt]);
  const Bytes record = datagram.first(size);
  datagram = datagram.subspan(size);
  return record;
}

bool is_finished(Bytes message) {
  constexpr std::uint8_t kFinished = 20;
  return !message.empty() && message[0] == kFinished;
}

/// close_notify, or what ends a connection at once.
bool is_last_alert(Bytes alert) {
  constexpr std::uint8_t kFatal = 2;
  constexpr std::uint8_t kCloseNotify = 0;
  return alert.size() >= 2 && (alert[0] == kFatal || alert[1] == kCloseNotify);
}

}  // namespace

int check_peer_certificate(X509_STORE_CTX* store, void* /*unused*/) {
  const auto* ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* check = static_cast<PeerCheck*>(SSL_get_app_data(ssl));
  const X509* leaf = X509_STORE_CTX_get0_cert(store);
  const auto actual = leaf == nullptr ? std::nullopt : fingerprint_of(leaf);
  const bool is_match = actual && *actual == check->expected;
  check->result = is_match ? PeerCheck::Result::kMatch : PeerCheck::Result::kMismatch;
  X509_STORE_CTX_set_error(store, is_match ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return is_match ? 1 : 0;
}

struct Session::Impl {
  Impl(ssl_ctx_st* context_of_node, const Fingerprint& expected) : context(context_of_node) {
    check.expected = expected;
  }

  void make_ssl();
  Input handshake(Bytes datagram, Instant now);
  void on_handshake_error();
  void on_handshake_done(Instant now);
  bool export_keys(std::uint16_t profile);
  Input receive(Bytes datagram);
  /// What OpenSSL has read with the end of the handshake.
  void read_early_payloads();
  /// kQueueFull when a payload had no room and is lost.
  Input take(const ProtectedRecords::Opened& record);
  [[nodiscard]] bool seal(Content type, Bytes payload);
  void send_close();
  void end(SessionState end_state, SessionFailure why);
  Input queue_written();
  void start_flight(Instant now);
  void end_flight();
  [[nodiscard]] bool is_active() const {
    return state == SessionState::kHandshaking || state == SessionState::kConnected;
  }

  ssl_ctx_st* context;
  PeerCheck check;
  DatagramWire wire;
  /// From the first datagram to the end of the handshake; from then on, `records`.
  std::unique_ptr<SSL, SslFree> ssl;
  std::unique_ptr<ProtectedRecords> records;
  SessionState state = SessionState::kHandshaking;
  SessionFailure failure = SessionFailure::kNone;
  std::optional<ExportedKeys> keys;
  // Lists, which hold nothing while they are empty, as they nearly always are.
  std::list<Datagram> output;
  std::list<Datagram> payloads;
  // The handshake.
  Instant deadline = Instant::never();
  bool is_started = false;
  int attempts = 0;
  std::size_t handshake_bytes = 0;
  /// Our last one, until it has an answer.
  std::vector<Datagram> flight;
  Instant flight_sent;
  Instant retransmit_at = Instant::never();
  Duration retransmit_after{};
  int retransmissions = 0;
  std::optional<Duration> round_trip;
};

void Session::Impl::make_ssl() {
  ssl.reset(SSL_new(context));
  MERIDIAN_CHECK(ssl);
  BIO* bio = make_datagram_bio(wire);
  SSL_set_bio(ssl.get(), bio, bio);
  SSL_set_app_data(ssl.get(), &check);
  SSL_set_accept_state(ssl.get());
  SSL_set_mtu(ssl.get(), static_cast<long>(kMaxHandshakeDatagram));
  DTLS_set_timer_cb(ssl.get(), never_by_itself);
  check.result = PeerCheck::Result::kNotAsked;
  end_flight();
  ++attempts;
}

Input Session::Impl::queue_written() {
  Input result = Input::kTaken;
  for (Datagram& datagram : wire.output) {
    if (output.size() >= kMaxQueued) {
      result = Input::kQueueFull;
      break;
    }
    output.push_back(std::move(datagram));
  }
  wire.output.clear();
  return result;
}

void Session::Impl::start_flight(Instant now) {
  flight = wire.output;
  flight_sent = now;
  retransmissions = 0;
  retransmit_after = kFirstRetransmission;
  retransmit_at = now + retransmit_after;
}

void Session::Impl::end_flight() {
  flight = {};
  retransmit_at = Instant::never();
}

Input Session::Impl::handshake(Bytes datagram, Instant now) {
  handshake_bytes += datagram.size();
  if (handshake_bytes > kMaxHandshakeBytes) {
    return Input::kDiscarded;
  }
  if (!ssl) {
    make_ssl();
  }
  wire.input = datagram;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl.get());
  wire.input = {};
  if (result == 1) {
    on_handshake_done(now);
    return queue_written();
  }
  if (SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ) {
    on_handshake_error();
    return Input::kDiscarded;
  }
  if (!wire.output.empty()) {
    start_flight(now);
  }
  return queue_written();
}

void Session::Impl::on_handshake_error() {
  ERR_clear_error();
  if (check.result == PeerCheck::Result::kMismatch) {
    queue_written();  // the alert: whoever it is holds the peer's end of this handshake
    end(SessionState::kFailed, SessionFailure::kFingerprintMismatch);
    return;
  }
  // Anybody on the path may have put that in, so that it must not end the handshake, nor may the
  // alert that OpenSSL made end the peer's: forget it all and wait for another ClientHello.
  wire.output.clear();
  ssl.reset();
  end_flight();
  if (attempts >= kMaxAttempts) {
    end(SessionState::kFailed, SessionFailure::kProtocol);
  }
}

void Session::Impl::on_handshake_done(Instant now) {
  if (retransmissions == 0 && !flight.empty()) {
    round_trip = now - flight_sent;
  }
  start_flight(now);
  deadline = Instant::never();
  // The hook has run, since a certificate is demanded; no keys without its consent.
  MERIDIAN_CHECK(check.result == PeerCheck::Result::kMatch);
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl.get());
  if (profile == nullptr || !export_keys(static_cast<std::uint16_t>(profile->id))) {
    ERR_clear_error();
    (void)SSL_shutdown(ssl.get());
    end(SessionState::kFailed, SessionFailure::kNoSrtpProfile);
    return;
  }
  records = ProtectedRecords::take_over(ssl.get(), flight);
  if (!records) {
    end(SessionState::kFailed, SessionFailure::kProtocol);
    return;
  }
  state = SessionState::kConnected;
  read_early_payloads();
  ssl.reset();
}

void Session::Impl::read_early_payloads() {
  std::array<std::uint8_t, kMaxDatagram> payload;
  // A datagram holds at most so many records; each turn takes one.
  constexpr int kMaxRecords = 64;
  for (int i = 0; i < kMaxRecords; ++i) {
    ERR_clear_error();
    const int size = SSL_read(ssl.get(), payload.data(), static_cast<int>(payload.size()));
    if (size <= 0) {
      if (SSL_get_error(ssl.get(), size) != SSL_ERROR_WANT_READ) {
        end(SessionState::kClosed, SessionFailure::kNone);  // an authentic alert
      }
      ERR_clear_error();
      return;
    }
    payloads.emplace_back(payload.begin(), payload.begin() + size);
  }
}

bool Session::Impl::export_keys(std::uint16_t profile) {
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  const auto [key_size, salt_size] = size_of(profile);
  std::array<std::uint8_t, 2 * (ExportedKeys::kMaxKeySize + ExportedKeys::kMaxSaltSize)> raw{};
  const std::size_t size = 2 * (key_size + salt_size);
  if (SSL_export_keying_material(ssl.get(), raw.data(), size, kLabel.data(), kLabel.size(), nullptr,
                                 0, 0) != 1) {
    return false;
  }
  keys.emplace();
  keys->profile = profile;
  ByteReader reader(Bytes(raw).first(size));
  std::ranges::copy(reader.bytes(key_size), keys->client.key.begin());
  std::ranges::copy(reader.bytes(key_size), keys->server.key.begin());
  std::ranges::copy(reader.bytes(salt_size), keys->client.salt.begin());
  std::ranges::copy(reader.bytes(salt_size), keys->server.salt.begin());
  OPENSSL_cleanse(raw.data(), raw.size());
  return true;
}

Input Session::Impl::receive(Bytes datagram) {
  if (!may_be_protected(datagram, records->overhead())) {
    return Input::kDiscarded;
  }
  Input result = Input::kDiscarded;
  std::array<std::uint8_t, kMaxDatagram> plain;
  while (!datagram.empty() && state == SessionState::kConnected) {
    const auto opened = records->open(take_record(datagram), plain);
    if (opened && take(*opened) == Input::kQueueFull) {
      return Input::kQueueFull;
    }
    result = opened ? Input::kTaken : result;
  }
  return result;
}

Input Session::Impl::take(const ProtectedRecords::Opened& record) {
  switch (record.type) {
    case Content::kApplicationData:
      end_flight();  // whoever sends data has our Finished
      if (record.payload.empty()) {
        break;
      }
      if (payloads.size() >= kMaxQueued) {
        return Input::kQueueFull;
      }
      payloads.emplace_back(record.payload.begin(), record.payload.end());
      break;
    case Content::kHandshake:
      // The client repeats its last flight, since ours was lost: byte for byte, so that no nonce
      // is used twice. There is no renegotiation.
      if (is_finished(record.payload)) {
        wire.output = flight;
        return queue_written();
      }
      break;
    case Content::kAlert:
      if (is_last_alert(record.payload)) {
        end(SessionState::kClosed, SessionFailure::kNone);
      }
      break;
    case Content::kChangeCipherSpec:
      break;
  }
  return Input::kTaken;
}

bool Session::Impl::seal(Content type, Bytes payload) {
  std::array<std::uint8_t, kMaxDatagram> record;
  const auto size = records->seal(type, payload, record);
  if (size) {
    output.emplace_back(record.begin(), record.begin() + static_cast<std::ptrdiff_t>(*size));
  }
  return size.has_value();
}

void Session::Impl::send_close() {
  constexpr std::array<std::uint8_t, 2> kCloseNotify = {1, 0};  // a warning
  (void)seal(Content::kAlert, kCloseNotify);
}

void Session::Impl::end(SessionState end_state, SessionFailure why) {
  state = end_state;
  failure = why;
  deadline = Instant::never();
  end_flight();
  queue_written();
  ssl.reset();
  records.reset();
  if (end_state == SessionState::kFailed && keys) {
    OPENSSL_cleanse(&*keys, sizeof(*keys));
    keys.reset();
  }
}

Session::Session(const Certificate& certificate, const Fingerprint& expected)
    : impl_(std::make_unique<Impl>(certificate.context_.get(), expected)) {}

Session::~Session() {
  if (impl_->keys) {
    OPENSSL_cleanse(&*impl_->keys, sizeof(*impl_->keys));
  }
}

void Session::start(Instant now) {
  if (!impl_->is_started) {
    impl_->is_started = true;
    impl_->deadline = now + kHandshakeTime;
  }
}

Input Session::handle_datagram(Bytes datagram, Instant now) {
  if (!impl_->is_started || datagram.empty()) {
    return Input::kDiscarded;
  }
  switch (impl_->state) {
    case SessionState::kHandshaking:
      return impl_->handshake(datagram, now);
    case SessionState::kConnected:
      return impl_->receive(datagram);
    default:
      return Input::kDiscarded;
  }
}

Instant Session::next_timeout() const {
  return std::min(impl_->deadline, impl_->retransmit_at);
}

void Session::handle_timeout(Instant now) {
  Impl& impl = *impl_;
  if (!impl.is_active()) {
    return;
  }
  if (now >= impl.deadline) {
    impl.end(SessionState::kFailed, SessionFailure::kTimeout);
    return;
  }
  if (now < impl.retransmit_at) {
    return;
  }
  // The same records once more, byte for byte, so that no nonce is used twice: the peer discards
  // those that it has.
  impl.wire.output = impl.flight;
  impl.queue_written();
  impl.retransmit_after = std::min<Duration>(impl.retransmit_after * 2, kLongestRetransmission);
  impl.retransmit_at =
      ++impl.retransmissions < kMaxRetransmissions ? now + impl.retransmit_after : Instant::never();
}

void Session::confirm() {
  if (impl_->state == SessionState::kConnected) {
    impl_->end_flight();
  }
}

SessionState Session::state() const {
  return impl_->state;
}
bool Session::is_handshaking() const {
  return impl_->state == SessionState::kHandshaking && impl_->ssl;
}
SessionFailure Session::failure() const {
  return impl_->failure;
}
const std::optional<ExportedKeys>& Session::keys() const {
  return impl_->keys;
}
std::optional<Duration> Session::round_trip() const {
  return impl_->round_trip;
}

Session::Send Session::send(Bytes payload) {
  if (impl_->state != SessionState::kConnected) {
    return Send::kNotConnected;
  }
  if (payload.empty() || payload.size() > kMaxPayload) {
    return Send::kTooLong;
  }
  if (impl_->output.size() >= kMaxQueued) {
    return Send::kQueueFull;
  }
  return impl_->seal(Content::kApplicationData, payload) ? Send::kQueued : Send::kNotConnected;
}

void Session::close() {
  if (impl_->state == SessionState::kConnected) {
    impl_->send_close();
  }
  if (impl_->is_active()) {
    impl_->end(SessionState::kClosed, SessionFailure::kNone);
  }
}

std::optional<std::size_t> Session::poll_output(MutableBytes out) {
  if (impl_->output.empty()) {
    return std::nullopt;
  }
  const Datagram& datagram = impl_->output.front();
  MERIDIAN_CHECK(out.size() >= datagram.size());
  std::ranges::copy(datagram, out.begin());
  const std::size_t size = datagram.size();
  impl_->output.pop_front();
  return size;
}

std::optional<std::vector<std::uint8_t>> Session::poll_payload() {
  if (impl_->payloads.empty()) {
    return std::nullopt;
  }
  Datagram payload = std::move(impl_->payloads.front());
  impl_->payloads.pop_front();
  return payload;
}

}  // namespace meridian::dtls
