#include "dtls/session.hpp"

#include <algorithm>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "dtls/protected_records.hpp"
#include "support/peer_dtls.hpp"

namespace meridian::dtls {
namespace {

using Datagram = std::vector<std::uint8_t>;
using test::PeerDtls;

Instant at(Duration since_start) {
  return Instant::from_origin(since_start);
}

const Certificate& certificate() {
  static const Certificate kCertificate = Certificate::make(UnixTime::from_seconds(1'800'000'000));
  return kCertificate;
}

enum class To : std::uint8_t { kServer, kClient };

/// A server session and a client with a network between them that may lose datagrams.
class DtlsTest : public testing::Test {
 protected:
  void connect_with(const PeerDtls::Settings& settings,
                    std::optional<Fingerprint> expected = std::nullopt) {
    client_.emplace(settings);
    server_.emplace(certificate(), expected.value_or(client_->fingerprint()));
    server_->start(now_);
    client_->start(now_);
    run();
  }

  std::vector<Datagram> server_output() {
    std::vector<Datagram> datagrams;
    std::array<std::uint8_t, Session::kMaxDatagram> buffer;
    while (const auto size = server_->poll_output(buffer)) {
      datagrams.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
    }
    return datagrams;
  }

  /// Delivers until nothing moves.
  void exchange() {
    bool has_moved = true;
    while (has_moved) {
      has_moved = false;
      while (const auto datagram = client_->poll_datagram()) {
        has_moved = true;
        if (!lose_(To::kServer, *datagram)) {
          last_input_ = server_->handle_datagram(*datagram, now_);
        }
      }
      for (const Datagram& datagram : server_output()) {
        has_moved = true;
        sent_bytes_ += datagram.size();
        longest_ = std::max(longest_, datagram.size());
        if (!lose_(To::kClient, datagram)) {
          client_->handle_datagram(datagram, now_);
        }
      }
    }
  }

  /// Exchanges and lets time pass, until both are done or the server's time is over.
  void run() {
    exchange();
    while (server_->state() == SessionState::kHandshaking || !client_->is_connected()) {
      const Instant next = std::min(server_->next_timeout(), client_->next_timeout());
      if (next.is_never() || next > at(60s)) {
        return;
      }
      now_ = std::max(now_, next);
      server_->handle_timeout(now_);
      client_->handle_timeout(now_);
      exchange();
    }
  }

  Instant now_ = at(0s);
  std::optional<Session> server_;
  std::optional<PeerDtls> client_;
  std::function<bool(To, const Datagram&)> lose_ = [](To, const Datagram&) { return false; };
  Input last_input_ = Input::kTaken;
  std::size_t sent_bytes_ = 0;
  std::size_t longest_ = 0;
};

TEST_F(DtlsTest, both_sides_export_the_same_keys) {
  connect_with({});
  ASSERT_EQ(server_->state(), SessionState::kConnected);
  ASSERT_TRUE(client_->is_connected());
  ASSERT_TRUE(server_->keys());
  EXPECT_EQ(server_->keys()->profile, 0x0008);
  EXPECT_EQ(server_->keys()->client.key, client_->keys()->client.key);
  EXPECT_EQ(server_->keys()->client.salt, client_->keys()->client.salt);
  EXPECT_EQ(server_->keys()->server.key, client_->keys()->server.key);
  EXPECT_EQ(server_->keys()->server.salt, client_->keys()->server.salt);
  EXPECT_NE(server_->keys()->server.key, client_->keys()->client.key);
  EXPECT_EQ(client_->server_fingerprint(), certificate().fingerprint());
  EXPECT_EQ(server_->round_trip(), Duration::zero());
  EXPECT_LE(longest_, Session::kMaxHandshakeDatagram);
}

TEST_F(DtlsTest, the_servers_order_of_profiles_wins) {
  connect_with({.srtp_profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM"});
  ASSERT_TRUE(server_->keys());
  EXPECT_EQ(server_->keys()->profile, 0x0007);
}

TEST_F(DtlsTest, takes_the_cm_profile_with_its_longer_salt) {
  connect_with({.srtp_profiles = "SRTP_AES128_CM_SHA1_80"});
  ASSERT_TRUE(server_->keys());
  EXPECT_EQ(server_->keys()->profile, 0x0001);
  EXPECT_EQ(server_->keys()->client.salt, client_->keys()->client.salt);
  EXPECT_EQ(server_->keys()->server.salt, client_->keys()->server.salt);
}

TEST_F(DtlsTest, no_common_profile_is_refused) {
  for (const char* profiles : {"", "SRTP_AES128_CM_SHA1_32"}) {
    connect_with({.srtp_profiles = profiles});
    EXPECT_EQ(server_->state(), SessionState::kFailed);
    EXPECT_EQ(server_->failure(), SessionFailure::kNoSrtpProfile);
    EXPECT_FALSE(server_->keys());
    EXPECT_TRUE(client_->is_closed());
  }
}

TEST_F(DtlsTest, another_certificate_than_signalled_is_refused_before_keys_exist) {
  connect_with({}, Fingerprint{});
  EXPECT_EQ(server_->state(), SessionState::kFailed);
  EXPECT_EQ(server_->failure(), SessionFailure::kFingerprintMismatch);
  EXPECT_FALSE(server_->keys());
  EXPECT_FALSE(client_->is_connected());
  EXPECT_TRUE(client_->is_closed());
}

TEST_F(DtlsTest, a_client_without_certificate_never_connects) {
  connect_with({.has_certificate = false}, Fingerprint{});
  EXPECT_EQ(server_->state(), SessionState::kFailed);
  EXPECT_FALSE(server_->keys());
  EXPECT_FALSE(client_->is_connected());
}

TEST_F(DtlsTest, weak_ciphers_never_connect) {
  for (const char* ciphers : {"AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256"}) {
    now_ = at(0s);
    connect_with({.ciphers = ciphers}, Fingerprint{});
    EXPECT_EQ(server_->state(), SessionState::kFailed) << ciphers;
  }
}

TEST_F(DtlsTest, a_client_may_sign_with_rsa) {
  connect_with({.has_rsa_key = true});
  EXPECT_EQ(server_->state(), SessionState::kConnected);
  EXPECT_TRUE(client_->is_connected());
}

TEST_F(DtlsTest, a_client_hello_in_two_datagrams_is_reassembled) {
  std::size_t hellos = 0;
  lose_ = [&](To to, const Datagram& datagram) {
    hellos += to == To::kServer && datagram[0] == 22 && datagram[13] == 1 ? 1 : 0;
    return false;
  };
  connect_with({.has_long_hello = true});
  EXPECT_EQ(hellos, 2U);
  EXPECT_EQ(server_->state(), SessionState::kConnected);
}

TEST_F(DtlsTest, repeats_its_flight_by_the_time_it_is_given) {
  int dropped = 0;
  lose_ = [&](To to, const Datagram&) { return to == To::kClient && dropped++ < 4; };
  connect_with({});
  EXPECT_EQ(server_->state(), SessionState::kConnected);
  EXPECT_GE(now_, at(200ms));
  EXPECT_LT(now_, at(15s));
  EXPECT_FALSE(server_->round_trip());
}

TEST_F(DtlsTest, connects_under_heavy_loss) {
  int connected = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    Rng rng(seed);
    now_ = at(0s);
    lose_ = [&](To, const Datagram&) { return rng.chance(0.3); };
    connect_with({});
    connected += server_->state() == SessionState::kConnected && client_->is_connected() ? 1 : 0;
  }
  EXPECT_GE(connected, 98);
}

TEST_F(DtlsTest, sends_little_to_a_client_that_falls_silent_and_gives_up) {
  bool is_silent = false;
  lose_ = [&](To to, const Datagram&) {
    return to == To::kServer && std::exchange(is_silent, true);
  };
  client_.emplace(PeerDtls::Settings{});
  server_.emplace(certificate(), client_->fingerprint());
  server_->start(now_);
  client_->start(now_);
  exchange();
  while (!server_->next_timeout().is_never()) {
    now_ = server_->next_timeout();
    server_->handle_timeout(now_);
    for (const Datagram& datagram : server_output()) {
      sent_bytes_ += datagram.size();
    }
  }
  EXPECT_EQ(server_->state(), SessionState::kFailed);
  EXPECT_EQ(server_->failure(), SessionFailure::kTimeout);
  EXPECT_EQ(now_, at(15s));
  EXPECT_LE(sent_bytes_, 8192U);
}

TEST_F(DtlsTest, garbage_during_the_handshake_is_discarded_and_the_handshake_completes) {
  client_.emplace(PeerDtls::Settings{});
  server_.emplace(certificate(), client_->fingerprint());
  server_->start(now_);
  // A ClientHello with no usable cipher, a fatal alert, noise.
  PeerDtls bad({.ciphers = "AES128-SHA"});
  bad.start(now_);
  const auto bad_hello = bad.poll_datagram();
  EXPECT_EQ(server_->handle_datagram(*bad_hello, now_), Input::kDiscarded);
  const Datagram alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40};
  EXPECT_EQ(server_->handle_datagram(alert, now_), Input::kDiscarded);
  (void)server_->handle_datagram(Datagram{20, 1, 2, 3}, now_);
  EXPECT_TRUE(server_output().empty());  // and nothing was said about it
  client_->start(now_);
  run();
  EXPECT_EQ(server_->state(), SessionState::kConnected);
}

TEST_F(DtlsTest, gives_up_after_so_many_failed_attempts) {
  server_.emplace(certificate(), Fingerprint{});
  server_->start(now_);
  for (int i = 0; i < Session::kMaxAttempts; ++i) {
    ASSERT_EQ(server_->state(), SessionState::kHandshaking);
    PeerDtls bad({.ciphers = "AES128-SHA"});
    bad.start(now_);
    (void)server_->handle_datagram(*bad.poll_datagram(), now_);
  }
  EXPECT_EQ(server_->state(), SessionState::kFailed);
  EXPECT_EQ(server_->failure(), SessionFailure::kProtocol);
}

TEST_F(DtlsTest, takes_only_so_many_bytes_of_handshake) {
  server_.emplace(certificate(), Fingerprint{});
  server_->start(now_);
  PeerDtls client;
  client.start(now_);
  const auto hello = *client.poll_datagram();
  std::size_t taken = 0;
  for (int i = 0; i < 10'000; ++i) {
    taken += server_->handle_datagram(hello, now_) == Input::kTaken ? hello.size() : 0;
  }
  EXPECT_LE(taken, Session::kMaxHandshakeBytes);
  EXPECT_EQ(server_output().size(), 1U);
}

TEST_F(DtlsTest, nothing_is_looked_at_before_start) {
  client_.emplace();
  server_.emplace(certificate(), client_->fingerprint());
  client_->start(now_);
  EXPECT_EQ(server_->handle_datagram(*client_->poll_datagram(), now_), Input::kDiscarded);
  EXPECT_TRUE(server_->next_timeout().is_never());
}

TEST_F(DtlsTest, unauthentic_records_after_the_handshake_change_nothing) {
  connect_with({});
  const Datagram alert = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 200, 0, 2, 2, 40};
  const Datagram close_notify = {21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 201, 0, 2, 1, 0};
  PeerDtls other;
  other.start(now_);
  const auto hello = *other.poll_datagram();
  Rng rng(5);
  for (int i = 0; i < 5000; ++i) {
    (void)server_->handle_datagram(alert, now_);
    (void)server_->handle_datagram(close_notify, now_);
    (void)server_->handle_datagram(hello, now_);
    Datagram noise(13 + rng.below(200));
    for (auto& byte : noise) {
      byte = static_cast<std::uint8_t>(rng.next());
    }
    noise[0] = static_cast<std::uint8_t>(20 + rng.below(4));
    noise[1] = 0xfe;
    noise[2] = 0xfd;
    noise[3] = 0;
    noise[4] = static_cast<std::uint8_t>(rng.below(2));
    store_u16(noise.data() + 11, static_cast<std::uint16_t>(noise.size() - 13));
    (void)server_->handle_datagram(noise, now_);
  }
  EXPECT_EQ(server_->state(), SessionState::kConnected);
  EXPECT_TRUE(server_output().empty());
  ASSERT_TRUE(client_->send(as_bytes("still there")));
  exchange();
  EXPECT_EQ(as_text(*server_->poll_payload()), "still there");
}

// OpenSSL 3.0 ends a connection for a record that is too short to hold its cipher's nonce and tag,
// which anybody can make.
TEST_F(DtlsTest, forged_records_of_any_length_change_nothing) {
  connect_with({});
  for (const int type : {0, 19, 20, 21, 22, 23, 24, 25, 63}) {
    for (std::size_t size = 0; size <= 48; ++size) {
      for (std::uint8_t epoch = 0; epoch <= 2; ++epoch) {
        Datagram record(13 + size, 0x5a);
        record[0] = static_cast<std::uint8_t>(type);
        record[1] = 0xfe;
        record[2] = 0xfd;
        record[3] = 0;
        record[4] = epoch;
        store_u16(record.data() + 11, static_cast<std::uint16_t>(size));
        (void)server_->handle_datagram(record, now_);
        ASSERT_EQ(server_->state(), SessionState::kConnected) << type << ", " << size;
        record.resize(record.size() + 5, record[0]);  // a beginning of another one behind it
        (void)server_->handle_datagram(record, now_);
        record.resize(std::min<std::size_t>(record.size(), 12));
        (void)server_->handle_datagram(record, now_);
        ASSERT_EQ(server_->state(), SessionState::kConnected) << type << ", " << size;
      }
    }
  }
  EXPECT_TRUE(server_output().empty());
  ASSERT_TRUE(client_->send(as_bytes("still there")));
  exchange();
  EXPECT_EQ(as_text(*server_->poll_payload()), "still there");
}

TEST_F(DtlsTest, carries_payloads_both_ways) {
  connect_with({});
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(server_->send(as_bytes("to the client")), Session::Send::kQueued);
    ASSERT_TRUE(client_->send(as_bytes("to the server")));
    exchange();
    EXPECT_EQ(as_text(*server_->poll_payload()), "to the server");
    EXPECT_EQ(as_text(*client_->poll_payload()), "to the client");
  }
  EXPECT_FALSE(server_->poll_payload());
}

TEST_F(DtlsTest, limits_what_is_sent_and_queued) {
  connect_with({});
  EXPECT_EQ(server_->send(Datagram(Session::kMaxPayload + 1)), Session::Send::kTooLong);
  EXPECT_EQ(server_->send({}), Session::Send::kTooLong);
  for (std::size_t i = 0; i < Session::kMaxQueued; ++i) {
    ASSERT_EQ(server_->send(Datagram(Session::kMaxPayload)), Session::Send::kQueued);
  }
  EXPECT_EQ(server_->send(as_bytes("x")), Session::Send::kQueueFull);
  for (std::size_t i = 0; i < Session::kMaxQueued + 10; ++i) {
    ASSERT_TRUE(client_->send(as_bytes("y")));
  }
  exchange();
  std::size_t received = 0;
  while (server_->poll_payload()) {
    ++received;
  }
  EXPECT_EQ(received, Session::kMaxQueued);
}

TEST_F(DtlsTest, close_notify_ends_it_from_either_side) {
  connect_with({});
  client_->close();
  exchange();
  EXPECT_EQ(server_->state(), SessionState::kClosed);
  EXPECT_EQ(server_->send(as_bytes("x")), Session::Send::kNotConnected);

  connect_with({});
  server_->close();
  exchange();
  EXPECT_TRUE(client_->is_closed());
  EXPECT_EQ(server_->state(), SessionState::kClosed);
}

TEST_F(DtlsTest, answers_a_repeated_last_flight_of_the_client) {
  bool is_first = true;
  std::size_t finished = 0;
  lose_ = [&](To to, const Datagram& datagram) {
    // The server's last flight starts with ChangeCipherSpec.
    if (to == To::kClient && datagram[0] == 20) {
      ++finished;
      return std::exchange(is_first, false);
    }
    return false;
  };
  connect_with({});
  EXPECT_TRUE(client_->is_connected());
  EXPECT_GE(finished, 2U);
}

/// Numbers and, with an explicit nonce, nonces of the encrypted records in a datagram.
struct RecordNumbers {
  std::uint64_t place = 0;
  std::uint64_t nonce = 0;
};
std::vector<RecordNumbers> encrypted_records(const Datagram& datagram) {
  std::vector<RecordNumbers> records;
  ByteReader reader(datagram);
  while (reader.remaining() > 0) {
    reader.skip(3);
    const std::uint64_t place = reader.u64();
    const Bytes body = reader.bytes(reader.u16());
    if (place >> 48U != 0) {
      records.push_back({.place = place, .nonce = ByteReader(body).u64()});
    }
  }
  return records;
}

class DtlsCiphers : public DtlsTest, public testing::WithParamInterface<const char*> {};

TEST_P(DtlsCiphers, carry_payloads_of_any_length) {
  connect_with({.ciphers = GetParam()});
  ASSERT_EQ(server_->state(), SessionState::kConnected);
  for (std::size_t size = 1; size <= Session::kMaxPayload; size += 71) {
    const Datagram payload(size, static_cast<std::uint8_t>(size));
    ASSERT_EQ(server_->send(payload), Session::Send::kQueued);
    ASSERT_TRUE(client_->send(payload));
    exchange();
    EXPECT_EQ(server_->poll_payload(), payload);
    EXPECT_EQ(client_->poll_payload(), payload);
  }
  server_->close();
  exchange();
  EXPECT_TRUE(client_->is_closed());
}
static_assert(Session::kMaxPayload + ProtectedRecords::kMaxOverhead <= Session::kMaxDatagram);

INSTANTIATE_TEST_SUITE_P(All, DtlsCiphers,
                         testing::Values("ECDHE-ECDSA-AES128-GCM-SHA256",
                                         "ECDHE-ECDSA-AES256-GCM-SHA384",
                                         "ECDHE-ECDSA-CHACHA20-POLY1305"));

TEST_F(DtlsTest, no_number_and_no_nonce_is_used_twice) {
  std::vector<RecordNumbers> sent;
  lose_ = [&](To to, const Datagram& datagram) {
    if (to == To::kClient) {
      const auto records = encrypted_records(datagram);
      sent.insert(sent.end(), records.begin(), records.end());
    }
    return false;
  };
  connect_with({.ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"});
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(server_->send(as_bytes("x")), Session::Send::kQueued);
  }
  server_->close();
  exchange();
  ASSERT_EQ(sent.size(), 22U);  // Finished, the payloads, close_notify
  for (std::size_t i = 1; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].place, sent[i - 1].place + 1);
    EXPECT_EQ(sent[i].nonce, sent[i - 1].nonce + 1);
  }
}

TEST_F(DtlsTest, the_last_flight_is_repeated_byte_for_byte) {
  std::vector<Datagram> flights;
  lose_ = [&](To to, const Datagram& datagram) {
    const bool is_last = to == To::kClient && datagram[0] == 20;
    if (is_last) {
      flights.push_back(datagram);
    }
    return is_last && flights.size() < 3;
  };
  connect_with({});
  EXPECT_TRUE(client_->is_connected());
  ASSERT_GE(flights.size(), 3U);
  EXPECT_EQ(flights[1], flights[0]);
  EXPECT_EQ(flights[2], flights[0]);
  ASSERT_TRUE(client_->send(as_bytes("x")));
  ASSERT_EQ(server_->send(as_bytes("y")), Session::Send::kQueued);
  exchange();
  EXPECT_EQ(as_text(*server_->poll_payload()), "x");
  EXPECT_EQ(as_text(*client_->poll_payload()), "y");
}

/// The client's own timer plays no part in these.
class DtlsLastFlight : public DtlsTest {
 protected:
  void begin_and_lose(int last_flights) {
    lose_ = [this, last_flights](To to, const Datagram& datagram) {
      const bool is_last = to == To::kClient && datagram[0] == 20;
      last_flights_ += is_last ? 1 : 0;
      return is_last && last_flights_ <= last_flights;
    };
    client_.emplace(PeerDtls::Settings{});
    server_.emplace(certificate(), client_->fingerprint());
    server_->start(now_);
    client_->start(now_);
    exchange();
    ASSERT_EQ(server_->state(), SessionState::kConnected);
  }
  void follow_server_until(Instant end) {
    for (int i = 0; i < 100 && server_->next_timeout() <= end; ++i) {
      now_ = server_->next_timeout();
      server_->handle_timeout(now_);
      exchange();
    }
    now_ = end;
  }

