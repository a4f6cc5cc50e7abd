#include "io/policy_files.hpp"

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/chain.hpp"
#include "io/audit_writer.hpp"

namespace meridian::io {
namespace {

using directory::Authority;
using residency::RegionSet;
using testing::HasSubstr;

const RegionId kUk("uk");
const RegionId kUs("us");
const AccountId kDev("dev");
const UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

// A data folder over several lives of a node.
class PolicyFilesTest : public testing::Test {
 protected:
  PolicyFilesTest() {
    std::string name = (std::filesystem::temp_directory_path() / "meridian-data-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    config_.data_dir = folder_.string();
    config_.regions = {{kUk, "", {}, {}, ""}, {kUs, "", {}, {}, ""}};
    config::Account account;
    account.id = kDev;
    account.default_region = kUk;
    account.opted_in = {kUk};
    config_.accounts = {account};
  }
  ~PolicyFilesTest() override { std::filesystem::remove_all(folder_); }

  /// Opens audit log and directory, records the policies in force as a node does, and passes the
  /// directory to `live`. Then the process is gone, without any goodbye.
  std::string run(const std::function<void(directory::Directory&)>& live = {}) {
    auto log = AuditWriter::open(folder_ / "audit");
    if (!log) {
      return log.error().message;
    }
    auto opened = open_directory(config_, log->policies, kNow);
    if (!opened) {
      return opened.error().message;
    }
    audit::Log chain("ND_1", std::move(log->heads));
    const auto record_all = [&] {
      for (const directory::Account& account : opened->directory->accounts()) {
        audit::Record record;
        record.time = kNow;
        record.account = account.id();
        record.kind = audit::Kind::kPolicyLoaded;
        record.epoch = account.policy.epoch();
        record.digest = account.policy.digest();
        (void)chain.append(std::move(record));
      }
      const auto lines = chain.take_lines();
      EXPECT_TRUE(log->writer->append(lines));
    };
    record_all();
    if (live) {
      live(*opened->directory);
      record_all();
    }
    effective_.clear();
    for (const directory::Account& account : opened->directory->accounts()) {
      effective_[account.id()] = account.policy.effective();
    }
    return {};
  }

  std::filesystem::path folder_;
  config::Config config_;
  std::map<AccountId, RegionSet> effective_;
};

TEST_F(PolicyFilesTest, an_opt_out_holds_after_the_process_was_killed) {
  const AccountId shop("shop");
  ASSERT_EQ(run([&](directory::Directory& directory) {
              ASSERT_TRUE(directory.create_account({.id = shop,
                                                    .name = "",
                                                    .default_region = kUk,
                                                    .opted_in = {kUs},
                                                    .preset = "",
                                                    .signalling_host = ""},
                                                   {"ann", ""}, kNow));
              auto terms = directory.find_account(shop)->policy.terms();
              terms.opted_in = {kUk};
              ASSERT_TRUE(directory.change_policy(terms, PolicyEpoch(1), {"ann", "why"}, kNow));
            }),
            "");
  ASSERT_EQ(run(), "");
  EXPECT_EQ(effective_.at(shop), RegionSet{kUk});
}

TEST_F(PolicyFilesTest, a_wider_file_is_refused_until_the_operator_confirms_on_record) {
  ASSERT_EQ(run(), "");
  config_.accounts[0].opted_in = {kUk, kUs};
  EXPECT_THAT(run(), HasSubstr("meridian routing confirm --config FILE --account dev"));
  EXPECT_EQ(confirm_policy(config_, {kDev, "a new site"}, kNow), PolicyEpoch(2));
  ASSERT_EQ(run(), "");
  EXPECT_EQ(effective_.at(kDev), (RegionSet{kUk, kUs}));
  std::ifstream file(folder_ / "audit" / "audit-000001.log");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(text, HasSubstr("policy_confirmed"));
}

TEST_F(PolicyFilesTest, a_policy_store_from_a_backup_is_refused) {
  ASSERT_EQ(run(), "");
  const auto backup = folder_ / "backup.db";
  std::filesystem::copy_file(folder_ / "policy.db", backup);
  config_.accounts[0].evidence = residency::Evidence::kRequired;
  ASSERT_EQ(run(), "");
  std::filesystem::copy_file(backup, folder_ / "policy.db",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(run(), HasSubstr("the data folder is older than the log"));
  std::filesystem::remove(folder_ / "policy.db");
  EXPECT_THAT(run(), HasSubstr("the data folder is older than the log"));
}

TEST_F(PolicyFilesTest, a_confirmation_needs_an_account_and_a_node_that_does_not_run) {
  EXPECT_THAT(confirm_policy(config_, {AccountId("none"), "x"}, kNow).error().message,
              HasSubstr("there is no account none"));
  ASSERT_EQ(run([&](directory::Directory&) {
              EXPECT_THAT(confirm_policy(config_, {kDev, "x"}, kNow).error().message,
                          HasSubstr("another process"));
            }),
            "");
}

}  // namespace
}  // namespace meridian::io
