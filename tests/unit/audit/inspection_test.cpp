// Acceptance test P1, and audit/proof.cpp.
#include "audit/inspection.hpp"

#include <algorithm>

#include <gtest/gtest.h>

#include "audit/proof.hpp"

namespace meridian::audit {
namespace {

constexpr UnixTime kTime = UnixTime::from_seconds(1'700'000'000);

SigningKey key_of(std::uint64_t seed) {
  SeededRandomSource random(seed);
  return SigningKey::generate("meridian-log", random);
}

/// A log as a node writes it: two keys, one after the other, and checkpoints.
struct Written {
  Written() {
    publish(first);
    for (const char* account : {"a", "b", "a"}) {
      add(account);
    }
    sign({&first});
    publish(second);
    add("b");
    sign({&first, &second});
    for (const char* account : {"a", "", "b"}) {
      add(account);
    }
    sign({&second});
  }

  void add(const char* account, const char* region = "uk-london") {
    Record record;
    record.time = kTime;
    record.account = AccountId(account);
    record.kind = Kind::kPermitGranted;
    record.region = RegionId(region);
    append(std::move(record));
  }
  void publish(const SigningKey& key) {
    Record record;
    record.time = kTime;
    record.kind = Kind::kKeyPublished;
    record.key = key.public_key().to_string();
    append(std::move(record));
  }
  void append(Record record) {
    EXPECT_EQ(log.append(std::move(record)), Log::Append::kAppended);
    for (std::string& line : log.take_lines()) {
      line.pop_back();
      lines.push_back(std::move(line));
    }
  }
  void sign(std::vector<const SigningKey*> keys) {
    const Heads& heads = log.heads();
    notes.push_back(sign_checkpoint({.origin = "meridian-log",
                                     .lines = heads.lines,
                                     .root = heads.tree.root(),
                                     .node = heads.node,
                                     .config = {},
                                     .time = kTime},
                                    keys));
    Record record;
    record.time = kTime;
    record.kind = Kind::kCheckpoint;
    record.count = heads.lines;
    record.digest = heads.tree.root();
    append(std::move(record));
  }

  SigningKey first = key_of(1);
  SigningKey second = key_of(2);
  Log log{"ND_1"};
  std::vector<std::string> lines;
  std::vector<std::string> notes;
};

std::vector<SignedCheckpoint> checkpoints_of(const std::vector<std::string>& notes) {
  std::vector<SignedCheckpoint> checkpoints;
  for (const std::string& note : notes) {
    checkpoints.push_back(parse_checkpoint(note).value());
  }
  return checkpoints;
}

std::optional<Finding> inspect(const std::vector<std::string>& lines,
                               std::vector<SignedCheckpoint> checkpoints,
                               std::optional<PublicKey> trusted) {
  Inspector inspector({std::move(checkpoints), std::move(trusted)});
  for (const std::string& line : lines) {
    if (auto finding = inspector.feed(line)) {
      return finding;
    }
  }
  return inspector.finish();
}

struct Inspection : testing::Test {
  std::optional<Finding> inspect_lines(const std::vector<std::string>& lines) {
    return inspect(lines, checkpoints_of(written.notes), written.first.public_key());
  }
  Written written;
};

TEST_F(Inspection, an_untouched_log_agrees_with_its_checkpoints_over_a_change_of_keys) {
  EXPECT_EQ(inspect_lines(written.lines), std::nullopt);
  EXPECT_EQ(inspect(written.lines, checkpoints_of(written.notes), std::nullopt), std::nullopt);
}

TEST_F(Inspection, one_flipped_byte_is_found_in_its_line) {
  for (std::size_t line = 0; line < written.lines.size(); ++line) {
    for (std::size_t at = 0; at < written.lines[line].size(); at += 7) {
      auto lines = written.lines;
      lines[line][at] = static_cast<char>(lines[line][at] ^ 1);
      const auto finding = inspect_lines(lines);
      ASSERT_TRUE(finding) << line << ", " << at;
      EXPECT_EQ(finding->line, line + 1) << at;
    }
  }
}

TEST_F(Inspection, one_removed_record_is_found_where_it_was) {
  for (std::size_t line = 0; line < written.lines.size(); ++line) {
    auto lines = written.lines;
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line));
    const auto finding = inspect_lines(lines);
    // The last line is the record of the last checkpoint, which covers what is before it.
    ASSERT_EQ(finding.has_value(), line + 1 < written.lines.size()) << line;
    if (finding) {
      EXPECT_EQ(finding->line, line + 1);
    }
  }
}

TEST_F(Inspection, two_reordered_records_are_found_at_the_first) {
  for (std::size_t line = 0; line + 1 < written.lines.size(); ++line) {
    auto lines = written.lines;
    std::swap(lines[line], lines[line + 1]);
    const auto finding = inspect_lines(lines);
    ASSERT_TRUE(finding) << line;
    EXPECT_EQ(finding->line, line + 1);
  }
}

TEST_F(Inspection, a_truncated_log_misses_its_last_checkpoint) {
  const std::size_t covered = written.lines.size() - 1;
  for (std::size_t kept = 0; kept < covered; ++kept) {
    auto lines = written.lines;
    lines.resize(kept);
    const auto finding = inspect_lines(lines);
    ASSERT_TRUE(finding) << kept;
    EXPECT_EQ(finding->line, kept);
  }
  auto lines = written.lines;
  lines.resize(covered - 1);
  EXPECT_EQ(inspect_lines(lines)->flaw, Flaw::kTruncated);
  EXPECT_EQ(inspect_lines(lines)->record, "the node, record 5, permit_granted");
}

// The operator rewrites history with its own keys: both logs are sound in themselves.
TEST_F(Inspection, a_forked_log_contradicts_the_checkpoints_of_the_other) {
  Written other;
  other.lines.clear();
  other.notes.clear();
  other.log = Log("ND_1");
  other.publish(other.first);
  for (const char* account : {"a", "b"}) {
    other.add(account);
  }
  other.add("a", "us-east");  // line 4, where the log said uk-london
  other.sign({&other.first});
  EXPECT_EQ(inspect(other.lines, checkpoints_of(other.notes), other.first.public_key()),
            std::nullopt);
  auto witnessed = checkpoints_of(written.notes);
  witnessed.resize(1);
  const auto finding = inspect(other.lines, witnessed, written.first.public_key());
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->flaw, Flaw::kForked);
  EXPECT_EQ(finding->line, 4U);
  EXPECT_EQ(finding->record, "account a, record 2, permit_granted");
  EXPECT_EQ(fork_of(written.lines, other.lines), 4U);
}

