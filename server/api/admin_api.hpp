#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json/fwd.hpp>

#include "api/admin_principal.hpp"
#include "api/admin_routes.hpp"
#include "api/admin_task.hpp"
#include "api/oidc.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"

/// The administration API as values: a request in; an answer, or a task for the node, out. Every
/// call is authorized here, against the one table of admin_routes.hpp.
namespace meridian::api {

struct AdminRequest {
  std::string_view method;
  /// Path and query, still escaped.
  std::string_view target;
  std::string_view authorization;
  std::string_view if_match;
  std::string_view accept;
  std::string_view body;
  /// Region of the listener on which it came.
  RegionId arrived_at;
};

struct AdminResponse {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  /// More headers.
  std::vector<std::pair<std::string, std::string>> headers = {};

  static AdminResponse json(unsigned status, const boost::json::value& body);
  /// `{"error": code, "message": sentence}`.
  static AdminResponse error(unsigned status, std::string_view code, std::string_view message);
};

/// Who called what, for the audit record that is written with the answer's status.
struct AdminCall {
  /// Null for a path or method that there isn't.
  const Route* route = nullptr;
  /// As in the path; it may name none.
  AccountId account;
  /// Nothing for public operations, participants, and who couldn't be authenticated.
  std::optional<Principal> principal;
};

struct AdminResult {
  AdminCall call;
  std::variant<AdminResponse, AdminTask> answer;
  /// A policy was put into force: workers need a new snapshot.
  bool has_new_policy = false;
};

class AdminApi {
 public:
  struct Config {
    /// `directory` and `random` outlive this.
    directory::Directory& directory;
    RandomSource& random;
    config::Admin admin;
    config::Limits limits;
  };
  explicit AdminApi(Config config);

  /// Answers a request to a path of is_admin_path(). Pools must have been reported to the
  /// directory.
  [[nodiscard]] AdminResult handle(const AdminRequest& request, Now now);

  /// Null when people don't sign in by OpenID Connect.
  [[nodiscard]] OidcProvider* oidc() { return oidc_ ? &*oidc_ : nullptr; }

 private:
  struct Call;  // a request that was authorized

  base::Expected<Principal, AuthError> authenticate(std::string_view authorization, Now now);
  // The principal; nothing when the operation needs none; or the refusal.
  base::Expected<std::optional<Principal>, AdminResponse> authorize(const Route& route,
                                                                    const AdminRequest& request,
                                                                    Now now);
  void dispatch(Call& call);

  // admin_api.cpp
  AdminResponse sign_in() const;
  AdminResponse me(const Call& call) const;
  void evidence(Call& call);

  // admin_accounts.cpp
  AdminResponse regions(const Call& call);
  AdminResponse list_accounts(const Call& call) const;
  AdminResponse create_account(Call& call);
  AdminResponse get_account(const Call& call) const;
  AdminResponse list_keys(const Call& call) const;
  AdminResponse create_key(const Call& call);
  AdminResponse rotate_key(const Call& call);
  AdminResponse revoke_key(const Call& call);

  // admin_routing.cpp
  AdminResponse get_routing(const Call& call) const;
  void put_routing(Call& call);
  AdminResponse history(const Call& call) const;
  void find_change(Call& call);
  AdminResponse effective(const Call& call) const;
  AdminResponse dns(const Call& call) const;

  directory::Directory& directory_;
  RandomSource& random_;
  config::Admin admin_;
  config::Limits limits_;
  std::optional<OidcProvider> oidc_;
};

}  // namespace meridian::api
