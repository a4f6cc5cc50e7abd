#include "admin_commands.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <ranges>
#include <sstream>
#include <utility>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "admin_client.hpp"
#include "api/url.hpp"

namespace meridian {
namespace {

namespace json = boost::json;
using admin_client::call;
using admin_client::complain;
using admin_client::joined;
using admin_client::kOk;
using admin_client::plain;
using admin_client::send;
using admin_client::show;
using api::percent_encode;

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::stringstream in(text);
  for (std::string part; std::getline(in, part, separator);) {
    parts.push_back(part);
  }
  return parts;
}

json::array region_list(const std::string& text) {
  json::array list;
  for (const std::string& region : split(text, ',')) {
    list.emplace_back(region);
  }
  return list;
}

/// `NAME=region,region` sets an entry of a level, `NAME=` removes it. False when there is no `=`.
bool set_levels(json::object& level, const std::vector<std::string>& settings, bool are_users) {
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.rfind('=');
    if (equals == std::string::npos || equals == 0) {
      return false;
    }
    const std::string name = setting.substr(0, equals);
    const json::array regions = region_list(setting.substr(equals + 1));
    if (!are_users) {
      if (regions.empty()) {
        level.erase(name);
      } else {
        level[name] = regions;
      }
      continue;
    }
    json::value& user = level[name];
    json::object entry = user.is_object() ? user.get_object() : json::object();
    entry["regions"] = regions.empty() ? json::value(nullptr) : json::value(regions);
    user = std::move(entry);
  }
  return true;
}

void print_outcome(const json::value& outcome) {
  std::cout << "epoch " << plain(outcome.at("epoch")) << " is in force\n"
            << "requested " << plain(outcome.at("requested_at")) << "\n"
            << "revoked   " << plain(outcome.at("revoked_at")) << "\n"
            << "dry       " << plain(outcome.at("dry_at")) << "\n"
            << outcome.at("moved").as_array().size() << " moved, "
            << outcome.at("failed").as_array().size() << " with nowhere to go, "
            << outcome.at("still_sending").as_array().size() << " still sending\n";
  if (!outcome.at("covered_by_lease").as_array().empty()) {
    std::cout << "covered by the lease: " << joined(outcome.at("covered_by_lease")) << "\n";
  }
}

void print_preview(const json::value& preview) {
  for (const json::value& move : preview.at("would_move").as_array()) {
    std::cout << plain(move.at("participant")) << " of " << plain(move.at("room")) << ": "
              << plain(move.at("from")) << " -> " << plain(move.at("to")) << "\n";
  }
  for (const json::value& refused : preview.at("would_refuse").as_array()) {
    std::cout << plain(refused.at("participant")) << " of " << plain(refused.at("room")) << ": "
              << plain(refused.at("from")) << " -> nowhere (" << plain(refused.at("reason"))
              << ")\n";
  }
  std::cout << preview.at("would_move").as_array().size() << " would move, "
            << preview.at("would_refuse").as_array().size()
            << " would have nowhere to go; nothing was changed\n";
}

void print_explanation(const json::value& effective) {
  for (const json::value& step : effective.at("steps").as_array()) {
    std::cout << plain(step.at("level")) << ": " << joined(step.at("regions")) << "\n";
  }
  std::cout << "effective: " << joined(effective.at("effective")) << "\n"
            << plain(effective.at("decision")) << ": "
            << plain(effective.at("region").is_null() ? effective.at("reason")
                                                      : effective.at("region"))
            << "\n";
}

}  // namespace

AdminCommands::AdminCommands(CLI::App& app) {
  add_account(app);
  add_routing(app);
  add_evidence(app);
  add_people(app);
}

std::optional<int> AdminCommands::run() const {
  for (const auto& [command, action] : commands_) {
    if (command->parsed()) {
      return action();
    }
  }
  return std::nullopt;
}

