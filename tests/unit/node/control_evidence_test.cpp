#include <gmock/gmock.h>

#include "audit/inspection.hpp"
#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class ControlEvidenceTest : public ControlTest {
 protected:
  std::vector<audit::Record> records(audit::Kind kind) {
    for (const std::string& line : control_->take_audit_lines()) {
      const auto record = audit::record_of_line(std::string_view(line).substr(0, line.size() - 1));
      EXPECT_TRUE(record) << line;
      records_.push_back(*record);
    }
    std::vector<audit::Record> found;
    std::ranges::copy_if(records_, std::back_inserter(found),
                         [&](const audit::Record& record) { return record.kind == kind; });
    return found;
  }
  template <class T>
  std::vector<T> stored() {
    for (Stored& one : control_->take_stored()) {
      stored_.push_back(std::move(one));
    }
    std::vector<T> found;
    for (const Stored& one : stored_) {
      if (const T* wanted = std::get_if<T>(&one)) {
        found.push_back(*wanted);
      }
    }
    return found;
  }

 private:
  std::vector<audit::Record> records_;
  std::vector<Stored> stored_;
};

TEST_F(ControlEvidenceTest, the_row_that_opens_a_permit_lies_in_the_account_s_default_region) {
  join({.identity = "alice", .at = kVirginia});
  const auto granted = records(audit::Kind::kPermitGranted);
  ASSERT_THAT(granted, SizeIs(1));
  const auto rows = stored<StoredOpening>();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].region, kLondon);
  EXPECT_EQ(rows[0].opening.identity, "alice");
  EXPECT_EQ(rows[0].opening.room_name, "standup");
  EXPECT_EQ(rows[0].opening.pseudonym, granted[0].participant_sid);
  EXPECT_EQ(audit::commitment_of(rows[0].opening), granted[0].commitment);
}

TEST_F(ControlEvidenceTest, who_is_refused_leaves_no_row_and_few_records) {
  for (int i = 0; i < 50; ++i) {
    EXPECT_FALSE(open({.account = "uk-only", .at = kVirginia}, join_request()));
  }
  const auto denied = records(audit::Kind::kPermitDenied);
  ASSERT_THAT(denied, SizeIs(1));
  EXPECT_EQ(denied[0].commitment, audit::Digest());
  EXPECT_THAT(stored<StoredOpening>(), IsEmpty());
  control_->finish_evidence(now_);
  EXPECT_EQ(records(audit::Kind::kPermitDenied).back().count, 49U);
}

TEST_F(ControlEvidenceTest, a_meeting_s_report_tells_policies_denials_and_what_workers_counted) {
  join({});
  EXPECT_FALSE(
      open({.identity = "bob", .at = kVirginia, .routing = api::RoutingClaim{.group = "ward"}},
           join_request()));
  const auto transport = commands<forward::OpenTransport>().at(0);
  forward::TransportTransit transit{.transport = transport.second->transport,
                                    .room = transport.second->room,
                                    .region = kLondon,
                                    .counts = {},
                                    .is_final = false};
  transit.counts.at(metrics::TransitKind::kStun, metrics::Direction::kIn) = {3, 300};
  control_->handle_event(transport.first, transit, now_);
  api::ChangeRequest change;
  change.terms = acme_terms();
  change.terms.opted_in = {kLondon};
  change.expected = PolicyEpoch(1);
  change.author = {.actor = "ann@example.org", .reason = "Mrs Smith asked"};
  ASSERT_TRUE(control_->begin_change(change, now_));
  control_->finish_evidence(now_);
  const auto reports = stored<StoredReport>();
  ASSERT_THAT(reports, SizeIs(1));
  const auto signed_report = audit::parse_signed_report(reports[0].text);
  ASSERT_TRUE(signed_report);
  const audit::TransitReport& report = signed_report->report;
  EXPECT_EQ(report.status, audit::ReportStatus::kIncomplete) << "the worker said nothing more";
  ASSERT_THAT(report.epochs, SizeIs(2));
  EXPECT_THAT(report.epochs[1].permitted, testing::ElementsAre(kLondon));
  ASSERT_THAT(report.regions, SizeIs(1));
  EXPECT_EQ(report.regions[0]
                .leg(metrics::TransitLeg::kClient)
                .at(metrics::TransitKind::kStun, metrics::Direction::kIn)
                .packets,
            3U);
  ASSERT_THAT(report.denials, SizeIs(1));
  EXPECT_EQ(report.denials[0].region, kVirginia);
  EXPECT_EQ(records(audit::Kind::kTransitReport).at(0).digest, audit::digest_of(report));
}

TEST_F(ControlEvidenceTest, a_change_is_recorded_without_its_author_s_words) {
  api::ChangeRequest change;
  change.terms = acme_terms();
  change.terms.opted_in = {kLondon};
  change.expected = PolicyEpoch(1);
  change.author = {.actor = "ann@example.org", .reason = "Mrs Smith asked"};
  ASSERT_TRUE(control_->begin_change(change, now_));
  const auto changed = records(audit::Kind::kPolicyChanged);
  ASSERT_THAT(changed, SizeIs(1));
  EXPECT_EQ(changed[0].epoch, PolicyEpoch(2));
  EXPECT_FALSE(audit::canonical(changed[0]).contains("Smith"));
  const auto rows = stored<StoredOpening>();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].opening.pseudonym, "epoch-2");
  EXPECT_EQ(rows[0].opening.reason, "Mrs Smith asked");
  EXPECT_EQ(audit::commitment_of(rows[0].opening), changed[0].commitment);
}

TEST_F(ControlEvidenceTest, what_was_erased_is_on_record) {
  control_->note_erased(AccountId("acme"), "PA_1", 2, now_);
  control_->note_erased(AccountId("acme"), "", 7, now_);
  const auto erased = records(audit::Kind::kPersonErased);
  ASSERT_THAT(erased, SizeIs(2));
  EXPECT_EQ(erased[0].participant_sid, "PA_1");
  EXPECT_EQ(erased[0].reason, "request");
  EXPECT_EQ(erased[1].reason, "retention");
  EXPECT_EQ(erased[1].count, 7U);
}

}  // namespace
}  // namespace meridian::node
