#include "node/control.hpp"
#include "residency/lease.hpp"
#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

using directory::PolicyError;

const AccountId kAcme{"acme"};

class ControlChangeTest : public ControlTest {
 protected:
  api::ChangeRequest request(residency::RegionSet opted_in, PolicyEpoch expected = PolicyEpoch(1)) {
    api::ChangeRequest change;
    change.terms = acme_terms();
    change.terms.opted_in = std::move(opted_in);
    change.expected = expected;
    change.author = {.actor = "test", .reason = "a test"};
    return change;
  }
  PolicyEpoch change(api::ChangeRequest wanted) {
    commands_.clear();
    const auto epoch = control_->begin_change(std::move(wanted), now_);
    EXPECT_TRUE(epoch.has_value());
    drain();
    return epoch.value_or(PolicyEpoch());
  }
  const api::ChangeOutcome& outcome(PolicyEpoch epoch) const {
    const api::ChangeOutcome* found = control_->find_change(kAcme, epoch);
    EXPECT_NE(found, nullptr);
    return *found;
  }
  void apply(WorkerIndex worker) {
    control_->handle_event(worker, forward::PolicyApplied{policy_.load()}, now_);
    drain();
  }
  void pass(Duration duration) {
    const Instant end = now_.monotonic + duration;
    while (control_->next_timeout() < end) {
      const Instant next = std::max(control_->next_timeout(), now_.monotonic);
      now_.wall = now_.wall + (next - now_.monotonic);
      now_.monotonic = next;
      control_->handle_timeout(now_);
      drain();
    }
    now_.wall = now_.wall + (end - now_.monotonic);
    now_.monotonic = end;
  }
  /// Others take what is left of London's pool.
  void fill_london() {
    for (const char* room : {"a", "b"}) {
      for (const char* identity : {"1", "2", "3"}) {
        (void)open({.account = "uk-only", .room = room, .identity = identity}, join_request());
      }
    }
  }
  /// The worker of the region, as the fixture numbers them.
  static constexpr WorkerIndex kInLondon{0};
  static constexpr WorkerIndex kInVirginia{1};
};

