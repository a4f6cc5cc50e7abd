#pragma once

#include <boost/json/fwd.hpp>

#include "api/routing_change.hpp"
#include "audit/transit_report.hpp"

/// What the node tells of changes and of meetings, as docs/openapi.yaml has it.
namespace meridian::api {

/// `ChangeOutcome`, of a finished change or one under way.
[[nodiscard]] boost::json::object outcome_document(const ChangeOutcome& outcome);
/// `ChangePreview`.
[[nodiscard]] boost::json::object preview_document(const ChangePreview& preview);

/// `Transit`: what passed, by region, leg, kind and direction, where something did.
[[nodiscard]] boost::json::array transit_rows(const audit::TransitReport& report);

}  // namespace meridian::api
