#include "api/outcome_json.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace meridian::api {
namespace {

namespace json = boost::json;

const RegionId kLondon("uk-london");
const RegionId kVirginia("us-east");

TEST(OutcomeJson, an_outcome_has_times_only_once_they_are) {
  ChangeOutcome outcome;
  outcome.epoch = PolicyEpoch(4);
  outcome.requested_at = UnixTime::from_seconds(1'700'000'000);
  outcome.moved.push_back({"RM_1", "PA_1", kVirginia, true});
  outcome.failed.push_back({"RM_1", "PA_2", kVirginia, "region_unavailable"});
  outcome.still_sending.push_back({"PA_1", 3, 300});
  outcome.covered_by_lease.push_back(kVirginia);
  json::object body = outcome_document(outcome);
  EXPECT_TRUE(body.at("dry_at").is_null());
  EXPECT_EQ(body.at("moved").at(0).at("told"), true);
  EXPECT_EQ(body.at("failed").at(0).at("reason"), "region_unavailable");
  EXPECT_EQ(body.at("still_sending").at(0).at("bytes"), 300);
  EXPECT_EQ(body.at("covered_by_lease"), json::array{"us-east"});
  outcome.dry_at = UnixTime::from_milliseconds(1'700'000'000'999);
  EXPECT_EQ(outcome_document(outcome).at("dry_at"), "2023-11-14T22:13:20.999Z");
}

TEST(OutcomeJson, what_passed_is_told_by_region_leg_kind_and_direction) {
  audit::TransitReport report;
  audit::RegionTransit region;
  region.region = kLondon;
  region.leg(metrics::TransitLeg::kClient)
      .at(metrics::TransitKind::kRtp, metrics::Direction::kOut) = {3, 300};
  region.leg(metrics::TransitLeg::kRelay)
      .at(metrics::TransitKind::kRtp, metrics::Direction::kIn) = {1, 90};
  report.regions.push_back(region);
  const json::array rows = transit_rows(report);
  ASSERT_EQ(rows.size(), 2U) << "zeros are left out";
  EXPECT_EQ(rows[0], json::parse(R"({"region":"uk-london","leg":"client","kind":"rtp",)"
                                 R"("direction":"out","packets":3,"bytes":300})"));
  EXPECT_EQ(rows[1].at("leg"), "relay");
  EXPECT_EQ(rows[1].at("direction"), "in");
}

TEST(OutcomeJson, a_preview_says_who_and_where) {
  ChangePreview preview;
  preview.epoch = PolicyEpoch(3);
  preview.would_move.push_back({"RM_1", "PA_1", kVirginia, kLondon});
  preview.would_refuse.push_back({"RM_1", "PA_2", kVirginia, "region_unavailable"});
  const json::object body = preview_document(preview);
  EXPECT_EQ(body.at("would_move").at(0).at("to"), "uk-london");
  EXPECT_EQ(body.at("would_refuse").at(0).at("participant"), "PA_2");
}

}  // namespace
}  // namespace meridian::api
