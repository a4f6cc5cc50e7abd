#include "evidence_commands.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include <CLI/CLI.hpp>

#include "audit/transit_report.hpp"
#include "io/audit_keys.hpp"
#include "io/audit_writer.hpp"
#include "io/clock.hpp"
#include "io/config_file.hpp"
#include "io/random.hpp"

namespace meridian {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;

int complain(const std::string& sentence) {
  std::cerr << "meridian: " << sentence << '\n';
  return kFailed;
}

}  // namespace

EvidenceCommands::EvidenceCommands(CLI::App& app) {
  CLI::App& audit = *app.get_subcommand("audit");
  verify_log_ = audit.add_subcommand("verify", "check the chain of log files");
  verify_log_->add_option("file", files_, "files, oldest first")->required();
  rotate_key_ = audit.add_subcommand("rotate-key", "sign with a new key from the next start on");
  rotate_key_->add_option("--config", config_, "configuration file")->required();
  rotate_key_->add_option("--data-dir", data_dir_, "overrides data_dir of the configuration");
  CLI::App& report = *app.get_subcommand("transit-report");
  verify_report_ = report.add_subcommand("verify", "check a report's signature and numbers");
  verify_report_->add_option("file", report_, "the signed report")->required();
  verify_report_->add_option("--key", key_, "the public key that you trust")->required();
}

std::optional<int> EvidenceCommands::run() const {
  if (*verify_log_) {
    return verify_log();
  }
  if (*rotate_key_) {
    return rotate_key();
  }
  return *verify_report_ ? std::optional(verify_report()) : std::nullopt;
}

int EvidenceCommands::verify_log() const {
  const std::vector<std::filesystem::path> files(files_.begin(), files_.end());
  const auto heads = io::verify_audit_files(files);
  if (!heads) {
    return complain(heads.error().message);
  }
  std::cout << heads->lines << " lines, chain intact, head " << heads->node.hex() << '\n';
  return kOk;
}

int EvidenceCommands::rotate_key() const {
  const auto loaded = io::load_config_file(config_);
  if (!loaded) {
    return complain(loaded.error().front().to_string());
  }
  io::SystemRandom random;
  const auto key = io::rotate_audit_key(data_dir_.empty() ? loaded->config.data_dir : data_dir_,
                                        random, io::wall_now());
  if (!key) {
    return complain(key.error().message);
  }
  std::cout << "from the node's next start on: " << *key << '\n';
  return kOk;
}

int EvidenceCommands::verify_report() const {
  std::ifstream in(report_, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  const auto key = audit::PublicKey::parse(key_);
  const auto report = in ? audit::parse_signed_report(text.str()) : std::nullopt;
  if (!report || !key) {
    return complain(!key ? "--key is no public key" : report_ + " is no transit report");
  }
  std::cout << audit::describe(report->report);
  if (!report->is_signed_by(*key)) {
    return complain("the signature is not by " + key_);
  }
  std::cout << "Signed by " << key->name() << ".\n";
  return audit::check(report->report).empty() ? kOk : kFailed;
}

}  // namespace meridian