namespace {

CLI::App& parent(CLI::App& app, const std::string& name, const std::string& what) {
  for (CLI::App* present : app.get_subcommands(
           [&](const CLI::App* candidate) { return candidate->get_name() == name; })) {
    return *present;
  }
  CLI::App* made = app.add_subcommand(name, what);
  made->require_subcommand(1);
  return *made;
}

std::string account_path(const std::string& account) {
  return "/v1/accounts/" + percent_encode(account);
}

void add_query(std::string& path, std::string_view name, const std::string& value) {
  if (!value.empty()) {
    path += path.contains('?') ? "&" : "?";
    path += std::string(name) + "=" + percent_encode(value);
  }
}

}  // namespace

CLI::App& AdminCommands::command(CLI::App& parent_app, const std::string& name,
                                 const std::string& what, std::function<int()> action) {
  CLI::App* made = parent_app.add_subcommand(name, what);
  made->add_option("--url", options_.url, "the node; else MERIDIAN_URL")
      ->envname("MERIDIAN_URL")
      ->default_val("http://127.0.0.1:7880");
  // Its default is never shown in --help: it is a secret.
  made->add_option("--token", options_.token, "else MERIDIAN_ADMIN_TOKEN")
      ->envname("MERIDIAN_ADMIN_TOKEN");
  commands_.emplace_back(made, std::move(action));
  return *made;
}

void AdminCommands::add_account(CLI::App& app) {
  Options& o = options_;
  CLI::App& account = parent(app, "account", "accounts of a running node");
  command(account, "list", "the accounts that the token may see",
          [&o] { return show(call(o.url, o.token, {.path = "/v1/accounts"})); });
  command(account, "get", "one account",
          [&o] { return show(call(o.url, o.token, {.path = account_path(o.account)})); })
      .add_option("account", o.account, "its id")
      ->required();
  CLI::App& create = command(account, "create", "a new account; prints its first API key", [&o] {
    json::object body{{"id", o.account},
                      {"default_region", o.default_region},
                      {"opted_in", json::array(o.opted_in.begin(), o.opted_in.end())},
                      {"routing_control", o.is_fixed ? "fixed" : "chosen"}};
    for (const auto& [name, value] :
         {std::pair("name", o.name), std::pair("preset", o.preset), std::pair("reason", o.reason),
          std::pair("signalling_host", o.signalling_host)}) {
      if (!value.empty()) {
        body[name] = value;
      }
    }
    return show(
        call(o.url, o.token, {.method = "POST", .path = "/v1/accounts", .body = std::move(body)}));
  });
  create.add_option("account", o.account, "its id")->required();
  create.add_option("--default-region", o.default_region, "where it lives; never changes")
      ->required();
  create.add_option("--opted-in", o.opted_in, "further regions")->delimiter(',');
  create.add_option("--name", o.name, "for people");
  create.add_option("--preset", o.preset, "of the configuration");
  create.add_flag("--fixed", o.is_fixed, "a plan without the right to choose regions");
  create.add_option("--signalling-host", o.signalling_host, "host name of its own for signalling");
  create.add_option("--reason", o.reason, "for the history");
  add_account_keys(account);
}

void AdminCommands::add_account_keys(CLI::App& account) {
  Options& o = options_;
  const auto keys = [&o] { return account_path(o.account) + "/keys"; };
  const auto key = [&o, keys] { return keys() + "/" + percent_encode(o.key); };
  CLI::App* commands[] = {
      &command(account, "keys", "API keys, without secrets",
               [&o, keys] { return show(call(o.url, o.token, {.path = keys()})); }),
      &command(
          account, "create-key", "a new API key; its secret is shown now only",
          [&o, keys] { return show(call(o.url, o.token, {.method = "POST", .path = keys()})); }),
      &command(account, "rotate-key", "a new secret; the old one stops at once, or later",
               [&o, key] {
                 std::string path = key() + "/rotate";
                 add_query(path, "overlap", o.overlap);
                 return show(call(o.url, o.token, {.method = "POST", .path = path}));
               }),
      &command(account, "revoke-key", "its tokens admit nobody any more", [&o, key] {
        const auto done = send(o.url, o.token, {.method = "DELETE", .path = key()});
        return done ? kOk : complain(done.error().message);
      })};
  for (CLI::App* each : commands) {
    each->add_option("account", o.account, "id of the account")->required();
  }
  for (CLI::App* each : {commands[2], commands[3]}) {
    each->add_option("key", o.key, "the key's name")->required();
  }
  commands[2]->add_option("--overlap", o.overlap, "seconds for which the old secret still counts");
}

