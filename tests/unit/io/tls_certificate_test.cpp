#include "io/tls_certificate.hpp"

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "io/clock.hpp"
#include "unit/io/certificate_files.hpp"

namespace meridian::io {
namespace {

std::string common_name(const TlsCertificate& certificate) {
  std::string name(64, '\0');
  const X509* leaf = SSL_CTX_get0_certificate(certificate.context());
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(leaf), NID_commonName,
                                             name.data(), static_cast<int>(name.size()));
  name.resize(static_cast<std::size_t>(std::max(size, 0)));
  return name;
}

class TlsCertificateTest : public testing::Test {
 protected:
  void install(const TlsFiles& from) {
    std::filesystem::copy_file(from.certificate_chain, files_.certificate_chain,
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(from.private_key, files_.private_key,
                               std::filesystem::copy_options::overwrite_existing);
  }
  TemporaryFolder folder_;
  TlsFiles files_{folder_.path() / "live.pem", folder_.path() / "live.key"};
};

TEST_F(TlsCertificateTest, a_new_pair_is_taken_on_reload) {
  install(make_pair(folder_, "first"));
  auto certificate = TlsCertificate::load(files_, wall_now());
  ASSERT_TRUE(certificate);
  EXPECT_EQ(common_name(*certificate), "first");
  EXPECT_FALSE(certificate->has_changed_on_disk());
  install(make_pair(folder_, "second!"));
  EXPECT_TRUE(certificate->has_changed_on_disk());
  ASSERT_TRUE(certificate->reload(wall_now()));
  EXPECT_EQ(common_name(*certificate), "second!");
  EXPECT_FALSE(certificate->has_changed_on_disk());
}

TEST_F(TlsCertificateTest, a_bad_pair_leaves_the_old_one_in_place) {
  install(make_pair(folder_, "good"));
  auto certificate = TlsCertificate::load(files_, wall_now());
  ASSERT_TRUE(certificate);
  const TlsFiles other = make_pair(folder_, "other");
  std::filesystem::copy_file(other.private_key, files_.private_key,
                             std::filesystem::copy_options::overwrite_existing);
  const auto mismatched = certificate->reload(wall_now());
  ASSERT_FALSE(mismatched);
  EXPECT_NE(mismatched.error().message.find("live.key"), std::string::npos);
  std::filesystem::remove(files_.certificate_chain);
  EXPECT_FALSE(certificate->reload(wall_now()));
  EXPECT_EQ(common_name(*certificate), "good");
}

TEST_F(TlsCertificateTest, an_expired_certificate_is_refused) {
  install(make_pair(folder_, "old", -60));
  const auto certificate = TlsCertificate::load(files_, wall_now());
  ASSERT_FALSE(certificate);
  EXPECT_NE(certificate.error().message.find("not valid"), std::string::npos);
}

TEST_F(TlsCertificateTest, says_when_it_ends) {
  install(make_pair(folder_, "day", 86400));
  const auto certificate = TlsCertificate::load(files_, wall_now());
  ASSERT_TRUE(certificate);
  const Duration left = certificate->expires() - wall_now();
  EXPECT_GT(left, std::chrono::hours(23));
  EXPECT_LE(left, std::chrono::hours(24));
}

}  // namespace
}  // namespace meridian::io
