#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>

#include "base/bytes.hpp"
#include "config/account_reader.hpp"
#include "config/admin_reader.hpp"
#include "config/config.hpp"
#include "config/pool_reader.hpp"
#include "config/preset_reader.hpp"
#include "config/rooms_reader.hpp"
#include "config/yaml_node.hpp"

namespace meridian::config {
namespace {

std::string read_url(const YamlNode& node) {
  constexpr std::array<std::string_view, 4> kSchemes{"wss://", "ws://", "https://", "http://"};
  std::string url = node.required_text();
  while (url.ends_with('/')) {
    url.pop_back();
  }
  const bool has_scheme = std::ranges::any_of(kSchemes, [&](std::string_view scheme) {
    return url.starts_with(scheme) && url.size() > scheme.size();
  });
  if (!url.empty() && !has_scheme) {
    node.error("must be a URL that begins with wss://, ws://, https:// or http://, is " + url);
  }
  return url;
}

std::vector<residency::Region> read_regions(const YamlNode& node) {
  std::vector<residency::Region> regions;
  for (const YamlNode& element : node.elements()) {
    element.expect_keys({"id", "name", "jurisdictions", "latitude", "longitude", "url"});
    residency::Region region;
    region.id = RegionId(read_id(element["id"]));
    if (!region.id.empty() &&
        std::ranges::find(regions, region.id, &residency::Region::id) != regions.end()) {
      element["id"].error("the region " + region.id.value() + " is defined twice");
    }
    region.name = element["name"].text().value_or(region.id.value());
    for (const YamlNode& jurisdiction : element["jurisdictions"].elements()) {
      region.jurisdictions.push_back(jurisdiction.required_text());
    }
    for (const char* key : {"latitude", "longitude"}) {
      if (!element[key].is_present()) {
        element[key].error("is missing");
      }
    }
    region.coordinates = {element["latitude"].decimal(-90, 90).value_or(0),
                          element["longitude"].decimal(-180, 180).value_or(0)};
    region.url = read_url(element["url"]);
    regions.push_back(std::move(region));
  }
  return regions;
}

Limits read_limits(const YamlNode& node) {
  struct Key {
    std::string_view name;
    std::uint32_t Limits::* member;
    std::uint32_t high;
  };
  constexpr std::uint32_t kMiB = 1024 * 1024;
  static constexpr Key kKeys[] = {
      {"rooms", &Limits::rooms, 100'000},
      {"participants_per_room", &Limits::participants_per_room, 10'000},
      {"tracks_per_participant", &Limits::tracks_per_participant, 256},
      {"subscriptions_per_participant", &Limits::subscriptions_per_participant, 10'000},
      {"room_name_length", &Limits::room_name_length, 4096},
      {"identity_length", &Limits::identity_length, 4096},
      {"name_length", &Limits::name_length, 4096},
      {"metadata_size", &Limits::metadata_size, kMiB},
      {"attributes_size", &Limits::attributes_size, kMiB},
      {"signal_message_size", &Limits::signal_message_size, 16 * kMiB},
      {"join_request_size", &Limits::join_request_size, 16 * kMiB},
      {"data_packet_size", &Limits::data_packet_size, kMiB},
      {"dtls_handshakes", &Limits::dtls_handshakes, 100'000},
  };
  node.expect_keys({"rooms", "participants_per_room", "tracks_per_participant",
                    "subscriptions_per_participant", "room_name_length", "identity_length",
                    "name_length", "metadata_size", "attributes_size", "signal_message_size",
                    "join_request_size", "data_packet_size", "dtls_handshakes"});
  Limits limits;
  for (const Key& key : kKeys) {
    if (const auto value = node[key.name].number(1, key.high)) {
      limits.*key.member = static_cast<std::uint32_t>(*value);
    }
  }
  return limits;
}

std::optional<Tls> read_tls(const YamlNode& listen) {
  listen.expect_keys({"tls"});
  const YamlNode node = listen["tls"];
  node.expect_keys({"certificate", "key"});
  if (!node.is_present()) {
    return std::nullopt;
  }
  return Tls{node["certificate"].required_text(), node["key"].required_text()};
}

// The enumerator whose name is the node's text; `otherwise` when absent or reported.
template <class Enum, std::size_t N>
Enum read_enum(const YamlNode& node, const std::pair<std::string_view, Enum> (&names)[N],
               Enum otherwise) {
  const auto text = node.text();
  if (!text) {
    return otherwise;
  }
  std::string expected;
  for (const auto& [name, value] : names) {
    if (name == *text) {
      return value;
    }
    expected += (expected.empty() ? "" : ", ") + std::string(name);
  }
  node.error("must be one of " + expected + ", is " + *text);
  return otherwise;
}

Web read_web(const YamlNode& node) {
  static constexpr std::pair<std::string_view, TokenEndpoint> kEndpoints[] = {
      {"off", TokenEndpoint::kOff}, {"development", TokenEndpoint::kDevelopment}};
  node.expect_keys({"root", "token_endpoint"});
  return {node["root"].text().value_or(""),
          read_enum(node["token_endpoint"], kEndpoints, TokenEndpoint::kOff)};
}

LogLevel read_log_level(const YamlNode& log) {
  static constexpr std::pair<std::string_view, LogLevel> kLevels[] = {
      {"debug", LogLevel::kDebug},
      {"info", LogLevel::kInfo},
      {"warning", LogLevel::kWarning},
      {"error", LogLevel::kError}};
  log.expect_keys({"level"});
  return read_enum(log["level"], kLevels, LogLevel::kInfo);
}

// Addresses for TCP that would be bound twice, in any two of the pools and the metrics listener.
void check_listeners(const YamlNode& root, const Config& config) {
  std::vector<SocketAddress> bound;
  const auto bind = [&](const YamlNode& node, const SocketAddress& address) {
    const auto is_taken = [&](const SocketAddress& other) { return is_clash(address, other); };
    if (std::ranges::any_of(bound, is_taken)) {
      node.error(address.to_string() + " is listened on already");
    }
    bound.push_back(address);
  };
  const std::vector<YamlNode> pools = root["pools"].elements();
  for (std::size_t i = 0; i < config.pools.size(); ++i) {
    for (const SocketAddress& address : config.pools[i].signalling) {
      bind(pools[i]["signalling"], address);
    }
    for (const SocketAddress& address : config.pools[i].turn.listen) {
      bind(pools[i]["turn"]["listen"], address);
    }
  }
  if (config.metrics_listen) {
    bind(root["metrics"]["listen"], *config.metrics_listen);
  }
}

// Whether the one folder is the other or inside it, as the paths are written.
bool is_below(const std::string& folder, const std::string& root) {
  if (root.empty()) {
    return false;
  }
  const auto plain = [](const std::string& path) {
    std::string text = std::filesystem::path(path).lexically_normal().string();
    return text.ends_with('/') ? text : text + '/';
  };
  return plain(folder).starts_with(plain(root));
}

void check_whole(const YamlNode& root, const Config& config) {
  for (const char* key : {"regions", "pools"}) {
    if (!root[key].is_present() || (root[key].is_list() && root[key].elements().empty())) {
      root[key].error("needs at least one entry");
    }
  }
  check_listeners(root, config);
  if (is_below(config.data_dir, config.web.root)) {
    root["data_dir"].error("is inside web.root, so everybody could fetch what is secret in it");
  }
  for (const Account& account : config.accounts) {
    const bool is_served = std::ranges::any_of(config.pools, [&](const Pool& pool) {
      return pool.region == account.default_region || account.opted_in.contains(pool.region);
    });
    if (!is_served) {
      root["accounts"].warning("no pool of this node is in a region of account " +
                               account.id.value() + ", so it refuses every join");
    }
  }
  const bool is_public = std::ranges::any_of(config.pools, [](const Pool& pool) {
    return std::ranges::any_of(
        pool.signalling, [](const SocketAddress& address) { return !address.ip.is_loopback(); });
  });
  if (config.web.token_endpoint == TokenEndpoint::kDevelopment && is_public) {
    root["web"]["token_endpoint"].warning(
        "is development while others than this host can connect: anybody can join any meeting");
  }
}

}  // namespace

base::Expected<Loaded, std::vector<Problem>> parse(std::string_view text, std::string_view file) {
  Report report{std::string(file), {}, {}};
  const auto document = YamlNode::parse(text, report);
  if (!document) {
    return std::unexpected(std::vector{document.error()});
  }
  const YamlNode& root = *document;
  root.expect_keys({"regions", "pools", "presets", "accounts", "admin", "audit", "limits",
                    "metrics", "listen", "data_dir", "web", "log", "rooms", "shed_load"});
  root["metrics"].expect_keys({"listen"});
  Config config;
  config.regions = read_regions(root["regions"]);
  config.tls = read_tls(root["listen"]);
  config.pools = read_pools(root["pools"], config.regions, config.tls.has_value());
  config.presets = read_presets(root["presets"]);
  config.accounts = read_accounts(root["accounts"], config.regions, config.presets);
  config.limits = read_limits(root["limits"]);
  config.rooms = read_rooms(root["rooms"], config.limits);
  config.metrics_listen = read_socket_address(root["metrics"]["listen"]);
  config.data_dir = root["data_dir"].text().value_or(config.data_dir);
  config.web = read_web(root["web"]);
  config.sheds_load = root["shed_load"].flag().value_or(config.sheds_load);
  config.admin = read_admin(root["admin"], config.web.token_endpoint);
  config.audit = read_audit(root["audit"]);
  config.log_level = read_log_level(root["log"]);
  config.digest = audit::sha256({as_bytes(text)});
  check_whole(root, config);
  if (!report.errors.empty()) {
    // A value that is read in two places complains in both.
    std::ranges::sort(report.errors);
    report.errors.erase(std::ranges::unique(report.errors).begin(), report.errors.end());
    return std::unexpected(std::move(report.errors));
  }
  return Loaded{std::move(config), std::move(report.warnings)};
}

}  // namespace meridian::config