  int last_flights_ = 0;
};

TEST_F(DtlsLastFlight, is_repeated_unasked_until_the_client_shows_that_it_has_it) {
  begin_and_lose(3);
  EXPECT_FALSE(client_->is_connected());
  follow_server_until(at(1400ms));
  EXPECT_EQ(last_flights_, 4);
  EXPECT_TRUE(client_->is_connected());
  ASSERT_TRUE(client_->send(as_bytes("x")));
  exchange();
  EXPECT_TRUE(server_->next_timeout().is_never());
}

TEST_F(DtlsLastFlight, ends_with_media_too) {
  begin_and_lose(0);
  ASSERT_TRUE(client_->is_connected());
  server_->confirm();
  EXPECT_TRUE(server_->next_timeout().is_never());
  EXPECT_EQ(last_flights_, 1);
}

TEST_F(DtlsLastFlight, is_not_repeated_for_ever) {
  begin_and_lose(1000);
  follow_server_until(at(60s));
  EXPECT_EQ(last_flights_, 1 + Session::kMaxRetransmissions);
  EXPECT_EQ(server_->state(), SessionState::kConnected);
  EXPECT_TRUE(server_->next_timeout().is_never());
}

TEST_F(DtlsTest, takes_each_record_once_and_old_ones_not_at_all) {
  connect_with({});
  std::vector<Datagram> datagrams;
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client_->send(as_bytes("x")));
    datagrams.push_back(*client_->poll_datagram());
  }
  const auto deliver = [&](std::size_t index) {
    const Input input = server_->handle_datagram(datagrams[index], now_);
    return input == Input::kTaken && server_->poll_payload().has_value();
  };
  EXPECT_TRUE(deliver(10));
  EXPECT_FALSE(deliver(10));
  EXPECT_TRUE(deliver(9));  // out of order
  EXPECT_FALSE(deliver(9));
  EXPECT_TRUE(deliver(99));
  EXPECT_TRUE(deliver(36));  // 63 before the newest
  EXPECT_FALSE(deliver(36));
  EXPECT_FALSE(deliver(35));
  EXPECT_FALSE(deliver(99));
}

