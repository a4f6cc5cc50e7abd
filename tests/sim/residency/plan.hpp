#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "sim/residency/model.hpp"

namespace meridian::sim::law {

struct RegionPlan {
  std::string name;
  double position = 0;
  unsigned workers = 1;
  unsigned seats = 3;
};

struct PersonPlan {
  std::string identity;
  Host host;
};

enum class What : std::uint8_t {
  kJoin,
  kLeave,
  kChange,
  kWorkerFails,
  kWorkerRecovers,
  kControlHangs,
  kControlGoesOn,
  kPoolCloses,
  kPoolOpens,
};

/// One thing that happens, at `at` after the start.
struct Step {
  Duration at{};
  What what = What::kJoin;
  // kJoin, kLeave: who, and how they try.
  std::size_t person = 0;
  JoinRequest join = {};
  bool has_epoch = false;  // the token names the epoch in force when it was made
  unsigned stale = 0;      // … this many changes ago
  // kChange
  std::string account = {};
  Terms terms = {};
  bool is_graceful = false;
  bool is_stale = false;
  Duration grace{};
  // kWorkerFails, kWorkerRecovers
  std::size_t worker = 0;
  bool is_deaf = false;
  // kPoolCloses, kPoolOpens
  std::string region = {};
};

/// A whole sequence, drawn from a seed. Until kQuiet anything happens; then everything works and
/// whoever may be there has to be heard.
struct Plan {
  static constexpr Duration kQuiet = 9s;
  static constexpr Duration kEnd = 14s;

  std::vector<RegionPlan> regions;
  std::map<std::string, Terms> accounts;
  std::vector<PersonPlan> people;
  std::vector<Step> steps;  // in the order of time

  [[nodiscard]] static Plan make(std::uint64_t seed);
  /// As the node would read it from a file.
  [[nodiscard]] std::string config() const;
};

}  // namespace meridian::sim::law
