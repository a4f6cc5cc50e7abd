#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "audit/chain.hpp"
#include "audit/commitment.hpp"
#include "audit/note.hpp"
#include "audit/signing.hpp"
#include "audit/transit_report.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "node/transit_ledger.hpp"

namespace meridian::node {

/// What `io` keeps beside the log. The log's lines of the same turn go first.
struct StoredReport {
  AccountId account;
  std::string room_sid;
  std::string text;
};
struct StoredCheckpoint {
  std::string note;
};
/// A row of the identity table in this region, the account's default one.
struct StoredOpening {
  RegionId region;
  audit::Opening opening;
};
using Stored = std::variant<StoredReport, StoredCheckpoint, StoredOpening>;

/// The keys of the log. Their name is the log's origin.
struct EvidenceKeys {
  audit::SigningKey current;
  /// While the first checkpoint under a new key is to come: it signs that, too.
  std::optional<audit::SigningKey> previous = std::nullopt;
  /// What the log published last; empty = nothing yet.
  std::string published = {};
};

/// Signs what the node wrote down: publishes its key in the log, makes a checkpoint each minute in
/// which something was recorded, and turns finished meetings into signed and recorded reports.
/// Owner: the control thread.
class Evidence {
 public:
  static constexpr Duration kCheckpointInterval = std::chrono::minutes(1);
  /// A quiet log still shows that it lives.
  static constexpr Duration kMaxQuiet = std::chrono::hours(1);
  /// Finished reports that wait for room in the log.
  static constexpr std::size_t kMaxWaitingReports = 4096;

  /// `log` must outlive this.
  Evidence(EvidenceKeys keys, audit::Digest config, audit::Log& log);

  /// At start, once the node's first records are in the log.
  void begin(Now now);
  /// Another configuration was read.
  void set_config(audit::Digest config) { config_ = config; }

  /// A meeting is over and these are its numbers: recorded, signed and given to `io`.
  void add(audit::TransitReport report);
  /// Keeps a row for `io`.
  void keep(RegionId region, audit::Opening opening);

  /// `ledger` gives the reports that are finished.
  void handle_timeout(TransitLedger& ledger, Now now);
  [[nodiscard]] Instant next_timeout(const TransitLedger& ledger) const;
  /// At the end: all reports, all counts, and a last checkpoint.
  void finish(TransitLedger& ledger, Now now);

  [[nodiscard]] std::vector<Stored> take_stored();
  [[nodiscard]] const audit::PublicKey& public_key() const { return keys_.current.public_key(); }

 private:
  void record_reports(UnixTime now);
  void make_checkpoint(Now now);

  EvidenceKeys keys_;
  audit::Digest config_;
  audit::Log& log_;
  /// Lines at the last checkpoint, its own record included.
  std::uint64_t covered_ = 0;
  Instant last_checkpoint_;
  Instant next_checkpoint_ = Instant::never();
  std::deque<audit::TransitReport> reports_;
  std::vector<Stored> stored_;
};

}  // namespace meridian::node