void AdminCommands::add_routing(CLI::App& app) {
  Options& o = options_;
  CLI::App& routing = parent(app, "routing", "where an account's meetings may be");
  const auto path = [&o] { return account_path(o.account) + "/routing"; };
  CLI::App& get = command(routing, "get", "the policy in force",
                          [&o, path] { return show(call(o.url, o.token, {.path = path()})); });
  CLI::App& history = command(routing, "history", "every version of the policy", [&o, path] {
    return show(call(o.url, o.token, {.path = path() + "/history"}));
  });
  CLI::App& explain = command(routing, "explain", "where a join would be, and why", [&o, path] {
    std::string target = path() + "/effective";
    add_query(target, "group", o.group);
    add_query(target, "user", o.user);
    add_query(target, "room", o.room);
    add_query(target, "arrived_at", o.arrived_at);
    add_query(target, "region", o.region);
    const auto answer = call(o.url, o.token, {.path = target});
    if (!answer || o.is_json) {
      return show(answer);
    }
    print_explanation(*answer);
    return kOk;
  });
  CLI::App& dns = command(routing, "dns", "DNS records with permitted regions only", [&o] {
    std::string target = account_path(o.account) + "/dns";
    add_query(target, "name", o.name);
    const auto answer = call(o.url, o.token, {.path = target});
    if (!answer || o.is_json) {
      return show(answer);
    }
    for (const json::value& record : answer->at("records").as_array()) {
      std::cout << plain(record.at("name")) << ". " << plain(record.at("ttl")) << " IN "
                << plain(record.at("type")) << " " << plain(record.at("value"))
                << (plain(record.at("type")).starts_with("A") && plain(record.at("type")) != "ALIAS"
                        ? ""
                        : ".")
                << "  ; " << plain(record.at("region")) << "\n";
    }
    return kOk;
  });
  for (CLI::App* each : {&get, &history, &explain, &dns}) {
    each->add_option("account", o.account, "id of the account")->required();
  }
  for (CLI::App* each : {&explain, &dns}) {
    each->add_flag("--json", o.is_json, "the API's answer as it is");
  }
  explain.add_option("--group", o.group, "the host's group");
  explain.add_option("--user", o.user, "the host");
  explain.add_option("--room", o.room, "name of the room");
  explain.add_option("--arrived-at", o.arrived_at, "region whose listener takes the join");
  explain.add_option("--region", o.region, "region that the client asks for");
  dns.add_option("--name", o.name, "host name for the account");
  add_routing_set(routing);
}

