// audit/transit_report.cpp and audit/transit_text.cpp.
#include "audit/transit_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

using metrics::Direction;
using metrics::TransitKind;
using metrics::TransitLeg;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const RegionId kUk("uk-london");
const RegionId kDe("de-frankfurt");
const RegionId kUs("us-east");

RegionTransit region_of(const RegionId& id, std::uint64_t relay_in, std::uint64_t relay_out) {
  RegionTransit region;
  region.region = id;
  region.transports = 2;
  region.leg(TransitLeg::kClient).at(TransitKind::kRtp, Direction::kIn) = {100, 12'345};
  region.leg(TransitLeg::kClient).at(TransitKind::kStun, Direction::kOut) = {3, 300};
  region.leg(TransitLeg::kRelay).at(TransitKind::kRtp, Direction::kIn) = {relay_in, 10 * relay_in};
  region.leg(TransitLeg::kRelay).at(TransitKind::kRtp, Direction::kOut) = {relay_out,
                                                                           10 * relay_out};
  return region;
}

TransitReport sample() {
  TransitReport report;
  report.account = AccountId("dev");
  report.room_sid = "RM_1";
  report.node = "ND_1";
  report.started = UnixTime::from_seconds(1'700'000'000);
  report.ended = UnixTime::from_seconds(1'700'000'600);
  report.config = sha256({as_bytes("config")});
  report.epochs = {{PolicyEpoch(1), sha256({as_bytes("p1")}), report.started, {kDe, kUk, kUs}},
                   {PolicyEpoch(2), sha256({as_bytes("p2")}), report.started + 60s, {kDe, kUk}}};
  report.regions = {region_of(kDe, 7, 5), region_of(kUk, 5, 7)};
  report.regions[0].refused = {4, 400};
  report.relays = {{kDe, kUk, {5, 50}, {5, 50}}, {kUk, kDe, {7, 70}, {7, 70}}};
  report.denials = {{kUs, "region_not_allowed", 3}};
  return report;
}

SigningKey key_of(std::uint64_t seed) {
  SeededRandomSource random(seed);
  return SigningKey::generate("log", random);
}

TEST(TransitReport, is_read_back_from_its_text) {
  const TransitReport report = sample();
  const auto json = Json::parse(canonical(report));
  ASSERT_TRUE(json);
  EXPECT_EQ(parse_report(*json), report);
  EXPECT_EQ(json->canonical(), canonical(report));
}

TEST(TransitReport, with_a_field_too_many_is_none) {
  std::string text = canonical(sample());
  text.insert(1, "\"aaa\":1,");
  const auto json = Json::parse(text);
  ASSERT_TRUE(json);
  EXPECT_FALSE(parse_report(*json));
}

TEST(TransitReport, signature_holds_in_any_layout) {
  const SigningKey key = key_of(1);
  std::string text = sign_report(sample(), key);
  for (std::size_t at = text.find(",\""); at != std::string::npos; at = text.find(",\"", at + 4)) {
    text.insert(at + 1, "\n ");
  }
  const auto report = parse_signed_report(text);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->report, sample());
  EXPECT_TRUE(report->is_signed_by(key.public_key()));
  EXPECT_FALSE(report->is_signed_by(key_of(2).public_key()));
}

TEST(TransitReport, no_flipped_byte_goes_unseen) {
  const SigningKey key = key_of(1);
  const std::string text = sign_report(sample(), key);
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    const auto report = parse_signed_report(changed);
    EXPECT_FALSE(report && report->is_signed_by(key.public_key())) << i << ": " << changed;
  }
}

TEST(TransitReport, sound_numbers_have_no_findings) {
  EXPECT_THAT(check(sample()), IsEmpty());
  EXPECT_THAT(describe(sample()), HasSubstr("was permitted, and both ends"));
}

TEST(TransitReport, bytes_in_a_region_that_nobody_permitted_are_found) {
  TransitReport report = sample();
  report.regions.push_back(region_of(kUs, 0, 0));
  EXPECT_THAT(check(report), IsEmpty());  // permitted in the first minute
  report.epochs.erase(report.epochs.begin());
  EXPECT_THAT(check(report),
              ElementsAre(ReportFinding{ReportFlaw::kRegionNotPermitted, "us-east"}));
  EXPECT_THAT(describe(report), HasSubstr("region_not_permitted us-east"));
}

TEST(TransitReport, what_a_relay_lost_or_invented_is_found) {
  TransitReport report = sample();
  report.relays[0].received.packets = 4;
  EXPECT_THAT(check(report), ElementsAre(ReportFinding{ReportFlaw::kRelayNotConserved,
                                                       "de-frankfurt to uk-london"},
                                         ReportFinding{ReportFlaw::kLegsDisagree, "uk-london"}));
  report = sample();
  report.relays.clear();
  EXPECT_EQ(check(report).size(), 2U);
  // While the meeting runs, some frames are on their way.
  report = sample();
  report.status = ReportStatus::kRunning;
  report.relays[0].received = {4, 40};
  report.regions[1].leg(TransitLeg::kRelay).at(TransitKind::kRtp, Direction::kIn) = {4, 40};
  EXPECT_THAT(check(report), IsEmpty());
}

TEST(TransitReport, without_epochs_or_with_disordered_ones_is_unsound) {
  TransitReport report = sample();
  std::swap(report.epochs[0], report.epochs[1]);
  EXPECT_THAT(check(report), ElementsAre(ReportFinding{ReportFlaw::kEpochsDisordered, ""}));
  report.epochs.clear();
  EXPECT_THAT(check(report), Not(IsEmpty()));
}

TEST(TransitReport, can_be_read_by_a_person) {
  const std::string text = describe(sample());
  EXPECT_THAT(text, HasSubstr("from    2023-11-14T22:13:20Z to 2023-11-14T22:23:20Z"));
  EXPECT_THAT(text, HasSubstr("from 2023-11-14T22:14:20Z: de-frankfurt, uk-london (epoch 2"));
  EXPECT_THAT(text, HasSubstr("100 / 12,345"));
  EXPECT_THAT(text, HasSubstr("uk-london to de-frankfurt: sent 7 / 70, received 7 / 70"));
  EXPECT_THAT(text, HasSubstr("3 × region_not_allowed at us-east"));
  EXPECT_THAT(text, HasSubstr("de-frankfurt: dropped unread after the opt-out: 4 / 400"));
}

}  // namespace
}  // namespace meridian::audit
