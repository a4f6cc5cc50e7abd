#include "dtls/datagram_bio.hpp"

#include <array>
#include <memory>

#include <gtest/gtest.h>

namespace meridian::dtls {
namespace {

class DatagramBioTest : public testing::Test {
 protected:
  DatagramWire wire_;
  std::unique_ptr<BIO, decltype(&BIO_free)> bio_{make_datagram_bio(wire_), &BIO_free};
};

TEST_F(DatagramBioTest, keeps_datagrams_apart) {
  EXPECT_EQ(BIO_write(bio_.get(), "ab", 2), 2);
  EXPECT_EQ(BIO_write(bio_.get(), "cde", 3), 3);
  ASSERT_EQ(wire_.output.size(), 2U);
  EXPECT_EQ(wire_.output[0], (Datagram{'a', 'b'}));
  EXPECT_EQ(wire_.output[1], (Datagram{'c', 'd', 'e'}));
}

TEST_F(DatagramBioTest, gives_its_datagram_once_then_asks_to_wait) {
  wire_.input = as_bytes("hello");
  std::array<char, 16> buffer{};
  EXPECT_EQ(BIO_read(bio_.get(), buffer.data(), 16), 5);
  EXPECT_LT(BIO_read(bio_.get(), buffer.data(), 16), 0);
  EXPECT_TRUE(BIO_should_retry(bio_.get()));
}

TEST_F(DatagramBioTest, drops_what_does_not_fit_the_reader) {
  wire_.input = as_bytes("hello");
  std::array<char, 2> buffer{};
  EXPECT_EQ(BIO_read(bio_.get(), buffer.data(), 2), 2);
  EXPECT_LT(BIO_read(bio_.get(), buffer.data(), 2), 0);
}

TEST_F(DatagramBioTest, refuses_to_write_too_long_a_datagram) {
  const std::vector<char> data(DatagramWire::kMaxSize + 1);
  EXPECT_LT(BIO_write(bio_.get(), data.data(), static_cast<int>(data.size())), 0);
  EXPECT_TRUE(wire_.output.empty());
}

TEST_F(DatagramBioTest, claims_no_kernel_tls) {
  EXPECT_EQ(BIO_get_ktls_send(bio_.get()), 0);
  EXPECT_EQ(BIO_get_ktls_recv(bio_.get()), 0);
}

}  // namespace
}  // namespace meridian::dtls
