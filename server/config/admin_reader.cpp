#include "config/admin_reader.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "config/account_reader.hpp"

namespace meridian::config {
namespace {

// An address of somebody else's service: https, or http on this host alone.
std::string read_service_url(const YamlNode& node) {
  std::string url = node.required_text();
  const bool is_local = url.starts_with("http://127.0.0.1:") || url.starts_with("http://[::1]:");
  if (!url.empty() && !url.starts_with("https://") && !is_local) {
    node.error("must be a URL that begins with https:// (http:// on 127.0.0.1 only), is " + url);
  }
  return url;
}

StaticToken read_static_token(const YamlNode& node, const std::vector<StaticToken>& before) {
  node.expect_keys({"name", "token", "role", "account"});
  StaticToken token;
  token.name = read_id(node["name"]);
  token.token = node["token"].required_text();
  const std::string role = node["role"].required_text();
  if (const auto parsed = parse_admin_role(role)) {
    token.role = *parsed;
  } else if (!role.empty()) {
    node["role"].error("must be one of owner, admin, auditor, operator, is " + role);
  }
  if (token.role != AdminRole::kOperator) {
    token.account = AccountId(read_id(node["account"]));
  } else if (node["account"].is_present()) {
    node["account"].error("an operator belongs to no account");
  }
  if (!token.token.empty() &&
      std::ranges::find(before, token.token, &StaticToken::token) != before.end()) {
    node["token"].error("occurs twice");
  }
  return token;
}

std::vector<std::string> read_words(const YamlNode& node, std::vector<std::string> otherwise) {
  if (!node.is_present()) {
    return otherwise;
  }
  std::vector<std::string> words;
  for (const YamlNode& element : node.elements()) {
    words.push_back(element.required_text());
  }
  return words;
}

std::optional<Oidc> read_oidc(const YamlNode& node) {
  node.expect_keys(
      {"issuer", "client_id", "audience", "scope", "role_claim", "account_claim", "amr", "acr"});
  if (!node.is_present()) {
    return std::nullopt;
  }
  Oidc oidc;
  oidc.issuer = read_service_url(node["issuer"]);
  oidc.client_id = node["client_id"].required_text();
  oidc.audience = node["audience"].text().value_or("");
  oidc.scope = node["scope"].text().value_or(oidc.scope);
  oidc.role_claim = node["role_claim"].text().value_or(oidc.role_claim);
  oidc.account_claim = node["account_claim"].text().value_or(oidc.account_claim);
  oidc.amr = read_words(node["amr"], oidc.amr);
  oidc.acr = read_words(node["acr"], oidc.acr);
  if (oidc.amr.empty() && oidc.acr.empty()) {
    node["amr"].error("needs a value: administrators sign in with more than one factor");
  }
  return oidc;
}

}  // namespace

Admin read_admin(const YamlNode& node, TokenEndpoint endpoint) {
  node.expect_keys({"static_tokens", "oidc"});
  Admin admin;
  const YamlNode tokens = node["static_tokens"];
  for (const YamlNode& element : tokens.elements()) {
    admin.static_tokens.push_back(read_static_token(element, admin.static_tokens));
  }
  if (!admin.static_tokens.empty() && endpoint != TokenEndpoint::kDevelopment) {
    tokens.error("are for development only (web.token_endpoint: development); use oidc");
  }
  admin.oidc = read_oidc(node["oidc"]);
  return admin;
}

Audit read_audit(const YamlNode& node) {
  constexpr std::uint64_t kMaxRetentionDays = 36'500;
  node.expect_keys({"witnesses", "retention_days"});
  Audit audit;
  for (const YamlNode& element : node["witnesses"].elements()) {
    audit.witnesses.push_back(read_service_url(element));
  }
  if (audit.witnesses.size() > kMaxWitnesses) {
    node["witnesses"].error("are more than " + std::to_string(kMaxWitnesses));
  }
  audit.retention_days = static_cast<std::uint32_t>(
      node["retention_days"].number(1, kMaxRetentionDays).value_or(audit.retention_days));
  return audit;
}

}  // namespace meridian::config
