// The command line: everything else is in io and below.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "admin_commands.hpp"
#include "api/grants.hpp"
#include "audit/digest.hpp"
#include "config/config.hpp"
#include "config/livekit_import.hpp"
#include "evidence_commands.hpp"
#include "io/audit_writer.hpp"
#include "io/clock.hpp"
#include "io/config_file.hpp"
#include "io/policy_files.hpp"
#include "io/runtime.hpp"

#ifndef MERIDIAN_VERSION
#define MERIDIAN_VERSION "unknown"
#endif

namespace {

using namespace meridian;

constexpr int kOk = 0;
constexpr int kFailed = 1;

int complain(const std::string& sentence) {
  std::cerr << "meridian: " << sentence << '\n';
  return kFailed;
}

/// Reads and checks a file, printing every problem; nothing when there is an error.
std::optional<config::Config> load_config(const std::string& file) {
  auto loaded = io::load_config_file(file);
  if (!loaded) {
    for (const config::Problem& problem : loaded.error()) {
      std::cerr << problem.to_string() << '\n';
    }
    return std::nullopt;
  }
  for (const config::Problem& problem : loaded->warnings) {
    std::cerr << "warning: " << problem.to_string() << '\n';
  }
  return std::move(loaded->config);
}

int serve(const std::string& file, const std::string& data_dir) {
  auto config = load_config(file);
  if (!config) {
    return kFailed;
  }
  if (!data_dir.empty()) {
    config->data_dir = data_dir;
  }
  auto runtime = io::Runtime::make(*config, file);
  if (!runtime) {
    return complain(runtime.error().message);
  }
  for (const std::string& warning : (*runtime)->warnings()) {
    std::cerr << "warning: " << warning << '\n';
  }
  const std::string page = (*runtime)->page_url();
  std::cout << "Meridian " << MERIDIAN_VERSION << " serves " << page << '\n';
  if (config->web.token_endpoint == config::TokenEndpoint::kDevelopment) {
    std::cout << "Join a meeting: " << page << "?room=hello\n";
  }
  std::cout.flush();
  (*runtime)->run();
  return kOk;
}

/// A LiveKit configuration as ours on stdout; what has no counterpart on stderr.
int import_livekit(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return complain("cannot read " + file);
  }
  const std::string text(std::istreambuf_iterator<char>(stream), {});
  const auto imported = config::import_livekit(text, file);
  if (!imported) {
    for (const config::Problem& problem : imported.error()) {
      std::cerr << problem.to_string() << '\n';
    }
    return kFailed;
  }
  std::cout << imported->yaml;
  for (const std::string& note : imported->notes) {
    std::cerr << file << ": " << note << '\n';
  }
  return kOk;
}

struct TokenOptions {
  std::string config;
  std::string key = "devkey";
  std::string secret = "secret";
  std::string room;
  std::string identity;
  std::string name;
  unsigned lifetime_seconds = 6 * 3600;
  bool can_publish = true;
  bool can_subscribe = true;
  bool can_publish_data = true;
  bool is_admin = false;
  api::RoutingClaim routing;
};

/// The secret of a key in a configuration; an empty key takes the first.
bool find_secret(const config::Config& config, TokenOptions& options, bool is_key_given) {
  for (const config::Account& account : config.accounts) {
    for (const config::ApiKey& key : account.api_keys) {
      if (!is_key_given || key.key == options.key) {
        options.key = key.key;
        options.secret = key.secret;
        return true;
      }
    }
  }
  return false;
}

int print_token(TokenOptions options, bool is_key_given) {
  if (!options.config.empty()) {
    const auto config = load_config(options.config);
    if (!config) {
      return kFailed;
    }
    if (!find_secret(*config, options, is_key_given)) {
      return complain(options.config + " has no API key" +
                      (is_key_given ? " named " + options.key : std::string()));
    }
  }
  const UnixTime now = io::wall_now();
  api::VideoGrant grant;
  grant.room_join = true;
  grant.room = options.room;
  grant.room_admin = options.is_admin;
  grant.publish = options.can_publish;
  grant.subscribe = options.can_subscribe;
  grant.publish_data = options.can_publish_data;
  api::Claims claims;
  claims.identity = options.identity;
  claims.name = options.name;
  claims.video = grant;
  if (options.routing != api::RoutingClaim{}) {
    claims.routing = options.routing;
  }
  claims.expires = now + std::chrono::seconds(options.lifetime_seconds);
  std::cout << api::make_token(claims, {options.key, options.secret, now}) << '\n';
  return kOk;
}