TEST_F(DtlsTest, a_record_with_any_bit_changed_is_discarded) {
  connect_with({});
  ASSERT_TRUE(client_->send(as_bytes("the payload")));
  const Datagram record = *client_->poll_datagram();
  for (std::size_t bit = 0; bit < 8 * record.size(); ++bit) {
    Datagram changed = record;
    changed[bit / 8] = static_cast<std::uint8_t>(changed[bit / 8] ^ (1U << (bit % 8)));
    EXPECT_EQ(server_->handle_datagram(changed, now_), Input::kDiscarded) << bit;
  }
  EXPECT_EQ(server_->state(), SessionState::kConnected);
  EXPECT_FALSE(server_->poll_payload());
  EXPECT_EQ(server_->handle_datagram(record, now_), Input::kTaken);
  EXPECT_EQ(as_text(*server_->poll_payload()), "the payload");
}

TEST_F(DtlsTest, takes_several_records_of_one_datagram) {
  connect_with({});
  Datagram together;
  for (const char* text : {"one", "two", "three"}) {
    ASSERT_TRUE(client_->send(as_bytes(text)));
    const Datagram record = *client_->poll_datagram();
    together.insert(together.end(), record.begin(), record.end());
  }
  EXPECT_EQ(server_->handle_datagram(together, now_), Input::kTaken);
  EXPECT_EQ(as_text(*server_->poll_payload()), "one");
  EXPECT_EQ(as_text(*server_->poll_payload()), "two");
  EXPECT_EQ(as_text(*server_->poll_payload()), "three");
}

}  // namespace
}  // namespace meridian::dtls
