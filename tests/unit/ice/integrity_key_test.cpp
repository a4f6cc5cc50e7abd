#include "ice/integrity_key.hpp"

#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "support/hex.hpp"

namespace meridian::ice {
namespace {

void expect_mac(std::string_view password, std::string_view first, std::string_view second,
                std::string_view expected) {
  const auto mac = IntegrityKey(password).sign(as_bytes(first), as_bytes(second));
  EXPECT_TRUE(std::ranges::equal(mac, test::from_hex(expected)));
}

// RFC 2202 section 3, test cases 2, 6 and 7.
TEST(IntegrityKey, signs_as_rfc_2202_says) {
  expect_mac("Jefe", "what do ya want ", "for nothing?",
             "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(IntegrityKey, keys_longer_than_a_block_are_hashed) {
  const std::string password(80, '\xaa');
  expect_mac(password, "Test Using Larger Than Block-Size Key - ", "Hash Key First",
             "aa4ae5e15272d00e95705637ce8a3b55ed402112");
  expect_mac(password, "Test Using Larger Than Block-Size Key and Larger ",
             "Than One Block-Size Data", "e8e99d0f45237d786d6bbaa7965c7808bbff1a91");
}

TEST(IntegrityKey, copies_sign_alike) {
  const IntegrityKey key("password");
  const IntegrityKey copy = key;
  EXPECT_EQ(key.sign(as_bytes("a"), as_bytes("b")), copy.sign(as_bytes("ab"), {}));
}

}  // namespace
}  // namespace meridian::ice
