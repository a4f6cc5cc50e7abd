#include "config/turn_reader.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "config/pool_reader.hpp"

namespace meridian::config {
namespace {

/// `host:port` of a URL that promises TLS; nothing for another.
std::optional<std::string> tls_address_of(std::string_view url) {
  constexpr std::array<std::string_view, 2> kSchemes{"wss://", "https://"};
  constexpr std::string_view kDefaultPort = ":443";
  for (const std::string_view scheme : kSchemes) {
    if (url.starts_with(scheme)) {
      std::string address(url.substr(scheme.size(), url.find('/', scheme.size()) - scheme.size()));
      const std::size_t behind_host = address.starts_with('[') ? address.find(']') : 0;
      const bool has_port = address.find(':', behind_host) != std::string::npos;
      return has_port ? address : address + std::string(kDefaultPort);
    }
  }
  return std::nullopt;
}

std::string read_address(const YamlNode& node, const Pool& pool,
                         const std::vector<residency::Region>& regions) {
  const YamlNode address = node["address"];
  if (address.is_present()) {
    std::string text = address.required_text();
    if (!text.contains(':')) {
      address.error("must be host:port, as clients reach it, is " + text);
    }
    return text;
  }
  const auto region = std::ranges::find(regions, pool.region, &residency::Region::id);
  const auto of_url = region == regions.end() ? std::nullopt : tls_address_of(region->url);
  if (!of_url) {
    node["tls"].error("needs turn.address, since the region's url has no TLS");
  }
  return of_url.value_or("");
}

/// Clients are told these in JSON, protobuf and headers of HTTP.
std::string read_printable(const YamlNode& node) {
  std::string text = node.text().value_or("");
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) {
    node.error("must have no control characters");
  }
  return text;
}

TurnServer read_server(const YamlNode& node) {
  constexpr std::size_t kMaxUrls = 4;
  node.expect_keys({"urls", "username", "credential", "secret"});
  TurnServer server;
  for (const YamlNode& url : node["urls"].elements()) {
    server.urls.push_back(url.required_text());
    if (!server.urls.back().starts_with("turn:") && !server.urls.back().starts_with("turns:")) {
      url.error("must begin with turn: or turns:, is " + server.urls.back());
    } else if (std::ranges::any_of(server.urls.back(), [](unsigned char c) {
                 return c <= 0x20 || c >= 0x7f || c == '<' || c == '>' || c == '"';
               })) {
      url.error("has characters that no URL has");
    }
  }
  if (server.urls.empty() || server.urls.size() > kMaxUrls) {
    node["urls"].error("needs one to " + std::to_string(kMaxUrls) + " URLs");
  }
  server.username = read_printable(node["username"]);
  server.credential = read_printable(node["credential"]);
  server.secret = node["secret"].text().value_or("");
  const bool has_fixed = !server.username.empty() && !server.credential.empty();
  if (has_fixed == !server.secret.empty()) {
    node.error("needs either username and credential, or secret");
  }
  return server;
}

}  // namespace

Turn read_turn(const YamlNode& node, const Pool& pool, bool is_tls,
               const std::vector<residency::Region>& regions) {
  Turn turn;
  node.expect_keys({"tls", "tcp", "udp", "listen", "address", "servers"});
  turn.tls = node["tls"].flag().value_or(false);
  turn.tcp = node["tcp"].flag().value_or(false);
  turn.udp = node["udp"].flag().value_or(false);
  if (turn.tls) {
    if (!is_tls) {
      node["tls"].error("needs listen.tls");
    }
    turn.address = read_address(node, pool, regions);
  } else if (node["address"].is_present() || node["listen"].is_present()) {
    node.error("has address and listen only with tls: true");
  }
  if (turn.tcp && pool.media.tcp_port == 0) {
    node["tcp"].error("needs media.tcp_port");
  }
  for (const YamlNode& listener : node["listen"].elements()) {
    if (const auto address = read_socket_address(listener)) {
      turn.listen.push_back(*address);
    }
  }
  for (const YamlNode& server : node["servers"].elements()) {
    turn.servers.push_back(read_server(server));
  }
  if (turn.servers.size() > kMaxTurnServers) {
    node["servers"].error("has more than " + std::to_string(kMaxTurnServers) + " entries");
  }
  return turn;
}

}  // namespace meridian::config