TEST_F(Inspection, a_log_that_continues_another_is_no_fork) {
  auto shorter = written.lines;
  shorter.resize(5);
  EXPECT_EQ(fork_of(written.lines, shorter), std::nullopt);
  EXPECT_EQ(fork_of(written.lines, written.lines), std::nullopt);
}

TEST_F(Inspection, a_checkpoint_by_an_unknown_key_is_found) {
  const auto finding =
      inspect(written.lines, checkpoints_of(written.notes), key_of(7).public_key());
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->flaw, Flaw::kBadSignature);
}

// The second key is believed because the first signed its publication, not because it is there.
TEST_F(Inspection, a_new_key_needs_a_checkpoint_that_the_old_one_signed) {
  auto checkpoints = checkpoints_of(written.notes);
  checkpoints.erase(checkpoints.begin() + 1);
  const auto finding = inspect(written.lines, checkpoints, written.first.public_key());
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->flaw, Flaw::kBadSignature);
}

TEST_F(Inspection, an_export_agrees_with_the_same_checkpoints) {
  std::string text;
  for (const std::string& line : written.lines) {
    text += line + '\n';
  }
  const std::string shown = redact(text, AccountId("a")).value();
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < shown.size(); at = shown.find('\n', at) + 1) {
    lines.push_back(shown.substr(at, shown.find('\n', at) - at));
  }
  // Publications of keys are the node's records: an export is checked with the newest key, and
  // the checkpoints that it signed.
  std::vector<SignedCheckpoint> checkpoints = checkpoints_of(written.notes);
  checkpoints.erase(checkpoints.begin());
  EXPECT_EQ(inspect(lines, checkpoints, written.second.public_key()), std::nullopt);
  std::swap(lines[2], lines[4]);
  EXPECT_TRUE(inspect(lines, checkpoints, written.second.public_key()));
  EXPECT_EQ(fork_of(written.lines, lines), 3U);
}

TEST_F(Inspection, each_record_is_proved_with_a_checkpoint_alone) {
  const std::string& note = written.notes.back();
  const std::uint64_t covered = parse_checkpoint(note)->body.lines;
  for (std::uint64_t line = 1; line <= covered; ++line) {
    const auto proof = prove(written.lines, line, note);
    ASSERT_TRUE(proof) << line;
    const auto read = parse_proof(to_text(*proof));
    ASSERT_TRUE(read) << line;
    EXPECT_TRUE(read->holds(written.second.public_key())) << line;
    EXPECT_FALSE(read->holds(written.first.public_key()));
    RecordProof changed = *read;
    changed.line = line % covered + 1;
    EXPECT_FALSE(changed.holds(written.second.public_key())) << line;
    changed = *read;
    changed.record.replace(changed.record.find("\"v\":2"), 5, "\"v\":1");
    EXPECT_FALSE(changed.holds(written.second.public_key())) << line;
  }
  EXPECT_FALSE(prove(written.lines, 0, note));
  EXPECT_FALSE(prove(written.lines, covered + 1, note));
  EXPECT_FALSE(parse_proof("{}"));
}

}  // namespace
}  // namespace meridian::audit