namespace {

/// Whoever opts a region out means the whole account: the levels below lose it, too, and it is
/// said.
void narrow_levels(json::object& policy, const std::string& region) {
  const auto remove = [&](json::value* set, std::string_view level, json::string_view name) {
    json::array* list = set == nullptr ? nullptr : set->if_array();
    const auto found = list == nullptr ? nullptr : std::ranges::find(*list, json::value(region));
    if (list != nullptr && found != list->end()) {
      list->erase(found);
      std::cerr << "also out of the " << level << " setting of " << name << ": " << region << "\n";
    }
  };
  for (const auto& [member, level] :
       {std::pair("groups", "group"), std::pair("users", "user"), std::pair("rooms", "room")}) {
    json::value* entries = policy.if_contains(member);
    json::object* settings = entries == nullptr ? nullptr : entries->if_object();
    if (settings == nullptr) {
      continue;
    }
    for (auto& [name, setting] : *settings) {
      json::object* user = setting.if_object();
      remove(user == nullptr ? &setting : user->if_contains("regions"), level, name);
    }
  }
}

/// What `routing set` was given, put into the policy that is in force. Error: a sentence.
template <class Options>
base::Expected<json::object, base::Error> changed_policy(const Options& o, json::object policy) {
  if (!o.file.empty()) {
    std::ifstream in(o.file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    json::error_code error;
    const json::value body = json::parse(text.str(), error);
    if (!in || error || !body.is_object()) {
      return base::fail(o.file + " isn't a JSON object");
    }
    policy = body.get_object();
  }
  policy["reason"] = o.reason;
  json::array regions = policy.contains("opted_in") ? policy["opted_in"].as_array() : json::array();
  for (const std::string& region : o.opt_in) {
    if (std::ranges::find(regions, json::value(region)) == regions.end()) {
      regions.emplace_back(region);
    }
  }
  for (const std::string& region : o.opt_out) {
    const auto found = std::ranges::find(regions, json::value(region));
    if (found == regions.end()) {
      return base::fail(region + " isn't opted in");
    }
    regions.erase(found);
    narrow_levels(policy, region);
  }
  policy["opted_in"] = std::move(regions);
  for (const auto& [name, value] :
       {std::pair("signalling_scope", o.signalling_scope), std::pair("guest_mode", o.guest_mode),
        std::pair("evidence", o.evidence)}) {
    if (!value.empty()) {
      policy[name] = value;
    }
  }
  for (const auto& [name, settings] : {std::pair("groups", &o.groups), std::pair("users", &o.users),
                                       std::pair("rooms", &o.rooms)}) {
    json::object level = policy.contains(name) ? policy[name].as_object() : json::object();
    if (!set_levels(level, *settings, std::string_view(name) == "users")) {
      return base::fail("a level is given as NAME=region,region");
    }
    policy[name] = std::move(level);
  }
  return policy;
}

}  // namespace

void AdminCommands::add_routing_set(CLI::App& routing) {
  Options& o = options_;
  CLI::App& set = command(routing, "set", "change the policy; returns when regions are dry", [&o] {
    std::string path = account_path(o.account) + "/routing";
    const auto present = call(o.url, o.token, {.path = path});
    if (!present) {
      return complain(present.error().message);
    }
    const std::string epoch = plain(present->at("epoch"));
    auto policy = changed_policy(o, present->as_object());
    if (!policy) {
      return complain(policy.error().message);
    }
    add_query(path, "dry_run", o.is_dry_run ? "1" : "");
    add_query(path, "mode", o.grace.empty() ? "" : "graceful");
    add_query(path, "grace", o.grace);
    const auto answer = call(o.url, o.token,
                             {.method = "PUT",
                              .path = path,
                              .body = std::move(*policy),
                              .headers = {{"If-Match", "\"" + epoch + "\""}}});
    if (!answer || o.is_json) {
      return show(answer);
    }
    o.is_dry_run ? print_preview(*answer) : print_outcome(*answer);
    return kOk;
  });
  set.add_option("account", o.account, "id of the account")->required();
  set.add_option("--opt-in", o.opt_in, "regions to add")->delimiter(',');
  set.add_option("--opt-out", o.opt_out, "regions to remove")->delimiter(',');
  set.add_option("--group", o.groups, "NAME=region,region; NAME= removes the setting");
  set.add_option("--user", o.users, "likewise");
  set.add_option("--room", o.rooms, "likewise");
  set.add_option("--signalling-scope", o.signalling_scope, "permitted_only or any");
  set.add_option("--guest-mode", o.guest_mode, "host_governs or strict");
  set.add_option("--evidence", o.evidence, "best_effort or required");
  set.add_option("--file", o.file, "a policy as `routing get` prints it, to start from");
  set.add_option("--reason", o.reason, "why, for the history")->required();
  set.add_flag("--dry-run", o.is_dry_run, "say what would happen, change nothing");
  set.add_option("--graceful", o.grace, "seconds in which people are moved first, as 30s");
  set.add_flag("--json", o.is_json, "the API's answer as it is");
}

void AdminCommands::add_audit_lists(CLI::App& audit,
                                    const std::function<int(const std::string&)>& deliver) {
  Options& o = options_;
  CLI::App& keys = command(audit, "keys", "public keys of the log, one a line", [&o, deliver] {
    const auto answer = call(o.url, o.token, {.path = "/v1/audit/keys"});
    if (!answer) {
      return complain(answer.error().message);
    }
    std::string text;
    for (const json::value& key : answer->at("keys").as_array()) {
      text += plain(key.at("public_key")) + '\n';
    }
    return deliver(text);
  });
  CLI::App& notes = command(
      audit, "checkpoints", "the newest signed checkpoints, for meridian-verify", [&o, deliver] {
        const auto answer = call(o.url, o.token, {.path = "/v1/audit/checkpoints?limit=1000"});
        if (!answer) {
          return complain(answer.error().message);
        }
        std::string text;
        const json::array& newest_first = answer->at("checkpoints").as_array();
        for (const json::value& checkpoint : newest_first | std::views::reverse) {
          text += json::serialize(json::object{{"note", checkpoint.at("note")}, {"v", 1}});
          text += '\n';
        }
        return deliver(text);
      });
  for (CLI::App* each : {&keys, &notes}) {
    each->add_option("--out", o.out, "a file to write");
  }
}

void AdminCommands::add_evidence(CLI::App& app) {
  Options& o = options_;
  const auto deliver = [&o](const std::string& text) {
    if (o.out.empty()) {
      std::cout << text;
      return kOk;
    }
    std::ofstream out(o.out, std::ios::binary);
    out << text;
    out.close();
    return out ? kOk : complain("cannot write " + o.out);
  };
  // Prints or writes a document as it came.
  const auto fetch = [&o, deliver](const std::string& path, const std::string& accept) {
    const auto answer = send(o.url, o.token, {.path = path, .headers = {{"Accept", accept}}});
    return answer ? deliver(answer->body) : complain(answer.error().message);
  };
  CLI::App& audit = parent(app, "audit", "the audit log");
  add_audit_lists(audit, deliver);
  CLI::App& log = command(audit, "export", "the log as one account may see it", [&o, fetch] {
    return fetch(account_path(o.account) + "/audit/export", "application/x-ndjson");
  });
  CLI::App& report = parent(app, "transit-report", "where the bytes of meetings were");
  CLI::App& list = command(report, "list", "meetings that have a report", [&o] {
    return show(call(o.url, o.token, {.path = account_path(o.account) + "/transit-reports"}));
  });
  CLI::App& get = command(report, "get", "one signed report", [&o, fetch] {
    return fetch(account_path(o.account) + "/transit-reports/" + percent_encode(o.sid),
                 o.is_text ? "text/plain" : "application/json");
  });
  for (CLI::App* each : {&log, &list, &get}) {
    each->add_option("account", o.account, "id of the account")->required();
  }
  for (CLI::App* each : {&log, &get}) {
    each->add_option("--out", o.out, "a file to write");
  }
  get.add_option("sid", o.sid, "id of the meeting")->required();
  get.add_flag("--text", o.is_text, "the form for people");
}

void AdminCommands::add_people(CLI::App& app) {
  Options& o = options_;
  CLI::App& people = parent(app, "people", "who stands behind the ids of log and reports");
  const auto path = [&o] { return account_path(o.account) + "/people"; };
  CLI::App& find = command(people, "find", "all that leads to one person", [&o, path] {
    std::string target = path();
    add_query(target, "identity", o.identity);
    add_query(target, "pseudonym", o.pseudonym);
    return show(call(o.url, o.token, {.path = target}));
  });
  CLI::App& forget = command(people, "forget", "delete all that leads to a person", [&o, path] {
    const auto done = send(
        o.url, o.token, {.method = "DELETE", .path = path() + "/" + percent_encode(o.pseudonym)});
    return done ? kOk : complain(done.error().message);
  });
  for (CLI::App* each : {&find, &forget}) {
    each->add_option("account", o.account, "id of the account")->required();
  }
  find.add_option("--identity", o.identity, "as in the tokens");
  find.add_option("--pseudonym", o.pseudonym, "as in log and reports: PA_…, epoch-N");
  forget.add_option("pseudonym", o.pseudonym, "one of the ids that stand for the person")
      ->required();
}

}  // namespace meridian
