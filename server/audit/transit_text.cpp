// The transit report for people.
#include <algorithm>
#include <array>

#include "audit/text.hpp"
#include "audit/transit_report.hpp"

namespace meridian::audit {
namespace {

using metrics::Direction;
using metrics::TransitCount;
using metrics::TransitKind;
using metrics::TransitLeg;

constexpr std::array<std::size_t, 5> kWidths = {20, 8, 6, 26, 26};

using Row = std::array<std::string, 5>;

std::string line_of(const Row& row) {
  std::string line = "  ";
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string padding(kWidths[i] - std::min(kWidths[i] - 1, row[i].size()), ' ');
    const bool is_number = i >= 3;
    line += is_number ? padding + row[i] : row[i] + padding;
  }
  return line + '\n';
}

/// 1234567 → 1,234,567.
std::string grouped(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) {
    digits.insert(i - 3, ",");
  }
  return digits;
}

std::string shown(const TransitCount& count) {
  return grouped(count.packets) + " / " + grouped(count.bytes);
}

std::string joined(const std::vector<RegionId>& regions) {
  std::string text;
  for (const RegionId& region : regions) {
    text += (text.empty() ? "" : ", ") + region.value();
  }
  return text.empty() ? "no region" : text;
}

std::string region_table(const std::vector<RegionTransit>& regions) {
  std::string text =
      line_of({"region", "leg", "kind", "in: packets / bytes", "out: packets / bytes"});
  for (const RegionTransit& region : regions) {
    for (std::size_t leg = 0; leg < RegionTransit::kLegs; ++leg) {
      for (std::size_t kind = 0; kind < static_cast<std::size_t>(TransitKind::kCount); ++kind) {
        const auto in = region.legs[leg].at(static_cast<TransitKind>(kind), Direction::kIn);
        const auto out = region.legs[leg].at(static_cast<TransitKind>(kind), Direction::kOut);
        if (in != TransitCount{} || out != TransitCount{}) {
          text +=
              line_of({region.region.value(), std::string(name(static_cast<TransitLeg>(leg))),
                       std::string(name(static_cast<TransitKind>(kind))), shown(in), shown(out)});
        }
      }
    }
    if (region.refused != TransitCount{}) {
      text += "  " + region.region.value() +
              ": dropped unread after the opt-out: " + shown(region.refused) + '\n';
    }
  }
  return text;
}

std::string_view explanation(ReportStatus status) {
  switch (status) {
    case ReportStatus::kRunning:
      return "the meeting goes on; numbers so far";
    case ReportStatus::kFinal:
      return "final: every leg told its last numbers";
    case ReportStatus::kIncomplete:
      return "incomplete: a worker did not tell its last numbers; what is here are lower bounds";
  }
  return "";
}

std::string findings_of(const TransitReport& report) {
  const auto findings = check(report);
  if (findings.empty()) {
    return "Every region that carried bytes was permitted, and both ends of each relay agree.\n";
  }
  std::string text = "CONTRADICTIONS:\n";
  for (const ReportFinding& finding : findings) {
    text += "  " + std::string(name_of(finding.flaw)) + ' ' + finding.where + '\n';
  }
  return text;
}

}  // namespace

std::string describe(const TransitReport& report) {
  std::string text = "Transit report\n";
  text += "  meeting " + report.room_sid + " of account " + report.account.value() + '\n';
  text += "  from    " + rfc3339(report.started) + " to " + rfc3339(report.ended) + '\n';
  text += "  node    " + report.node + '\n';
  text += "  status  " + std::string(explanation(report.status)) + '\n';
  text += "  config  " + report.config.hex() + "\n\nPermitted\n";
  for (const EpochInForce& epoch : report.epochs) {
    text += "  from " + rfc3339(epoch.since) + ": " + joined(epoch.permitted) + " (epoch " +
            std::to_string(epoch.epoch.value()) + ", policy " + epoch.policy.hex().substr(0, 16) +
            "…)\n";
  }
  text += "\nCarried\n" + region_table(report.regions);
  if (!report.relays.empty()) {
    text += "\nRelays, counted at each end\n";
    for (const RelayFlow& flow : report.relays) {
      text += "  " + flow.from.value() + " to " + flow.to.value() + ": sent " + shown(flow.sent) +
              ", received " + shown(flow.received) + '\n';
    }
  }
  text += "\nRefused\n";
  for (const DenialCount& denial : report.denials) {
    text += "  " + grouped(denial.count) + " × " + denial.reason +
            (denial.region.empty() ? "" : " at " + denial.region.value()) + '\n';
  }
  text += report.denials.empty() ? "  nobody\n\n" : "\n";
  return text + findings_of(report);
}

}  // namespace meridian::audit
