#include "audit/repeats.hpp"

#include <gtest/gtest.h>

#include "audit/chain.hpp"

namespace meridian::audit {
namespace {

constexpr UnixTime kStart = UnixTime::from_seconds(1'700'000'000);

Record denial(UnixTime time, const char* region = "us-east") {
  Record record;
  record.time = time;
  record.account = AccountId("dev");
  record.kind = Kind::kPermitDenied;
  record.leg = Leg::kClient;
  record.region = RegionId(region);
  record.room_sid = "RM_1";
  record.participant_sid = "PA_1";
  record.reason = "region_not_allowed";
  return record;
}

TEST(AuditRepeats, a_minute_of_the_same_is_a_first_and_a_count) {
  Repeats repeats;
  EXPECT_EQ(repeats.note(denial(kStart)), Repeats::Seen::kFirst);
  for (int i = 1; i < 600; ++i) {
    EXPECT_EQ(repeats.note(denial(kStart + i * 100ms)), Repeats::Seen::kRepeated);
  }
  EXPECT_EQ(repeats.note(denial(kStart, "de-frankfurt")), Repeats::Seen::kFirst);
  EXPECT_TRUE(repeats.take_due(kStart + 59s).empty());
  const auto due = repeats.take_due(kStart + 60s);
  ASSERT_EQ(due.size(), 1U);  // what came once has nothing to add
  EXPECT_EQ(due[0].count, 599U);
  EXPECT_EQ(due[0].region, RegionId("us-east"));
  EXPECT_TRUE(due[0].room_sid.empty());
  EXPECT_TRUE(due[0].participant_sid.empty());
  EXPECT_EQ(due[0].time, kStart + 60s);
  EXPECT_EQ(repeats.note(denial(kStart + 61s)), Repeats::Seen::kFirst);
}

TEST(AuditRepeats, a_clock_that_was_set_back_ends_the_window) {
  Repeats repeats;
  (void)repeats.note(denial(kStart));
  (void)repeats.note(denial(kStart));
  EXPECT_EQ(repeats.take_due(kStart + -1s).size(), 1U);
}

TEST(AuditRepeats, holds_no_more_keys_than_it_says) {
  Repeats repeats;
  for (std::size_t i = 0; i <= Repeats::kMaxKeys; ++i) {
    EXPECT_EQ(repeats.note(denial(kStart, std::to_string(i).c_str())), Repeats::Seen::kFirst);
  }
  const std::string beyond = std::to_string(Repeats::kMaxKeys);
  EXPECT_EQ(repeats.note(denial(kStart, beyond.c_str())), Repeats::Seen::kFirst);
}

TEST(AuditRepeats, the_log_loses_no_count_and_verifies) {
  Log log("ND_1");
  std::string text;
  const auto take = [&] {
    for (const std::string& line : log.take_lines()) {
      text += line;
    }
  };
  std::uint64_t happened = 0;
  for (UnixTime now = kStart; now < kStart + 200s; now = now + 700ms, ++happened) {
    ASSERT_EQ(log.append_or_count(denial(now)), Log::Append::kAppended);
  }
  log.flush_all_repeats(kStart + 200s);
  take();
  ASSERT_TRUE(verify(text));
  std::uint64_t recorded = 0;
  std::size_t lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = text.find('\n', at);
    const auto record = record_of_line(std::string_view(text).substr(at, end - at));
    ASSERT_TRUE(record);
    recorded += record->count == 0 ? 1 : record->count;
    at = end + 1;
  }
  EXPECT_EQ(recorded, happened);
  EXPECT_LE(lines, 8U);
}

}  // namespace
}  // namespace meridian::audit
