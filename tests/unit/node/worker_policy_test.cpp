// What of a worker may stay and what may leave: policy, lease, last words, and what passed.
#include <map>

#include "node/revoked_peers.hpp"
#include "node/worker.hpp"
#include "unit/node/worker_fixture.hpp"

namespace meridian::node {
namespace {

using namespace test;

TEST_F(WorkerTest, nothing_is_opened_without_a_policy_that_admits_it) {
  WorkerBed bed;
  bed.deny();
  BedClient& alice = bed.add_client();
  bed.open(alice);
  const auto states = bed.take_events<forward::TransportStateChanged>();
  ASSERT_EQ(states.size(), 1U);
  EXPECT_EQ(states[0].reason, transport::TransportFailure::kNotPermitted);
  alice.peer->start(bed.now.monotonic);
  bed.pump();
  EXPECT_EQ(alice.datagrams, 0U);
}

TEST_F(WorkerTest, when_the_policy_moves_nothing_leaves_or_is_decrypted_until_it_is_known) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone);
  bed.advance();
  EXPECT_FALSE(bed.worker().may_send(bob.id, bed.now.monotonic));
  bed.send(alice, sample_.audio(1));
  EXPECT_EQ(bed.dropped(DropReason::kPermitStale), 1U);
  EXPECT_TRUE(bob.take_rtp().empty());
  bed.allow();
  EXPECT_TRUE(bed.worker().may_send(bob.id, bed.now.monotonic));
  bed.send(alice, sample_.audio(2));
  EXPECT_EQ(bob.take_rtp().size(), 1U);
}

TEST_F(WorkerTest, a_policy_that_denies_closes_what_it_denies) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone);
  bed.send(alice, sample_.audio(1));
  (void)bob.take_rtp();
  (void)bed.take_events<forward::TransportStateChanged>();
  const std::size_t before = alice.datagrams + bob.datagrams;
  bed.deny();
  EXPECT_FALSE(bed.worker().may_send(alice.id, bed.now.monotonic));
  bed.send(alice, sample_.audio(2));
  bed.run_for(5s);
  EXPECT_EQ(alice.datagrams + bob.datagrams, before);
  const auto states = bed.take_events<forward::TransportStateChanged>();
  ASSERT_EQ(states.size(), 2U);
  EXPECT_EQ(states[0].reason, transport::TransportFailure::kNotPermitted);
  EXPECT_EQ(bed.counters().transports.value(), 0U);
}

TEST_F(WorkerTest, a_permit_from_before_its_meeting_was_narrowed_must_hold_under_the_new_levels) {
  const RegionId home("us-east");
  const RegionId here("uk-london");
  const auto policy_of = [&](residency::RegionSet ward, std::uint64_t epoch) {
    residency::AccountPolicy::Terms terms{
        .account = AccountId("acme"), .default_region = home, .opted_in = {home, here}};
    terms.levels.groups["ward"] = std::move(ward);
    return residency::AccountPolicy(std::move(terms), PolicyEpoch(epoch));
  };
  WorkerBed bed;
  bed.apply({policy_of({home, here}, 1)});
  const BedClient& alice = bed.join();
  bed.command(0, forward::NarrowRoom{.room = RoomNumber(1),
                                     .levels = {.group = "ward", .user = {}, .room = {}}});
  EXPECT_TRUE(bed.worker().may_send(alice.id, bed.now.monotonic));
  // Nothing but the policy tells the worker.
  bed.apply({policy_of({home}, 2)});
  EXPECT_FALSE(bed.worker().may_send(alice.id, bed.now.monotonic));
  EXPECT_EQ(bed.take_events<forward::TransportStateChanged>().back().reason,
            transport::TransportFailure::kNotPermitted);
}

