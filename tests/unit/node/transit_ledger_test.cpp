#include "node/transit_ledger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/permits.hpp"

namespace meridian::node {
namespace {

using audit::ReportStatus;
using metrics::Direction;
using metrics::TransitKind;
using metrics::TransitLeg;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const AccountId kAcme("acme");
const RegionId kUk("uk-london");
const RegionId kDe("de-frankfurt");
constexpr RoomNumber kRoom(7);
constexpr WorkerIndex kInUk(0);
constexpr WorkerIndex kInDe(1);

Now at(std::int64_t seconds) {
  return {Instant::from_origin(std::chrono::seconds(seconds)),
          UnixTime::from_seconds(1'700'000'000 + seconds)};
}

residency::AccountPolicy policy_of(std::uint64_t epoch, residency::RegionSet regions) {
  residency::AccountPolicy::Terms terms;
  terms.account = kAcme;
  terms.default_region = kUk;
  terms.opted_in = std::move(regions);
  return {std::move(terms), PolicyEpoch(epoch)};
}

struct Ledger : testing::Test {
  Ledger() { ledger.open(kRoom, policy_of(1, {kUk, kDe}), "RM_1", at(0).wall); }

  void open_transport(std::uint32_t id) {
    ledger.note_command(kInUk,
                        forward::OpenTransport{.transport = TransportId(id),
                                               .room = kRoom,
                                               .permit = office.client(),
                                               .local = {},
                                               .remote = {},
                                               .remote_fingerprint = {}},
                        kRoom);
  }
  void tell_transport(std::uint32_t id, std::uint64_t packets, bool is_final) {
    forward::TransportTransit event{.transport = TransportId(id),
                                    .room = kRoom,
                                    .region = kUk,
                                    .counts = {},
                                    .is_final = is_final};
    event.counts.at(TransitKind::kRtp, Direction::kIn) = {packets, 100 * packets};
    ledger.handle(kInUk, event);
  }
  /// uk-london to de-frankfurt.
  void open_relay() {
    auto permits = office.relay();
    ledger.note_command(
        kInUk, forward::OpenRelaySource{PublicationId(3), kInDe, std::move(permits.source)}, kRoom);
    ledger.note_command(kInDe,
                        forward::OpenRelaySink{.publication = PublicationId(3),
                                               .room = kRoom,
                                               .from = kInUk,
                                               .permit = std::move(permits.sink)},
                        kRoom);
  }
  void tell_relay(WorkerIndex worker, std::uint64_t packets, bool is_final) {
    const bool is_source = worker == kInUk;
    forward::RelayTransit event{.publication = PublicationId(3),
                                .room = kRoom,
                                .region = is_source ? kUk : kDe,
                                .peer = is_source ? kInDe : kInUk,
                                .counts = {},
                                .is_final = is_final,
                                .is_source = is_source};
    event.counts.at(TransitKind::kRtp, is_source ? Direction::kOut : Direction::kIn) = {
        packets, 1000 * packets};
    ledger.handle(worker, event);
  }

  test::PermitOffice office;
  TransitLedger ledger{"ND_1", audit::sha256({}), {kUk, kDe}};
};

TEST_F(Ledger, a_report_is_final_when_each_leg_told_its_last_numbers) {
  open_transport(1);
  open_relay();
  tell_transport(1, 10, false);
  tell_relay(kInUk, 5, false);
  ledger.close(kRoom, at(60));
  EXPECT_THAT(ledger.take_finished(at(60).monotonic), IsEmpty());
  tell_transport(1, 2, true);
  tell_relay(kInUk, 1, true);
  EXPECT_TRUE(ledger.is_waiting());
  EXPECT_THAT(ledger.take_finished(at(61).monotonic), IsEmpty());
  tell_relay(kInDe, 6, true);
  const auto reports = ledger.take_finished(at(61).monotonic);
  ASSERT_THAT(reports, SizeIs(1));
  const audit::TransitReport& report = reports[0];
  EXPECT_EQ(report.status, ReportStatus::kFinal);
  EXPECT_EQ(report.started, at(0).wall);
  EXPECT_EQ(report.ended, at(60).wall);
  ASSERT_THAT(report.regions, SizeIs(2));
  EXPECT_EQ(report.regions[1].region, kUk);
  EXPECT_EQ(report.regions[1].transports, 1U);
  EXPECT_EQ(report.regions[1].leg(TransitLeg::kClient).at(TransitKind::kRtp, Direction::kIn),
            (metrics::TransitCount{12, 1200}));
  EXPECT_THAT(report.relays, ElementsAre(audit::RelayFlow{kUk, kDe, {6, 6000}, {6, 6000}}));
  EXPECT_THAT(audit::check(report), IsEmpty());
  EXPECT_FALSE(ledger.is_waiting());
}

TEST_F(Ledger, a_frame_that_one_end_only_counted_breaks_conservation) {
  open_relay();
  tell_relay(kInUk, 6, true);
  tell_relay(kInDe, 5, true);
  ledger.close(kRoom, at(60));
  const auto reports = ledger.take_finished(at(60).monotonic);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_THAT(audit::check(reports[0]),
              ElementsAre(audit::ReportFinding{audit::ReportFlaw::kRelayNotConserved,
                                               "uk-london to de-frankfurt"}));
}

TEST_F(Ledger, a_worker_that_stays_silent_makes_the_report_incomplete) {
  open_transport(1);
  tell_transport(1, 10, false);
  ledger.close(kRoom, at(60));
  EXPECT_EQ(ledger.next_timeout(), at(60).monotonic + TransitLedger::kFinalWait);
  EXPECT_THAT(ledger.take_finished(at(65).monotonic), IsEmpty());
  const auto reports = ledger.take_finished(at(66).monotonic);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].status, ReportStatus::kIncomplete);
  EXPECT_THAT(audit::check(reports[0]), IsEmpty());
  tell_transport(1, 1, true);  // too late: nobody is there to count it
  EXPECT_THAT(ledger.take_all(at(70).wall), IsEmpty());
}

TEST_F(Ledger, a_running_meeting_can_be_looked_at_by_its_account_only) {
  open_transport(1);
  tell_transport(1, 10, false);
  const auto report = ledger.running(kAcme, "RM_1", at(30).wall);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->status, ReportStatus::kRunning);
  EXPECT_EQ(report->ended, at(30).wall);
  EXPECT_FALSE(ledger.running(AccountId("other"), "RM_1", at(30).wall));
  EXPECT_FALSE(ledger.running(kAcme, "RM_2", at(30).wall));
}

TEST_F(Ledger, each_policy_version_of_the_meeting_is_told) {
  ledger.note_policy(policy_of(2, {kUk}), at(10).wall);
  ledger.note_policy(policy_of(2, {kUk}), at(11).wall);
  ledger.close(kRoom, at(20));
  ledger.note_policy(policy_of(3, {kUk, kDe}), at(21).wall);
  const auto reports = ledger.take_finished(at(21).monotonic);
  ASSERT_THAT(reports, SizeIs(1));
  ASSERT_THAT(reports[0].epochs, SizeIs(2));
  EXPECT_THAT(reports[0].epochs[0].permitted, ElementsAre(kDe, kUk));
  EXPECT_THAT(reports[0].epochs[1].permitted, ElementsAre(kUk));
  EXPECT_EQ(reports[0].epochs[1].since, at(10).wall);
}

TEST_F(Ledger, denials_data_and_what_came_too_late_are_counted) {
  open_transport(1);
  for (int i = 0; i < 3; ++i) {
    ledger.note_denial(kRoom, kDe, "region_not_allowed");
  }
  ledger.note_data(kRoom, kUk, Direction::kOut, {2, 64});
  ledger.handle(forward::StillSending{TransportId(1), 5, 500});
  ledger.handle(forward::StillSending{TransportId(1), 8, 800});  // totals, not differences
  ledger.handle(forward::StillSending{TransportId(2), 8, 800});
  const auto reports = ledger.take_all(at(5).wall);
  ASSERT_THAT(reports, SizeIs(1));
  EXPECT_EQ(reports[0].status, ReportStatus::kIncomplete);
  EXPECT_EQ(reports[0].ended, at(5).wall);
  EXPECT_THAT(reports[0].denials, ElementsAre(audit::DenialCount{kDe, "region_not_allowed", 3}));
  EXPECT_EQ(reports[0].regions[0].refused, (metrics::TransitCount{8, 800}));
  EXPECT_EQ(reports[0].regions[0].leg(TransitLeg::kData).at(TransitKind::kData, Direction::kOut),
            (metrics::TransitCount{2, 64}));
}

TEST_F(Ledger, denials_that_differ_without_end_are_bounded) {
  for (std::size_t i = 0; i < 2 * TransitLedger::kMaxDenials; ++i) {
    ledger.note_denial(kRoom, kDe, std::to_string(i));
  }
  EXPECT_THAT(ledger.take_all(at(5).wall)[0].denials, SizeIs(TransitLedger::kMaxDenials + 1));
}

}  // namespace
}  // namespace meridian::node