int confirm_routing(const std::string& file, const std::string& data_dir,
                    const io::Confirmation& confirmation) {
  auto config = load_config(file);
  if (!config) {
    return kFailed;
  }
  if (!data_dir.empty()) {
    config->data_dir = data_dir;
  }
  const auto epoch = io::confirm_policy(*config, confirmation, io::wall_now());
  if (!epoch) {
    return complain(epoch.error().message);
  }
  std::cout << "account " << confirmation.account.value() << ": the policy is confirmed as epoch "
            << epoch->value() << '\n';
  return kOk;
}

/// The command, and its option for the key's name.
std::pair<CLI::App*, CLI::Option*> add_token_command(CLI::App& app, TokenOptions& token) {
  auto* token_command = app.add_subcommand("token", "print a token that joins a room");
  token_command->add_option("--config", token.config,
                            "take key and secret from this configuration");
  auto* key_option = token_command->add_option("--api-key", token.key, "default devkey");
  token_command->add_option("--api-secret", token.secret, "default secret");
  token_command->add_option("--room", token.room, "name of the room")->required();
  token_command->add_option("--identity", token.identity, "who joins")->required();
  token_command->add_option("--name", token.name, "shown to the others");
  token_command->add_option("--ttl", token.lifetime_seconds, "seconds until it expires")
      ->check(CLI::Range(1U, 10U * 365 * 86400));
  token_command->add_option("--can-publish", token.can_publish, "true or false");
  token_command->add_option("--can-subscribe", token.can_subscribe, "true or false");
  token_command->add_option("--can-publish-data", token.can_publish_data, "true or false");
  token_command->add_flag("--admin", token.is_admin, "may manage the room");
  token_command->add_option("--group", token.routing.group, "the host's group, for its regions");
  token_command->add_option("--user", token.routing.user, "the host's user, for its regions");
  token_command->add_option("--home-account", token.routing.home_account, "the guest's account");
  token_command->add_option("--epoch", token.routing.epoch, "of the policy that it is made under");
  return {token_command, key_option};
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Meridian: a media server that keeps meetings inside their regions", "meridian");
  app.require_subcommand(1);

  std::string config_file;
  std::string data_dir;
  auto* serve_command = app.add_subcommand("serve", "run a node");
  serve_command->add_option("--config", config_file, "configuration file")->required();
  serve_command->add_option("--data-dir", data_dir, "overrides data_dir of the configuration");

  auto* check_command = app.add_subcommand("check-config", "check a configuration and exit");
  check_command->add_option("file", config_file, "configuration file")->required();

  auto* import_command = app.add_subcommand(
      "import", "turn a livekit.yaml into a configuration of ours and say what is left over");
  import_command->add_option("file", config_file, "LiveKit's configuration")->required();

  TokenOptions token;
  const auto [token_command, key_option] = add_token_command(app, token);

  std::string account;
  std::string reason;
  auto* routing_command = app.add_subcommand("routing", "accounts' regions");
  routing_command->require_subcommand(1);
  auto* confirm_command = routing_command->add_subcommand(
      "confirm",
      "put an account's present policy on record, after a node refused to start with it");
  confirm_command->add_option("--config", config_file, "configuration file")->required();
  confirm_command->add_option("--data-dir", data_dir, "overrides data_dir of the configuration");
  confirm_command->add_option("--account", account, "whose")->required();
  confirm_command->add_option("--reason", reason, "why; kept with the policy")->required();

  auto* version_command = app.add_subcommand("version", "print the version");

  const AdminCommands admin_commands(app);
  const EvidenceCommands evidence_commands(app);

  CLI11_PARSE(app, argc, argv);
  if (const auto exit_code = admin_commands.run()) {
    return *exit_code;
  }
  if (const auto exit_code = evidence_commands.run()) {
    return *exit_code;
  }
  if (*serve_command) {
    return serve(config_file, data_dir);
  }
  if (*check_command) {
    return load_config(config_file) ? kOk : kFailed;
  }
  if (*import_command) {
    return import_livekit(config_file);
  }
  if (*token_command) {
    return print_token(std::move(token), key_option->count() > 0);
  }
  if (*confirm_command) {
    return confirm_routing(config_file, data_dir, {AccountId(account), reason});
  }
  if (*version_command) {
    std::cout << "meridian " << MERIDIAN_VERSION << '\n';
  }
  return kOk;
}
