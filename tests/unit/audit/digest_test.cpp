#include "audit/digest.hpp"

#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

// FIPS 180-4 examples (NIST CSRC, "SHA256.pdf").
TEST(Digest, gives_the_values_of_the_standard) {
  EXPECT_EQ(sha256({}).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256({as_bytes("abc")}).hex(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256({as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")}).hex(),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Digest, is_of_the_parts_together) {
  EXPECT_EQ(sha256({as_bytes("a"), as_bytes(""), as_bytes("bc")}), sha256({as_bytes("abc")}));
}

TEST(Digest, reads_only_what_it_writes) {
  const Digest digest = sha256({as_bytes("abc")});
  EXPECT_EQ(Digest::from_hex(digest.hex()), digest);
  std::string upper = digest.hex();
  upper[0] = 'B';
  EXPECT_FALSE(Digest::from_hex(upper));
  EXPECT_FALSE(Digest::from_hex(digest.hex().substr(1)));
  EXPECT_FALSE(Digest::from_hex(digest.hex() + "0"));
  EXPECT_FALSE(Digest::from_hex(std::string(63, '0') + "g"));
}

}  // namespace
}  // namespace meridian::audit
