#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "audit/digest.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "residency/region.hpp"

namespace meridian::residency {

/// Which region's nodes may take the signalling of an account's participants. Media is never
/// affected: it stays in the effective set with either.
enum class SignallingScope : std::uint8_t {
  kPermittedOnly,  // a node elsewhere refuses the join and names the permitted endpoints
  kAny,            // a node elsewhere may take the signalling and hand out permitted candidates
};
[[nodiscard]] std::string_view name_of(SignallingScope scope);

/// Allow-sets below the account. A level that is absent doesn't restrict.
struct Overrides {
  std::optional<RegionSet> group;
  std::optional<RegionSet> user;
  std::optional<RegionSet> room;
};

/// One immutable, numbered version of an account's routing.
///
///   effective = {default region} ∪ (opted in ∩ group? ∩ user? ∩ room?)
///
/// No level can widen, none can remove the default region, and a region that nobody opted into is
/// out: a new region changes no account.
class AccountPolicy {
 public:
  struct Terms {
    AccountId account;
    RegionId default_region;
    RegionSet opted_in;
    SignallingScope signalling_scope = SignallingScope::kPermittedOnly;
  };

  /// `epoch` must not be 0. The default region needs no mention in `opted_in`.
  AccountPolicy(Terms terms, PolicyEpoch epoch);

  [[nodiscard]] const AccountId& account() const { return terms_.account; }
  [[nodiscard]] const RegionId& default_region() const { return terms_.default_region; }
  [[nodiscard]] SignallingScope signalling_scope() const { return terms_.signalling_scope; }
  [[nodiscard]] PolicyEpoch epoch() const { return epoch_; }
  /// Of the canonical form: what audit records name. The epoch is not part of it.
  [[nodiscard]] const audit::Digest& digest() const { return digest_; }
  /// The terms, with the default region among `opted_in`.
  [[nodiscard]] const Terms& terms() const { return terms_; }

  /// The effective set without overrides.
  [[nodiscard]] const RegionSet& effective() const { return terms_.opted_in; }
  /// The effective set under `overrides`. Error: an override names a region that its parent
  /// doesn't have; it is refused rather than trimmed, so that whoever set it learns of it.
  [[nodiscard]] base::Expected<RegionSet, base::Error> effective(const Overrides& overrides) const;

 private:
  Terms terms_;
  PolicyEpoch epoch_;
  audit::Digest digest_;
};

/// The text that a policy's digest is of: JSON without spaces, keys and regions sorted.
[[nodiscard]] std::string canonical(const AccountPolicy::Terms& terms);

}  // namespace meridian::residency
