#include "audit/record.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

Record full_record() {
  Record record;
  record.sequence = 7;
  record.time = UnixTime::from_nanoseconds(1'700'000'000'123'456'789);
  record.node = "ND_1";
  record.account = AccountId("dev");
  record.kind = Kind::kPermitDenied;
  record.leg = Leg::kClient;
  record.region = RegionId("us-east");
  record.epoch = PolicyEpoch(3);
  record.digest = sha256({as_bytes("policy")});
  record.room_sid = "RM_1";
  record.participant_sid = "PA_1";
  record.reason = "region_not_allowed";
  record.actor = "owner";
  record.commitment = sha256({as_bytes("person")});
  record.count = 12;
  record.status = 403;
  record.key = "log+0123abcd+AQ==";
  return record;
}

TEST(AuditRecord, has_one_form_with_sorted_keys) {
  EXPECT_EQ(
      canonical(full_record()),
      R"({"account":"dev","actor":"owner","commitment":")" + full_record().commitment.hex() +
          R"(","count":12,"digest":")" + full_record().digest.hex() +
          R"(","epoch":3,"key":"log+0123abcd+AQ==","kind":"permit_denied","leg":"client","node":"ND_1",)"
          R"("participant":"PA_1","reason":"region_not_allowed","region":"us-east",)"
          R"("room":"RM_1","seq":7,"status":403,)"
          R"("time_ns":1700000000123456789,"v":2})");
  EXPECT_EQ(canonical(Record{}), R"({"kind":"node_started","v":2})");
}

TEST(AuditRecord, parses_back_to_itself) {
  EXPECT_EQ(parse_canonical(canonical(full_record())), full_record());
  EXPECT_EQ(parse_canonical(canonical(Record{})), Record{});
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(kLastKind); ++i) {
    const Kind kind = static_cast<Kind>(i);
    EXPECT_NE(name_of(kind), "");
    for (const Leg leg : {Leg::kNone, Leg::kClient, Leg::kRelay}) {
      Record record;
      record.kind = kind;
      record.leg = leg;
      EXPECT_EQ(parse_canonical(canonical(record)), record);
    }
  }
}

TEST(AuditRecord, of_version_1_is_still_read_and_keeps_its_number) {
  const std::string old = R"({"account":"dev","kind":"permit_granted","seq":1,"v":1})";
  const auto record = parse_canonical(old);
  ASSERT_TRUE(record);
  EXPECT_EQ(record->version, 1U);
  EXPECT_EQ(canonical(*record), old);
}

TEST(AuditRecord, is_json_whatever_its_fields_hold) {
  Record record = full_record();
  record.reason = "quote \" backslash \\ newline \n byte \xff";
  record.room_sid = std::string(1000, 'x');
  const std::string text = canonical(record);
  const boost::json::value value = boost::json::parse(text);
  EXPECT_EQ(value.at("reason").as_string(), "quote \" backslash \\ newline \n byte \xef\xbf\xbd");
  EXPECT_EQ(value.at("room").as_string().size(), kMaxText);
  const auto parsed = parse_canonical(text);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(canonical(*parsed), text);
}

TEST(AuditRecord, refuses_every_other_text) {
  const std::string text = canonical(full_record());
  for (std::size_t i = 0; i < text.size(); ++i) {
    EXPECT_FALSE(parse_canonical(text.substr(0, i))) << i;
  }
  EXPECT_FALSE(parse_canonical(text + " "));
  EXPECT_FALSE(parse_canonical(R"({"v":1,"kind":"node_started"})"));
  EXPECT_FALSE(parse_canonical(R"({"kind":"node_started","v":3})"));
  EXPECT_FALSE(parse_canonical(R"({"kind":"node_started"})"));
  EXPECT_FALSE(parse_canonical(R"({"kind":"nonsense","v":2})"));
  EXPECT_FALSE(parse_canonical(R"({"epoch":03,"kind":"node_started","v":1})"));
  EXPECT_FALSE(parse_canonical(R"({"account":"\u0041","kind":"node_started","v":1})"));
}

}  // namespace
}  // namespace meridian::audit