TEST_F(WorkerTest, levels_that_forbid_a_region_close_what_is_there_at_once) {
  const RegionId home("us-east");
  residency::AccountPolicy::Terms terms{.account = AccountId("acme"),
                                        .default_region = home,
                                        .opted_in = {home, RegionId("uk-london")}};
  terms.levels.groups["ward"] = {home};
  WorkerBed bed;
  bed.apply({residency::AccountPolicy(terms, PolicyEpoch(1))});
  const BedClient& alice = bed.join();
  bed.command(0, forward::NarrowRoom{.room = RoomNumber(2),
                                     .levels = {.group = "ward", .user = {}, .room = {}}});
  EXPECT_TRUE(bed.worker().may_send(alice.id, bed.now.monotonic)) << "another meeting's";
  bed.command(0, forward::NarrowRoom{.room = RoomNumber(1),
                                     .levels = {.group = "ward", .user = {}, .room = {}}});
  EXPECT_FALSE(bed.worker().may_send(alice.id, bed.now.monotonic));
}

TEST_F(WorkerTest, what_is_queued_when_the_policy_moves_does_not_leave) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  bed.worker().handle_command(forward::SendSctpPacket{.transport = alice.id, .packet = {1, 2, 3}},
                              bed.now);
  EXPECT_FALSE(bed.output().empty());
  const std::size_t before = alice.datagrams;
  bed.advance();
  bed.pump();
  EXPECT_EQ(alice.datagrams, before);
  EXPECT_EQ(bed.withheld(), 1U);
}

TEST_F(WorkerTest, an_older_snapshot_does_not_replace_a_newer_one) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  bed.allow();
  bed.command(
      0, forward::ApplyPolicy{.snapshot = std::make_shared<const residency::PolicySnapshot>()});
  EXPECT_TRUE(bed.worker().may_send(alice.id, bed.now.monotonic));
}

TEST_F(WorkerTest, relays_need_a_policy_that_admits_them) {
  WorkerBed bed(2);
  BedClient& bob = bed.join(1);
  residency::RelayAdmission admission = bed.office.relay();
  bed.deny();
  bed.command(1, forward::OpenRelaySink{.publication = Sample::kMicrophone,
                                        .room = RoomNumber(1),
                                        .kind = rtp::MediaKind::kAudio,
                                        .from = WorkerIndex(0),
                                        .permit = std::move(admission.sink)});
  subscribe(bed, bob, Sample::kMicrophone);
  EXPECT_EQ(bed.counters(1).publications.value(), 0U);
}

TEST_F(WorkerTest, answers_a_policy_only_when_what_was_sent_before_has_left) {
  WorkerBed bed;
  bed.join();
  const auto generation = bed.worker().undrained();
  ASSERT_TRUE(generation.has_value());
  EXPECT_TRUE(bed.take_events<forward::PolicyApplied>().empty());
  bed.worker().handle_drained(*generation - 1);  // an older barrier says nothing
  EXPECT_TRUE(bed.take_events<forward::PolicyApplied>().empty());
  bed.worker().handle_drained(*generation);
  const auto applied = bed.take_events<forward::PolicyApplied>();
  ASSERT_EQ(applied.size(), 1U);
  EXPECT_EQ(applied[0].generation, *generation);
  EXPECT_FALSE(bed.worker().undrained().has_value());
}

TEST_F(WorkerTest, the_last_words_of_a_closed_transport_need_a_permit_too) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  bed.command(0, forward::CloseTransport{.transport = alice.id});
  EXPECT_TRUE(bed.worker().may_send(alice.id, bed.now.monotonic));
  bed.deny();
  EXPECT_FALSE(bed.worker().may_send(alice.id, bed.now.monotonic));
}

TEST_F(WorkerTest, a_client_that_goes_on_sending_after_its_permit_was_revoked_is_counted_unread) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  publish(bed, alice);
  bed.send(alice, sample_.audio(1));
  bed.deny();
  (void)bed.worker().take_events();
  const std::size_t before = alice.datagrams;
  bed.send(alice, sample_.audio(2));
  bed.send(alice, sample_.audio(3));
  EXPECT_EQ(bed.dropped(DropReason::kPermitRevoked), 2U);
  EXPECT_EQ(bed.dropped(DropReason::kUnknownTuple), 0U);
  EXPECT_EQ(bed.counters().in(metrics::Traffic::kRtpAudio).packets.value(), 1U);
  bed.run_for(8s);  // its checks go on as well
  EXPECT_EQ(alice.datagrams, before);
  const auto reports = bed.take_events<forward::StillSending>();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports.back().transport, alice.id);
  EXPECT_GT(reports.back().datagrams, 2U);
  bed.run_for(RevokedPeers::kMemory);
  bed.send(alice, sample_.audio(4));
  EXPECT_EQ(bed.dropped(DropReason::kUnknownTuple), 1U);
}

