#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/ids.hpp"
#include "residency/policy.hpp"

namespace meridian::residency {

class Gate;

/// Kinds of leg that a permit can allow. A permit for one kind cannot be used for another.
struct ClientLeg {};  // a client's transport to a worker
struct RelayLeg {};   // one direction of a relay between two shards

/// The value without which no transport, relay or connector can be constructed. Only Gate makes
/// one; it is move-only, and a moved-from permit is void. `tests/compile_fail` proves that it can't
/// be copied, forged with bit_cast or converted to another leg.
template <class Leg>
class Permit {
 public:
  // User-provided, so that the type is not trivially copyable and bit_cast refuses it.
  Permit(Permit&& other) noexcept
      : account_(std::move(other.account_)),
        region_(std::move(other.region_)),
        levels_(std::move(other.levels_)),
        narrowed_(std::move(other.narrowed_)),
        epoch_(std::exchange(other.epoch_, PolicyEpoch{})) {}
  Permit& operator=(Permit&& other) noexcept {
    account_ = std::move(other.account_);
    region_ = std::move(other.region_);
    levels_ = std::move(other.levels_);
    narrowed_ = std::move(other.narrowed_);
    epoch_ = std::exchange(other.epoch_, PolicyEpoch{});
    return *this;
  }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;
  ~Permit() = default;

  /// Whose policy allowed it.
  [[nodiscard]] const AccountId& account() const { return account_; }
  /// Where the bytes may be.
  [[nodiscard]] const RegionId& region() const { return region_; }
  /// The levels of the policy that the meeting is under.
  [[nodiscard]] const LevelNames& levels() const { return levels_; }
  /// The meeting has come under these levels: from now on both these and levels() must permit.
  void narrow(LevelNames levels) { narrowed_ = std::move(levels); }
  [[nodiscard]] const std::optional<LevelNames>& narrowed() const { return narrowed_; }
  /// The policy version under which it was decided; 0 once moved from.
  [[nodiscard]] PolicyEpoch epoch() const { return epoch_; }
  [[nodiscard]] bool is_valid() const { return epoch_ != PolicyEpoch{}; }

 private:
  friend class Gate;
  Permit(AccountId account, RegionId region, PolicyEpoch epoch, LevelNames levels)
      : account_(std::move(account)),
        region_(std::move(region)),
        levels_(std::move(levels)),
        epoch_(epoch) {}

  AccountId account_;
  RegionId region_;
  LevelNames levels_;
  std::optional<LevelNames> narrowed_;
  PolicyEpoch epoch_;
};

}  // namespace meridian::residency
