#include "dtls/handshake_provider.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "base/check.hpp"

namespace meridian::dtls {
namespace {

/// Keys that a certificate may have whose owner signs with it (RFC 8422 section 5.1.3, RFC 4055).
constexpr std::array<std::string_view, 5> kKeys = {"EC", "RSA", "RSA-PSS", "ED25519", "ED448"};

/// The other group that we offer for the key exchange; P-256 has the keys of EC.
constexpr std::string_view kExchangeKeys = "X25519";

/// Those of the cipher suites that we offer.
constexpr std::array<std::string_view, 3> kCiphersOfSuites = {"AES-128-GCM", "AES-256-GCM",
                                                              "ChaCha20-Poly1305"};

/// OpenSSL's default provider, in a context of its own, and what is left of it. Lists end with an
/// empty algorithm.
struct Filter {
  OSSL_PROVIDER* provider = nullptr;
  std::vector<OSSL_ALGORITHM> decoders;
  /// A decoder asks each of them whether it knows the key, and looks for them among all that the
  /// context has, most of which would be ciphers.
  std::vector<OSSL_ALGORITHM> key_managers;
  std::vector<OSSL_ALGORITHM> ciphers;
};

/// Of the process, and constant once it is made: OpenSSL calls back without an argument for it.
Filter& filter() {
  static Filter one;
  return one;
}

/// The first of the names, which colons separate.
std::string_view name_of(const OSSL_ALGORITHM& algorithm) {
  const std::string_view names = algorithm.algorithm_names;
  return names.substr(0, names.find(':'));
}
bool signs(std::string_view key) {
  return std::ranges::find(kKeys, key) != kKeys.end();
}
bool is_wanted_decoder(const OSSL_ALGORITHM& decoder) {
  const std::string_view properties = decoder.property_definition;
  return properties.contains("input=der") &&
         properties.contains("structure=SubjectPublicKeyInfo") && signs(name_of(decoder));
}
bool is_wanted_manager(const OSSL_ALGORITHM& manager) {
  return signs(name_of(manager)) || name_of(manager) == kExchangeKeys;
}

bool is_wanted_cipher(const OSSL_ALGORITHM& cipher) {
  return std::ranges::find(kCiphersOfSuites, name_of(cipher)) != kCiphersOfSuites.end();
}

template <class Predicate>
std::vector<OSSL_ALGORITHM> select(int operation, Predicate is_wanted) {
  std::vector<OSSL_ALGORITHM> selected;
  int no_cache = 0;
  for (const OSSL_ALGORITHM* one =
           OSSL_PROVIDER_query_operation(filter().provider, operation, &no_cache);
       one != nullptr && one->algorithm_names != nullptr; ++one) {
    if (is_wanted(*one)) {
      selected.push_back(*one);
    }
  }
  MERIDIAN_CHECK(!selected.empty());
  selected.push_back({});
  return selected;
}

const OSSL_ALGORITHM* query_operation(void* /*context*/, int operation, int* no_cache) {
  *no_cache = 0;
  switch (operation) {
    case OSSL_OP_DECODER:
      return filter().decoders.data();
    case OSSL_OP_KEYMGMT:
      return filter().key_managers.data();
    case OSSL_OP_CIPHER:
      return filter().ciphers.data();
    default:
      return OSSL_PROVIDER_query_operation(filter().provider, operation, no_cache);
  }
}

int get_capabilities(void* /*context*/, const char* capability, OSSL_CALLBACK* callback,
                     void* argument) {
  return OSSL_PROVIDER_get_capabilities(filter().provider, capability, callback, argument);
}

int start_provider(const OSSL_CORE_HANDLE* /*handle*/, const OSSL_DISPATCH* /*core*/,
                   const OSSL_DISPATCH** functions, void** context) {
  static const std::array<OSSL_DISPATCH, 3> kFunctions = {
      {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<void (*)()>(&query_operation)},
       {OSSL_FUNC_PROVIDER_GET_CAPABILITIES, reinterpret_cast<void (*)()>(&get_capabilities)},
       {0, nullptr}}};
  *functions = kFunctions.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(filter().provider);
  return 1;
}

OSSL_LIB_CTX* make_context() {
  if (OSSL_PROVIDER_available(nullptr, "default") != 1 ||
      OSSL_PROVIDER_available(nullptr, "fips") == 1) {
    return nullptr;
  }
  OSSL_LIB_CTX* whole = OSSL_LIB_CTX_new();
  MERIDIAN_CHECK(whole != nullptr);
  filter().provider = OSSL_PROVIDER_load(whole, "default");
  MERIDIAN_CHECK(filter().provider != nullptr);
  filter().decoders = select(OSSL_OP_DECODER, &is_wanted_decoder);
  filter().key_managers = select(OSSL_OP_KEYMGMT, &is_wanted_manager);
  filter().ciphers = select(OSSL_OP_CIPHER, &is_wanted_cipher);
  OSSL_LIB_CTX* context = OSSL_LIB_CTX_new();
  MERIDIAN_CHECK(context != nullptr &&
                 OSSL_PROVIDER_add_builtin(context, "meridian", &start_provider) == 1 &&
                 OSSL_PROVIDER_load(context, "meridian") != nullptr);
  return context;
}

}  // namespace

OSSL_LIB_CTX* handshake_context() {
  static OSSL_LIB_CTX* const kContext = make_context();
  return kContext;
}

}  // namespace meridian::dtls
