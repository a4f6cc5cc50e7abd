#include "turn/credentials.hpp"

#include <gtest/gtest.h>

namespace meridian::turn {
namespace {

const Claims kClaims{UnixTime::from_seconds(1'900'000'000), WorkerIndex(3), TransportId(42)};
constexpr Instant kNow = Instant::from_origin(std::chrono::hours(5));
const SocketAddress kClient = *SocketAddress::parse("192.0.2.9:5000");

Secret secret(std::uint64_t seed) {
  SeededRandomSource random(seed);
  return Secret(random);
}

TEST(TurnCredentials, a_name_says_what_it_is_good_for) {
  const Credentials made = issue(secret(1), kClaims);
  EXPECT_EQ(made.username, "1:1900000000:3:42");
  EXPECT_EQ(made.password.size(), 64U);
  EXPECT_EQ(read_username(made.username), kClaims);
}

TEST(TurnCredentials, only_the_process_that_issued_it_knows_the_password) {
  const Credentials ours = issue(secret(1), kClaims);
  EXPECT_NE(ours.password, issue(secret(2), kClaims).password);
  Claims other = kClaims;
  other.participant = TransportId(43);
  EXPECT_NE(ours.password, issue(secret(1), other).password);
}

TEST(TurnCredentials, other_names_are_none) {
  for (const auto* name :
       {"", "1", "1:1900000000:3", "2:1900000000:3:42", "1:0:3:42", "1:1900000000:3:0",
        "1:1900000000:3:42:5", "1:-5:3:42", "1:01:3:42", "1:1900000000:70000:42", "1::3:42",
        "1:1900000000:3:42 ", "1:99999999999:3:42", ":1900000000:3:42",
        "1:1900000000:3:4222222222222222222222222222222222222222222222222222"}) {
    EXPECT_FALSE(read_username(name)) << name;
  }
}

TEST(TurnCredentials, a_nonce_is_good_for_its_address_and_time) {
  const Secret ours = secret(1);
  const std::string nonce = make_nonce(ours, kClient, kNow);
  EXPECT_TRUE(is_good_nonce(ours, nonce, kClient, kNow));
  EXPECT_TRUE(is_good_nonce(ours, nonce, kClient, kNow + kNonceTime - 1s));
  EXPECT_FALSE(is_good_nonce(ours, nonce, kClient, kNow + kNonceTime));
  EXPECT_FALSE(is_good_nonce(ours, nonce, {kClient.ip, 5001}, kNow));
  EXPECT_FALSE(is_good_nonce(secret(2), nonce, kClient, kNow));
  EXPECT_FALSE(is_good_nonce(ours, nonce.substr(1), kClient, kNow));
  std::string later = nonce;
  later[0] = 'f';
  EXPECT_FALSE(is_good_nonce(ours, later, kClient, kNow)) << "its end is part of the proof";
}

}  // namespace
}  // namespace meridian::turn
