#include "sim/residency/plan.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace meridian::sim::law {
namespace {

const char* const kNames[] = {"uk-london", "eu-frankfurt", "us-east", "ap-sydney"};
constexpr double kPositions[] = {0, 10, 25, 45};  // no two distances are alike
const char* const kGroups[] = {"", "clinic", "office"};
const char* const kUsers[] = {"", "ada", "bo"};
const char* const kRooms[] = {"ward", "staff"};

Duration between(Rng& rng, Duration from, Duration to) {
  const auto milliseconds = static_cast<std::uint64_t>((to - from) / 1ms);
  return from + std::chrono::milliseconds(rng.below(milliseconds + 1));
}

/// Some of `parent`, mostly with the home region.
Regions some_of(Rng& rng, const Regions& parent, const std::string& home) {
  Regions regions;
  for (const std::string& region : parent) {
    if (rng.chance(0.6)) {
      regions.insert(region);
    }
  }
  if (!rng.chance(0.04)) {
    regions.insert(home);
  }
  return regions;
}

Terms draw_terms(Rng& rng, const std::string& home, const Regions& all) {
  Terms terms;
  terms.home = home;
  terms.opted_in = rng.chance(0.15) ? all : some_of(rng, all, home);
  terms.signals_anywhere = rng.chance(0.3);
  // Now and then a level names more than its parent has: that has to be refused.
  const auto level = [&](const Regions& parent) {
    return some_of(rng, rng.chance(0.06) ? all : parent, home);
  };
  for (const char* group : {kGroups[1], kGroups[2]}) {
    if (rng.chance(0.25)) {
      terms.groups[group] = level(terms.opted_in);
    }
  }
  for (const char* room : kRooms) {
    if (rng.chance(0.2)) {
      terms.rooms[room] = level(terms.opted_in);
    }
  }
  for (const char* user : {kUsers[1], kUsers[2]}) {
    if (rng.chance(0.25)) {
      UserTerms& mine = terms.users[user];
      mine.group = kGroups[rng.below(3)];
      if (rng.chance(0.6)) {
        const auto group = terms.groups.find(mine.group);
        mine.regions = level(group == terms.groups.end() ? terms.opted_in : group->second);
      }
    }
  }
  return terms;
}

void add_people(Plan& plan, Rng& rng) {
  for (const auto& [account, terms] : plan.accounts) {
    for (const char* room : kRooms) {
      const Host host{account, kGroups[rng.below(3)], kUsers[rng.below(3)], room};
      const std::size_t count = 1 + rng.below(3);
      for (std::size_t i = 0; i < count; ++i) {
        plan.people.push_back({account + "-" + room + "-" + std::to_string(i), host});
      }
    }
  }
}

Step draw_join(const Plan& plan, Rng& rng, std::size_t person, Duration at) {
  Step step{.at = at, .what = What::kJoin, .person = person};
  step.join.host = plan.people[person].host;
  step.join.arrived_at = plan.regions[rng.below(plan.regions.size())].name;
  if (rng.chance(0.2)) {
    step.join.hint = plan.regions[rng.below(plan.regions.size())].name;
  }
  step.has_epoch = rng.chance(0.3);
  step.stale = rng.chance(0.2) ? 1 : 0;
  return step;
}

void add_changes(Plan& plan, Rng& rng, const Regions& all) {
  const std::size_t count = 1 + rng.below(5);
  for (std::size_t i = 0; i < count; ++i) {
    Step step{.at = between(rng, 800ms, Plan::kQuiet - 1s), .what = What::kChange};
    step.account = rng.chance(0.6) ? "acme" : "duo";
    step.terms = draw_terms(rng, plan.accounts.at(step.account).home, all);
    step.is_graceful = rng.chance(0.3);
    step.is_stale = rng.chance(0.1);
    step.grace = between(rng, 300ms, 2s);
    plan.steps.push_back(std::move(step));
  }
}

void add_failures(Plan& plan, Rng& rng) {
  std::size_t workers = 0;
  for (const RegionPlan& region : plan.regions) {
    workers += region.workers;
  }
  for (std::size_t worker = 0; worker < workers; ++worker) {
    if (!rng.chance(0.3)) {
      continue;
    }
    Step fails{.at = between(rng, 600ms, Plan::kQuiet - 5s), .what = What::kWorkerFails};
    fails.worker = worker;
    fails.is_deaf = rng.chance(0.6);
    Step recovers = fails;
    recovers.what = What::kWorkerRecovers;
    recovers.at = fails.at + between(rng, 200ms, 4500ms);
    plan.steps.push_back(std::move(fails));
    plan.steps.push_back(std::move(recovers));
  }
  if (rng.chance(0.35)) {
    const Duration at = between(rng, 1s, Plan::kQuiet - 5s);
    plan.steps.push_back({.at = at, .what = What::kControlHangs});
    plan.steps.push_back({.at = at + between(rng, 300ms, 4500ms), .what = What::kControlGoesOn});
  }
}

void add_closures(Plan& plan, Rng& rng) {
  for (const RegionPlan& region : plan.regions) {
    if (!rng.chance(0.2)) {
      continue;
    }
    Step closes{.at = between(rng, 1s, Plan::kQuiet - 3s), .what = What::kPoolCloses};
    closes.region = region.name;
    Step opens = closes;
    opens.what = What::kPoolOpens;
    opens.at = closes.at + between(rng, 200ms, 3s);
    plan.steps.push_back(std::move(closes));
    plan.steps.push_back(std::move(opens));
  }
}

std::string list(const Regions& regions) {
  std::string text;
  for (const std::string& region : regions) {
    text += (text.empty() ? "" : ", ") + region;
  }
  return "[" + text + "]";
}

}  // namespace

