#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/digest.hpp"
#include "audit/json.hpp"
#include "audit/signing.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "metrics/transit.hpp"

/// The transit report: where the bytes of one meeting were, as a signed document.
namespace meridian::audit {

/// Its `v` field. A change of meaning needs a new number.
inline constexpr std::uint64_t kReportVersion = 1;
/// Longest signed report that is read, in bytes.
inline constexpr std::size_t kMaxReport = 4UL * 1024 * 1024;

enum class ReportStatus : std::uint8_t {
  kRunning,     // the meeting goes on: numbers so far, seconds old
  kFinal,       // every leg has told its last numbers
  kIncomplete,  // a worker did not tell its last numbers in time: they are lower bounds
};
[[nodiscard]] std::string_view name_of(ReportStatus status);

/// A policy version under which the meeting ran.
struct EpochInForce {
  PolicyEpoch epoch;
  Digest policy;
  UnixTime since;
  /// The effective set, sorted.
  std::vector<RegionId> permitted;
  friend bool operator==(const EpochInForce&, const EpochInForce&) = default;
};

struct RegionTransit {
  static constexpr std::size_t kLegs = static_cast<std::size_t>(metrics::TransitLeg::kCount);

  RegionId region;
  std::array<metrics::TransitCounts, kLegs> legs{};
  /// Client transports that were open here in the course of the meeting.
  std::uint64_t transports = 0;
  /// What still came from peers whose permit was revoked: dropped unread.
  metrics::TransitCount refused;

  [[nodiscard]] metrics::TransitCounts& leg(metrics::TransitLeg leg) {
    return legs[static_cast<std::size_t>(leg)];
  }
  [[nodiscard]] const metrics::TransitCounts& leg(metrics::TransitLeg leg) const {
    return legs[static_cast<std::size_t>(leg)];
  }
  friend bool operator==(const RegionTransit&, const RegionTransit&) = default;
};

/// All relays from one region to another (or the same: between two workers). Each end counted.
struct RelayFlow {
  RegionId from;
  RegionId to;
  metrics::TransitCount sent;
  metrics::TransitCount received;
  friend bool operator==(const RelayFlow&, const RelayFlow&) = default;
};

struct DenialCount {
  RegionId region;
  std::string reason;
  std::uint64_t count = 0;
  friend bool operator==(const DenialCount&, const DenialCount&) = default;
};

/// Holds no name, identity or address: a meeting is its random sid, and people are only counted.
struct TransitReport {
  AccountId account;
  std::string room_sid;
  std::string node;
  UnixTime started;
  UnixTime ended;  // of a running meeting: when the report was made
  ReportStatus status = ReportStatus::kFinal;
  /// Of the configuration, as in /healthz and checkpoints.
  Digest config;
  std::vector<EpochInForce> epochs;    // oldest first
  std::vector<RegionTransit> regions;  // by id
  std::vector<RelayFlow> relays;       // by from, to
  std::vector<DenialCount> denials;    // by region, reason
  friend bool operator==(const TransitReport&, const TransitReport&) = default;
};

/// The one text of a report: canonical JSON (audit/json.hpp).
[[nodiscard]] std::string canonical(const TransitReport& report);
/// Nothing unless it is what canonical() would write for its result, layout left aside.
[[nodiscard]] std::optional<TransitReport> parse_report(const Json& json);

/// What contradicts the promises of a report in its own numbers.
enum class ReportFlaw : std::uint8_t {
  kRegionNotPermitted,  // bytes left or entered in a region that no epoch in force permitted
  kRelayNotConserved,   // a relay's two ends counted differently, in a final report
  kLegsDisagree,        // the regions' relay legs are not the sums of the relays
  kEpochsDisordered,    // epochs or their times don't grow, or there is none
};
[[nodiscard]] std::string_view name_of(ReportFlaw flaw);
struct ReportFinding {
  ReportFlaw flaw = ReportFlaw::kRegionNotPermitted;
  /// `us-east`, `uk-london to de-frankfurt`: where.
  std::string where;
  friend bool operator==(const ReportFinding&, const ReportFinding&) = default;
};
[[nodiscard]] std::vector<ReportFinding> check(const TransitReport& report);

/// A report as it is stored and handed out:
///
///   {"report":{…},"signature":"base64","signed_by":"PUBLIC KEY","v":1}
///
/// The signature is over "meridian transit report v1\n" and the canonical report, so that it holds
/// however the JSON around it is laid out.
struct SignedReport {
  TransitReport report;
  /// The key that the document names; whether it may be believed is the reader's to know.
  PublicKey signed_by;
  SignatureBytes signature{};

  [[nodiscard]] bool is_signed_by(const PublicKey& key) const;
};
[[nodiscard]] std::string sign_report(const TransitReport& report, const SigningKey& key);
[[nodiscard]] std::optional<SignedReport> parse_signed_report(std::string_view text);
/// Of the canonical report: what the log's record of it has.
[[nodiscard]] Digest digest_of(const TransitReport& report);

/// The report for people, as plain text (audit/transit_text.cpp).
[[nodiscard]] std::string describe(const TransitReport& report);

}  // namespace meridian::audit
