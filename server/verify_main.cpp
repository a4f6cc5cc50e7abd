// meridian-verify: for auditors. Checks logs, exports, checkpoints, proofs and transit reports with
// nothing but the files and a public key, and has none of the node in it but the formats.
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "audit/inspection.hpp"
#include "audit/json.hpp"
#include "audit/proof.hpp"
#include "audit/transit_report.hpp"

#ifndef MERIDIAN_VERSION
#define MERIDIAN_VERSION "unknown"
#endif

namespace {

using namespace meridian;

constexpr int kSound = 0;
constexpr int kUnsound = 1;
constexpr int kUnreadable = 2;

int complain(const std::string& sentence) {
  std::cerr << "meridian-verify: " << sentence << '\n';
  return kUnreadable;
}

std::optional<std::string> read_file(const std::string& name) {
  std::ifstream in(name, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    complain("cannot read " + name);
    return std::nullopt;
  }
  return text.str();
}

/// A key as text, or the name of a file that holds one.
std::optional<audit::PublicKey> read_key(const std::string& text) {
  if (auto key = audit::PublicKey::parse(text)) {
    return key;
  }
  std::ifstream in(text);
  std::string line;
  std::getline(in, line);
  auto key = audit::PublicKey::parse(line);
  if (!key) {
    complain(text + " is neither a public key nor a file with one");
  }
  return key;
}

/// One note, or the node's list of them: a line for each, {"note":"…","v":1}.
std::optional<std::vector<std::string>> read_notes(const std::vector<std::string>& names) {
  std::vector<std::string> notes;
  for (const std::string& name : names) {
    const auto text = read_file(name);
    if (!text) {
      return std::nullopt;
    }
    if (!text->starts_with("{")) {
      notes.push_back(*text);
      continue;
    }
    std::istringstream lines(*text);
    for (std::string line; std::getline(lines, line);) {
      const auto json = audit::Json::parse(line);
      notes.push_back(json ? json->at("note").text() : std::string());
    }
  }
  return notes;
}

std::optional<std::vector<audit::SignedCheckpoint>> read_checkpoints(
    const std::vector<std::string>& names) {
  const auto notes = read_notes(names);
  if (!notes) {
    return std::nullopt;
  }
  std::vector<audit::SignedCheckpoint> checkpoints;
  for (const std::string& note : *notes) {
    auto checkpoint = audit::parse_checkpoint(note);
    if (!checkpoint) {
      complain("checkpoint " + std::to_string(checkpoints.size() + 1) + " is malformed");
      return std::nullopt;
    }
    checkpoints.push_back(std::move(*checkpoint));
  }
  return checkpoints;
}

/// All lines of files that follow each other. Nothing when one can't be read or its end is torn.
std::optional<std::vector<std::string>> read_log(const std::vector<std::string>& names) {
  std::vector<std::string> lines;
  for (const std::string& name : names) {
    std::ifstream in(name, std::ios::binary);
    if (!in) {
      complain("cannot read " + name);
      return std::nullopt;
    }
    for (std::string line; std::getline(in, line);) {
      if (in.eof()) {
        complain(name + ": the last line is torn");
        return std::nullopt;
      }
      lines.push_back(std::move(line));
    }
  }
  return lines;
}

struct Options {
  std::vector<std::string> files;
  std::vector<std::string> checkpoints;
  std::vector<std::string> log;
  std::string key;
  std::uint64_t line = 0;
  bool is_text_wanted = false;
};

int tell(const audit::Finding& finding) {
  std::cout << "line " << finding.line << ": " << audit::name_of(finding.flaw);
  if (!finding.record.empty()) {
    std::cout << " at " << finding.record;
  }
  std::cout << '\n';
  return kUnsound;
}

int verify_log(const Options& options) {
  const auto lines = read_log(options.files);
  auto checkpoints = read_checkpoints(options.checkpoints);
  audit::Inspector::Evidence evidence;
  if (!options.key.empty()) {
    evidence.trusted = read_key(options.key);
  }
  if (!lines || !checkpoints || (!options.key.empty() && !evidence.trusted)) {
    return kUnreadable;
  }
  evidence.checkpoints = std::move(*checkpoints);
  audit::Inspector inspector(std::move(evidence));
  for (const std::string& line : *lines) {
    if (const auto finding = inspector.feed(line)) {
      return tell(*finding);
    }
  }
  if (const auto finding = inspector.finish()) {
    return tell(*finding);
  }
  std::cout << inspector.heads().lines << " lines, " << inspector.records()
            << " records shown, chain intact, head " << inspector.heads().node.hex() << '\n'
            << inspector.checkpoints_seen() << " checkpoints agree\n";
  for (const audit::PublicKey& key : inspector.trusted_keys()) {
    std::cout << (options.key.empty() ? "the log's own key " : "trusted key ") << key.to_string()
              << '\n';
  }
  if (options.key.empty()) {
    std::cout << "no --key was given: compare the key with the one that the operator published\n";
  }
  return kSound;
}

int find_fork(const Options& options) {
  const auto first = read_log({options.files[0]});
  const auto second = read_log({options.files[1]});
  if (!first || !second) {
    return kUnreadable;
  }
  const auto line = audit::fork_of(*first, *second);
  if (!line) {
    std::cout << "one continues the other: " << first->size() << " and " << second->size()
              << " lines\n";
    return kSound;
  }
  std::cout << "forked: the logs differ from line " << *line << " on\n"
            << options.files[0] << ": " << audit::describe_line((*first)[*line - 1]) << '\n'
            << options.files[1] << ": " << audit::describe_line((*second)[*line - 1]) << '\n';
  return kUnsound;
}

/// Whether the log has the report's record, and was under the configuration that it names.
int find_report(const audit::TransitReport& report, const std::vector<std::string>& lines) {
  audit::Digest config;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto record = audit::record_of_line(lines[i]);
    if (!record) {
      continue;
    }
    if (record->kind == audit::Kind::kConfigLoaded) {
      config = record->digest;
    }
    if (record->kind != audit::Kind::kTransitReport || record->room_sid != report.room_sid) {
      continue;
    }
    if (record->digest != audit::digest_of(report)) {
      return tell({i + 1, audit::Flaw::kForked, audit::describe_line(lines[i])});
    }
    std::cout << "recorded in line " << i + 1 << " of the log\n";
    if (config != audit::Digest{} && config != report.config) {
      std::cout << "the log names another configuration: " << config.hex() << '\n';
      return kUnsound;
    }
    return kSound;
  }
  std::cout << "the log has no record of this report\n";
  return kUnsound;
}

