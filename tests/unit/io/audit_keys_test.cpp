#include "io/audit_keys.hpp"

#include <sys/stat.h>

#include <gtest/gtest.h>

#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

constexpr UnixTime kNow = UnixTime::from_seconds(1'700'000'000);

struct AuditKeys : testing::Test {
  node::EvidenceKeys open(const std::string& published = {}, UnixTime now = kNow) {
    auto keys = open_audit_keys(folder.path(), published, random, now);
    EXPECT_TRUE(keys) << (keys ? "" : keys.error().message);
    return std::move(*keys);
  }
  std::filesystem::path file() const { return folder.path() / "keys" / "audit.json"; }

  TemporaryFolder folder;
  SeededRandomSource random{1};
};

TEST_F(AuditKeys, are_made_once_and_for_the_node_alone) {
  const auto first = open().current.public_key();
  EXPECT_EQ(open().current.public_key(), first);
  EXPECT_TRUE(first.name().starts_with("meridian/"));
  struct stat status{};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(AuditKeys, are_rotated_with_the_old_one_until_it_vouched) {
  EXPECT_FALSE(rotate_audit_key(folder.path(), random, kNow));
  const auto old_key = open().current.public_key();
  const auto rotated = rotate_audit_key(folder.path(), random, kNow);
  ASSERT_TRUE(rotated);
  EXPECT_FALSE(rotate_audit_key(folder.path(), random, kNow)) << "one after the other";
  const node::EvidenceKeys keys = open(old_key.to_string());
  EXPECT_EQ(keys.current.public_key().to_string(), *rotated);
  EXPECT_EQ(keys.current.public_key().name(), old_key.name());
  ASSERT_TRUE(keys.previous);
  EXPECT_EQ(keys.previous->public_key(), old_key);
  ASSERT_TRUE(forget_previous_audit_key(folder.path()));
  EXPECT_FALSE(open().previous);
  EXPECT_EQ(open().current.public_key().to_string(), *rotated);
  EXPECT_FALSE(TemporaryFolder::read(file()).contains("previous"));
}

TEST_F(AuditKeys, get_a_successor_when_they_are_old) {
  const auto old_key = open().current.public_key();
  EXPECT_EQ(open({}, kNow + kAuditKeyLifetime).current.public_key(), old_key);
  const node::EvidenceKeys keys = open({}, kNow + kAuditKeyLifetime + 1s);
  EXPECT_NE(keys.current.public_key(), old_key);
  EXPECT_EQ(keys.previous->public_key(), old_key);
}

TEST_F(AuditKeys, that_were_lost_leave_the_log_its_name) {
  const auto lost = open().current.public_key();
  std::filesystem::remove(file());
  const node::EvidenceKeys keys = open(lost.to_string());
  EXPECT_EQ(keys.current.public_key().name(), lost.name());
  EXPECT_NE(keys.current.public_key(), lost);
  EXPECT_FALSE(keys.previous);
}

TEST_F(AuditKeys, that_cannot_be_read_stop_the_start) {
  for (const char* text :
       {"", "{}", R"({"v":2,"name":"a","seed":""})", R"({"v":1,"name":"a","seed":"AAAA"})"}) {
    (void)folder.write("keys/audit.json", text);
    EXPECT_FALSE(open_audit_keys(folder.path(), {}, random, kNow)) << text;
  }
}

}  // namespace
}  // namespace meridian::io
