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

/// OpenSSL's default provider, in a context of its own, and the decoders that are left of it.
struct Filter {
  OSSL_PROVIDER* provider = nullptr;
  /// Ends with an empty one.
  std::vector<OSSL_ALGORITHM> decoders;
};

/// Of the process, and constant once it is made: OpenSSL calls back without an argument for it.
Filter& filter() {
  static Filter one;
  return one;
}

bool is_wanted(const OSSL_ALGORITHM& decoder) {
  const std::string_view properties = decoder.property_definition;
  const std::string_view names = decoder.algorithm_names;  // the first before a colon
  return properties.contains("input=der") &&
         properties.contains("structure=SubjectPublicKeyInfo") &&
         std::ranges::find(kKeys, names.substr(0, names.find(':'))) != kKeys.end();
}

const OSSL_ALGORITHM* query_operation(void* /*context*/, int operation, int* no_cache) {
  if (operation == OSSL_OP_DECODER) {
    *no_cache = 0;
    return filter().decoders.data();
  }
  return OSSL_PROVIDER_query_operation(filter().provider, operation, no_cache);
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
  int no_cache = 0;
  for (const OSSL_ALGORITHM* decoder =
           OSSL_PROVIDER_query_operation(filter().provider, OSSL_OP_DECODER, &no_cache);
       decoder != nullptr && decoder->algorithm_names != nullptr; ++decoder) {
    if (is_wanted(*decoder)) {
      filter().decoders.push_back(*decoder);
    }
  }
  MERIDIAN_CHECK(!filter().decoders.empty());
  filter().decoders.push_back({});
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