int verify_report(const Options& options) {
  const auto text = read_file(options.files[0]);
  const auto key = read_key(options.key);
  if (!text || !key) {
    return kUnreadable;
  }
  const auto report = audit::parse_signed_report(*text);
  if (!report) {
    std::cout << "this is no transit report of version " << audit::kReportVersion << '\n';
    return kUnsound;
  }
  if (options.is_text_wanted) {
    std::cout << audit::describe(report->report) << '\n';
  }
  if (!report->is_signed_by(*key)) {
    std::cout << "the signature is not by " << key->to_string() << '\n';
    return kUnsound;
  }
  for (const audit::ReportFinding& finding : audit::check(report->report)) {
    std::cout << audit::name_of(finding.flaw) << ' ' << finding.where << '\n';
  }
  if (!audit::check(report->report).empty()) {
    return kUnsound;
  }
  std::cout << "meeting " << report->report.room_sid << ": signed by " << key->name()
            << ", numbers agree, " << audit::name_of(report->report.status) << '\n';
  if (options.log.empty()) {
    return kSound;
  }
  const auto lines = read_log(options.log);
  return lines ? find_report(report->report, *lines) : kUnreadable;
}

int make_proof(const Options& options) {
  const auto lines = read_log(options.files);
  const auto notes = read_notes(options.checkpoints);
  if (!lines || !notes) {
    return kUnreadable;
  }
  for (const std::string& note : *notes) {
    if (const auto proof = audit::prove(*lines, options.line, note)) {
      std::cout << audit::to_text(*proof) << '\n';
      return kSound;
    }
  }
  return complain("no checkpoint covers line " + std::to_string(options.line) +
                  ", or the line is redacted");
}

int verify_proof(const Options& options) {
  const auto text = read_file(options.files[0]);
  const auto key = read_key(options.key);
  if (!text || !key) {
    return kUnreadable;
  }
  const auto proof = audit::parse_proof(text->substr(0, text->find_last_not_of('\n') + 1));
  if (!proof || !proof->holds(*key)) {
    std::cout << "the proof does not hold\n";
    return kUnsound;
  }
  std::cout << "line " << proof->line << " of the log that " << key->name() << " signed at "
            << proof->checkpoint.body.lines << " lines: " << proof->record << '\n';
  return kSound;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app(
      "Checks what a Meridian node wrote down. Ends with 0 when it is sound, 1 when it is "
      "not, 2 when it can't be read.",
      "meridian-verify");
  app.require_subcommand(1);
  app.set_version_flag("--version", "meridian-verify " MERIDIAN_VERSION);
  Options options;

  auto* log = app.add_subcommand("log", "a log or an export, its chains and its checkpoints");
  log->add_option("file", options.files, "files, oldest first")->required();
  log->add_option("--checkpoint", options.checkpoints, "notes, or the node's checkpoints.jsonl");
  log->add_option("--key", options.key, "the public key that you trust, or a file with it");

  auto* fork = app.add_subcommand("fork", "whether two copies of a log are one log");
  fork->add_option("file", options.files, "the two copies")->required()->expected(2);

  auto* report = app.add_subcommand("report", "a transit report");
  report->add_option("file", options.files, "the report")->required()->expected(1);
  report->add_option("--key", options.key, "public key, or a file with it")->required();
  report->add_option("--log", options.log, "log files that must have its record");
  report->add_flag("--text", options.is_text_wanted, "print it for people, too");

  auto* prove = app.add_subcommand("prove", "print a proof that a record is in the log");
  prove->add_option("file", options.files, "log files, oldest first")->required();
  prove->add_option("--line", options.line, "the record's line, from 1")->required();
  prove->add_option("--checkpoint", options.checkpoints, "notes, or checkpoints.jsonl")->required();

  auto* proof = app.add_subcommand("proof", "check such a proof");
  proof->add_option("file", options.files, "the proof")->required()->expected(1);
  proof->add_option("--key", options.key, "public key, or a file with it")->required();

  CLI11_PARSE(app, argc, argv);
  if (*log) {
    return verify_log(options);
  }
  if (*fork) {
    return find_fork(options);
  }
  if (*report) {
    return verify_report(options);
  }
  if (*prove) {
    return make_proof(options);
  }
  return verify_proof(options);
}
