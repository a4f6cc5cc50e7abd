#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "sim/adaptation/table.hpp"
#include "sim/residency/run.hpp"
#include "sim/simulation.hpp"

/// meridian_sim --seed N [--log]     one run; --log prints what happens
/// meridian_sim --seeds FROM COUNT   each twice, which must give the same log; one line for each
/// meridian_sim --residency-seed N [--log] and --residency FROM COUNT   the same for sequences of
/// policies, joins, failures and changes (R10), once each
/// meridian_sim --adaptation [NAME [--log [SEED]]]   video over bad networks: a table, and whether
/// its goals hold; --log prints what passes and why
/// meridian_sim --adaptation-seeds FROM COUNT [NAME]   the same with other seeds: means and worsts
namespace {

using meridian::sim::RunLog;
using meridian::sim::RunResult;
using meridian::sim::Simulation;

RunResult run(std::uint64_t seed, RunLog::Output output) {
  return Simulation(seed, output).run();
}

void print(const RunResult& result) {
  std::printf("seed %llu %s: %zu members, %llu packets, %llu delivered, %llu recovered, %016llx\n",
              static_cast<unsigned long long>(result.seed),
              result.faults.empty() ? "passed" : "FAILED", result.members,
              static_cast<unsigned long long>(result.total.sent),
              static_cast<unsigned long long>(result.total.delivered),
              static_cast<unsigned long long>(result.total.recovered),
              static_cast<unsigned long long>(result.log_hash));
  for (const std::string& fault : result.faults) {
    std::printf("  %s\n", fault.c_str());
  }
  if (!result.faults.empty()) {
    const char* commit = std::getenv("MERIDIAN_COMMIT");
    std::printf("  replay with: git checkout %s && ./dev sim %llu\n",
                commit != nullptr ? commit : "THIS_COMMIT",
                static_cast<unsigned long long>(result.seed));
  }
  std::fflush(stdout);
}

bool run_many(std::uint64_t from, std::uint64_t count) {
  std::uint64_t failed = 0;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    RunResult first = run(seed, RunLog::Output::kNone);
    const RunResult second = run(seed, RunLog::Output::kNone);
    if (first.log_hash != second.log_hash) {
      first.faults.emplace_back("a second run of the same seed had another log");
    }
    failed += first.faults.empty() ? 0 : 1;
    print(first);
  }
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(count - failed),
              static_cast<unsigned long long>(failed));
  return failed == 0;
}

using ResidencyResult = meridian::sim::law::Result;

ResidencyResult run_residency(std::uint64_t seed, RunLog::Output output) {
  return meridian::sim::law::Run(seed, output).run();
}

void print(const ResidencyResult& result) {
  if (result.faults.empty()) {
    return;
  }
  std::printf("residency seed %llu FAILED\n", static_cast<unsigned long long>(result.seed));
  for (const std::string& fault : result.faults) {
    std::printf("  %s\n", fault.c_str());
  }
  const char* commit = std::getenv("MERIDIAN_COMMIT");
  std::printf("  replay with: git checkout %s && tests/sim/run.sh --residency-seed %llu\n",
              commit != nullptr ? commit : "THIS_COMMIT",
              static_cast<unsigned long long>(result.seed));
  std::fflush(stdout);
}

/// Sums say what the sequences came to: a run in which nothing happened would prove nothing.
bool run_many_residency(std::uint64_t from, std::uint64_t count) {
  std::uint64_t failed = 0;
  ResidencyResult sum;
  for (std::uint64_t seed = from; seed < from + count; ++seed) {
    const ResidencyResult result = run_residency(seed, RunLog::Output::kNone);
    failed += result.faults.empty() ? 0 : 1;
    sum.datagrams += result.datagrams;
    sum.joins += result.joins;
    sum.refusals += result.refusals;
    sum.changes += result.changes;
    sum.moved += result.moved;
    sum.covered_by_lease += result.covered_by_lease;
    sum.relayed += result.relayed;
    print(result);
  }
  std::printf(
      "residency: %llu datagrams checked, %llu relayed packets, %llu joins, %llu refusals, "
      "%llu changes, %llu people moved, %llu regions covered by the lease\n",
      static_cast<unsigned long long>(sum.datagrams), static_cast<unsigned long long>(sum.relayed),
      static_cast<unsigned long long>(sum.joins), static_cast<unsigned long long>(sum.refusals),
      static_cast<unsigned long long>(sum.changes), static_cast<unsigned long long>(sum.moved),
      static_cast<unsigned long long>(sum.covered_by_lease));
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(count - failed),
              static_cast<unsigned long long>(failed));
  return failed == 0;
}

bool parse(std::string_view text, std::uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

int main(int count, char** words) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  const std::string_view mode = count > 1 ? words[1] : "";
  if (mode == "--seed" && count >= 3 && parse(words[2], first)) {
    const bool has_log = count == 4 && std::string_view(words[3]) == "--log";
    const RunResult result = run(first, has_log ? RunLog::Output::kPrint : RunLog::Output::kNone);
    print(result);
    return result.faults.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (mode == "--seeds" && count == 4 && parse(words[2], first) && parse(words[3], second)) {
    return run_many(first, second) ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (mode == "--residency-seed" && count >= 3 && parse(words[2], first)) {
    const bool has_log = count == 4 && std::string_view(words[3]) == "--log";
    const ResidencyResult result =
        run_residency(first, has_log ? RunLog::Output::kPrint : RunLog::Output::kNone);
    print(result);
    return result.faults.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (mode == "--residency" && count == 4 && parse(words[2], first) && parse(words[3], second)) {
    return run_many_residency(first, second) ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (mode == "--adaptation") {
    using Log = meridian::sim::adaptation::Run::Log;
    const bool has_log = count >= 4 && std::string_view(words[3]) == "--log";
    const bool has_seed = count >= 5 && parse(words[4], first);
    const bool holds = meridian::sim::adaptation::run_all(
        count > 2 ? words[2] : "", has_log ? Log::kPrint : Log::kNone,
        has_seed ? std::optional(first) : std::nullopt);
    return holds ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  if (mode == "--adaptation-seeds" && count >= 4 && parse(words[2], first) &&
      parse(words[3], second)) {
    const bool holds =
        meridian::sim::adaptation::run_seeds(first, second, count > 4 ? words[4] : "");
    return holds ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  std::fputs(
      "usage: meridian_sim --seed N [--log] | --seeds FROM COUNT | --residency-seed N [--log] | "
      "--residency FROM COUNT | --adaptation [NAME [--log [SEED]]] | --adaptation-seeds FROM "
      "COUNT [NAME]\n",
      stderr);
  return 2;
}
