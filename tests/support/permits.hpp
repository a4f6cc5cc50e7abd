#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "audit/chain.hpp"
#include "base/check.hpp"
#include "residency/gate.hpp"

namespace meridian::test {

/// Permits for tests that are not about residency. There is no other way to one than the gate, so
/// this asks a gate of its own, under a policy of one region.
class PermitOffice {
 public:
  residency::Permit<residency::ClientLeg> client(std::uint64_t epoch = 1) {
    const residency::AccountPolicy policy = policy_of(epoch);
    const std::array pools = {residency::PoolState{
        .region = region_, .liveness = residency::PoolState::Liveness::kLive, .free = 100}};
    auto admission = gate_.admit(residency::ClientQuestion{.policy = &policy,
                                                           .arrived_at = region_,
                                                           .hint = {},
                                                           .regions = regions_,
                                                           .pools = pools},
                                 {}, UnixTime{});
    MERIDIAN_CHECK(admission);
    (void)log_.take_lines();
    return std::move(admission->permit);
  }

  residency::RelayAdmission relay(std::uint64_t epoch = 1) {
    const residency::AccountPolicy policy = policy_of(epoch);
    auto admission =
        gate_.admit(residency::RelayQuestion{.policy = &policy, .from = region_, .to = region_}, {},
                    UnixTime{});
    MERIDIAN_CHECK(admission);
    (void)log_.take_lines();
    return std::move(*admission);
  }

 private:
  [[nodiscard]] residency::AccountPolicy policy_of(std::uint64_t epoch) const {
    return {{.account = AccountId("acme"), .default_region = region_, .opted_in = {}},
            PolicyEpoch(epoch)};
  }

  RegionId region_{"uk-london"};
  std::vector<residency::Region> regions_{{.id = region_,
                                           .name = "London",
                                           .jurisdictions = {"uk"},
                                           .coordinates = {},
                                           .url = "wss://london.example"}};
  audit::Log log_{"test-node"};
  residency::Gate gate_{log_};
};

}  // namespace meridian::test
