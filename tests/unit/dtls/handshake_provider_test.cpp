#include "dtls/handshake_provider.hpp"

#include <array>
#include <memory>

#include <gtest/gtest.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace meridian::dtls {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// Whether the key of a certificate can be used once it was read in the context of handshakes.
bool reads_key(const Key& key) {
  std::unique_ptr<X509_PUBKEY, decltype(&X509_PUBKEY_free)> written(nullptr, &X509_PUBKEY_free);
  X509_PUBKEY* raw = nullptr;
  EXPECT_EQ(X509_PUBKEY_set(&raw, key.get()), 1);
  written.reset(raw);
  unsigned char* bytes = nullptr;
  const int size = i2d_X509_PUBKEY(written.get(), &bytes);
  const unsigned char* at = bytes;
  const Key read(d2i_PUBKEY_ex(nullptr, &at, size, handshake_context(), nullptr), &EVP_PKEY_free);
  OPENSSL_free(bytes);
  return read && EVP_PKEY_eq(read.get(), key.get()) == 1;
}

int decoders(OSSL_LIB_CTX* context) {
  int count = 0;
  OSSL_DECODER_do_all_provided(
      context, [](OSSL_DECODER*, void* total) { ++*static_cast<int*>(total); }, &count);
  return count;
}

TEST(HandshakeProvider, reads_the_keys_that_clients_sign_with) {
  EXPECT_TRUE(reads_key({EVP_EC_gen("P-256"), &EVP_PKEY_free}));
  EXPECT_TRUE(reads_key({EVP_EC_gen("P-384"), &EVP_PKEY_free}));
  EXPECT_TRUE(reads_key({EVP_RSA_gen(2048), &EVP_PKEY_free}));
  for (const char* type : {"ED25519", "ED448"}) {
    EXPECT_TRUE(reads_key({EVP_PKEY_Q_keygen(nullptr, nullptr, type), &EVP_PKEY_free})) << type;
  }
}

int kinds_of_key(OSSL_LIB_CTX* context) {
  int count = 0;
  EVP_KEYMGMT_do_all_provided(
      context, [](EVP_KEYMGMT*, void* total) { ++*static_cast<int*>(total); }, &count);
  return count;
}

int ciphers(OSSL_LIB_CTX* context) {
  int count = 0;
  EVP_CIPHER_do_all_provided(
      context, [](EVP_CIPHER*, void* total) { ++*static_cast<int*>(total); }, &count);
  return count;
}

TEST(HandshakeProvider, has_little_where_all_it_has_costs_every_handshake) {
  if (handshake_context() == nullptr) {
    GTEST_SKIP() << "this machine's OpenSSL configuration has another provider decide";
  }
  EXPECT_LE(decoders(handshake_context()), 5);
  EXPECT_LE(kinds_of_key(handshake_context()), 6);
  EXPECT_LE(ciphers(handshake_context()), 3);
  EXPECT_GT(decoders(nullptr), 20);
  EXPECT_GT(kinds_of_key(nullptr), 12);
  EXPECT_GT(ciphers(nullptr), 50);
}

}  // namespace
}  // namespace meridian::dtls
