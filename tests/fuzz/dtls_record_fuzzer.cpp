// Covers: server/dtls/protected_records.cpp server/dtls/record.cpp
// A connection after its handshake, under steps {operation, argument, bytes…}: records of the
// client that come as they are, changed, cut off, twice or late, and bytes of nobody's. What the
// client sends arrives once, nothing else arrives, and only the client ends the connection.
#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/check.hpp"
#include "dtls/session.hpp"
#include "support/peer_dtls.hpp"

using namespace meridian;

namespace {

using Datagram = std::vector<std::uint8_t>;

const std::array<const char*, 3> kCiphers = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                                             "ECDHE-ECDSA-AES256-GCM-SHA384",
                                             "ECDHE-ECDSA-CHACHA20-POLY1305"};

const dtls::Certificate& certificate() {
  static const dtls::Certificate kCertificate =
      dtls::Certificate::make(UnixTime::from_seconds(1'800'000'000));
  return kCertificate;
}

class Connection {
 public:
  explicit Connection(const char* cipher)
      : client_({.ciphers = cipher}), server_(certificate(), client_.fingerprint()) {
    server_.start(now_);
    client_.start(now_);
    for (int round = 0; round < 4; ++round) {
      while (const auto datagram = client_.poll_datagram()) {
        (void)server_.handle_datagram(*datagram, now_);
      }
      deliver_to_client();
    }
    MERIDIAN_CHECK(server_.state() == dtls::SessionState::kConnected && client_.is_connected());
  }

  void step(unsigned operation, std::uint8_t argument, Bytes bytes) {
    switch (operation) {
      case 0:
        send(bytes);
        break;
      case 1:
        change(argument, bytes);
        break;
      case 2:
        cut_off(argument, bytes);
        break;
      case 3:
        repeat();
        break;
      case 4:
        (void)server_.handle_datagram(bytes, now_);
        break;
      case 5:
        answer(bytes);
        break;
      default:
        client_.close();
        (void)server_.handle_datagram(record(), now_);
        is_closed_ = true;
        break;
    }
    MERIDIAN_CHECK(!server_.poll_payload());
    MERIDIAN_CHECK((server_.state() == dtls::SessionState::kConnected) == !is_closed_);
    deliver_to_client();
  }

 private:
  /// The client's next record.
  Datagram record() { return client_.poll_datagram().value_or(Datagram{}); }
  Datagram record_of(Bytes payload) {
    const Datagram filler = {1};
    return !is_closed_ && client_.send(payload.empty() ? Bytes(filler) : payload) ? record()
                                                                                  : Datagram{};
  }

  void send(Bytes payload) {
    last_ = record_of(payload);
    if (!last_.empty()) {
      (void)server_.handle_datagram(last_, now_);
      const auto taken = server_.poll_payload();
      MERIDIAN_CHECK(taken && (payload.empty() || std::ranges::equal(*taken, payload)));
    }
  }

  /// One bit of a record is another one. Of the header only the version's isn't authenticated as
  /// it stands: a record with another one is none.
  void change(std::uint8_t argument, Bytes payload) {
    Datagram changed = record_of(payload);
    if (!changed.empty()) {
      std::uint8_t& byte = changed[argument % changed.size()];
      byte = static_cast<std::uint8_t>(byte ^ (1U << (argument % 8U)));
      (void)server_.handle_datagram(changed, now_);
    }
  }

  void cut_off(std::uint8_t argument, Bytes payload) {
    Datagram cut = record_of(payload);
    if (!cut.empty()) {
      cut.resize(argument % cut.size());
      (void)server_.handle_datagram(cut, now_);
    }
  }

  void repeat() {
    if (!last_.empty()) {
      (void)server_.handle_datagram(last_, now_);
    }
  }

  void answer(Bytes payload) {
    if (server_.send(payload) == dtls::Session::Send::kQueued) {
      deliver_to_client();
      const auto taken = client_.poll_payload();
      MERIDIAN_CHECK(taken && std::ranges::equal(*taken, payload));
    }
  }

  void deliver_to_client() {
    std::array<std::uint8_t, dtls::Session::kMaxDatagram> buffer;
    while (const auto size = server_.poll_output(buffer)) {
      client_.handle_datagram(Bytes(buffer).first(*size), now_);
    }
  }

  Instant now_ = Instant::from_origin(Duration::zero());
  test::PeerDtls client_;
  dtls::Session server_;
  Datagram last_;
  bool is_closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr int kMaxSteps = 64;
  ByteReader reader(Bytes(data, size));
  Connection connection(kCiphers[reader.u8() % kCiphers.size()]);
  for (int step = 0; step < kMaxSteps && reader.remaining() >= 3; ++step) {
    const unsigned operation = reader.u8() % 7;
    const std::uint8_t argument = reader.u8();
    const std::size_t length = std::min<std::size_t>(reader.u8(), reader.remaining());
    connection.step(operation, argument, reader.bytes(length));
  }
  return 0;
}