Plan Plan::make(std::uint64_t seed) {
  Rng rng(seed ^ 0x5ca1ab1eULL);
  Plan plan;
  Regions all;
  for (std::size_t i = 0; i < 3 + rng.below(2); ++i) {
    plan.regions.push_back({kNames[i], kPositions[i], 1 + static_cast<unsigned>(rng.below(2)),
                            2 + static_cast<unsigned>(rng.below(5))});
    all.insert(kNames[i]);
  }
  for (const char* account : {"acme", "duo"}) {
    const std::string home = plan.regions[rng.below(plan.regions.size())].name;
    Terms& terms = plan.accounts[account];
    terms.home = home;
    terms.opted_in = rng.chance(0.5) ? all : some_of(rng, all, home);
    terms.opted_in.insert(home);
  }
  add_people(plan, rng);
  for (std::size_t i = 0; i < plan.people.size(); ++i) {
    plan.steps.push_back(draw_join(plan, rng, i, between(rng, 0ms, 1500ms)));
    if (rng.chance(0.3)) {
      const Duration at = between(rng, 2s, Plan::kQuiet - 3s);
      plan.steps.push_back({.at = at, .what = What::kLeave, .person = i});
      plan.steps.push_back(draw_join(plan, rng, i, at + between(rng, 100ms, 2s)));
    }
  }
  add_changes(plan, rng, all);
  add_failures(plan, rng);
  add_closures(plan, rng);
  std::ranges::sort(plan.steps, {}, &Step::at);
  return plan;
}

std::string Plan::config() const {
  std::string region_text = "regions:\n";
  std::string pool_text = "pools:\n";
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const RegionPlan& region = regions[i];
    const std::string number = std::to_string(10 * (i + 1));
    region_text += "  - id: " + region.name + "\n    name: " + region.name +
                   "\n    latitude: " + std::to_string(region.position) +
                   "\n    longitude: 1\n    url: ws://127.0.0.1:78" + number + "\n";
    pool_text += "  - region: " + region.name + "\n    workers: " + std::to_string(region.workers) +
                 "\n    participants: " + std::to_string(region.seats) +
                 "\n    signalling: [\"127.0.0.1:78" + number +
                 "\"]\n    media:\n      address: 127." + number + ".0.1\n      port: 7900\n";
  }
  std::string account_text = "accounts:\n";
  for (const auto& [id, terms] : accounts) {
    account_text += "  - id: " + id + "\n    name: " + id + "\n    default_region: " + terms.home +
                    "\n    opted_in: " + list(terms.opted_in) +
                    "\n    api_keys:\n      - key: " + id + "key\n        secret: " + id +
                    "-secret-that-is-long-enough-for-anybody\n";
  }
  return region_text + pool_text + account_text;
}

}  // namespace meridian::sim::law
