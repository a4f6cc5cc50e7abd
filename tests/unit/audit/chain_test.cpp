#include "audit/chain.hpp"

#include <algorithm>

#include <boost/json.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

Record record_of(const char* account, Kind kind = Kind::kPermitGranted) {
  Record record;
  record.time = UnixTime::from_seconds(1'700'000'000);
  record.account = AccountId(account);
  record.kind = kind;
  record.region = RegionId("uk-london");
  return record;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) {
    text += line;
  }
  return text;
}

// Records of the node and two accounts, interleaved.
std::vector<std::string> sample_lines() {
  Log log("ND_1");
  for (const char* account : {"", "a", "b", "a", "a", "b", ""}) {
    EXPECT_EQ(log.append(record_of(account)), Log::Append::kAppended);
  }
  return log.take_lines();
}

TEST(AuditChain, an_untouched_log_verifies) {
  const auto heads = verify(joined(sample_lines()));
  ASSERT_TRUE(heads);
  EXPECT_EQ(heads->lines, 7U);
  EXPECT_EQ(heads->accounts.at(AccountId("a")).sequence, 3U);
  EXPECT_EQ(heads->accounts.at(AccountId("b")).sequence, 2U);
  EXPECT_EQ(heads->accounts.at(AccountId("")).sequence, 2U);
  EXPECT_TRUE(verify(""));
}

// The chain by hand, as the header comment gives it, over what a JSON library reads.
TEST(AuditChain, hashes_are_those_of_the_definition) {
  std::map<std::string, Digest> heads;
  Digest node;
  for (const std::string& line : sample_lines()) {
    const boost::json::value value = boost::json::parse(line);
    const std::size_t begin = line.find(R"("record":)") + 9;
    const std::string record = line.substr(begin, line.rfind(R"(,"v":1})") - begin);
    const auto* account = value.at("record").as_object().if_contains("account");
    Digest& head = heads[account == nullptr ? "" : std::string(account->as_string())];
    head = sha256({head.bytes, as_bytes(record)});
    node = sha256({node.bytes, head.bytes});
    EXPECT_EQ(value.at("head").as_string(), head.hex());
    EXPECT_EQ(value.at("node").as_string(), node.hex());
  }
}

TEST(AuditChain, each_flipped_bit_is_found_in_its_line) {
  const std::vector<std::string> lines = sample_lines();
  for (std::size_t at = 0; at + 1 < lines[2].size(); ++at) {
    std::vector<std::string> changed = lines;
    changed[2][at] = static_cast<char>(changed[2][at] ^ 1);
    const auto result = verify(joined(changed));
    ASSERT_FALSE(result) << at;
    EXPECT_EQ(result.error().line, 3U) << at;
  }
}

TEST(AuditChain, a_dropped_doubled_or_moved_line_is_found) {
  const std::vector<std::string> lines = sample_lines();
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
    std::vector<std::string> dropped = lines;
    dropped.erase(dropped.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(verify(joined(dropped)).error(), (Fault{i + 1, Flaw::kBrokenNodeChain}));
    std::vector<std::string> doubled = lines;
    doubled.insert(doubled.begin() + static_cast<std::ptrdiff_t>(i), lines[i]);
    EXPECT_EQ(verify(joined(doubled)).error(), (Fault{i + 2, Flaw::kBrokenNodeChain}));
    std::vector<std::string> swapped = lines;
    std::swap(swapped[i], swapped[i + 1]);
    EXPECT_EQ(verify(joined(swapped)).error(), (Fault{i + 1, Flaw::kBrokenNodeChain}));
  }
}

TEST(AuditChain, a_cut_or_forked_log_is_found_by_a_checkpoint) {
  Log log("ND_1");
  ASSERT_EQ(log.append(record_of("a")), Log::Append::kAppended);
  const std::string common = joined(log.take_lines());
  Log fork("ND_1", log.heads());
  ASSERT_EQ(log.append(record_of("a")), Log::Append::kAppended);
  ASSERT_EQ(fork.append(record_of("a", Kind::kPermitDenied)), Log::Append::kAppended);
  const Checkpoint kept = log.checkpoint();
  const std::string forked = common + joined(fork.take_lines());
  EXPECT_TRUE(verify(common + joined(log.take_lines()), kept));
  EXPECT_TRUE(verify(common));
  EXPECT_EQ(verify(common, kept).error(), (Fault{1, Flaw::kCheckpointMismatch}));
  EXPECT_TRUE(verify(forked));
  EXPECT_EQ(verify(forked, kept).error(), (Fault{2, Flaw::kCheckpointMismatch}));
}

