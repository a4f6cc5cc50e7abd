#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "api/admin_principal.hpp"
#include "base/expected.hpp"

/// The routes of docs/openapi.yaml and who may call them. A test compares the two.
namespace meridian::api {

enum class Operation : std::uint8_t {
  kGetSignIn,
  kGetMe,
  kGetRegions,
  kListAccounts,
  kCreateAccount,
  kGetAccount,
  kListKeys,
  kCreateKey,
  kRotateKey,
  kRevokeKey,
  kGetRouting,
  kPutRouting,
  kGetRoutingHistory,
  kGetRoutingChange,
  kGetEffectiveRouting,
  kGetDns,
  kListMeetings,
  kGetMeetingTransit,
  kListTransitReports,
  kGetTransitReport,
  kGetAudit,
  kExportAudit,
  kGetAuditVerification,
  kFindPeople,
  kErasePerson,
  kGetAuditKeys,
  kGetCheckpoints,
};

/// Who may call an operation.
class Access {
 public:
  constexpr Access(std::initializer_list<Role> roles) {
    for (const Role role : roles) {
      roles_ = static_cast<std::uint8_t>(roles_ | (1U << static_cast<unsigned>(role)));
    }
  }
  /// Anybody, without a token.
  static constexpr Access anybody() {
    Access access({});
    access.is_public_ = true;
    return access;
  }
  /// These, and who holds a participant's token.
  [[nodiscard]] constexpr Access and_participants() const {
    Access access = *this;
    access.takes_participants_ = true;
    return access;
  }

  [[nodiscard]] constexpr bool allows(Role role) const {
    return (roles_ & (1U << static_cast<unsigned>(role))) != 0;
  }
  [[nodiscard]] constexpr bool is_public() const { return is_public_; }
  [[nodiscard]] constexpr bool takes_participants() const { return takes_participants_; }

 private:
  std::uint8_t roles_ = 0;
  bool is_public_ = false;
  bool takes_participants_ = false;
};

struct Route {
  Operation operation;
  /// `operationId` of the description; what audit records name.
  std::string_view name;
  std::string_view method;
  /// As in the description: `/v1/accounts/{account}/keys/{key}`.
  std::string_view pattern;
  Access access;
};
[[nodiscard]] std::span<const Route> admin_routes();
[[nodiscard]] const Route& route_of(Operation operation);

/// Whether the administration API answers this path, with 404 if need be.
[[nodiscard]] bool is_admin_path(std::string_view path);

/// A route with what stands for its braces, decoded.
struct RouteMatch {
  const Route* route = nullptr;
  /// Empty when the pattern has none.
  std::string account;
  /// The second one: `{key}`, `{sid}`, `{epoch}` or `{pseudonym}`.
  std::string item;
};
/// `allowed`: methods of the path for 405, as an Allow header has them; empty for 404.
struct NoRoute {
  std::string allowed;
};
/// HEAD counts as GET.
[[nodiscard]] base::Expected<RouteMatch, NoRoute> match_route(std::string_view method,
                                                              std::string_view path);

}  // namespace meridian::api
