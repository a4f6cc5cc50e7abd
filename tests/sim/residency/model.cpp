#include "model.hpp"

#include <algorithm>
#include <cmath>

namespace meridian::sim::law {

void Model::add_region(const std::string& name, double position, unsigned seats) {
  names_.push_back(name);
  regions_[name] = {.position = position, .seats = seats};
}

void Model::add_account(const std::string& name, Terms terms) {
  terms.opted_in.insert(terms.home);
  accounts_[name] = {std::move(terms), 1, {}};
}

// ---- What the law says
// ---------------------------------------------------------------------------

Regions Model::effective(const Terms& terms, const Host& host) {
  std::string group = host.group;
  std::optional<Regions> user_regions;
  if (const auto user = terms.users.find(host.user); user != terms.users.end()) {
    user_regions = user->second.regions;
    group = user->second.group.empty() ? group : user->second.group;
  }
  Regions result = {terms.home};
  for (const std::string& region : terms.opted_in) {
    const auto group_regions = terms.groups.find(group);
    const auto room_regions = terms.rooms.find(host.room);
    const bool is_out =
        (group_regions != terms.groups.end() && !group_regions->second.contains(region)) ||
        (user_regions && !user_regions->contains(region)) ||
        (room_regions != terms.rooms.end() && !room_regions->second.contains(region));
    if (!is_out) {
      result.insert(region);
    }
  }
  return result;
}

Regions Model::effective(const Host& host) const {
  return effective(accounts_.at(host.account).terms, host);
}

JoinAnswer Model::join(const JoinRequest& request) const {
  const Account& account = accounts_.at(request.host.account);
  const Regions allowed = effective(request.host);
  if (request.epoch && *request.epoch < account.epoch) {
    return {403, {}};
  }
  if (!account.terms.signals_anywhere && !allowed.contains(request.arrived_at)) {
    return {403, {}};
  }
  if (request.hint && !allowed.contains(*request.hint)) {
    return {403, {}};
  }
  const double from = regions_.at(request.hint.value_or(request.arrived_at)).position;
  JoinAnswer best{503, {}};
  double distance = INFINITY;
  for (const std::string& name : allowed) {
    const Region& region = regions_.at(name);
    if (!region.is_closed && region.taken < region.seats &&
        std::abs(region.position - from) < distance) {
      distance = std::abs(region.position - from);
      best = {200, name};
    }
  }
  return best;
}

bool Model::may_be_in(const Host& host, const std::string& region) const {
  const Account& account = accounts_.at(host.account);
  return effective(account.terms, host).contains(region) ||
         std::ranges::any_of(account.tolerated, [&](const Terms& terms) {
           return effective(terms, host).contains(region);
         });
}

bool Model::may_leave(const Host& host, const std::string& region, std::int64_t now) const {
  const bool is_everywhere = effective(host).size() == regions_.size();
  const bool has_lease = is_everywhere || !hung_since_ || now < *hung_since_ + kLease;
  return has_lease && may_be_in(host, region);
}

std::uint64_t Model::epoch(const std::string& account) const {
  return accounts_.at(account).epoch;
}

const Terms& Model::terms(const std::string& account) const {
  return accounts_.at(account).terms;
}

// ---- What happens
// --------------------------------------------------------------------------------

bool Model::is_valid(const Terms& terms) const {
  const auto is_within = [&](const Regions& regions, const Regions& parent) {
    return regions.contains(terms.home) && std::ranges::includes(parent, regions);
  };
  for (const auto* level : {&terms.groups, &terms.rooms}) {
    for (const auto& [name, regions] : *level) {
      if (!is_within(regions, terms.opted_in)) {
        return false;
      }
    }
  }
  for (const auto& [name, user] : terms.users) {
    const auto group = terms.groups.find(user.group);
    const Regions& parent = group != terms.groups.end() ? group->second : terms.opted_in;
    if (user.regions && !is_within(*user.regions, parent)) {
      return false;
    }
  }
  return terms.opted_in.contains(terms.home) &&
         std::ranges::all_of(terms.opted_in,
                             [&](const std::string& name) { return regions_.contains(name); });
}

bool Model::change(const std::string& name, const Terms& terms, std::uint64_t expected, Way way) {
  Account& account = accounts_.at(name);
  if (expected != account.epoch || terms.home != account.terms.home || !is_valid(terms)) {
    return false;
  }
  if (terms == account.terms) {
    return true;  // nothing changes, not even the number
  }
  if (way == Way::kGracefully) {
    account.tolerated.push_back(account.terms);
  } else {
    account.tolerated.clear();
  }
  account.terms = terms;
  ++account.epoch;
  return true;
}

void Model::end_grace(const std::string& account) {
  accounts_.at(account).tolerated.clear();
}

}  // namespace meridian::sim::law