TEST_F(ControlChangeTest, opts_a_region_out_while_meetings_run) {
  const SignalSessionId alice = join({});
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  ASSERT_EQ(last(bob, Response::kJoin)->join().server_info().region(), "us-east");
  (void)control_->take_audit_lines();
  const std::uint64_t before = policy_.load();
  EXPECT_EQ(change(request({kLondon})), PolicyEpoch(2));
  EXPECT_GT(policy_.load(), before);
  ASSERT_FALSE(commands_.empty());
  EXPECT_TRUE(std::holds_alternative<forward::ApplyPolicy>(commands_[0].second));
  EXPECT_EQ(commands<forward::ApplyPolicy>().size(), 2U);
  EXPECT_TRUE(is_closed(bob));
  EXPECT_EQ(last(bob, Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_FALSE(is_closed(alice));
  const auto lines = control_->take_audit_lines();
  ASSERT_GE(lines.size(), 3U);
  EXPECT_TRUE(lines[0].contains("policy_changed"));
  EXPECT_TRUE(lines[0].contains("commitment"));
  EXPECT_TRUE(lines[1].contains("policy_loaded"));
  EXPECT_TRUE(lines[2].contains("permit_revoked"));
  EXPECT_TRUE(lines[2].contains("us-east"));
  EXPECT_EQ(open({.identity = "bob", .at = kVirginia}, join_request()).error().status, 403U);
}

TEST_F(ControlChangeTest, is_finished_when_the_workers_of_the_region_are_dry) {
  join({});
  join({.identity = "bob", .at = kVirginia});
  const UnixTime asked = now_.wall;
  const PolicyEpoch epoch = change(request({kLondon}));
  EXPECT_FALSE(outcome(epoch).is_finished);
  EXPECT_EQ(outcome(epoch).revoked_at, asked);
  apply(kInLondon);  // nobody waits for that one
  EXPECT_FALSE(outcome(epoch).is_finished);
  pass(40ms);
  control_->handle_event(kInVirginia, forward::PolicyApplied{policy_.load() - 1},
                         now_);  // an older
  EXPECT_FALSE(outcome(epoch).is_finished);
  apply(kInVirginia);
  const api::ChangeOutcome& done = outcome(epoch);
  EXPECT_TRUE(done.is_finished);
  EXPECT_EQ(done.requested_at, asked);
  EXPECT_EQ(done.dry_at, asked + 40ms);
  ASSERT_EQ(done.moved.size(), 1U);
  EXPECT_EQ(done.moved[0].from, kVirginia);
  EXPECT_TRUE(done.moved[0].told);
  EXPECT_TRUE(done.failed.empty());
  EXPECT_TRUE(done.covered_by_lease.empty());
}

TEST_F(ControlChangeTest, a_worker_that_says_nothing_is_covered_by_the_lease) {
  join({.identity = "bob", .at = kVirginia});
  const PolicyEpoch epoch = change(request({kLondon}));
  pass(residency::Lease::kTerm - 1ms);
  EXPECT_FALSE(outcome(epoch).is_finished);
  pass(2ms);
  EXPECT_TRUE(outcome(epoch).is_finished);
  EXPECT_EQ(outcome(epoch).covered_by_lease, std::vector{kVirginia});
}

TEST_F(ControlChangeTest, a_change_that_takes_nothing_is_dry_at_once) {
  EXPECT_FALSE(outcome(change(request({kLondon}))).is_finished);
  apply(kInVirginia);
  const PolicyEpoch epoch = change(request({kLondon, kVirginia}, PolicyEpoch(2)));
  EXPECT_TRUE(outcome(epoch).is_finished);
  EXPECT_TRUE(outcome(epoch).moved.empty());
  const PolicyEpoch same = change(request({kLondon, kVirginia}, epoch));
  EXPECT_EQ(same, epoch);
  EXPECT_TRUE(outcome(same).is_finished);
}

TEST_F(ControlChangeTest, names_who_cannot_come_back_anywhere) {
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  fill_london();
  const PolicyEpoch epoch = change(request({kLondon}));
  EXPECT_TRUE(is_closed(bob));
  EXPECT_TRUE(outcome(epoch).moved.empty());
  ASSERT_EQ(outcome(epoch).failed.size(), 1U);
  EXPECT_EQ(outcome(epoch).failed[0].reason, "region_unavailable");
}

TEST_F(ControlChangeTest, lists_clients_that_go_on_sending) {
  join({.identity = "bob", .at = kVirginia});
  const auto opened = commands<forward::OpenTransport>();
  ASSERT_EQ(opened.size(), 1U);
  const TransportId transport = opened[0].second->transport;
  const PolicyEpoch epoch = change(request({kLondon}));
  apply(kInVirginia);
  EXPECT_TRUE(outcome(epoch).still_sending.empty());
  control_->handle_event(kInVirginia, forward::StillSending{transport, 10, 1000}, now_);
  control_->handle_event(kInVirginia, forward::StillSending{transport, 15, 1500}, now_);
  control_->handle_event(kInVirginia, forward::StillSending{TransportId(99), 1, 1}, now_);
  ASSERT_EQ(outcome(epoch).still_sending.size(), 1U);
  EXPECT_EQ(outcome(epoch).still_sending[0].datagrams, 15U);
  EXPECT_EQ(outcome(epoch).still_sending[0].bytes, 1500U);
  EXPECT_EQ(outcome(epoch).still_sending[0].participant_sid,
            outcome(epoch).moved[0].participant_sid);
}

TEST_F(ControlChangeTest, refuses_what_the_directory_refuses) {
  EXPECT_EQ(control_->begin_change(request({kVirginia}), now_).error(),
            PolicyError::kDefaultRegionLocked);
  EXPECT_EQ(control_->begin_change(request({kLondon}, PolicyEpoch(9)), now_).error(),
            PolicyError::kStaleEpoch);
  EXPECT_EQ(control_->preview_change(request({kVirginia})).error(),
            PolicyError::kDefaultRegionLocked);
}

// ---- Before and instead

TEST_F(ControlChangeTest, a_dry_run_says_who_would_move_and_changes_nothing) {
  join({});
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  const auto preview = control_->preview_change(request({kLondon}));
  ASSERT_TRUE(preview.has_value());
  ASSERT_EQ(preview->would_move.size(), 1U);
  EXPECT_EQ(preview->would_move[0].from, kVirginia);
  EXPECT_EQ(preview->would_move[0].to, kLondon);
  EXPECT_TRUE(preview->would_refuse.empty());
  drain();
  EXPECT_FALSE(is_closed(bob));
  EXPECT_EQ(control_->find_change(kAcme, PolicyEpoch(2)), nullptr);
  fill_london();
  const auto full = control_->preview_change(request({kLondon}));
  ASSERT_EQ(full->would_refuse.size(), 1U);
  EXPECT_EQ(full->would_refuse[0].reason, "region_unavailable");
}

TEST_F(ControlChangeTest, gracefully_people_are_asked_first_and_their_media_goes_on) {
  join({});
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  api::ChangeRequest wanted = request({kLondon});
  wanted.mode = api::ChangeMode::kGraceful;
  wanted.grace = 10s;
  const PolicyEpoch epoch = change(std::move(wanted));
  EXPECT_EQ(last(bob, Response::kLeave)->leave().action(), livekit::LeaveRequest::RECONNECT);
  EXPECT_FALSE(is_closed(bob));
  EXPECT_FALSE(outcome(epoch).revoked_at.has_value());
  EXPECT_EQ(open({.identity = "carol", .at = kVirginia}, join_request()).error().status, 403U);
  // He comes back in London, and nobody is left.
  pass(1s);
  const SignalSessionId again = join({.identity = "bob"});
  EXPECT_EQ(last(again, Response::kJoin)->join().server_info().region(), "uk-london");
  pass(200ms);
  EXPECT_TRUE(outcome(epoch).revoked_at.has_value());
  apply(kInVirginia);
  EXPECT_TRUE(outcome(epoch).is_finished);
  EXPECT_TRUE(outcome(epoch).moved.empty());  // nobody had to be closed
}

TEST_F(ControlChangeTest, gracefully_people_are_asked_a_few_at_a_time) {
  std::vector<SignalSessionId> people;
  for (const char* room : {"a", "b"}) {
    for (const char* identity : {"1", "2"}) {
      people.push_back(join({.room = room, .identity = identity, .at = kVirginia}));
    }
  }
  const auto asked = [&] {
    return std::ranges::count_if(people, [&](SignalSessionId session) {
      return last(session, Response::kLeave).has_value();
    });
  };
  api::ChangeRequest wanted = request({kLondon});
  wanted.mode = api::ChangeMode::kGraceful;
  wanted.grace = 10s;
  change(std::move(wanted));
  EXPECT_EQ(asked(), 3);
  pass(150ms);
  EXPECT_EQ(asked(), 4);
}

TEST_F(ControlChangeTest, when_the_grace_is_over_those_who_stayed_are_closed) {
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  api::ChangeRequest wanted = request({kLondon});
  wanted.mode = api::ChangeMode::kGraceful;
  wanted.grace = 10s;
  const PolicyEpoch epoch = change(std::move(wanted));
  pass(9900ms);
  EXPECT_FALSE(is_closed(bob));
  pass(200ms);
  EXPECT_TRUE(is_closed(bob));
  EXPECT_EQ(outcome(epoch).moved.size(), 1U);
}

TEST_F(ControlChangeTest, an_immediate_change_ends_the_grace_of_an_earlier_one) {
  const SignalSessionId bob = join({.identity = "bob", .at = kVirginia});
  api::ChangeRequest wanted = request({kLondon});
  wanted.mode = api::ChangeMode::kGraceful;
  const PolicyEpoch first = change(std::move(wanted));
  api::ChangeRequest stricter = request({kLondon}, first);
  stricter.terms.evidence = residency::Evidence::kRequired;
  const PolicyEpoch second = change(std::move(stricter));
  EXPECT_TRUE(is_closed(bob));
  apply(kInVirginia);
  EXPECT_TRUE(outcome(first).is_finished);
  EXPECT_TRUE(outcome(second).is_finished);
  EXPECT_EQ(outcome(second).moved.size(), 1U);
}

}  // namespace
}  // namespace meridian::node
