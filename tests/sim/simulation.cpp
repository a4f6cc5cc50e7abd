#include "sim/simulation.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "config/config.hpp"

/// Time and people; traffic is in traffic.cpp, what must hold in verdict.cpp.
namespace meridian::sim {
namespace {

/// Of one instant; more is a loop that never ends.
constexpr int kMaxStepsWithoutTime = 100'000;
constexpr Duration kComeBackAfter = 60ms;

test::LivekitSettings settings_of(const PersonPlan& person, const AccountPlan& account) {
  test::LivekitSettings settings;
  settings.identity = person.identity;
  settings.room = person.room;
  settings.api_key = account.id + "key";
  settings.api_secret = account.id + "-secret-that-is-long-enough-for-anybody";
  settings.receiving_sections = 1;  // so that more are asked for
  settings.check_interval = 700ms;
  return settings;
}

/// Small enough that a run takes a moment.
test::TrackShape camera() {
  return {.kind = rtp::MediaKind::kVideo,
          .frame_interval = 50ms,
          .audio_bytes = 0,
          .audio_level = 0,
          .layers = {{"q", 300, 900}, {"h", 1500, 4000}, {"f", 3800, 9000}}};
}

SocketAddress address_of(std::uint32_t member) {
  return {IpAddress::v4({203, 0, 113, static_cast<std::uint8_t>(1 + member)}),
          static_cast<std::uint16_t>(40'000 + member)};
}

residency::RegionSet to_regions(const std::set<std::string>& names) {
  residency::RegionSet regions;
  for (const std::string& name : names) {
    regions.insert(RegionId(name));
  }
  return regions;
}

}  // namespace

Simulation::Member::Member(Simulation& owner, MemberId number, std::size_t person_index,
                           const PersonPlan& person_plan, const AccountPlan& owner_account,
                           std::uint64_t seed)
    : simulation(owner),
      id(number),
      person(person_index),
      plan(person_plan),
      account(owner_account),
      client(settings_of(person_plan, owner_account), seed),
      address(address_of(number.value())),
      up(person_plan.up, seed ^ 0x75),
      down(person_plan.down, seed ^ 0x64) {
  client.set_observer(this);
}

Simulation::Simulation(std::uint64_t seed, RunLog::Output output)
    : seed_(seed), scenario_(Scenario::make(seed)), log_(output) {
  const auto loaded = config::parse(scenario_.config(), "simulator");
  if (!loaded) {
    for (const config::Problem& problem : loaded.error()) {
      std::fprintf(stderr, "%s\n", problem.to_string().c_str());
    }
  }
  MERIDIAN_CHECK(loaded.has_value());
  for (const AccountPlan& account : scenario_.accounts) {
    law_.add_account(account.id, account.home, account.opted_in);
  }
  node_ = std::make_unique<SimNode>(loaded->config, seed, now(), *this);
  for (const node::WorkerPlacement& placement : node_->placements()) {
    for (const SocketAddress& address : placement.advertised) {
      law_.add_address(address, placement.region.value());
    }
  }
  people_.resize(scenario_.people.size());
  node_->finish_start(now());
}

Simulation::~Simulation() = default;

Now Simulation::now() const {
  return {.monotonic = now_, .wall = UnixTime::from_seconds(1'750'000'000) + (now_ - start_)};
}

void Simulation::fault(const std::string& text) {
  if (faults_.size() < kMaxFaults) {
    faults_.push_back(text);
    log("FAULT " + text);
  }
}

RunResult Simulation::run() {
  plan();
  Instant last = now_;
  int steps = 0;
  while (now_ < start_ + Scenario::kEnd) {
    Instant next = std::min(queue_.next(), node_->next_timeout());
    for (const auto& member : members_) {
      if (!member->is_gone) {
        next = std::min(next, member->client.next_timeout());
      }
    }
    now_ = std::max(now_, std::min(next, start_ + Scenario::kEnd));
    steps = now_ == last ? steps + 1 : 0;
    last = now_;
    if (steps > kMaxStepsWithoutTime) {
      fault("time stands still");
      break;
    }
    step();
  }
  for (const auto& member : members_) {
    judge_receptions(*member);
  }
  // What is under way still counts; nobody makes anything new.
  while (!queue_.next().is_never()) {
    now_ = queue_.next();
    queue_.take()();
  }
  return judge();
}

void Simulation::step() {
  if (queue_.next() <= now_) {
    queue_.take()();
    return;
  }
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

void Simulation::plan() {
  for (std::size_t i = 0; i < scenario_.people.size(); ++i) {
    const PersonPlan& person = scenario_.people[i];
    queue_.at(start_ + person.joins, [this, i, &person] { join(i, person.region); });
  }
  for (const ActPlan& act : scenario_.acts) {
    queue_.at(start_ + act.at, [this, &act] { perform(act); });
  }
  for (const PolicyPlan& policy : scenario_.policies) {
    queue_.at(start_ + policy.at, [this, &policy] { change_policy(policy); });
  }
  queue_.at(start_ + Scenario::kHeal, [this] { heal(); });
}

void Simulation::join(std::size_t index, const std::string& region) {
  Person& person = people_[index];
  if (!person.is_staying) {
    return;
  }
  const PersonPlan& plan = scenario_.people[index];
  const AccountPlan& account = scenario_.accounts[plan.account];
  const auto number = static_cast<std::uint32_t>(members_.size() + 1);
  auto member = std::make_unique<Member>(*this, MemberId(number), index, plan, account,
                                         seed_ * 1000 + number);
  signalling::HttpRequest request;
  request.method = "GET";
  request.target = member->client.join_target(now().wall);
  request.remote = member->address;
  request.listener_region = RegionId(region);
  Member& added = *members_.emplace_back(std::move(member));
  by_address_[added.address] = &added;
  const auto opened = node_->open(request, now());
  const bool is_lawful = law_.allows(account.id, region);
  if (!opened) {
    added.is_gone = true;
    log(plan.identity + " is refused by " + region + ": " + std::to_string(opened.error().status));
    if (is_lawful || opened.error().status != 403) {
      fault(plan.identity + " was refused by " + region + ": " + opened.error().body);
      return;
    }
    queue_.at(now_ + kComeBackAfter, [this, index] { come_back_to_allowed(index); });
    return;
  }
  if (!is_lawful) {
    fault(plan.identity + " was let in by " + region + ", against the policy");
  }
  log(plan.identity + " joins through " + region + " as member " + std::to_string(number));
  added.session = *opened;
  added.has_session = true;
  added.joined = now_;
  by_session_[*opened] = &added;
  person.member = &added;
  if (is_healed_) {
    added.up.set_shape({.delay = plan.up.delay});
    added.down.set_shape({.delay = plan.down.delay});
  }
  // What was sent before the session had its number.
  for (const node::SignalOutput& output : std::exchange(unclaimed_, {})) {
    on_signal(output);
  }
}

void Simulation::come_back_to_allowed(std::size_t index) {
  const AccountPlan& account = scenario_.accounts[scenario_.people[index].account];
  // The last one by name, so that it isn't always the home region.
  join(index, *law_.allowed(account.id).rbegin());
}

void Simulation::publish_all(Member& member) {
  member.has_published = true;
  if (member.plan.has_audio) {
    member.audio = next_source_++;
    test::TrackShape microphone = test::TrackShape::audio();
    microphone.speech_frames = 60;  // 1.2 s
    microphone.silent_frames = 35;  // 0.7 s
    member.client.publish(*member.audio, microphone);
  }
  if (member.plan.has_camera) {
    member.camera = next_source_++;
    member.client.publish(*member.camera, camera());
  }
  for (const auto& source : {member.audio, member.camera}) {
    if (source) {
      member.running_since[*source] = now_;
      log(member.plan.identity + " publishes source " + std::to_string(*source));
    }
  }
  pump(member);
}

void Simulation::perform(const ActPlan& act) {
  Person& person = people_[act.person];
  Member* member = person.member;
  if (member == nullptr || member->is_gone || !person.is_staying) {
    return;
  }
  log(member->plan.identity + " " + name_of(act.act));
  switch (act.act) {
    case Act::kMute:
    case Act::kUnmute:
      for (const auto& source : {member->audio, member->camera}) {
        const bool is_muted = act.act == Act::kMute;
        if (source && !member->client.sent().at(*source).sid.empty()) {
          member->client.set_muted(
              *source,
              is_muted ? test::LivekitClient::Muted::kYes : test::LivekitClient::Muted::kNo, now_);
          member->running_since.erase(*source);
          if (!is_muted) {
            member->running_since[*source] = now_;
          }
        }
      }
      break;
    case Act::kLeave:
      person.is_staying = false;
      member->client.leave();
      pump(*member);
      end_member(*member, "left");
      return;
    case Act::kVanish:
      person.is_staying = false;
      end_member(*member, "vanished");
      return;
    case Act::kRestartIce:
      member->client.restart_ice();
      break;
    case Act::kLimitLayers:
    case Act::kUnlimitLayers:
      perform_layers(person, *member, act.act == Act::kLimitLayers);
      break;
    case Act::kUnsubscribe:
    case Act::kResubscribe:
      perform_subscription(person, *member, act.act);
      break;
    case Act::kUnpublish:
      for (const auto& source : {member->audio, member->camera}) {
        if (source) {
          member->client.unpublish(*source);
          member->running_since.erase(*source);
        }
      }
      member->audio.reset();
      member->camera.reset();
      break;
    case Act::kPublish:
      publish_all(*member);
      break;
  }
  pump(*member);
}

void Simulation::perform_layers(Person& person, Member& member, bool is_limited) {
  person.is_limited = is_limited;
  for (const auto& [sid, track] : member.client.remote_tracks()) {
    if (track.kind == rtp::MediaKind::kVideo) {
      member.client.set_max_layer(sid, is_limited ? 0 : 2);
    }
  }
}

void Simulation::perform_subscription(Person& person, Member& member, Act act) {
  if (act == Act::kUnsubscribe && !member.client.remote_tracks().empty()) {
    person.unsubscribed = member.client.remote_tracks().begin()->first;
    member.client.set_subscribed(*person.unsubscribed, test::LivekitClient::Wanted::kNo);
  } else if (act == Act::kResubscribe && person.unsubscribed) {
    member.client.set_subscribed(*person.unsubscribed, test::LivekitClient::Wanted::kYes);
    person.unsubscribed.reset();
  }
}

void Simulation::change_policy(const PolicyPlan& policy) {
  const AccountPlan& account = scenario_.accounts[policy.account];
  std::string regions;
  for (const std::string& region : policy.opted_in) {
    regions += " " + region;
  }
  log(account.id + " opts into" + regions);
  std::set<std::string> effective = policy.opted_in;
  effective.insert(account.home);
  const bool is_change = effective != law_.allowed(account.id);
  // What comes while the call runs is judged by the stricter reading: both must allow it.
  law_.change(account.id, policy.opted_in);
  if (!node_->change_opted_in(AccountId(account.id), RegionId(account.home),
                              to_regions(policy.opted_in), PolicyEpoch(1), now())) {
    fault("the policy of " + account.id + " can't be changed");
  }
  policy_changes_ += is_change ? 1 : 0;
}

void Simulation::heal() {
  log("the network is clean from now on");
  is_healed_ = true;
  for (const auto& member : members_) {
    for (Link* link : {&member->up, &member->down}) {
      link->set_shape({.delay = link->shape().delay});
    }
  }
}

void Simulation::end_member(Member& member, const std::string& why) {
  if (member.is_gone) {
    return;
  }
  log(member.plan.identity + " " + why);
  member.is_gone = true;
  member.ended = ledger_.next_order();
  ledger_.on_closed(member.id, 0);
}

void Simulation::come_back(Member& member) {
  const std::size_t index = member.person;
  end_member(member, "is sent away");
  queue_.at(now_ + kComeBackAfter, [this, index] { come_back_to_allowed(index); });
}

}  // namespace meridian::sim