TEST_F(WorkerTest, restricted_accounts_stop_without_a_lease_and_go_on_when_it_is_back) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone);
  bed.set_lease(bed.now.monotonic);
  bed.run_for(2900ms);
  bed.send(alice, sample_.audio(1));
  EXPECT_EQ(bob.take_rtp().size(), 1U);
  bed.run_for(100ms);
  EXPECT_FALSE(bed.worker().may_send(bob.id, bed.now.monotonic));
  bed.send(alice, sample_.audio(2));
  EXPECT_TRUE(bob.take_rtp().empty());
  EXPECT_EQ(bed.dropped(DropReason::kLeaseExpired), 1U);
  bed.set_lease(bed.now.monotonic);
  bed.send(alice, sample_.audio(3));
  EXPECT_EQ(bob.take_rtp().size(), 1U);
}

TEST_F(WorkerTest, accounts_that_may_be_everywhere_need_no_lease) {
  WorkerBed bed;
  bed.allow_everywhere();
  BedClient& alice = bed.join();
  bed.set_lease(bed.now.monotonic);
  bed.run_for(5s);
  EXPECT_TRUE(bed.worker().may_send(alice.id, bed.now.monotonic));
}

// ---- What passed

TEST_F(WorkerTest, counts_by_kind_what_came_in_authenticated_and_what_left) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  BedClient& bob = bed.join();
  publish(bed, alice);
  subscribe(bed, bob, Sample::kMicrophone);
  bed.send(alice, sample_.audio(1));
  const std::size_t to_bob = bob.datagrams;
  bed.inject(0, alice.address, {0x80, 111, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3});  // forged
  bed.command(0, forward::CloseTransport{.transport = alice.id});
  bed.command(0, forward::CloseTransport{.transport = bob.id});
  EXPECT_TRUE(bed.take_events<forward::TransportTransit>().empty());  // last words are under way
  bed.run_for(200ms);
  const auto reports = bed.take_events<forward::TransportTransit>();
  ASSERT_EQ(reports.size(), 2U);
  std::map<TransportId, metrics::TransitCounts> counts;
  for (const forward::TransportTransit& report : reports) {
    EXPECT_TRUE(report.is_final);
    EXPECT_EQ(report.room, RoomNumber(1));
    EXPECT_EQ(report.region, RegionId("uk-london"));
    counts[report.transport] += report.counts;
  }
  EXPECT_EQ(counts[alice.id].at(TransitKind::kRtp, Direction::kIn).packets, 1U);
  EXPECT_EQ(counts[bob.id].at(TransitKind::kRtp, Direction::kOut).packets, 1U);
  EXPECT_GT(counts[bob.id].at(TransitKind::kRtp, Direction::kOut).bytes, 12U);
  EXPECT_GT(counts[alice.id].at(TransitKind::kStun, Direction::kIn).bytes, 0U);
  EXPECT_GT(counts[alice.id].at(TransitKind::kDtls, Direction::kIn).bytes, 0U);
  std::uint64_t out = 0;
  for (const TransitKind kind :
       {TransitKind::kRtp, TransitKind::kRtcp, TransitKind::kStun, TransitKind::kDtls}) {
    out += counts[bob.id].at(kind, Direction::kOut).packets;
  }
  EXPECT_EQ(out, to_bob + 1);  // and the goodbye
}

TEST_F(WorkerTest, reports_what_passed_while_it_does_and_finally_when_it_is_revoked) {
  WorkerBed bed;
  BedClient& alice = bed.join();
  bed.run_for(5100ms);
  auto reports = bed.take_events<forward::TransportTransit>();
  ASSERT_FALSE(reports.empty());
  EXPECT_FALSE(reports[0].is_final);
  bed.deny();
  reports = bed.take_events<forward::TransportTransit>();
  ASSERT_EQ(reports.size(), 1U);
  EXPECT_TRUE(reports[0].is_final);
  EXPECT_EQ(reports[0].transport, alice.id);
}

}  // namespace
}  // namespace meridian::node
