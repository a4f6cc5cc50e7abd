#include "residency/gate.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/residency/random_policy.hpp"

namespace meridian::residency {
namespace {

const RegionId kLondon("uk-london");
const RegionId kFrankfurt("eu-frankfurt");
const RegionId kVirginia("us-east");

class GateTest : public testing::Test {
 protected:
  ClientQuestion question(const RegionId& arrived_at) const {
    return {.policy = &policy_,
            .arrived_at = arrived_at,
            .hint = {},
            .regions = regions_,
            .pools = pools_};
  }
  RelayQuestion relay(const RegionId& from, const RegionId& to) const {
    return {.policy = &policy_, .from = from, .to = to};
  }
  // The records since the last call.
  std::vector<audit::Record> records() {
    std::vector<audit::Record> result;
    for (const std::string& line : log_.take_lines()) {
      const std::size_t begin = line.find(R"("record":)") + 9;
      const std::string text = line.substr(begin, line.rfind(R"(,"v":1})") - begin);
      result.push_back(audit::parse_canonical(text).value());
    }
    return result;
  }
  void fill_log_but(std::size_t room) {
    while (log_.room() > room) {
      ASSERT_EQ(log_.append({}), audit::Log::Append::kAppended);
    }
  }

  AccountPolicy policy_{{.account = AccountId("a"),
                         .default_region = kLondon,
                         .opted_in = {kFrankfurt},
                         .signalling_scope = SignallingScope::kPermittedOnly},
                        PolicyEpoch(4)};
  std::vector<Region> regions_{{kLondon, "", {}, {51.5, -0.1}, ""},
                               {kFrankfurt, "", {}, {50.1, 8.7}, ""},
                               {kVirginia, "", {}, {38.9, -77.0}, ""}};
  std::vector<PoolState> pools_{{kFrankfurt, PoolState::Liveness::kLive, 1},
                                {kLondon, PoolState::Liveness::kLive, 1},
                                {kVirginia, PoolState::Liveness::kLive, 1}};
  Subject subject_{"RM_1", "PA_1"};
  UnixTime now_ = UnixTime::from_seconds(1'700'000'000);
  audit::Log log_{"ND_1"};
  Gate gate_{log_};
};

TEST_F(GateTest, a_permit_says_what_was_decided) {
  const auto admitted = gate_.admit(question(kLondon), subject_, now_);
  ASSERT_TRUE(admitted);
  EXPECT_EQ(admitted->pool, 1U);
  EXPECT_TRUE(admitted->permit.is_valid());
  EXPECT_EQ(admitted->permit.account(), AccountId("a"));
  EXPECT_EQ(admitted->permit.region(), kLondon);
  EXPECT_EQ(admitted->permit.epoch(), PolicyEpoch(4));
  EXPECT_EQ(gate_.grants(), 1U);
}

TEST_F(GateTest, a_moved_from_permit_is_void) {
  auto admitted = gate_.admit(question(kLondon), subject_, now_);
  ASSERT_TRUE(admitted);
  const Permit<ClientLeg> taken = std::move(admitted->permit);
  EXPECT_TRUE(taken.is_valid());
  EXPECT_FALSE(admitted->permit.is_valid());
}

TEST_F(GateTest, a_grant_is_recorded) {
  ASSERT_TRUE(gate_.admit(question(kLondon), subject_, now_));
  const auto written = records();
  ASSERT_EQ(written.size(), 1U);
  audit::Record expected;
  expected.sequence = 1;
  expected.time = now_;
  expected.node = "ND_1";
  expected.account = AccountId("a");
  expected.kind = audit::Kind::kPermitGranted;
  expected.leg = audit::Leg::kClient;
  expected.region = kLondon;
  expected.epoch = PolicyEpoch(4);
  expected.digest = policy_.digest();
  expected.room_sid = "RM_1";
  expected.participant_sid = "PA_1";
  EXPECT_EQ(written[0], expected);
}

TEST_F(GateTest, a_denial_is_recorded_with_its_reason_and_where_it_was_asked) {
  const auto refused = gate_.admit(question(kVirginia), subject_, now_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, DenialReason::kRegionNotAllowed);
  EXPECT_EQ(gate_.denials(DenialReason::kRegionNotAllowed), 1U);
  const auto written = records();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_EQ(written[0].kind, audit::Kind::kPermitDenied);
  EXPECT_EQ(written[0].region, kVirginia);
  EXPECT_EQ(written[0].reason, "region_not_allowed");
  EXPECT_EQ(written[0].account, AccountId("a"));
}

TEST_F(GateTest, a_denial_of_an_unknown_account_is_the_nodes_record) {
  ASSERT_FALSE(gate_.admit(ClientQuestion{.policy = nullptr,
                                          .arrived_at = kLondon,
                                          .hint = {},
                                          .regions = regions_,
                                          .pools = pools_},
                           subject_, now_));
  const auto written = records();
  ASSERT_EQ(written.size(), 1U);
  EXPECT_TRUE(written[0].account.empty());
  EXPECT_EQ(written[0].reason, "unknown_account");
}

TEST_F(GateTest, a_relay_gets_a_permit_and_a_record_for_each_end) {
  const auto admitted = gate_.admit(relay(kLondon, kFrankfurt), subject_, now_);
  ASSERT_TRUE(admitted);
  EXPECT_EQ(admitted->source.region(), kLondon);
  EXPECT_EQ(admitted->sink.region(), kFrankfurt);
  const auto written = records();
  ASSERT_EQ(written.size(), 2U);
  EXPECT_EQ(written[0].leg, audit::Leg::kRelay);
  EXPECT_EQ(written[0].region, kLondon);
  EXPECT_EQ(written[1].region, kFrankfurt);
}

TEST_F(GateTest, a_refused_relay_names_the_end_that_was_in_the_way) {
  ASSERT_FALSE(gate_.admit(relay(kLondon, kVirginia), subject_, now_));
  ASSERT_FALSE(gate_.admit(relay(kVirginia, kLondon), subject_, now_));
  for (const audit::Record& record : records()) {
    EXPECT_EQ(record.region, kVirginia);
    EXPECT_EQ(record.kind, audit::Kind::kPermitDenied);
  }
}

TEST_F(GateTest, a_second_permit_is_for_the_same_region_or_none) {
  // Even when the pools are full: the participant already has its place.
  for (PoolState& pool : pools_) {
    pool.free = 0;
  }
  const auto again = gate_.admit_again(question(kVirginia), kLondon, subject_, now_);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->region(), kLondon);
  const auto refused = gate_.admit_again(question(kLondon), kVirginia, subject_, now_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, DenialReason::kRegionNotAllowed);
  EXPECT_EQ(records().size(), 2U);
}

TEST_F(GateTest, nothing_is_granted_that_cannot_be_recorded) {
  fill_log_but(1);
  const auto relayed = gate_.admit(relay(kLondon, kFrankfurt), subject_, now_);
  ASSERT_FALSE(relayed);
  EXPECT_EQ(relayed.error().reason, DenialReason::kAuditUnavailable);
  fill_log_but(0);
  EXPECT_EQ(gate_.admit(question(kLondon), subject_, now_).error().reason,
            DenialReason::kAuditUnavailable);
  EXPECT_EQ(gate_.admit_again(question(kLondon), kLondon, subject_, now_).error().reason,
            DenialReason::kAuditUnavailable);
  EXPECT_EQ(gate_.denials(DenialReason::kAuditUnavailable), 3U);
  EXPECT_EQ(gate_.grants(), 0U);
  (void)log_.take_lines();
  EXPECT_TRUE(gate_.admit(question(kLondon), subject_, now_));
}

TEST_F(GateTest, what_it_writes_verifies) {
  Rng rng(3);
  std::string text;
  for (int i = 0; i < 1000; ++i) {
    const auto world = testing_support::random_world(rng);
    const AccountPolicy policy(world.terms, PolicyEpoch(1));
    const auto admitted = gate_.admit(testing_support::question_of(world, policy), subject_, now_);
    if (admitted) {
      EXPECT_TRUE(testing_support::is_permitted(world, admitted->permit.region()));
    }
    for (const std::string& line : log_.take_lines()) {
      text += line;
    }
  }
  const auto heads = audit::verify(text, log_.checkpoint());
  ASSERT_TRUE(heads);
  // Each grant is a line; of denials that repeat each other within a minute only the first is.
  EXPECT_LT(heads->lines, 1000U);
  log_.flush_all_repeats(now_);
  std::uint64_t decisions = heads->lines;
  for (const std::string& line : log_.take_lines()) {
    decisions += audit::record_of_line(std::string_view(line).substr(0, line.size() - 1))->count;
  }
  EXPECT_EQ(decisions, 1000U);
}

}  // namespace
}  // namespace meridian::residency
