#include "io/evidence_store.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

audit::Opening opening_of(const char* identity, UnixTime time) {
  audit::Opening opening;
  opening.account = AccountId("acme");
  opening.pseudonym = "PA_1";
  opening.identity = identity;
  opening.time = time;
  return opening;
}

TEST(EvidenceStore, puts_everything_where_it_is_looked_for) {
  const TemporaryFolder folder;
  {
    EvidenceStore store({.data_dir = folder.path(), .retention = std::chrono::days(90)});
    std::vector<node::Stored> stored;
    stored.emplace_back(node::StoredReport{AccountId("acme"), "RM_1", "{\"report\":{}}"});
    stored.emplace_back(node::StoredReport{AccountId("../acme"), "RM_2", "{}"});
    stored.emplace_back(node::StoredCheckpoint{"origin\n1\n"});
    stored.emplace_back(node::StoredCheckpoint{"origin\n2\n"});
    stored.emplace_back(node::StoredOpening{RegionId("uk-london"), opening_of("ann", wall_now())});
    store.store(std::move(stored));
    EXPECT_EQ(store.dropped(), 0U);
  }
  EXPECT_EQ(TemporaryFolder::read(folder.path() / "transit" / "acme" / "RM_1.json"),
            "{\"report\":{}}\n");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "acme"));
  EXPECT_EQ(TemporaryFolder::read(folder.path() / "audit" / "checkpoints.jsonl"),
            "{\"note\":\"origin\\u000a1\\u000a\",\"v\":1}\n"
            "{\"note\":\"origin\\u000a2\\u000a\",\"v\":1}\n");
  EXPECT_TRUE(
      TemporaryFolder::read(folder.path() / "people" / "uk-london" / "acme.jsonl").contains("ann"));
}

TEST(EvidenceStore, writes_what_comes_together_in_one_operation_for_each_file) {
  const TemporaryFolder folder;
  EvidenceStore store({.data_dir = folder.path(), .retention = std::chrono::days(90)});
  std::vector<node::Stored> stored;
  for (const char* name : {"ann", "bob", "cyn"}) {
    stored.emplace_back(node::StoredOpening{RegionId("uk-london"), opening_of(name, wall_now())});
    stored.emplace_back(node::StoredCheckpoint{name});
    audit::Opening other = opening_of(name, wall_now());
    other.account = AccountId("other");
    stored.emplace_back(node::StoredOpening{RegionId("uk-london"), std::move(other)});
  }
  store.store(std::move(stored));
  const Instant give_up = monotonic_now() + 20s;
  while (store.written().items < 9 && monotonic_now() < give_up) {
    std::this_thread::yield();
  }
  EXPECT_EQ(store.written().items, 9U);
  EXPECT_EQ(store.written().operations, 3U) << "two tables, and the checkpoints";
  const std::string table =
      TemporaryFolder::read(folder.path() / "people" / "uk-london" / "acme.jsonl");
  EXPECT_EQ(std::ranges::count(table, '\n'), 3);
  EXPECT_LT(table.find("ann"), table.find("bob"));
  EXPECT_LT(table.find("bob"), table.find("cyn"));
}

TEST(EvidenceStore, forgets_people_whose_retention_is_over_when_it_starts) {
  const TemporaryFolder folder;
  {
    EvidenceStore store({.data_dir = folder.path(), .retention = std::chrono::days(90)});
    std::vector<node::Stored> stored;
    stored.emplace_back(
        node::StoredOpening{RegionId("uk-london"), opening_of("ann", UnixTime::from_seconds(0))});
    store.store(std::move(stored));
  }
  EvidenceStore store({.data_dir = folder.path(), .retention = std::chrono::days(90)});
  std::map<AccountId, std::uint64_t> expired;
  const Instant give_up = monotonic_now() + 20s;
  while (expired.empty() && monotonic_now() < give_up) {
    expired = store.take_expired();
    std::this_thread::yield();
  }
  EXPECT_EQ(expired[AccountId("acme")], 1U);
  EXPECT_FALSE(
      TemporaryFolder::read(folder.path() / "people" / "uk-london" / "acme.jsonl").contains("ann"));
}

TEST(EvidenceStore, keeps_the_order_and_the_newest_when_nothing_can_be_written) {
  const TemporaryFolder folder;
  (void)folder.write("blocked", "a file where the folder should be");
  EvidenceStore store({.data_dir = folder.path() / "blocked", .retention = std::chrono::days(90)});
  std::vector<node::Stored> stored(EvidenceStore::kMaxWaiting + 10,
                                   node::StoredOpening{RegionId("uk"), {}});
  stored.emplace_back(node::StoredCheckpoint{"origin\n"});
  store.store(std::move(stored));
  EXPECT_GE(store.dropped(), 10U);
}

}  // namespace
}  // namespace meridian::io
