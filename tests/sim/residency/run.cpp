#include "sim/residency/run.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "config/config.hpp"

/// Time and people; what must hold is in check.cpp.
namespace meridian::sim::law {
namespace {

constexpr int kMaxStepsWithoutTime = 100'000;
constexpr Duration kComeBackAfter = 60ms;
constexpr int kActionReconnect = 2;
/// After the end: for the last reports of relays.
constexpr Duration kAftermath = 4s;

residency::RegionSet to_regions(const Regions& names) {
  residency::RegionSet regions;
  for (const std::string& name : names) {
    regions.insert(RegionId(name));
  }
  return regions;
}

residency::AccountPolicy::Terms to_terms(const std::string& account, const Terms& terms) {
  residency::AccountPolicy::Terms result;
  result.account = AccountId(account);
  result.default_region = RegionId(terms.home);
  result.opted_in = to_regions(terms.opted_in);
  result.signalling_scope = terms.signals_anywhere ? residency::SignallingScope::kAny
                                                   : residency::SignallingScope::kPermittedOnly;
  for (const auto& [name, regions] : terms.groups) {
    result.levels.groups[name] = to_regions(regions);
  }
  for (const auto& [name, regions] : terms.rooms) {
    result.levels.rooms[name] = to_regions(regions);
  }
  for (const auto& [name, user] : terms.users) {
    auto& setting = result.levels.users[name];
    setting.group = user.group;
    if (user.regions) {
      setting.regions = to_regions(*user.regions);
    }
  }
  return result;
}

test::LivekitSettings settings_of(const PersonPlan& person, std::optional<std::uint64_t> epoch) {
  test::LivekitSettings settings;
  settings.identity = person.identity;
  settings.room = person.host.room;
  settings.api_key = person.host.account + "key";
  settings.api_secret = person.host.account + "-secret-that-is-long-enough-for-anybody";
  settings.check_interval = 700ms;
  settings.routing_claim = R"({"group":")" + person.host.group + R"(","user":")" +
                           person.host.user + "\"" +
                           (epoch ? R"(,"epoch":)" + std::to_string(*epoch) : std::string()) + "}";
  return settings;
}

std::string describe(const Host& host) {
  return host.account + "/" + host.group + "/" + host.user + "/" + host.room;
}

}  // namespace

Run::Run(std::uint64_t seed, RunLog::Output output) : plan_(Plan::make(seed)), log_(output) {
  result_.seed = seed;
  const auto loaded = config::parse(plan_.config(), "simulator");
  if (!loaded) {
    for (const config::Problem& problem : loaded.error()) {
      std::fprintf(stderr, "%s\n", problem.to_string().c_str());
    }
  }
  MERIDIAN_CHECK(loaded.has_value());
  for (const RegionPlan& region : plan_.regions) {
    model_.add_region(region.name, region.position, region.seats);
  }
  for (const auto& [id, terms] : plan_.accounts) {
    model_.add_account(id, terms);
  }
  node_ = std::make_unique<SimNode>(loaded->config, seed, now(), *this);
  seats_.resize(plan_.people.size());
  node_->finish_start(now());
}

Run::~Run() = default;

