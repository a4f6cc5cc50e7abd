#include "io/audit_writer.hpp"

#include <array>
#include <fcntl.h>

#include <gtest/gtest.h>

#include "io/clock.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

std::vector<std::string> records(audit::Log& log, int count) {
  for (int i = 0; i < count; ++i) {
    audit::Record record;
    record.kind = audit::Kind::kPermitGranted;
    record.account = AccountId("acme");
    record.region = RegionId("uk-london");
    record.time = UnixTime::from_seconds(1'700'000'000 + i);
    EXPECT_EQ(log.append(std::move(record)), audit::Log::Append::kAppended);
  }
  return log.take_lines();
}

class AuditWriterTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::filesystem::path directory_ = folder_.path() / "data" / "audit";
  std::filesystem::path first_file_ = directory_ / "audit-000001.log";
};

TEST_F(AuditWriterTest, writes_a_chain_that_verifies) {
  auto opened = AuditWriter::open(directory_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->heads.lines, 0U);
  audit::Log log("ND_test", opened->heads);
  EXPECT_TRUE(opened->writer->append(records(log, 5)));
  EXPECT_TRUE(opened->writer->is_writable());
  opened->writer->sync();
  const auto heads = verify_audit_files(std::array{first_file_});
  ASSERT_TRUE(heads);
  EXPECT_EQ(*heads, log.heads());
}

TEST_F(AuditWriterTest, lines_that_come_together_share_a_sync) {
  auto opened = AuditWriter::open(directory_);
  ASSERT_TRUE(opened);
  AuditWriter& writer = *opened->writer;
  audit::Log log("ND_test", opened->heads);
  const Instant began = monotonic_now();
  while (monotonic_now() - began < 3 * AuditWriter::kSyncPause) {
    ASSERT_TRUE(writer.append(records(log, 1)));
    EXPECT_LE(writer.synced(), writer.appended());
  }
  const std::uint64_t before = writer.syncs();
  const auto pauses = (monotonic_now() - began) / AuditWriter::kSyncPause;
  writer.sync();
  EXPECT_TRUE(writer.is_synced());
  EXPECT_EQ(writer.synced(), std::filesystem::file_size(first_file_));
  EXPECT_LE(before, static_cast<std::uint64_t>(pauses) + 1);
  EXPECT_LE(writer.syncs(), before + 2);
}

TEST_F(AuditWriterTest, continues_the_chain_behind_a_torn_line) {
  audit::Heads before;
  {
    auto opened = AuditWriter::open(directory_);
    audit::Log log("ND_test", opened->heads);
    EXPECT_TRUE(opened->writer->append(records(log, 3)));
    before = log.heads();
  }
  std::ofstream(first_file_, std::ios::app) << R"({"head":"torn)";
  auto opened = AuditWriter::open(directory_);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->heads, before);
  audit::Log log("ND_test", opened->heads);
  EXPECT_TRUE(opened->writer->append(records(log, 2)));
  const auto heads = verify_audit_files(std::array{first_file_});
  ASSERT_TRUE(heads);
  EXPECT_EQ(heads->lines, 5U);
}

TEST_F(AuditWriterTest, refuses_to_continue_a_log_that_was_changed) {
  {
    auto opened = AuditWriter::open(directory_);
    audit::Log log("ND_test", opened->heads);
    EXPECT_TRUE(opened->writer->append(records(log, 3)));
  }
  std::string text = TemporaryFolder::read(first_file_);
  const std::size_t place = text.find("uk-london");
  ASSERT_NE(place, std::string::npos);
  text.replace(place, 2, "us");
  std::ofstream(first_file_, std::ios::binary) << text;
  const auto opened = AuditWriter::open(directory_);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("audit-000001.log:1:"), std::string::npos)
      << opened.error().message;
}

TEST_F(AuditWriterTest, is_not_writable_when_the_disk_is_full) {
  // /dev/full takes no byte: every write fails as on a full disk.
  FileDescriptor full(::open("/dev/full", O_WRONLY));
  ASSERT_TRUE(full.is_open());
  AuditWriter writer(directory_, 1, std::move(full), 0);
  audit::Log log("ND_test");
  EXPECT_FALSE(writer.append(records(log, 1)));
  EXPECT_FALSE(writer.is_written());
  EXPECT_FALSE(writer.is_writable());
  EXPECT_FALSE(writer.append({})) << "kept and tried again";
}

TEST(VerifyAuditFiles, names_a_file_that_it_cannot_read) {
  const auto heads = verify_audit_files(std::array<std::filesystem::path, 1>{"/nonexistent"});
  ASSERT_FALSE(heads);
  EXPECT_NE(heads.error().message.find("/nonexistent"), std::string::npos);
}

}  // namespace
}  // namespace meridian::io
