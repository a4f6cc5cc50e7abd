#pragma once

#include <string>
#include <string_view>

#include <boost/json/fwd.hpp>

#include "base/expected.hpp"
#include "base/time.hpp"
#include "directory/directory.hpp"
#include "residency/policy.hpp"

/// The routing document and what belongs to it, as docs/openapi.yaml has them.
namespace meridian::api {

/// `2026-11-23T00:05:07.042Z`: RFC 3339, UTC, milliseconds.
[[nodiscard]] std::string timestamp(UnixTime time);

/// `Routing`: the version in force, and any other.
[[nodiscard]] boost::json::object routing_document(const directory::Account& account);
[[nodiscard]] boost::json::object routing_document(const directory::PolicyVersion& version);

/// Why a body can't be used.
struct BodyError {
  unsigned status = 400;
  std::string error = "bad_request";
  std::string message;
};

/// A `RoutingChange`, on top of the terms that it was made from.
struct RoutingUpdate {
  residency::AccountPolicy::Terms terms;
  std::string reason;
};
/// Fields that are left out stay as in `from`. Members of the document that can't be changed may be
/// there with their present values: another default region is 409 `default_region_locked`.
[[nodiscard]] base::Expected<RoutingUpdate, BodyError> parse_routing_change(
    std::string_view body, const residency::AccountPolicy::Terms& from);

[[nodiscard]] boost::json::array region_array(const residency::RegionSet& regions);

}  // namespace meridian::api
