// io/identity_table.cpp and io/durable_file.cpp.
#include "io/identity_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "io/durable_file.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);
const AccountId kAcme("acme");
const RegionId kUk("uk-london");

struct IdentityTable : testing::Test {
  audit::Digest add(const char* account, const char* pseudonym, const char* identity,
                    UnixTime time = kNow) {
    audit::Opening opening;
    opening.account = AccountId(account);
    opening.pseudonym = pseudonym;
    opening.identity = identity;
    opening.time = time;
    const audit::Digest commitment = audit::commit(opening, random);
    EXPECT_TRUE(append_openings(folder.path(), kUk, opening.account, {&opening, 1}));
    return commitment;
  }
  std::string table(const char* account = "acme") const {
    return TemporaryFolder::read(folder.path() / "people" / "uk-london" /
                                 (std::string(account) + ".jsonl"));
  }
  TemporaryFolder folder;
  SeededRandomSource random{1};
};

TEST_F(IdentityTable, lies_in_the_folder_of_its_region_and_opens_commitments) {
  const audit::Digest commitment = add("acme", "PA_1", "ann");
  std::string line = table();
  line.pop_back();
  const auto opening = audit::parse_opening(line);
  ASSERT_TRUE(opening);
  EXPECT_EQ(opening->identity, "ann");
  EXPECT_EQ(audit::commitment_of(*opening), commitment);
}

TEST_F(IdentityTable, forgets_a_person_with_all_of_their_rows_and_nobody_else) {
  add("acme", "PA_1", "ann");
  add("acme", "PA_2", "ben");
  add("acme", "PA_3", "ann");
  add("other", "PA_4", "ann");
  EXPECT_EQ(erase_person(folder.path(), kAcme, "PA_3"), 2U);
  EXPECT_FALSE(table().contains("ann"));
  EXPECT_TRUE(table().contains("ben"));
  EXPECT_TRUE(table("other").contains("ann"));
  EXPECT_EQ(erase_person(folder.path(), kAcme, "PA_3"), 0U);
  EXPECT_EQ(erase_person(folder.path(), kAcme, "PA_4"), 0U) << "another account's";
}

TEST_F(IdentityTable, finds_a_person_by_identity_or_by_any_id_that_stands_for_them) {
  add("acme", "PA_1", "ann");
  add("acme", "PA_2", "ben");
  const audit::Digest commitment = add("acme", "PA_3", "ann");
  add("other", "PA_4", "ann");
  const auto find = [&](const std::string& identity, const std::string& pseudonym,
                        std::size_t limit = 10) {
    return find_people(folder.path(), kAcme, identity, pseudonym, limit).value();
  };
  ASSERT_EQ(find("ann", "").size(), 2U);
  EXPECT_EQ(find("ann", "")[0].pseudonym, "PA_1");
  EXPECT_EQ(audit::commitment_of(find("ann", "")[1]), commitment) << "what the log has";
  EXPECT_EQ(find("", "PA_2").at(0).identity, "ben");
  EXPECT_TRUE(find("", "PA_4").empty()) << "another account's";
  EXPECT_EQ(find("ann", "", 1).at(0).pseudonym, "PA_3");
}

TEST_F(IdentityTable, forgets_everybody_when_the_retention_is_over) {
  add("acme", "PA_1", "ann", kNow);
  add("acme", "PA_2", "ben", kNow + 1h);
  const Duration retention = std::chrono::days(90);
  EXPECT_THAT(erase_expired(folder.path(), retention, kNow + retention + -1s).value(), IsEmpty());
  EXPECT_THAT(erase_expired(folder.path(), retention, kNow + retention).value(),
              ElementsAre(Pair(kAcme, 1U)));
  EXPECT_FALSE(table().contains("ann"));
  EXPECT_TRUE(table().contains("ben"));
}

TEST_F(IdentityTable, keeps_no_row_that_cannot_be_read) {
  add("acme", "PA_1", "ann");
  std::ofstream(folder.path() / "people" / "uk-london" / "acme.jsonl", std::ios::app) << "{\"tor";
  add("acme", "PA_2", "ben");
  EXPECT_EQ(erase_person(folder.path(), kAcme, "PA_1"), 1U);
  EXPECT_FALSE(table().contains("tor"));
  EXPECT_TRUE(table().contains("ben"));
}

TEST_F(IdentityTable, names_of_files_lead_nowhere_else) {
  EXPECT_EQ(file_name_of("uk-london"), "uk-london");
  for (const char* id : {"", ".", "..", "../x", "a/b", "a b", "\xc3\xa9"}) {
    EXPECT_TRUE(file_name_of(id).starts_with("sha256-")) << id;
  }
}

TEST(DurableFile, is_replaced_as_a_whole_and_tells_why_not) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "a" / "b";
  ASSERT_TRUE(write_durably(file, "one", 0600));
  ASSERT_TRUE(write_durably(file, "two", 0600));
  EXPECT_EQ(TemporaryFolder::read(file), "two");
  ASSERT_TRUE(append_durably(file, "three\nfour\n", 0600));
  EXPECT_EQ(TemporaryFolder::read(file), "two\nthree\nfour\n") << "a torn line is ended";
  const auto failed = write_durably(file / "c", "x", 0600);
  ASSERT_FALSE(failed);
  EXPECT_TRUE(failed.error().message.contains(file.string()));
}

}  // namespace
}  // namespace meridian::io
