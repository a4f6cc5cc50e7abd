#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json.hpp>

#include "api/admin_api.hpp"
#include "api/json_text.hpp"
#include "api/url.hpp"

/// What the parts of AdminApi share.
namespace meridian::api {

struct AdminApi::Call {
  const AdminRequest& request;
  const RouteMatch& match;
  /// Nothing for public operations and participants.
  const std::optional<Principal>& principal;
  /// Of the path; null for operations without one.
  const directory::Account* account = nullptr;
  Now now;
  AdminResult& result;

  [[nodiscard]] std::optional<std::string> query(std::string_view name) const {
    return query_parameter(request.target, name);
  }
  [[nodiscard]] const AccountId& account_id() const { return account->id(); }
  [[nodiscard]] directory::Author author(std::string reason) const {
    return {.actor = principal->name,
            .reason = std::move(reason),
            .authority = principal->role == Role::kOperator ? directory::Authority::kOperator
                         : principal->role == Role::kOwner  ? directory::Authority::kOwner
                                                            : directory::Authority::kAdmin};
  }
};

/// A whole number in decimal, nothing else.
template <std::unsigned_integral T>
[[nodiscard]] std::optional<T> parse_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(value) : std::nullopt;
}

[[nodiscard]] inline AdminResponse bad_request(std::string_view message) {
  return AdminResponse::error(400, "bad_request", message);
}
[[nodiscard]] inline AdminResponse refusal(const directory::PolicyRefusal& refusal) {
  return AdminResponse::error(directory::http_status(refusal.code),
                              directory::name_of(refusal.code), refusal.message);
}

/// `?limit=`; nothing when it isn't between 1 and kMaxPage.
[[nodiscard]] inline std::optional<std::size_t> page_limit(std::string_view target) {
  const auto text = query_parameter(target, "limit");
  const auto limit = text ? parse_number<std::size_t>(*text) : std::optional(kDefaultPage);
  return limit && *limit >= 1 && *limit <= kMaxPage ? limit : std::nullopt;
}

}  // namespace meridian::api
