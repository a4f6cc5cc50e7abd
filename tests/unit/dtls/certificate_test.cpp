#include "dtls/certificate.hpp"

#include <gtest/gtest.h>

namespace meridian::dtls {
namespace {

TEST(Certificate, each_start_makes_another_key) {
  const auto now = UnixTime::from_seconds(1'800'000'000);
  const auto first = Certificate::make(now);
  const auto second = Certificate::make(now);
  EXPECT_NE(first.fingerprint(), second.fingerprint());
  EXPECT_NE(first.fingerprint(), Fingerprint{});
}

TEST(Certificate, keeps_its_fingerprint_when_moved) {
  auto first = Certificate::make(UnixTime::from_seconds(1'800'000'000));
  const Fingerprint fingerprint = first.fingerprint();
  const Certificate second = std::move(first);
  EXPECT_EQ(second.fingerprint(), fingerprint);
}

}  // namespace
}  // namespace meridian::dtls
