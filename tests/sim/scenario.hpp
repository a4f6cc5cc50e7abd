#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "sim/link.hpp"

namespace meridian::sim {

inline constexpr const char* kRegions[] = {"uk-london", "eu-frankfurt", "us-east"};

struct AccountPlan {
  std::string id;
  std::string home;
  std::set<std::string> opted_in;
};

/// Somebody who joins one room. Times are from the start of the run.
struct PersonPlan {
  std::string identity;
  std::size_t account = 0;
  std::string room;
  /// Where they try first; from a region that refuses them they go to an allowed one.
  std::string region;
  Duration joins{};
  bool has_audio = false;
  bool has_camera = false;
  LinkShape up;
  LinkShape down;
  Duration signal_delay{};
};

enum class Act : std::uint8_t {
  kMute,
  kUnmute,
  kLeave,
  kVanish,  // silence in both directions, without a word
  kRestartIce,
  kLimitLayers,  // of everything that they receive
  kUnlimitLayers,
  kUnsubscribe,  // from the first track that they receive
  kResubscribe,
  kUnpublish,
  kPublish,
};
[[nodiscard]] const char* name_of(Act act);

struct ActPlan {
  Duration at{};
  std::size_t person = 0;
  Act act = Act::kMute;
};

struct PolicyPlan {
  Duration at{};
  std::size_t account = 0;
  std::set<std::string> opted_in;
};

/// A whole run, drawn from a seed: first people come, go and suffer; then the network is clean, and
/// everybody who is left has to get everything.
struct Scenario {
  static constexpr Duration kHeal = 3500ms;
  static constexpr Duration kEnd = 16000ms;

  std::vector<AccountPlan> accounts;
  std::vector<PersonPlan> people;
  std::vector<ActPlan> acts;
  std::vector<PolicyPlan> policies;
  /// Workers of the first region; the others have one.
  unsigned workers = 2;
  /// So few that relays within a region are in most runs.
  unsigned people_per_worker = 1;
  /// There is a room that needs several workers of the first region.
  bool has_large_room = false;

  [[nodiscard]] static Scenario make(std::uint64_t seed);
  /// As the node would read it from a file.
  [[nodiscard]] std::string config() const;
};

}  // namespace meridian::sim
