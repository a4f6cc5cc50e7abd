#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "audit/chain.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "residency/decide.hpp"
#include "residency/permit.hpp"

namespace meridian::residency {

/// Whom a decision is about, in ids that this server made. They go into the audit record.
struct Subject {
  std::string room_sid;
  std::string participant_sid;
  /// To who that is (audit/commitment.hpp); for grants.
  audit::Digest commitment{};
};

/// A client may have a transport in this pool.
struct ClientAdmission {
  Permit<ClientLeg> permit;
  /// Index into ClientQuestion::pools; the permit names the region.
  std::size_t pool = 0;
};

/// A relay may run: one permit for each of its ends, for that end's region.
struct RelayAdmission {
  Permit<RelayLeg> source;
  Permit<RelayLeg> sink;
};

/// The only maker of permits. Each call decides and appends the audit record, for grants and
/// denials alike, before it returns; when the log can't take the record, the answer is a denial.
/// Owner: the control thread.
class Gate {
 public:
  /// `log` must outlive the gate.
  explicit Gate(audit::Log& log) : log_(log) {}

  [[nodiscard]] base::Expected<ClientAdmission, Denied> admit(const ClientQuestion& question,
                                                              const Subject& subject, UnixTime now);
  /// Two records when granted: one for each end.
  [[nodiscard]] base::Expected<RelayAdmission, Denied> admit(const RelayQuestion& question,
                                                             const Subject& subject, UnixTime now);

  /// Whether the log has room for the records of a relay.
  [[nodiscard]] bool can_admit_relay() const { return log_.room() >= 2; }

  /// Another permit for a leg that a live permit already covers (a second transport of the same
  /// participant, or one after a reconnect in place). Decided anew against `question`'s policy for
  /// that very region, recorded like any other; never elsewhere.
  [[nodiscard]] base::Expected<Permit<ClientLeg>, Denied> admit_again(
      const ClientQuestion& question, const RegionId& region, const Subject& subject, UnixTime now);

  /// Denials since the start, by reason, those included that the log couldn't take.
  [[nodiscard]] std::uint64_t denials(DenialReason reason) const {
    return denials_[static_cast<std::size_t>(reason)];
  }
  [[nodiscard]] std::uint64_t grants() const { return grants_; }

 private:
  // What the record of a decision says besides the policy.
  struct Context {
    const AccountPolicy* policy;
    LevelNames levels;
    audit::Leg leg;
    const Subject& subject;
    UnixTime now;
  };
  // Appends the record and makes the permit; the caller has seen that the log has room.
  template <class Leg>
  Permit<Leg> grant(const Context& context, const RegionId& region);
  std::unexpected<Denied> refuse(const Context& context, const RegionId& region, Denied denied);
  audit::Log::Append record(const Context& context, audit::Kind kind, const RegionId& region,
                            std::string_view reason);

  audit::Log& log_;
  std::uint64_t grants_ = 0;
  std::array<std::uint64_t, kDenialReasons> denials_{};
};

}  // namespace meridian::residency
