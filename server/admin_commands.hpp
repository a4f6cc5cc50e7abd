#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace meridian {

/// The commands that talk to a running node's administration API: `account`, `routing`, `audit
/// export` and `transit-report`. The node and the token come from --url and --token, else from the
/// environment (MERIDIAN_URL, MERIDIAN_ADMIN_TOKEN).
class AdminCommands {
 public:
  /// Adds the commands; subcommands of the same name that are there already are kept. `app`
  /// outlives this.
  explicit AdminCommands(CLI::App& app);

  /// After parsing: runs the command that was given and returns the exit code; nothing when it was
  /// none of these.
  [[nodiscard]] std::optional<int> run() const;

 private:
  void add_account(CLI::App& app);
  void add_account_keys(CLI::App& account);
  void add_routing(CLI::App& app);
  void add_routing_set(CLI::App& routing);
  void add_evidence(CLI::App& app);
  void add_audit_lists(CLI::App& audit, const std::function<int(const std::string&)>& deliver);
  void add_people(CLI::App& app);
  CLI::App& command(CLI::App& parent, const std::string& name, const std::string& what,
                    std::function<int()> action);

  struct Options {
    std::string url;
    std::string token;
    bool is_json = false;
    std::string account;
    std::string key;
    std::string name;
    std::string default_region;
    std::vector<std::string> opted_in;
    std::string preset;
    bool is_fixed = false;
    std::string signalling_host;
    std::string reason;
    std::vector<std::string> opt_in;
    std::vector<std::string> opt_out;
    std::vector<std::string> groups;
    std::vector<std::string> rooms;
    std::vector<std::string> users;
    std::string signalling_scope;
    std::string guest_mode;
    std::string evidence;
    std::string file;
    bool is_dry_run = false;
    std::string grace;
    std::string group;
    std::string user;
    std::string room;
    std::string arrived_at;
    std::string region;
    std::string sid;
    std::string overlap;
    std::string identity;
    std::string pseudonym;
    std::string out;
    bool is_text = false;
  };
  Options options_;
  std::vector<std::pair<CLI::App*, std::function<int()>>> commands_;
};

}  // namespace meridian
