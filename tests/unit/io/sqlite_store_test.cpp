#include "io/sqlite_store.hpp"

#include <filesystem>
#include <sqlite3.h>
#include <sys/stat.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/directory/policy_store_contract.hpp"

namespace meridian::io {
namespace {

using directory::testing_support::version_of;

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "meridian-store-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(folder_); }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "policy.db"; }
  [[nodiscard]] std::unique_ptr<SqliteStore> open() const {
    auto opened = SqliteStore::open(path());
    EXPECT_TRUE(opened) << opened.error().message;
    return opened ? std::move(*opened) : nullptr;
  }
  /// What SQLite itself says to a statement: empty when it worked.
  [[nodiscard]] std::string run(const char* sql) const {
    sqlite3* handle = nullptr;
    EXPECT_EQ(sqlite3_open(path().c_str(), &handle), SQLITE_OK);
    char* message = nullptr;
    sqlite3_exec(handle, sql, nullptr, nullptr, &message);
    const std::string said = message == nullptr ? "" : message;
    sqlite3_free(message);
    sqlite3_close(handle);
    return said;
  }

  std::filesystem::path folder_;
};

TEST_F(SqliteStoreTest, keeps_the_contract_of_a_store) {
  directory::testing_support::expect_contract(*open());
}

TEST_F(SqliteStoreTest, what_was_written_is_there_after_it_is_opened_again) {
  const directory::StoredAccount account{AccountId("a"), "Aye", directory::ManagedBy::kFile, "h"};
  {
    const auto store = open();
    ASSERT_TRUE(store->append(account, version_of("a", {RegionId("eu")}, 4)));
    ASSERT_TRUE(store->put_key({"k", "s", AccountId("a")}));
  }
  const auto store = open();
  const auto accounts = store->accounts();
  ASSERT_TRUE(accounts);
  ASSERT_EQ(accounts->size(), 1U);
  EXPECT_EQ(accounts->front().account, account);
  EXPECT_EQ(accounts->front().version.policy.epoch(), PolicyEpoch(4));
  EXPECT_EQ(store->keys().value().size(), 1U);
}

TEST_F(SqliteStoreTest, only_its_owner_can_read_it) {
  const auto store = open();
  ASSERT_TRUE(store->append({AccountId("a"), "", directory::ManagedBy::kStore, ""},
                            version_of("a", {}, 1)));
  for (const auto& file : std::filesystem::directory_iterator(folder_)) {
    struct stat status{};
    ASSERT_EQ(::stat(file.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0077U, 0U) << file.path();
  }
}

TEST_F(SqliteStoreTest, one_process_at_a_time) {
  const auto store = open();
  const auto second = SqliteStore::open(path());
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, testing::HasSubstr("does another process use it"));
}

TEST_F(SqliteStoreTest, refuses_a_newer_schema_and_other_databases) {
  (void)open();
  ASSERT_EQ(run("PRAGMA user_version = 4"), "");
  EXPECT_THAT(SqliteStore::open(path()).error().message, testing::HasSubstr("is of version 4"));
  ASSERT_EQ(run("PRAGMA user_version = 1; PRAGMA application_id = 7"), "");
  EXPECT_THAT(SqliteStore::open(path()).error().message,
              testing::HasSubstr("is not a policy store"));
}

TEST_F(SqliteStoreTest, migrates_an_older_schema_and_keeps_what_it_has) {
  {
    const auto store = open();
    ASSERT_TRUE(store->append({AccountId("a"), "Aye", directory::ManagedBy::kStore, ""},
                              version_of("a", {RegionId("eu")}, 1)));
  }
  ASSERT_EQ(run("ALTER TABLE keys DROP COLUMN previous_secret;"
                "ALTER TABLE keys DROP COLUMN previous_until;"
                "ALTER TABLE accounts DROP COLUMN signalling_host; PRAGMA user_version = 1"),
            "");
  const auto store = open();
  const auto accounts = store->accounts();
  ASSERT_TRUE(accounts) << accounts.error().message;
  EXPECT_EQ(accounts->front().account.name, "Aye");
  EXPECT_EQ(accounts->front().account.signalling_host, "");
}

TEST_F(SqliteStoreTest, a_version_can_neither_be_changed_nor_deleted) {
  {
    const auto store = open();
    ASSERT_TRUE(store->append({AccountId("a"), "", directory::ManagedBy::kStore, ""},
                              version_of("a", {}, 1)));
  }
  EXPECT_EQ(run("UPDATE versions SET reason = 'x'"), "a policy version is never changed");
  EXPECT_EQ(run("UPDATE versions SET actor = 'erased', reason = 'erased', time = 1"),
            "a policy version is never changed");
  EXPECT_EQ(run("UPDATE versions SET actor = 'erased', reason = 'x'"),
            "a policy version is never changed");
  EXPECT_EQ(run("UPDATE versions SET actor = 'erased', reason = 'erased'"), "");
  EXPECT_EQ(run("DELETE FROM versions"), "a policy version is never deleted");
  EXPECT_EQ(run("UPDATE policies SET terms = 'x'"), "a policy is never changed");
  EXPECT_EQ(run("DELETE FROM policies"), "a policy is never deleted");
}

TEST_F(SqliteStoreTest, terms_that_are_not_what_their_digest_says_are_refused) {
  {
    const auto store = open();
    ASSERT_TRUE(store->append({AccountId("a"), "", directory::ManagedBy::kStore, ""},
                              version_of("a", {}, 1)));
  }
  ASSERT_EQ(run("DROP TRIGGER policies_stay;"
                "UPDATE policies SET terms = replace(terms, '[\"uk\"]', '[\"uk\",\"us\"]')"),
            "");
  const auto accounts = open()->accounts();
  ASSERT_FALSE(accounts);
  EXPECT_THAT(accounts.error().message, testing::HasSubstr("not what its digest says"));
}

TEST_F(SqliteStoreTest, a_file_that_is_no_database_is_said_to_be_one) {
  std::FILE* file = std::fopen(path().c_str(), "w");
  std::fputs("not a database, but long enough to be taken for the header of one ..............",
             file);
  std::fclose(file);
  EXPECT_FALSE(SqliteStore::open(path()));
  EXPECT_FALSE(SqliteStore::open(folder_ / "no" / "such" / "folder"));
}

}  // namespace
}  // namespace meridian::io