Now Run::now() const {
  return {.monotonic = now_, .wall = UnixTime::from_seconds(1'750'000'000) + (now_ - start_)};
}

void Run::fault(const std::string& text) {
  if (result_.faults.size() < kMaxFaults) {
    result_.faults.push_back(text);
    log("FAULT " + text);
  }
}

Result Run::run() {
  for (const Step& step : plan_.steps) {
    queue_.at(start_ + step.at, [this, &step] { take(step); });
  }
  queue_.at(start_ + Plan::kQuiet, [this] { recover_all(); });
  queue_.at(start_ + Plan::kEnd, [this] {
    check_hearing();
    for (std::size_t i = 0; i < seats_.size(); ++i) {
      leave(i);
    }
  });
  Instant last = now_;
  int turns = 0;
  const Instant end = start_ + Plan::kEnd + kAftermath;
  while (now_ < end) {
    Instant next = std::min({queue_.next(), node_->next_timeout(), end});
    for (const auto& member : members_) {
      if (!member->is_gone) {
        next = std::min(next, member->client.next_timeout());
      }
    }
    now_ = std::max(now_, next);
    turns = now_ == last ? turns + 1 : 0;
    last = now_;
    if (turns > kMaxStepsWithoutTime) {
      fault("time stands still");
      break;
    }
    turn();
  }
  check_relays();
  result_.log_hash = log_.hash();
  return result_;
}

void Run::turn() {
  if (queue_.next() <= now_) {
    queue_.take()();
  } else {
    if (node_->next_timeout() <= now_) {
      node_->handle_timeout(now());
    }
    for (std::size_t i = 0; i < members_.size(); ++i) {
      Member& member = *members_[i];
      if (!member.is_gone && member.client.next_timeout() <= now_) {
        member.client.handle_timeout(now_);
        pump(member);
      }
    }
  }
  check_changes();
}

void Run::take(const Step& step) {
  switch (step.what) {
    case What::kJoin: {
      const std::uint64_t epoch = model_.epoch(step.join.host.account);
      const std::optional<std::uint64_t> token =
          step.has_epoch ? std::optional(epoch > step.stale ? epoch - step.stale : epoch)
                         : std::nullopt;
      seats_[step.person].is_wanted = true;
      with_control([this, &step, token] { join(step.person, step.join, token); });
      return;
    }
    case What::kLeave:
      return leave(step.person);
    case What::kChange:
      return with_control([this, &step] { change(step); });
    case What::kWorkerFails:
      log("worker " + std::to_string(step.worker) + (step.is_deaf ? " is deaf" : " hangs"));
      return node_->set_worker(WorkerIndex(static_cast<std::uint16_t>(step.worker)),
                               step.is_deaf ? SimNode::Health::kDeaf : SimNode::Health::kHung,
                               now());
    case What::kWorkerRecovers:
      log("worker " + std::to_string(step.worker) + " is well");
      return node_->set_worker(WorkerIndex(static_cast<std::uint16_t>(step.worker)),
                               SimNode::Health::kWell, now());
    case What::kControlHangs:
      log("control hangs");
      model_.hang(milliseconds());
      return node_->set_control(SimNode::Health::kHung, now());
    case What::kControlGoesOn:
      return open_doors();
    case What::kPoolCloses:
    case What::kPoolOpens:
      return with_control([this, &step] { set_pool(step); });
  }
}

/// As an operator does, in the configuration that is then read again.
void Run::set_pool(const Step& step) {
  log(step.region + (step.what == What::kPoolCloses ? " closes" : " opens"));
  if (step.what == What::kPoolCloses) {
    model_.close(step.region);
  } else {
    model_.open(step.region);
  }
  config::Config next;
  for (const std::string& region : model_.region_names()) {
    config::Pool& pool = next.pools.emplace_back();
    pool.region = RegionId(region);
    pool.is_closed = model_.is_closed(region);
  }
  node_->reload_pools(next, now());
}

void Run::open_doors() {
  if (node_->control_health() == SimNode::Health::kWell) {
    return;
  }
  log("control goes on");
  node_->set_control(SimNode::Health::kWell, now());
  if (node_->next_timeout() <= now_) {
    node_->handle_timeout(now());  // the first thing that it does is to renew the lease
  }
  model_.go_on();
  control_well_since_ = now_;
  for (const auto& work : std::exchange(waiting_for_control_, {})) {
    work();
  }
}

void Run::with_control(std::function<void()> work) {
  if (node_->control_health() == SimNode::Health::kWell) {
    work();
  } else {
    waiting_for_control_.push_back(std::move(work));
  }
}

void Run::recover_all() {
  open_doors();
  for (const node::WorkerPlacement& worker : node_->placements()) {
    node_->set_worker(worker.index, SimNode::Health::kWell, now());
  }
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    if (seats_[i].is_wanted && seats_[i].member == nullptr) {
      rejoin(i);
    }
  }
}

// ---- People
// --------------------------------------------------------------------------------------

void Run::join(std::size_t index, JoinRequest request, std::optional<std::uint64_t> token_epoch) {
  Seat& seat = seats_[index];
  const bool is_here = seat.member != nullptr && !seat.member->is_gone;
  if (!seat.is_wanted || is_here) {
    return;
  }
  const PersonPlan& person = plan_.people[index];
  const auto number = static_cast<std::uint32_t>(members_.size() + 1);
  auto owned = std::make_unique<Member>(settings_of(person, token_epoch),
                                        result_.seed * 1000 + number, index, person.host);
  Member& member = *members_.emplace_back(std::move(owned));
  member.address = {IpAddress::v4({203, 0, static_cast<std::uint8_t>(113 + number / 200),
                                   static_cast<std::uint8_t>(1 + number % 200)}),
                    static_cast<std::uint16_t>(40'000 + number)};
  by_address_[member.address] = &member;
  request.epoch = token_epoch;
  const JoinAnswer expected = model_.join(request);
  signalling::HttpRequest upgrade;
  upgrade.method = "GET";
  upgrade.target = member.client.join_target(now().wall);
  if (request.hint) {
    upgrade.target += "&region=" + *request.hint;
  }
  upgrade.remote = member.address;
  upgrade.listener_region = RegionId(request.arrived_at);
  if (expected.status == 200) {
    model_.take_seat(expected.region);
    member.region = expected.region;
  }
  const auto opened = node_->open(upgrade, now());
  const unsigned status = opened ? 200 : opened.error().status;
  const std::string what = person.identity + " of " + describe(person.host) + " at " +
                           request.arrived_at +
                           (request.hint ? " wishing " + *request.hint : std::string());
  log(what + ": " + std::to_string(status) + " " + expected.region);
  if (status != expected.status) {
    fault(what + " got " + std::to_string(status) + ", and not " + std::to_string(expected.status) +
          (opened ? "" : ": " + opened.error().body));
  }
  if (!opened) {
    ++result_.refusals;
    member.is_gone = true;
    if (expected.status == 200) {
      model_.leave_seat(expected.region);
    }
    return;
  }
  ++result_.joins;
  member.joined = now_;
  member.session = *opened;
  member.has_session = true;
  by_session_[*opened] = &member;
  seat.member = &member;
  for (const node::SignalOutput& output : std::exchange(unclaimed_, {})) {
    on_signal(output);
  }
}

/// As a client that was sent away does: at the nearest place that is permitted.
void Run::rejoin(std::size_t person) {
  const Host& host = plan_.people[person].host;
  const Regions allowed = model_.effective(host);
  JoinRequest request;
  request.host = host;
  request.arrived_at = *allowed.rbegin();  // by name, so that it isn't always the home region
  with_control([this, person, request] { join(person, request, std::nullopt); });
}

void Run::leave(std::size_t person) {
  Seat& seat = seats_[person];
  seat.is_wanted = false;
  if (seat.member != nullptr && !seat.member->is_gone) {
    log(plan_.people[person].identity + " leaves");
    seat.member->has_left = true;
    seat.member->client.leave();
    pump(*seat.member);
  }
}

void Run::end(Member& member) {
  member.is_gone = true;
  Seat& seat = seats_[member.person];
  if (seat.member == &member) {
    seat.member = nullptr;
  }
}

void Run::pump(Member& member) {
  while (auto frame = member.client.poll_signal()) {
    queue_.at(now_ + kDelay, [this, &member, frame = std::move(*frame)] {
      with_control([this, &member, frame] {
        if (member.has_session) {
          node_->handle_frame(member.session, frame, now());
        }
      });
    });
  }
  while (auto datagram = member.client.poll_datagram()) {
    const SocketAddress server = *member.client.server_address();
    queue_.at(now_ + kDelay, [this, &member, server, bytes = std::move(datagram->bytes)] {
      node_->handle_datagram(*node_->worker_at(server), bytes, member.address, now());
    });
  }
  if (member.client.is_connected() && !member.has_published && !member.is_gone) {
    member.has_published = true;
    member.client.publish(member.address.port - 40'000U, test::TrackShape::audio());
    pump(member);
  }
}

void Run::on_signal(const node::SignalOutput& output) {
  const auto found = by_session_.find(output.session);
  if (found == by_session_.end()) {
    unclaimed_.push_back(output);
    return;
  }
  Member& member = *found->second;
  if (output.closes && member.has_session) {
    member.has_session = false;
    if (!member.region.empty()) {  // else it should never have got in
      model_.leave_seat(member.region);
    }
    with_control([this, session = output.session] { node_->handle_signal_closed(session, now()); });
  }
  queue_.at(now_ + kDelay, [this, &member, output] {
    if (member.is_gone) {
      return;
    }
    if (!output.frame.empty()) {
      member.client.handle_signal(output.frame, now_);
      if (!member.client.region().empty() && member.client.region() != member.region) {
        fault(member.client.identity() + " was placed in " + member.client.region() +
              ", and not in " + member.region);
      }
      pump(member);
    }
    const auto& leave = member.client.leave_received();
    if (!leave && !output.closes) {
      return;
    }
    const std::size_t person = member.person;
    end(member);
    if (seats_[person].is_wanted) {
      if (!member.has_left && (!leave || leave->action != kActionReconnect)) {
        fault(member.client.identity() + " was thrown out");
      }
      queue_.at(now_ + kComeBackAfter, [this, person] { rejoin(person); });
    }
  });
}

// ---- Changes
// -------------------------------------------------------------------------------------

void Run::change(const Step& step) {
  const std::uint64_t epoch = model_.epoch(step.account);
  const std::uint64_t expected = step.is_stale ? epoch + 1 : epoch;
  const bool is_same = step.terms == model_.terms(step.account);
  const bool is_lawful =
      model_.change(step.account, step.terms, expected,
                    step.is_graceful ? Model::Way::kGracefully : Model::Way::kAtOnce);
  api::ChangeRequest request;
  request.terms = to_terms(step.account, step.terms);
  request.expected = PolicyEpoch(expected);
  request.author = {.actor = "simulator", .reason = "a step"};
  request.mode = step.is_graceful ? api::ChangeMode::kGraceful : api::ChangeMode::kImmediate;
  request.grace = step.grace;
  const auto changed = node_->begin_change(std::move(request), now());
  log(step.account + " changes, " + (changed ? "accepted" : "refused: " + changed.error().message));
  if (changed.has_value() != is_lawful) {
    fault("a change of " + step.account + " was " + (changed ? "accepted" : "refused"));
    return;
  }
  if (!changed || is_same) {
    return;
  }
  ++result_.changes;
  if (changed->value() != model_.epoch(step.account)) {
    fault("the epoch of " + step.account + " is " + std::to_string(changed->value()));
  }
  if (step.is_graceful) {
    graceful_[step.account] = *changed;
  } else {
    graceful_.erase(step.account);
  }
  const Duration grace = step.is_graceful ? step.grace : Duration{};
  pending_.push_back({step.account, *changed, now_ + grace});
  const api::ChangeOutcome* outcome = node_->find_change(AccountId(step.account), *changed);
  if (outcome == nullptr || (!step.is_graceful && !is_anybody_ill() && !outcome->is_finished)) {
    fault("a change of " + step.account + " isn't dry although every worker is well");
  }
}

bool Run::is_anybody_ill() const {
  return std::ranges::any_of(node_->placements(), [this](const node::WorkerPlacement& worker) {
    return node_->health(worker.index) != SimNode::Health::kWell;
  });
}

}  // namespace meridian::sim::law
