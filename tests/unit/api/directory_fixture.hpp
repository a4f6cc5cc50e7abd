#pragma once

#include "directory/memory_directory.hpp"

/// Two regions and three accounts, as in config/dev.yaml, and one account without a key.
namespace meridian::api::testing_support {

inline const RegionId kLondon("uk-london");
inline const RegionId kVirginia("us-east");

inline directory::Account account_of(const char* id, residency::RegionSet opted_in) {
  return {id,
          residency::AccountPolicy({.account = AccountId(id),
                                    .default_region = kLondon,
                                    .opted_in = std::move(opted_in),
                                    .signalling_scope = residency::SignallingScope::kPermittedOnly},
                                   PolicyEpoch(1))};
}

inline directory::MemoryDirectory make_directory() {
  return directory::MemoryDirectory(
      {.regions = {{kLondon, "London", {}, {}, "ws://uk"},
                   {kVirginia, "Virginia", {}, {}, "ws://us"}},
       .accounts = {account_of("dev", {kVirginia}), account_of("uk-only", {}),
                    account_of("keyless", {})},
       .keys = {{"devkey", "secret", AccountId("dev")},
                {"ukkey", "uksecret", AccountId("uk-only")}},
       .pools = {}});
}

}  // namespace meridian::api::testing_support
