#include "audit/transit_report.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "audit/base64.hpp"

namespace meridian::audit {
namespace {

using metrics::Direction;
using metrics::TransitCount;
using metrics::TransitCounts;
using metrics::TransitKind;
using metrics::TransitLeg;

constexpr std::string_view kReportDomain = "meridian transit report v1\n";

template <class Enum, class Visit>
void for_each(Visit visit) {
  for (std::size_t i = 0; i < static_cast<std::size_t>(Enum::kCount); ++i) {
    visit(static_cast<Enum>(i));
  }
}

Json to_json(const TransitCount& count) {
  return Json::Object{{"bytes", count.bytes}, {"packets", count.packets}};
}

/// Kinds and directions with nothing in them are left out.
Json to_json(const TransitCounts& counts) {
  Json::Object kinds;
  for_each<TransitKind>([&](TransitKind kind) {
    Json::Object directions;
    for_each<Direction>([&](Direction direction) {
      if (const TransitCount& count = counts.at(kind, direction); count != TransitCount{}) {
        directions.emplace(name(direction), to_json(count));
      }
    });
    if (!directions.empty()) {
      kinds.emplace(name(kind), std::move(directions));
    }
  });
  return kinds;
}

Json to_json(const EpochInForce& epoch) {
  Json::Array permitted;
  for (const RegionId& region : epoch.permitted) {
    permitted.emplace_back(region.value());
  }
  return Json::Object{{"epoch", epoch.epoch.value()},
                      {"permitted", std::move(permitted)},
                      {"policy", epoch.policy.hex()},
                      {"since_ns", epoch.since.nanoseconds()}};
}

Json to_json(const RegionTransit& region) {
  Json::Object legs;
  for_each<TransitLeg>([&](TransitLeg leg) {
    if (!region.leg(leg).empty()) {
      legs.emplace(name(leg), to_json(region.leg(leg)));
    }
  });
  return Json::Object{{"legs", std::move(legs)},
                      {"refused", to_json(region.refused)},
                      {"region", region.region.value()},
                      {"transports", region.transports}};
}

Json to_json(const RelayFlow& flow) {
  return Json::Object{{"from", flow.from.value()},
                      {"received", to_json(flow.received)},
                      {"sent", to_json(flow.sent)},
                      {"to", flow.to.value()}};
}

Json to_json(const DenialCount& denial) {
  return Json::Object{
      {"count", denial.count}, {"reason", denial.reason}, {"region", denial.region.value()}};
}

template <class T>
Json list_of(const std::vector<T>& values) {
  Json::Array list;
  for (const T& value : values) {
    list.push_back(to_json(value));
  }
  return list;
}

Json to_json(const TransitReport& report) {
  return Json::Object{
      {"account", report.account.value()},
      {"config", report.config.hex()},
      {"denials", list_of(report.denials)},
      {"ended_ns", report.ended.nanoseconds()},
      {"epochs", list_of(report.epochs)},
      {"meeting", report.room_sid},
      {"node", report.node},
      {"regions", list_of(report.regions)},
      {"relays", list_of(report.relays)},
      {"started_ns", report.started.nanoseconds()},
      {"status", name_of(report.status)},
      {"v", kReportVersion},
  };
}

// The readers are lenient: parse_report() compares what comes out with what went in.

TransitCount count_of(const Json& json) {
  return {.packets = json.at("packets").number(), .bytes = json.at("bytes").number()};
}

TransitCounts counts_of(const Json& json) {
  TransitCounts counts;
  for_each<TransitKind>([&](TransitKind kind) {
    for_each<Direction>([&](Direction direction) {
      counts.at(kind, direction) = count_of(json.at(name(kind)).at(name(direction)));
    });
  });
  return counts;
}

UnixTime time_of(const Json& json) {
  return UnixTime::from_nanoseconds(json.integer());
}

EpochInForce epoch_of(const Json& json) {
  EpochInForce epoch{.epoch = PolicyEpoch(json.at("epoch").number()),
                     .policy = Digest::from_hex(json.at("policy").text()).value_or(Digest{}),
                     .since = time_of(json.at("since_ns")),
                     .permitted = {}};
  for (const Json& region : json.at("permitted").array()) {
    epoch.permitted.emplace_back(region.text());
  }
  return epoch;
}

RegionTransit region_of(const Json& json) {
  RegionTransit region;
  region.region = RegionId(json.at("region").text());
  for_each<TransitLeg>(
      [&](TransitLeg leg) { region.leg(leg) = counts_of(json.at("legs").at(name(leg))); });
  region.transports = json.at("transports").number();
  region.refused = count_of(json.at("refused"));
  return region;
}

RelayFlow flow_of(const Json& json) {
  return {.from = RegionId(json.at("from").text()),
          .to = RegionId(json.at("to").text()),
          .sent = count_of(json.at("sent")),
          .received = count_of(json.at("received"))};
}

DenialCount denial_of(const Json& json) {
  return {.region = RegionId(json.at("region").text()),
          .reason = json.at("reason").text(),
          .count = json.at("count").number()};
}

template <class T>
std::vector<T> list_from(const Json& json, T (*read)(const Json&)) {
  std::vector<T> list;
  for (const Json& element : json.array()) {
    list.push_back(read(element));
  }
  return list;
}

ReportStatus status_of(std::string_view name) {
  for (const auto status : {ReportStatus::kRunning, ReportStatus::kIncomplete}) {
    if (name_of(status) == name) {
      return status;
    }
  }
  return ReportStatus::kFinal;
}

TransitCount sum_over_kinds(const TransitCounts& counts, Direction direction) {
  TransitCount sum;
  for_each<TransitKind>([&](TransitKind kind) { sum += counts.at(kind, direction); });
  return sum;
}

bool are_epochs_in_order(const std::vector<EpochInForce>& epochs) {
  const auto is_disordered = [](const EpochInForce& earlier, const EpochInForce& later) {
    return earlier.epoch >= later.epoch || earlier.since > later.since;
  };
  return !epochs.empty() && std::ranges::adjacent_find(epochs, is_disordered) == epochs.end();
}

std::vector<std::uint8_t> signed_bytes(const TransitReport& report) {
  std::vector<std::uint8_t> bytes;
  const std::string text = std::string(kReportDomain) + canonical(report);
  bytes.assign(text.begin(), text.end());
  return bytes;
}

}  // namespace

std::string_view name_of(ReportStatus status) {
  switch (status) {
    case ReportStatus::kRunning:
      return "running";
    case ReportStatus::kFinal:
      return "final";
    case ReportStatus::kIncomplete:
      return "incomplete";
  }
  return "";
}

std::string_view name_of(ReportFlaw flaw) {
  switch (flaw) {
    case ReportFlaw::kRegionNotPermitted:
      return "region_not_permitted";
    case ReportFlaw::kRelayNotConserved:
      return "relay_not_conserved";
    case ReportFlaw::kLegsDisagree:
      return "legs_disagree";
    case ReportFlaw::kEpochsDisordered:
      return "epochs_disordered";
  }
  return "";
}

std::string canonical(const TransitReport& report) {
  return to_json(report).canonical();
}

std::optional<TransitReport> parse_report(const Json& json) {
  TransitReport report;
  report.account = AccountId(json.at("account").text());
  report.room_sid = json.at("meeting").text();
  report.node = json.at("node").text();
  report.started = time_of(json.at("started_ns"));
  report.ended = time_of(json.at("ended_ns"));
  report.status = status_of(json.at("status").text());
  report.config = Digest::from_hex(json.at("config").text()).value_or(Digest{});
  report.epochs = list_from(json.at("epochs"), epoch_of);
  report.regions = list_from(json.at("regions"), region_of);
  report.relays = list_from(json.at("relays"), flow_of);
  report.denials = list_from(json.at("denials"), denial_of);
  return to_json(report) == json ? std::optional(std::move(report)) : std::nullopt;
}

std::vector<ReportFinding> check(const TransitReport& report) {
  std::vector<ReportFinding> findings;
  if (!are_epochs_in_order(report.epochs)) {
    findings.push_back({ReportFlaw::kEpochsDisordered, {}});
  }
  std::set<RegionId> permitted;
  for (const EpochInForce& epoch : report.epochs) {
    permitted.insert(epoch.permitted.begin(), epoch.permitted.end());
  }
  std::map<RegionId, std::pair<TransitCount, TransitCount>> relayed;  // out, in
  for (const RelayFlow& flow : report.relays) {
    relayed[flow.from].first += flow.sent;
    relayed[flow.to].second += flow.received;
    if (report.status == ReportStatus::kFinal && flow.sent != flow.received) {
      findings.push_back(
          {ReportFlaw::kRelayNotConserved, flow.from.value() + " to " + flow.to.value()});
    }
  }
  for (const RegionTransit& region : report.regions) {
    const bool is_used = std::ranges::any_of(
        region.legs, [](const TransitCounts& counts) { return !counts.empty(); });
    if (is_used && !permitted.contains(region.region)) {
      findings.push_back({ReportFlaw::kRegionNotPermitted, region.region.value()});
    }
    const TransitCounts& relay = region.leg(TransitLeg::kRelay);
    const auto [sent, received] = std::exchange(relayed[region.region], {});
    if (sum_over_kinds(relay, Direction::kOut) != sent ||
        sum_over_kinds(relay, Direction::kIn) != received) {
      findings.push_back({ReportFlaw::kLegsDisagree, region.region.value()});
    }
  }
  for (const auto& [region, counts] : relayed) {
    if (counts != std::pair<TransitCount, TransitCount>{}) {
      findings.push_back({ReportFlaw::kLegsDisagree, region.value()});
    }
  }
  return findings;
}

bool SignedReport::is_signed_by(const PublicKey& key) const {
  return key == signed_by && key.verify(signed_bytes(report), signature);
}

std::string sign_report(const TransitReport& report, const SigningKey& key) {
  return Json(Json::Object{{"report", to_json(report)},
                           {"signature", base64(key.sign(signed_bytes(report)))},
                           {"signed_by", key.public_key().to_string()},
                           {"v", kReportVersion}})
      .canonical();
}

std::optional<SignedReport> parse_signed_report(std::string_view text) {
  const auto json = text.size() <= kMaxReport ? Json::parse(text) : std::nullopt;
  if (!json || json->at("v").number() != kReportVersion) {
    return std::nullopt;
  }
  auto report = parse_report(json->at("report"));
  auto key = PublicKey::parse(json->at("signed_by").text());
  const auto raw = parse_base64(json->at("signature").text());
  if (!report || !key || !raw || raw->size() != std::tuple_size_v<SignatureBytes>) {
    return std::nullopt;
  }
  SignedReport result{std::move(*report), std::move(*key), {}};
  std::ranges::copy(*raw, result.signature.begin());
  return result;
}

Digest digest_of(const TransitReport& report) {
  return sha256({as_bytes(canonical(report))});
}

}  // namespace meridian::audit
