#include "srtp/key_derivation.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "support/hex.hpp"

namespace meridian::srtp {
namespace {

using test::from_hex;

KeyMaterial material(Profile profile, std::string_view key, std::string_view salt) {
  KeyMaterial result{.profile = profile};
  std::ranges::copy(from_hex(key), result.key.begin());
  std::ranges::copy(from_hex(salt), result.salt.begin());
  return result;
}

void expect_key(const KeyMaterial& from, KeyLabel label, std::string_view expected) {
  std::vector<std::uint8_t> key(expected.size() / 2);
  derive_key(from, label, key);
  EXPECT_EQ(key, from_hex(expected));
}

TEST(KeyDerivation, gives_the_keys_of_rfc_3711_b3) {
  const auto from = material(Profile::kAes128CmSha1_80, "e1f97a0d3e018be0d64fa32c06de4139",
                             "0ec675ad498afeebb6960b3aabe6");
  expect_key(from, KeyLabel::kRtpEncryption, "c61e7a93744f39ee10734afe3ff7a087");
  expect_key(from, KeyLabel::kRtpSalt, "30cbbc08863d8c85d49db34a9ae1");
  expect_key(from, KeyLabel::kRtpAuthentication,
             "cebe321f6ff7716b6fd4ab49af256a156d38baa48f0a0acf3c34e2359e6cdbcee049646c43d9327ad1755"
             "78ef72270986371c10c9a369ac2f94a8c5fbcdddc256d6e919a48b610ef17c2041e474035766b68642c59"
             "bbfc2f34db60dbdfb2");
}

TEST(KeyDerivation, gives_the_keys_of_rfc_6188_7_2) {
  const auto from = material(Profile::kAeadAes256Gcm,
                             "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
                             "3b04803de51ee7c96423ab5b78d2");
  expect_key(from, KeyLabel::kRtpEncryption,
             "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4");
  expect_key(from, KeyLabel::kRtpSalt, "fa31791685ca444a9e07c6c64e93");
  expect_key(from, KeyLabel::kRtpAuthentication, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05");
}

}  // namespace
}  // namespace meridian::srtp
