#include "sim/scenario.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace meridian::sim {
namespace {

constexpr std::size_t kRegionCount = std::size(kRegions);

Duration milliseconds(Rng& rng, int from, int to) {
  return std::chrono::milliseconds(
      from + static_cast<int>(rng.below(static_cast<std::uint64_t>(to - from + 1))));
}

LinkShape make_link(Rng& rng) {
  LinkShape link;
  link.delay = milliseconds(rng, 3, 60);
  link.jitter = rng.chance(0.6) ? milliseconds(rng, 0, 15) : Duration{};
  link.loss = rng.chance(0.6) ? static_cast<double>(rng.below(51)) / 1000.0 : 0;
  // A few are too narrow for a room with cameras, and drop what doesn't fit.
  link.rate = rng.chance(0.15) ? 80'000 + rng.below(200'000) : 1'000'000 + rng.below(2'000'000);
  return link;
}

void add_accounts(Scenario& scenario, Rng& rng) {
  for (const char* id : {"acme", "solo", "duo"}) {
    AccountPlan account{.id = id, .home = kRegions[rng.below(kRegionCount)], .opted_in = {}};
    account.opted_in.insert(account.home);
    for (const char* region : kRegions) {
      // One account goes everywhere, one stays at home, the third is somewhere between.
      if (account.id == "acme" || (account.id == "duo" && rng.chance(0.4))) {
        account.opted_in.insert(region);
      }
    }
    scenario.accounts.push_back(std::move(account));
  }
}

PersonPlan draw_person(Rng& rng, const AccountPlan& account, std::size_t number) {
  PersonPlan person;
  person.room = "room";  // the same name everywhere: accounts must not meet
  person.identity = account.id + "-" + std::to_string(number);
  person.region = kRegions[rng.below(kRegionCount)];
  person.joins = milliseconds(rng, 0, 1500);
  person.has_audio = rng.chance(0.8);
  person.has_camera = number == 0 || rng.chance(0.5);
  person.up = make_link(rng);
  person.down = make_link(rng);
  person.signal_delay = milliseconds(rng, 3, 60);
  return person;
}

void add_people(Scenario& scenario, Rng& rng, std::size_t account, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    PersonPlan person = draw_person(rng, scenario.accounts[account], i);
    person.account = account;
    scenario.people.push_back(std::move(person));
  }
}

/// Most of its people are in one region, on more workers than other rooms have, and some watch.
void add_large_room(Scenario& scenario, Rng& rng) {
  scenario.has_large_room = true;
  scenario.workers = 3 + static_cast<unsigned>(rng.below(2));
  scenario.people_per_worker = 1 + static_cast<unsigned>(rng.below(3));
  const std::size_t count = 7 + rng.below(3);
  for (std::size_t i = 0; i < count; ++i) {
    PersonPlan person = draw_person(rng, scenario.accounts[0], i);
    person.room = "hall";
    person.identity += "-of-many";
    person.region = rng.chance(0.8) ? kRegions[0] : person.region;
    // Videos get larger one after the other: with more of them it would take longer than a run.
    person.has_camera = i < 2;
    scenario.people.push_back(std::move(person));
  }
}

void add_acts(Scenario& scenario, Rng& rng) {
  for (std::size_t person = 0; person < scenario.people.size(); ++person) {
    const Duration at = milliseconds(rng, 1600, 2600);
    const Duration later = at + milliseconds(rng, 200, 700);
    const auto add = [&](Act act, Duration when) { scenario.acts.push_back({when, person, act}); };
    switch (rng.below(10)) {
      case 0:
        add(Act::kMute, at);
        add(Act::kUnmute, later);
        break;
      case 1:
        add(Act::kMute, at);
        break;
      case 2:
        add(Act::kLeave, at);
        break;
      case 3:
        add(Act::kVanish, at);
        break;
      case 4:
        add(Act::kRestartIce, at);
        break;
      case 5:
        add(Act::kLimitLayers, at);
        add(Act::kUnlimitLayers, later);
        break;
      case 6:
        add(Act::kUnsubscribe, at);
        add(Act::kResubscribe, later);
        break;
      case 7:
        add(Act::kUnpublish, at);
        add(Act::kPublish, later);
        break;
      default:
        break;
    }
  }
}

void add_policies(Scenario& scenario, Rng& rng) {
  if (!rng.chance(0.4)) {
    return;
  }
  const std::size_t account = rng.below(scenario.accounts.size());
  std::set<std::string> opted_in;
  for (const char* region : kRegions) {
    if (rng.chance(0.5)) {
      opted_in.insert(region);
    }
  }
  opted_in.insert(scenario.accounts[account].home);
  scenario.policies.push_back({milliseconds(rng, 1800, 2800), account, std::move(opted_in)});
}

std::string account_lines(const AccountPlan& account) {
  std::string list;
  for (const std::string& region : account.opted_in) {
    list += (list.empty() ? "" : ", ") + region;
  }
  return "  - id: " + account.id + "\n    name: " + account.id +
         "\n    default_region: " + account.home + "\n    opted_in: [" + list +
         "]\n    api_keys:\n      - key: " + account.id + "key\n        secret: " + account.id +
         "-secret-that-is-long-enough-for-anybody\n";
}

}  // namespace

const char* name_of(Act act) {
  switch (act) {
    case Act::kMute:
      return "mutes";
    case Act::kUnmute:
      return "unmutes";
    case Act::kLeave:
      return "leaves";
    case Act::kVanish:
      return "vanishes";
    case Act::kRestartIce:
      return "restarts ICE";
    case Act::kLimitLayers:
      return "limits layers";
    case Act::kUnlimitLayers:
      return "unlimits layers";
    case Act::kUnsubscribe:
      return "unsubscribes";
    case Act::kResubscribe:
      return "resubscribes";
    case Act::kUnpublish:
      return "unpublishes";
    case Act::kPublish:
      return "publishes again";
  }
  return "";
}

Scenario Scenario::make(std::uint64_t seed) {
  Rng rng(seed);
  Scenario scenario;
  add_accounts(scenario, rng);
  // One room of the first account, and one of another.
  add_people(scenario, rng, 0, 3 + rng.below(2));
  add_people(scenario, rng, 1 + rng.below(2), 2);
  if (rng.chance(0.2)) {
    add_large_room(scenario, rng);
  }
  add_acts(scenario, rng);
  add_policies(scenario, rng);
  return scenario;
}

std::string Scenario::config() const {
  std::string regions = "regions:\n";
  std::string pools = "pools:\n";
  for (std::size_t i = 0; i < kRegionCount; ++i) {
    const std::string number = std::to_string(10 * (i + 1));
    regions += "  - id: " + std::string(kRegions[i]) + "\n    name: " + kRegions[i] +
               "\n    latitude: " + number + "\n    longitude: 1\n    url: ws://127.0.0.1:78" +
               number + "\n";
    pools += "  - region: " + std::string(kRegions[i]) +
             "\n    workers: " + std::to_string(i == 0 ? workers : 1U) +
             "\n    people_per_worker: " + std::to_string(people_per_worker) +
             "\n    signalling: [\"127.0.0.1:78" + number + "\"]\n    media:\n      address: 127." +
             number + ".0.1\n      port: 7900\n";
  }
  std::string list = "accounts:\n";
  for (const AccountPlan& account : accounts) {
    list += account_lines(account);
  }
  return regions + pools + list;
}

}  // namespace meridian::sim
