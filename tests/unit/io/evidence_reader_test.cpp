#include "io/evidence_reader.hpp"

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "audit/chain.hpp"
#include "audit/note.hpp"
#include "audit/record.hpp"
#include "audit/signing.hpp"
#include "audit/transit_report.hpp"
#include "base/random.hpp"
#include "io/clock.hpp"
#include "unit/io/temporary_folder.hpp"

namespace meridian::io {
namespace {

namespace json = boost::json;

const AccountId kDev("dev");

class EvidenceReaderTest : public testing::Test {
 protected:
  EvidenceReaderTest() {
    std::filesystem::create_directories(folder_.path() / "audit");
    publish_key();
    for (int i = 0; i < 5; ++i) {
      append(kDev, audit::Kind::kPermitGranted);
      append(AccountId("other"), audit::Kind::kPermitDenied);
    }
    write_log();
  }

  void append(const AccountId& account, audit::Kind kind) {
    audit::Record record;
    record.time = UnixTime::from_milliseconds(1'700'000'000'042);
    record.account = account;
    record.kind = kind;
    (void)log_.append(std::move(record));
  }
  void publish_key() {
    audit::Record record;
    record.kind = audit::Kind::kKeyPublished;
    record.time = UnixTime::from_seconds(1'700'000'000);
    record.reason = "first";
    record.key = key_.public_key().to_string();
    (void)log_.append(std::move(record));
  }
  void write_log() {
    std::string text;
    for (const std::string& line : log_.take_lines()) {
      lines_.push_back(line);
      text += line;
    }
    (void)folder_.write("audit/audit-000001.log", text);
  }
  void rewrite(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines) {
      text += line;
    }
    (void)folder_.write("audit/audit-000001.log", text);
  }
  json::value ask(unsigned status, const api::EvidenceQuery& query) {
    const api::AdminResponse response = answer_evidence(folder_.path(), query);
    EXPECT_EQ(response.status, status) << response.body;
    return json::parse(response.body);
  }

