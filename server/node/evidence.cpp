#include "node/evidence.hpp"

#include <algorithm>
#include <utility>

namespace meridian::node {

Evidence::Evidence(EvidenceKeys keys, audit::Digest config, audit::Log& log)
    : keys_(std::move(keys)), config_(config), log_(log) {}

void Evidence::begin(Now now) {
  if (const std::string key = public_key().to_string(); key != keys_.published) {
    audit::Record record;
    record.time = now.wall;
    record.kind = audit::Kind::kKeyPublished;
    record.key = key;
    // A key that the one before doesn't vouch for has to be confirmed by its owner elsewhere.
    const bool is_vouched_for = keys_.previous.has_value();
    record.reason = keys_.published.empty() ? "first" : is_vouched_for ? "rotated" : "replaced";
    (void)log_.append(std::move(record));
  }
  make_checkpoint(now);
}

void Evidence::add(audit::TransitReport report) {
  if (reports_.size() < kMaxWaitingReports) {
    reports_.push_back(std::move(report));
  }
}

void Evidence::keep(RegionId region, audit::Opening opening) {
  stored_.emplace_back(StoredOpening{std::move(region), std::move(opening)});
}

/// The record first, so that no report is handed out that the log doesn't have.
void Evidence::record_reports(UnixTime now) {
  while (!reports_.empty() && log_.room() > 0) {
    const audit::TransitReport& report = reports_.front();
    audit::Record record;
    record.time = now;
    record.account = report.account;
    record.kind = audit::Kind::kTransitReport;
    record.digest = audit::digest_of(report);
    record.epoch = report.epochs.empty() ? PolicyEpoch() : report.epochs.back().epoch;
    record.room_sid = report.room_sid;
    record.reason = audit::name_of(report.status);
    (void)log_.append(std::move(record));
    stored_.emplace_back(StoredReport{.account = report.account,
                                      .room_sid = report.room_sid,
                                      .text = audit::sign_report(report, keys_.current)});
    reports_.pop_front();
  }
}

void Evidence::make_checkpoint(Now now) {
  next_checkpoint_ = now.monotonic + kCheckpointInterval;
  const audit::Heads& heads = log_.heads();
  const bool is_quiet = heads.lines == covered_ && now.monotonic - last_checkpoint_ < kMaxQuiet;
  if (is_quiet || log_.room() == 0) {
    return;
  }
  std::vector<const audit::SigningKey*> signers = {&keys_.current};
  if (keys_.previous) {
    signers.push_back(&*keys_.previous);
  }
  const audit::CheckpointBody body{.origin = public_key().name(),
                                   .lines = heads.lines,
                                   .root = heads.tree.root(),
                                   .node = heads.node,
                                   .config = config_,
                                   .time = now.wall};
  stored_.emplace_back(StoredCheckpoint{audit::sign_checkpoint(body, signers)});
  keys_.previous.reset();
  audit::Record record;
  record.time = now.wall;
  record.kind = audit::Kind::kCheckpoint;
  record.count = body.lines;
  record.digest = body.root;
  (void)log_.append(std::move(record));
  covered_ = log_.heads().lines;
  last_checkpoint_ = now.monotonic;
}

void Evidence::handle_timeout(TransitLedger& ledger, Now now) {
  for (audit::TransitReport& report : ledger.take_finished(now.monotonic)) {
    add(std::move(report));
  }
  record_reports(now.wall);
  if (now.monotonic >= next_checkpoint_) {
    log_.flush_repeats(now.wall);
    make_checkpoint(now);
  }
}

Instant Evidence::next_timeout(const TransitLedger& ledger) const {
  return std::min(next_checkpoint_, ledger.next_timeout());
}

void Evidence::finish(TransitLedger& ledger, Now now) {
  for (audit::TransitReport& report : ledger.take_all(now.wall)) {
    add(std::move(report));
  }
  log_.flush_all_repeats(now.wall);
  record_reports(now.wall);
  make_checkpoint(now);
}

std::vector<Stored> Evidence::take_stored() {
  return std::exchange(stored_, {});
}

}  // namespace meridian::node
