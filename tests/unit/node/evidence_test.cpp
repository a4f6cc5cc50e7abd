#include "node/evidence.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/inspection.hpp"

namespace meridian::node {
namespace {

using testing::SizeIs;

Now at(std::int64_t seconds) {
  return {Instant::from_origin(std::chrono::seconds(seconds)),
          UnixTime::from_seconds(1'700'000'000 + seconds)};
}

audit::SigningKey key_of(std::uint64_t seed) {
  SeededRandomSource random(seed);
  return audit::SigningKey::generate("meridian/test", random);
}

residency::AccountPolicy policy() {
  residency::AccountPolicy::Terms terms;
  terms.account = AccountId("acme");
  terms.default_region = RegionId("uk-london");
  return {std::move(terms), PolicyEpoch(1)};
}

struct EvidenceOfNode : testing::Test {
  explicit EvidenceOfNode(EvidenceKeys keys = {.current = key_of(1)})
      : evidence(std::move(keys), audit::sha256({as_bytes("config")}), log) {}

  void note(const char* account) {
    audit::Record record;
    record.account = AccountId(account);
    record.kind = audit::Kind::kPermitGranted;
    (void)log.append(std::move(record));
  }
  /// Everything that `io` gets, kept.
  void take() {
    for (std::string& line : log.take_lines()) {
      line.pop_back();
      lines.push_back(std::move(line));
    }
    for (Stored& one : evidence.take_stored()) {
      if (auto* checkpoint = std::get_if<StoredCheckpoint>(&one)) {
        checkpoints.push_back(audit::parse_checkpoint(checkpoint->note).value());
      } else if (auto* report = std::get_if<StoredReport>(&one)) {
        reports.push_back(std::move(*report));
      }
    }
  }
  std::optional<audit::Finding> inspect(const audit::PublicKey& trusted) {
    audit::Inspector inspector({checkpoints, trusted});
    for (const std::string& line : lines) {
      if (auto finding = inspector.feed(line)) {
        return finding;
      }
    }
    return inspector.finish();
  }

  audit::Log log{"ND_1"};
  Evidence evidence;
  TransitLedger ledger{"ND_1", audit::sha256({as_bytes("config")}), {RegionId("uk-london")}};
  std::vector<std::string> lines;
  std::vector<audit::SignedCheckpoint> checkpoints;
  std::vector<StoredReport> reports;
};

TEST_F(EvidenceOfNode, publishes_its_key_and_signs_what_it_starts_from) {
  note("acme");
  evidence.begin(at(0));
  take();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_EQ(audit::record_of_line(lines[1])->key, key_of(1).public_key().to_string());
  EXPECT_EQ(audit::record_of_line(lines[1])->reason, "first");
  ASSERT_THAT(checkpoints, SizeIs(1));
  EXPECT_EQ(checkpoints[0].body.lines, 2U);
  EXPECT_EQ(checkpoints[0].body.config, audit::sha256({as_bytes("config")}));
  EXPECT_EQ(inspect(key_of(1).public_key()), std::nullopt);
}

TEST_F(EvidenceOfNode, signs_once_a_minute_while_something_is_recorded) {
  evidence.begin(at(0));
  EXPECT_EQ(evidence.next_timeout(ledger), at(60).monotonic);
  note("acme");
  evidence.handle_timeout(ledger, at(59));
  take();
  EXPECT_THAT(checkpoints, SizeIs(1));
  evidence.handle_timeout(ledger, at(60));
  take();
  EXPECT_THAT(checkpoints, SizeIs(2));
  // Quiet: the checkpoint's own record is nothing new, but once an hour there is a sign of life.
  for (int minute = 2; minute < 60; ++minute) {
    evidence.handle_timeout(ledger, at(60 * minute));
  }
  take();
  EXPECT_THAT(checkpoints, SizeIs(2));
  evidence.handle_timeout(ledger, at(3660));
  take();
  EXPECT_THAT(checkpoints, SizeIs(3));
  EXPECT_EQ(inspect(key_of(1).public_key()), std::nullopt);
}

TEST_F(EvidenceOfNode, reports_are_in_the_log_before_they_are_handed_out) {
  evidence.begin(at(0));
  ledger.open(RoomNumber(1), policy(), "RM_1", at(1).wall);
  ledger.close(RoomNumber(1), at(2));
  evidence.handle_timeout(ledger, at(2));
  take();
  ASSERT_THAT(reports, SizeIs(1));
  const auto report = audit::parse_signed_report(reports[0].text);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->is_signed_by(key_of(1).public_key()));
  const auto record = audit::record_of_line(lines.back());
  EXPECT_EQ(record->kind, audit::Kind::kTransitReport);
  EXPECT_EQ(record->digest, audit::digest_of(report->report));
  EXPECT_EQ(record->room_sid, "RM_1");
  EXPECT_EQ(record->reason, "final");
}

TEST_F(EvidenceOfNode, a_report_waits_while_the_log_is_full) {
  evidence.begin(at(0));
  ledger.open(RoomNumber(1), policy(), "RM_1", at(1).wall);
  ledger.close(RoomNumber(1), at(2));
  while (log.room() > 0) {
    note("acme");
  }
  evidence.handle_timeout(ledger, at(2));
  for (const Stored& one : evidence.take_stored()) {
    EXPECT_FALSE(std::holds_alternative<StoredReport>(one));
  }
  (void)log.take_lines();
  evidence.handle_timeout(ledger, at(3));
  take();
  EXPECT_THAT(reports, SizeIs(1));
}

TEST_F(EvidenceOfNode, ends_with_every_report_every_count_and_a_checkpoint) {
  evidence.begin(at(0));
  ledger.open(RoomNumber(1), policy(), "RM_1", at(1).wall);
  audit::Record denial;
  denial.time = at(1).wall;
  denial.kind = audit::Kind::kPermitDenied;
  (void)log.append_or_count(denial);
  (void)log.append_or_count(denial);
  evidence.finish(ledger, at(2));
  take();
  EXPECT_THAT(reports, SizeIs(1));
  EXPECT_THAT(checkpoints, SizeIs(2));
  EXPECT_EQ(checkpoints[1].body.lines + 1, lines.size());
  EXPECT_EQ(audit::record_of_line(lines[lines.size() - 3])->count, 1U);
  EXPECT_EQ(inspect(key_of(1).public_key()), std::nullopt);
}

struct EvidenceAfterRotation : EvidenceOfNode {
  EvidenceAfterRotation()
      : EvidenceOfNode({.current = key_of(2),
                        .previous = key_of(1),
                        .published = key_of(1).public_key().to_string()}) {}
};

TEST_F(EvidenceAfterRotation, the_old_key_vouches_for_the_new_one_once) {
  note("acme");
  evidence.begin(at(0));
  note("acme");
  evidence.handle_timeout(ledger, at(60));
  take();
  ASSERT_THAT(checkpoints, SizeIs(2));
  EXPECT_TRUE(checkpoints[0].is_signed_by(key_of(1).public_key()));
  EXPECT_TRUE(checkpoints[0].is_signed_by(key_of(2).public_key()));
  EXPECT_FALSE(checkpoints[1].is_signed_by(key_of(1).public_key()));
  EXPECT_EQ(audit::record_of_line(lines[1])->reason, "rotated");
  EXPECT_EQ(inspect(key_of(1).public_key()), std::nullopt);
}

struct EvidenceAfterRestart : EvidenceOfNode {
  EvidenceAfterRestart()
      : EvidenceOfNode({.current = key_of(1), .published = key_of(1).public_key().to_string()}) {}
};

TEST_F(EvidenceAfterRestart, the_key_is_not_published_again) {
  note("acme");
  evidence.begin(at(0));
  take();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(audit::record_of_line(lines[1])->kind, audit::Kind::kCheckpoint);
}

}  // namespace
}  // namespace meridian::node
