#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "api/routing_change.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "node/control_types.hpp"
#include "residency/lease.hpp"

namespace meridian::node {

/// The routing changes of a node: which workers have yet to answer, when a change is dry, and what
/// its outcome is. Outcomes are kept for a while, and grow as clients go on sending.
class ChangeBook {
 public:
  /// Finished changes that are kept; the oldest go first.
  static constexpr std::size_t kMaxKept = 256;

  using Change = api::ChangeOutcome;

  /// A new version is in force. `outcome` needs account, epoch and requested_at.
  Change& open(Change outcome);
  /// The permits outside the new set are void, as of generation `generation` of the policy, and
  /// these workers have media of the account to stop. Done at once when there are none.
  void revoke(const AccountId& account, PolicyEpoch epoch, std::uint64_t generation,
              std::vector<WorkerPlacement> workers, Now now);
  /// A transport that was closed by this change belonged to that participant.
  void remember(const AccountId& account, PolicyEpoch epoch, TransportId transport,
                std::string participant_sid);

  void handle(WorkerIndex worker, const forward::PolicyApplied& event, Now now);
  void handle(const forward::StillSending& event);
  /// What the lease covers is covered when its term is over.
  void handle_timeout(Now now);
  [[nodiscard]] Instant next_timeout() const;

  /// The versions of an account whose revoke() is still to come.
  [[nodiscard]] std::vector<PolicyEpoch> unrevoked(const AccountId& account) const;
  /// To be completed while the change is not finished; null when there is none.
  [[nodiscard]] Change* edit(const AccountId& account, PolicyEpoch epoch);
  /// Null for those that were never made, or are forgotten.
  [[nodiscard]] const Change* find(const AccountId& account, PolicyEpoch epoch) const;
  /// Changes that finished since the last call, as long as they are kept.
  [[nodiscard]] std::vector<const Change*> take_finished();

 private:
  struct Entry {
    Change outcome;
    std::uint64_t generation = 0;
    std::vector<WorkerPlacement> awaited;
    Instant covered = Instant::never();
    bool is_told = false;
  };
  struct Sender {
    AccountId account;
    PolicyEpoch epoch;
    std::string participant_sid;
  };
  [[nodiscard]] Entry* find_entry(const AccountId& account, PolicyEpoch epoch);
  static void finish(Entry& entry, UnixTime now);
  void forget_old();

  std::list<Entry> entries_;  // oldest first
  std::unordered_map<TransportId, Sender> senders_;
};

}  // namespace meridian::node