TEST(AuditChain, names_a_gap_and_a_rewritten_record) {
  // A forger who recomputes the node chain but can't recompute what came before.
  Heads later;
  later.accounts[AccountId("a")].sequence = 4;
  Log gap("ND_1", later);
  ASSERT_EQ(gap.append(record_of("a")), Log::Append::kAppended);
  EXPECT_EQ(verify(joined(gap.take_lines())).error(), (Fault{1, Flaw::kSequenceGap}));
  Heads other;
  other.accounts[AccountId("a")].head = sha256({});
  Log rewritten("ND_1", other);
  ASSERT_EQ(rewritten.append(record_of("a")), Log::Append::kAppended);
  EXPECT_EQ(verify(joined(rewritten.take_lines())).error(), (Fault{1, Flaw::kBrokenAccountChain}));
}

TEST(AuditChain, continues_where_a_file_ended) {
  std::string file = joined(sample_lines());
  const std::size_t whole = file.size();
  file += R"({"head":"12)";  // a crash in the middle of a write
  EXPECT_EQ(verify(file).error(), (Fault{8, Flaw::kMalformedLine}));
  EXPECT_EQ(complete_length(file), whole);
  file.resize(complete_length(file));
  Log log("ND_2", verify(file).value());
  ASSERT_EQ(log.append(record_of("a")), Log::Append::kAppended);
  file += joined(log.take_lines());
  EXPECT_EQ(verify(file).value(), log.heads());
  EXPECT_EQ(complete_length("no newline"), 0U);
}

TEST(AuditChain, an_export_shows_one_account_and_verifies) {
  const std::string file = joined(sample_lines());
  const auto shown = redact(file, AccountId("a"));
  ASSERT_TRUE(shown);
  EXPECT_THAT(*shown, testing::Not(testing::HasSubstr(R"("account":"b")")));
  const auto heads = verify(*shown);
  ASSERT_TRUE(heads);
  EXPECT_EQ(heads->accounts.at(AccountId("a")).sequence, 3U);
  EXPECT_EQ(heads->accounts.size(), 1U);
  EXPECT_EQ(heads->node, verify(file)->node);
  EXPECT_EQ(redact(*shown, AccountId("a")), shown);
  EXPECT_FALSE(redact(file + "x\n", AccountId("a")));
}

TEST(AuditChain, an_export_cannot_hide_a_record_of_its_account) {
  std::vector<std::string> lines = sample_lines();
  lines[1] = *redact(lines[1], AccountId("nobody"));
  EXPECT_EQ(verify(*redact(joined(lines), AccountId("a"))).error(), (Fault{4, Flaw::kSequenceGap}));
}

TEST(AuditChain, refuses_records_while_nobody_writes_them) {
  Log log("ND_1");
  for (std::size_t i = 0; i < Log::kMaxPendingLines; ++i) {
    ASSERT_EQ(log.append(record_of("a")), Log::Append::kAppended);
  }
  EXPECT_EQ(log.room(), 0U);
  const Heads before = log.heads();
  EXPECT_EQ(log.append(record_of("a")), Log::Append::kFull);
  EXPECT_EQ(log.heads(), before);
  EXPECT_EQ(log.take_lines().size(), Log::kMaxPendingLines);
  EXPECT_EQ(log.append(record_of("a")), Log::Append::kAppended);
}

TEST(AuditChain, takes_identifiers_of_any_bytes) {
  Log log("node \xff");
  ASSERT_EQ(log.append(record_of("account \xff\n")), Log::Append::kAppended);
  ASSERT_EQ(log.append(record_of("account \xff\n")), Log::Append::kAppended);
  EXPECT_EQ(verify(joined(log.take_lines())).value(), log.heads());
}

TEST(AuditChain, each_flaw_has_a_name) {
  for (const Flaw flaw : {Flaw::kMalformedLine, Flaw::kBrokenAccountChain, Flaw::kBrokenNodeChain,
                          Flaw::kSequenceGap, Flaw::kCheckpointMismatch}) {
    EXPECT_FALSE(name_of(flaw).empty());
  }
}

}  // namespace
}  // namespace meridian::audit
