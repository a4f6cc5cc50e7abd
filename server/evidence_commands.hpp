#pragma once

#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace meridian {

/// `meridian audit verify|rotate-key` and `meridian transit-report verify`: what is done with files
/// rather than with a running node. Made after AdminCommands, whose groups they join.
class EvidenceCommands {
 public:
  explicit EvidenceCommands(CLI::App& app);
  EvidenceCommands(const EvidenceCommands&) = delete;
  EvidenceCommands& operator=(const EvidenceCommands&) = delete;

  /// The exit code, when the command line named one of these.
  [[nodiscard]] std::optional<int> run() const;

 private:
  [[nodiscard]] int verify_log() const;
  [[nodiscard]] int rotate_key() const;
  [[nodiscard]] int verify_report() const;

  CLI::App* verify_log_;
  CLI::App* rotate_key_;
  CLI::App* verify_report_;
  std::vector<std::string> files_;
  std::string config_;
  std::string data_dir_;
  std::string report_;
  std::string key_;
};

}  // namespace meridian