  TemporaryFolder folder_;
  SeededRandomSource random_{3};
  audit::SigningKey key_ = audit::SigningKey::generate("meridian-test", random_);
  audit::Log log_{"ND_test"};
  std::vector<std::string> lines_;
};

TEST_F(EvidenceReaderTest, gives_an_accounts_records_page_by_page) {
  const json::value first = ask(200, api::ReadAudit{kDev, 0, 3});
  ASSERT_EQ(first.at("records").as_array().size(), 3U);
  EXPECT_EQ(first.at("records").at(0).at("seq"), 1);
  EXPECT_EQ(first.at("records").at(0).at("time"), "2023-11-14T22:13:20.042Z");
  EXPECT_EQ(first.at("next"), 3);
  const json::value last = ask(200, api::ReadAudit{kDev, 3, 3});
  EXPECT_EQ(last.at("records").as_array().size(), 2U);
  EXPECT_TRUE(last.at("next").is_null());
  EXPECT_TRUE(ask(200, api::ReadAudit{AccountId("none"), 0, 3}).at("records").as_array().empty());
}

TEST_F(EvidenceReaderTest, a_line_that_is_being_written_is_not_there_yet) {
  std::vector<std::string> torn = lines_;
  torn.back().resize(torn.back().size() / 2);
  rewrite(torn);
  EXPECT_EQ(ask(200, api::VerifyAudit{kDev}).at("lines"), lines_.size() - 1);
  EXPECT_EQ(ask(200, api::ReadAudit{kDev, 0, 100}).at("records").as_array().size(), 5U);
}

TEST_F(EvidenceReaderTest, exports_other_accounts_lines_as_hashes) {
  const api::AdminResponse response = answer_evidence(folder_.path(), api::ExportAudit{kDev});
  EXPECT_EQ(response.content_type, "application/x-ndjson");
  EXPECT_EQ(std::ranges::count(response.body, '\n'), 11);
  EXPECT_EQ(response.body.find("permit_denied"), std::string::npos);
  EXPECT_NE(response.body.find("permit_granted"), std::string::npos);
  EXPECT_TRUE(audit::verify(response.body));
}

TEST_F(EvidenceReaderTest, verifies_the_whole_log_and_names_the_line_at_fault) {
  const json::value intact = ask(200, api::VerifyAudit{kDev});
  EXPECT_EQ(intact.at("intact"), true);
  EXPECT_EQ(intact.at("lines"), 11);
  EXPECT_EQ(intact.at("records"), 5);
  EXPECT_TRUE(intact.at("checkpoint").is_null());
  std::vector<std::string> changed = lines_;
  changed[6][changed[6].find("permit")] = 'q';
  rewrite(changed);
  const json::value broken = ask(200, api::VerifyAudit{kDev});
  EXPECT_EQ(broken.at("intact"), false);
  EXPECT_EQ(broken.at("fault").at("line"), 7);
}

TEST_F(EvidenceReaderTest, compares_the_log_with_its_checkpoints) {
  audit::CheckpointBody body;
  body.origin = "meridian-test";
  body.lines = 20;  // more than there are
  const std::array keys{&std::as_const(key_)};
  const std::string note = audit::sign_checkpoint(body, keys);
  (void)folder_.write("audit/checkpoints.jsonl",
                      json::serialize(json::object{{"note", note}}) + "\n");
  const json::value listed = ask(200, api::ListCheckpoints{10});
  EXPECT_EQ(listed.at("checkpoints").at(0).at("size"), 20);
  EXPECT_EQ(listed.at("checkpoints").at(0).at("note"), json::value(note));
  const json::value verification = ask(200, api::VerifyAudit{kDev});
  EXPECT_EQ(verification.at("intact"), false) << "the log was cut off";
  EXPECT_EQ(verification.at("checkpoint").at("size"), 20);
}

TEST_F(EvidenceReaderTest, gives_the_published_keys) {
  const json::value body = ask(200, api::ListAuditKeys{});
  ASSERT_EQ(body.at("keys").as_array().size(), 1U);
  EXPECT_EQ(body.at("keys").at(0).at("public_key"), json::value(key_.public_key().to_string()));
}

TEST_F(EvidenceReaderTest, gives_reports_as_they_are_and_for_people) {
  audit::TransitReport report;
  report.account = kDev;
  report.room_sid = "RM_1";
  report.node = "ND_test";
  const std::string text = audit::sign_report(report, key_);
  std::filesystem::create_directories(folder_.path() / "transit" / "dev");
  (void)folder_.write("transit/dev/RM_1.json", text);
  EXPECT_EQ(ask(200, api::ListReports{kDev, 10}).at("reports").at(0).at("sid"), "RM_1");
  EXPECT_TRUE(ask(200, api::ListReports{AccountId("other"), 10}).at("reports").as_array().empty());
  EXPECT_EQ(answer_evidence(folder_.path(), api::ReadReport{kDev, "RM_1", false}).body, text);
  const auto plain = answer_evidence(folder_.path(), api::ReadReport{kDev, "RM_1", true});
  EXPECT_EQ(plain.status, 200U);
  EXPECT_TRUE(plain.content_type.starts_with("text/plain"));
  EXPECT_NE(plain.body.find("RM_1"), std::string::npos);
}

TEST_F(EvidenceReaderTest, no_name_leads_out_of_its_folder) {
  (void)folder_.write("secret.json", "{}");
  std::filesystem::create_directories(folder_.path() / "transit" / "dev");
  for (const char* sid : {"../../secret", "..", ".", "", "a/b", "RM_1\0x"}) {
    EXPECT_EQ(answer_evidence(folder_.path(), api::ReadReport{kDev, sid, false}).status, 404U)
        << sid;
  }
  EXPECT_EQ(
      answer_evidence(folder_.path(), api::ReadReport{AccountId(".."), "secret", false}).status,
      404U);
}

TEST_F(EvidenceReaderTest, answers_on_a_thread_of_its_own) {
  Wakeup wakeup;
  EvidenceAnswerChannel answers(10, wakeup);
  EvidenceStore store({.data_dir = folder_.path(), .retention = std::chrono::days(90)});
  EvidenceReader reader(folder_.path(), store, answers);
  reader.ask({signalling::PendingResponse(7), api::VerifyAudit{kDev}});
  while (answers.empty()) {
    std::this_thread::yield();
  }
  const auto got = answers.drain();
  ASSERT_EQ(got.size(), 1U);
  EXPECT_EQ(got[0].first, signalling::PendingResponse(7));
  EXPECT_EQ(got[0].second.status, 200U);
}

TEST_F(EvidenceReaderTest, somebody_whose_row_still_waits_for_the_disk_is_erased) {
  Wakeup wakeup;
  EvidenceAnswerChannel answers(10, wakeup);
  EvidenceStore store({.data_dir = folder_.path(), .retention = std::chrono::days(90)});
  EvidenceReader reader(folder_.path(), store, answers);
  audit::Opening row;
  row.account = kDev;
  row.pseudonym = "PA_1";
  row.identity = "ann";
  row.time = wall_now();
  std::vector<node::Stored> stored;
  stored.emplace_back(node::StoredOpening{RegionId("uk-london"), std::move(row)});
  store.store(std::move(stored));
  reader.ask(
      {signalling::PendingResponse(1), api::ErasePerson{.account = kDev, .pseudonym = "PA_1"}});
  while (answers.empty()) {
    std::this_thread::yield();
  }
  EXPECT_EQ(store.written().items, 1U);
  EXPECT_EQ(TemporaryFolder::read(folder_.path() / "people" / "uk-london" / "dev.jsonl"), "");
}

}  // namespace
}  // namespace meridian::io
