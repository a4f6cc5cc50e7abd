#include "api/outcome_json.hpp"

#include <optional>
#include <string_view>

#include <boost/json.hpp>

#include "api/json_text.hpp"
#include "api/routing_json.hpp"

namespace meridian::api {
namespace {

namespace json = boost::json;

json::string region_text(const RegionId& id) {
  return json::string(json_view(id.value()));
}
json::value time_or_null(const std::optional<UnixTime>& time) {
  return time ? json::value(json_view(timestamp(*time))) : json::value(nullptr);
}

}  // namespace

json::array transit_rows(const audit::TransitReport& report) {
  using metrics::Direction;
  using metrics::TransitKind;
  using metrics::TransitLeg;
  json::array rows;
  const auto add = [&](const audit::RegionTransit& region, TransitLeg leg, TransitKind kind,
                       Direction direction) {
    const metrics::TransitCount& count = region.leg(leg).at(kind, direction);
    if (count.packets > 0) {
      rows.push_back(json::object{{"region", region_text(region.region)},
                                  {"leg", json_view(metrics::name(leg))},
                                  {"kind", json_view(metrics::name(kind))},
                                  {"direction", json_view(metrics::name(direction))},
                                  {"packets", count.packets},
                                  {"bytes", count.bytes}});
    }
  };
  for (const audit::RegionTransit& region : report.regions) {
    for (const TransitLeg leg : {TransitLeg::kClient, TransitLeg::kRelay, TransitLeg::kData}) {
      for (const TransitKind kind : {TransitKind::kRtp, TransitKind::kRtcp, TransitKind::kStun,
                                     TransitKind::kDtls, TransitKind::kData}) {
        add(region, leg, kind, Direction::kIn);
        add(region, leg, kind, Direction::kOut);
      }
    }
  }
  return rows;
}

json::object outcome_document(const ChangeOutcome& outcome) {
  json::array moved;
  for (const MovedParticipant& person : outcome.moved) {
    moved.push_back(json::object{{"room", json_view(person.room_sid)},
                                 {"participant", json_view(person.participant_sid)},
                                 {"from", region_text(person.from)},
                                 {"told", person.told}});
  }
  json::array failed;
  for (const StrandedParticipant& person : outcome.failed) {
    failed.push_back(json::object{{"room", json_view(person.room_sid)},
                                  {"participant", json_view(person.participant_sid)},
                                  {"from", region_text(person.from)},
                                  {"reason", json_view(person.reason)}});
  }
  json::array sending;
  for (const StillSendingParticipant& person : outcome.still_sending) {
    sending.push_back(json::object{{"participant", json_view(person.participant_sid)},
                                   {"datagrams", person.datagrams},
                                   {"bytes", person.bytes}});
  }
  json::array covered;
  for (const RegionId& region : outcome.covered_by_lease) {
    covered.emplace_back(region_text(region));
  }
  return {{"epoch", outcome.epoch.value()},
          {"requested_at", json_view(timestamp(outcome.requested_at))},
          {"revoked_at", time_or_null(outcome.revoked_at)},
          {"dry_at", time_or_null(outcome.dry_at)},
          {"moved", std::move(moved)},
          {"failed", std::move(failed)},
          {"still_sending", std::move(sending)},
          {"covered_by_lease", std::move(covered)}};
}

json::object preview_document(const ChangePreview& preview) {
  json::array moves;
  for (const ChangePreview::Move& move : preview.would_move) {
    moves.push_back(json::object{{"room", json_view(move.room_sid)},
                                 {"participant", json_view(move.participant_sid)},
                                 {"from", region_text(move.from)},
                                 {"to", region_text(move.to)}});
  }
  json::array refused;
  for (const StrandedParticipant& person : preview.would_refuse) {
    refused.push_back(json::object{{"room", json_view(person.room_sid)},
                                   {"participant", json_view(person.participant_sid)},
                                   {"from", region_text(person.from)},
                                   {"reason", json_view(person.reason)}});
  }
  return {{"epoch", preview.epoch.value()},
          {"would_move", std::move(moves)},
          {"would_refuse", std::move(refused)}};
}

}  // namespace meridian::api
