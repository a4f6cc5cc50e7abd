#include "audit/commitment.hpp"

#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

Opening sample() {
  Opening opening;
  opening.account = AccountId("dev");
  opening.pseudonym = "PA_1";
  opening.room_sid = "RM_1";
  opening.time = UnixTime::from_seconds(1'700'000'000);
  opening.room_name = "weekly";
  opening.identity = "ann@example.org";
  return opening;
}

TEST(AuditCommitment, opens_with_its_salt_and_text_only) {
  SeededRandomSource random(1);
  Opening opening = sample();
  const Digest commitment = commit(opening, random);
  EXPECT_EQ(commitment_of(opening), commitment);
  Opening other = opening;
  other.identity = "ben@example.org";
  EXPECT_NE(commitment_of(other), commitment);
  other = opening;
  other.salt[0] ^= 1U;
  EXPECT_NE(commitment_of(other), commitment);
  // What belongs to one field doesn't fit into another.
  other = opening;
  other.room_name += other.identity;
  other.identity.clear();
  EXPECT_NE(commitment_of(other), commitment);
}

TEST(AuditCommitment, two_of_one_person_have_nothing_in_common) {
  SeededRandomSource random(1);
  Opening first = sample();
  Opening second = sample();
  EXPECT_NE(commit(first, random), commit(second, random));
}

TEST(AuditCommitment, rows_are_read_back) {
  SeededRandomSource random(1);
  Opening opening = sample();
  opening.reason = "line\nbreak \"quoted\" \xff";
  const Digest commitment = commit(opening, random);
  const std::string line = to_line(opening);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto parsed = parse_opening(line);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, opening);
  EXPECT_EQ(commitment_of(*parsed), commitment);
  EXPECT_FALSE(parse_opening(""));
  EXPECT_FALSE(parse_opening("{}"));
  EXPECT_FALSE(parse_opening(R"({"pseudonym":"PA_1","salt":"","v":1})"));
  std::string newer = line;
  newer.replace(newer.rfind("\"v\":1"), 5, "\"v\":2");
  EXPECT_FALSE(parse_opening(newer));
}

}  // namespace
}  // namespace meridian::audit
