#include "rooms/agent_hub.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "api/jwt.hpp"
#include "directory/memory_directory.hpp"

namespace meridian::rooms {
namespace {

using meeting::RoomEventKind;
using meeting::SignalSessionId;

const RegionId kLondon("uk-london");
const RegionId kVirginia("us-east");
const AccountId kAcme("acme");

class AgentHubTest : public testing::Test {
 protected:
  static directory::Contents contents() {
    directory::Contents contents;
    for (const RegionId& id : {kLondon, kVirginia}) {
      contents.regions.push_back(
          {.id = id, .name = "", .jurisdictions = {}, .coordinates = {}, .url = ""});
    }
    residency::AccountPolicy::Terms terms;
    terms.account = kAcme;
    terms.default_region = kLondon;
    terms.opted_in = {kLondon, kVirginia};
    terms.levels.rooms["board"] = {kLondon};
    contents.accounts = {{"Acme", residency::AccountPolicy(terms, PolicyEpoch(1))}};
    contents.keys = {{"key", "secret", kAcme}};
    return contents;
  }

  /// A registered worker.
  SignalSessionId worker(const std::string& agent_name = {}, const RegionId& region = kLondon,
                         livekit::JobType type = livekit::JT_ROOM,
                         const AccountId& account = kAcme) {
    const SignalSessionId session(++last_session_);
    EXPECT_TRUE(
        hub_.open(session, {.account = account, .api_key = "key", .claims = {}}, region, now_));
    livekit::WorkerMessage message;
    message.mutable_register_()->set_type(type);
    message.mutable_register_()->set_agent_name(agent_name);
    hub_.handle(session, message, now_);
    EXPECT_TRUE(last(session).has_register_());
    return session;
  }
  void happens(RoomEventKind kind, const std::string& room = "standup",
               const std::string& participant = {}) {
    meeting::RoomEvent event{
        .kind = kind, .account = kAcme, .levels = {}, .at = now_.wall, .room = {}};
    event.levels.room = room;
    event.room.set_name(room);
    if (!participant.empty()) {
      event.participant.emplace().set_sid("PA_" + participant);
      event.participant->set_identity(participant);
    }
    hub_.handle(event, now_);
  }
  void answer(SignalSessionId session, const std::string& job, bool available) {
    livekit::WorkerMessage message;
    message.mutable_availability()->set_job_id(job);
    message.mutable_availability()->set_available(available);
    hub_.handle(session, message, now_);
  }
  /// Time passes; whatever is due happens when it is due.
  void pass(Duration time) {
    const Instant end = now_.monotonic + time;
    for (Instant next = hub_.next_timeout(); next <= end; next = hub_.next_timeout()) {
      now_.monotonic = std::max(now_.monotonic, next);
      hub_.handle_timeout(now_);
      ASSERT_GT(hub_.next_timeout(), now_.monotonic) << "a timeout that never ends";
    }
    now_.monotonic = end;
  }
  /// What came to a session since last asked.
  std::vector<livekit::ServerMessage> take(SignalSessionId session) {
    for (auto& output : hub_.take_outputs()) {
      waiting_[output.session].push_back(output.message);
      if (output.closes) {
        closed_.push_back(output.session);
      }
    }
    return std::exchange(waiting_[session], {});
  }
  livekit::ServerMessage last(SignalSessionId session) {
    auto messages = take(session);
    return messages.empty() ? livekit::ServerMessage() : messages.back();
  }
  AgentHub::Place place(const std::string& room = "standup") {
    AgentHub::Place place{.account = kAcme, .levels = {}, .room = {}};
    place.levels.room = room;
    place.room.set_name(room);
    return place;
  }
  std::optional<livekit::AgentDispatch> dispatch(const std::string& agent,
                                                 const std::string& room = "standup") {
    livekit::CreateAgentDispatchRequest wanted;
    wanted.set_agent_name(agent);
    wanted.set_metadata("task");
    return hub_.dispatch(place(room), wanted, now_);
  }

  Now now_{Instant::from_origin(1000s), UnixTime::from_seconds(1'700'000'000)};
  directory::MemoryDirectory directory_{contents()};
  SeededRandomSource random_{3};
  std::set<std::string> connected_;
  AgentHub hub_{
      {.directory = directory_,
       .random = random_,
       .node_id = "ND_test",
       .is_connected = [this](const AccountId&, const std::string&, const std::string& identity) {
         return connected_.contains(identity);
       }}};
  std::uint64_t last_session_ = 0;
  std::map<SignalSessionId, std::vector<livekit::ServerMessage>> waiting_;
  std::vector<SignalSessionId> closed_;
};

TEST_F(AgentHubTest, a_room_gets_an_agent_with_a_token_for_it) {
  const auto session = worker();
  EXPECT_TRUE(hub_.wants(kAcme));
  EXPECT_FALSE(hub_.wants(AccountId("other")));
  happens(RoomEventKind::kRoomStarted);
  const auto asked = last(session);
  ASSERT_TRUE(asked.has_availability());
  EXPECT_EQ(asked.availability().job().room().name(), "standup");
  const std::string job = asked.availability().job().id();
  EXPECT_TRUE(job.starts_with("AJ_"));
  answer(session, job, true);
  const auto assigned = last(session);
  ASSERT_TRUE(assigned.has_assignment());
  const auto caller = api::authenticate(directory_, {}, assigned.assignment().token(), now_.wall);
  ASSERT_TRUE(caller) << caller.error().text;
  EXPECT_EQ(caller->claims.kind, api::ParticipantKind::kAgent);
  EXPECT_EQ(caller->claims.identity, "agent-" + job);
  EXPECT_EQ(caller->claims.video->room, "standup");
  EXPECT_TRUE(caller->claims.video->room_join);
  EXPECT_TRUE(caller->claims.video->can_publish());
  EXPECT_EQ(assigned.assignment().job().state().status(), livekit::JS_RUNNING);
  EXPECT_EQ(hub_.counters().assigned, 1U);
  happens(RoomEventKind::kRoomFinished);
  EXPECT_EQ(last(session).termination().job_id(), job);
}

TEST_F(AgentHubTest, an_agents_token_holds_all_that_its_worker_may_do_and_no_more) {
  const SignalSessionId session(++last_session_);
  EXPECT_TRUE(
      hub_.open(session, {.account = kAcme, .api_key = "key", .claims = {}}, kLondon, now_));
  livekit::WorkerMessage message;
  livekit::ParticipantPermission& allowed =
      *message.mutable_register_()->mutable_allowed_permissions();
  allowed.set_can_publish(true);
  allowed.set_can_subscribe(true);
  allowed.set_hidden(true);
  allowed.add_can_publish_sources(livekit::MICROPHONE);
  hub_.handle(session, message, now_);
  happens(RoomEventKind::kRoomStarted);
  answer(session, last(session).availability().job().id(), true);
  const auto caller =
      api::authenticate(directory_, {}, last(session).assignment().token(), now_.wall);
  ASSERT_TRUE(caller) << caller.error().text;
  const api::VideoGrant& video = *caller->claims.video;
  EXPECT_TRUE(video.agent);
  EXPECT_TRUE(video.hidden);
  EXPECT_TRUE(video.can_subscribe());
  EXPECT_FALSE(video.can_publish_data());
  EXPECT_TRUE(video.can_publish(api::TrackSource::kMicrophone));
  EXPECT_FALSE(video.can_publish(api::TrackSource::kCamera));
}

TEST_F(AgentHubTest, who_refuses_or_is_silent_makes_room_for_the_next) {
  const auto first = worker();
  const auto second = worker();
  happens(RoomEventKind::kRoomStarted);
  const auto asked = last(first);
  ASSERT_TRUE(asked.has_availability());
  const std::string job = asked.availability().job().id();
  EXPECT_TRUE(take(second).empty());
  answer(first, job, false);
  EXPECT_EQ(last(second).availability().job().id(), job);
  answer(first, job, true);
  EXPECT_TRUE(take(first).empty()) << "it was not asked any more";
  EXPECT_EQ(hub_.next_timeout(), now_.monotonic + AgentHub::kAvailabilityTimeout);
  now_.monotonic = now_.monotonic + AgentHub::kAvailabilityTimeout;
  hub_.handle_timeout(now_);
  EXPECT_EQ(hub_.counters().unserved, 1U);
  answer(second, job, true);
  EXPECT_TRUE(take(second).empty());
}

TEST_F(AgentHubTest, a_worker_gets_no_job_where_the_policy_excludes_its_region) {
  const auto abroad = worker({}, kVirginia);
  happens(RoomEventKind::kRoomStarted, "board");
  EXPECT_TRUE(take(abroad).empty());
  const auto home = worker();
  happens(RoomEventKind::kRoomFinished, "board");
  happens(RoomEventKind::kRoomStarted, "board");
  EXPECT_TRUE(last(home).has_availability());
  happens(RoomEventKind::kRoomStarted, "standup");
  EXPECT_FALSE(take(abroad).empty() && take(home).empty());
}

TEST_F(AgentHubTest, a_region_that_is_opted_out_meanwhile_gets_no_token) {
  const auto abroad = worker({}, kVirginia);
  happens(RoomEventKind::kRoomStarted);
  const std::string job = last(abroad).availability().job().id();
  auto terms = directory_.find_account(kAcme)->policy.terms();
  terms.opted_in = {kLondon};
  ASSERT_TRUE(directory_.change_policy(terms, PolicyEpoch(1), {}, now_.wall));
  answer(abroad, job, true);
  EXPECT_TRUE(take(abroad).empty());
  EXPECT_EQ(hub_.counters().failed, 1U);
}

TEST_F(AgentHubTest, named_agents_come_when_they_are_dispatched) {
  const auto scribe = worker("scribe");
  happens(RoomEventKind::kRoomStarted);
  EXPECT_TRUE(take(scribe).empty());
  const auto made = dispatch("scribe");
  ASSERT_TRUE(made);
  EXPECT_TRUE(made->id().starts_with("AD_"));
  const auto asked = last(scribe);
  EXPECT_EQ(asked.availability().job().metadata(), "task");
  EXPECT_EQ(asked.availability().job().dispatch_id(), made->id());
  answer(scribe, asked.availability().job().id(), true);
  EXPECT_TRUE(last(scribe).has_assignment());
  const auto listed = hub_.dispatches(kAcme, "standup", {});
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_EQ(listed[0].state().jobs(0).state().status(), livekit::JS_RUNNING);
  EXPECT_TRUE(hub_.dispatches(AccountId("other"), "standup", {}).empty());
  EXPECT_FALSE(hub_.remove_dispatch(AccountId("other"), "standup", made->id(), now_));
  ASSERT_TRUE(hub_.remove_dispatch(kAcme, "standup", made->id(), now_));
  EXPECT_TRUE(last(scribe).has_termination());
  EXPECT_TRUE(hub_.dispatches(kAcme, "standup", {}).empty());
}

TEST_F(AgentHubTest, publishers_and_participants_have_agents_of_their_own) {
  const auto publisher = worker({}, kLondon, livekit::JT_PUBLISHER);
  const auto participant = worker({}, kLondon, livekit::JT_PARTICIPANT);
  happens(RoomEventKind::kRoomStarted);
  happens(RoomEventKind::kParticipantJoined, "standup", "ann");
  const auto asked = last(participant);
  EXPECT_EQ(asked.availability().job().participant().identity(), "ann");
  answer(participant, asked.availability().job().id(), true);
  take(participant);
  EXPECT_TRUE(take(publisher).empty());
  happens(RoomEventKind::kTrackPublished, "standup", "ann");
  EXPECT_EQ(last(publisher).availability().job().type(), livekit::JT_PUBLISHER);
  happens(RoomEventKind::kTrackPublished, "standup", "ann");
  EXPECT_TRUE(take(publisher).empty()) << "once for each publisher";
  happens(RoomEventKind::kParticipantLeft, "standup", "ann");
  EXPECT_TRUE(last(participant).has_termination());
}

TEST_F(AgentHubTest, jobs_end_with_what_the_worker_says) {
  const auto session = worker();
  happens(RoomEventKind::kRoomStarted, "a");
  const std::string first = last(session).availability().job().id();
  answer(session, first, true);
  take(session);
  livekit::WorkerMessage done;
  done.mutable_update_job()->set_job_id(first);
  done.mutable_update_job()->set_status(livekit::JS_SUCCESS);
  hub_.handle(session, done, now_);
  happens(RoomEventKind::kRoomFinished, "a");
  EXPECT_TRUE(take(session).empty()) << "it was over";
  hub_.close(session, now_);
  EXPECT_EQ(hub_.counters().failed, 0U);
  EXPECT_EQ(hub_.counters().workers_now, 0U);
  EXPECT_TRUE(hub_.next_timeout().is_never());
}

TEST_F(AgentHubTest, a_job_whose_worker_goes_away_is_taken_over_by_another) {
  const auto first = worker();
  happens(RoomEventKind::kRoomStarted);
  const std::string job = last(first).availability().job().id();
  answer(first, job, true);
  EXPECT_FALSE(last(first).assignment().token().empty());
  const auto second = worker();
  hub_.close(first, now_);
  EXPECT_TRUE(take(second).empty()) << "its agent may go on without it";
  pass(AgentHub::kRestartCheck);
  const auto asked = last(second);
  ASSERT_TRUE(asked.has_availability());
  EXPECT_EQ(asked.availability().job().id(), job);
  EXPECT_TRUE(asked.availability().resuming());
  answer(second, job, true);
  const auto assigned = last(second);
  ASSERT_TRUE(assigned.has_assignment());
  EXPECT_EQ(assigned.assignment().job().state().participant_identity(), "agent-" + job)
      << "it takes the place of what is left of the other";
  EXPECT_EQ(assigned.assignment().job().state().status(), livekit::JS_RUNNING);
  EXPECT_TRUE(assigned.assignment().job().state().error().empty());
  EXPECT_EQ(hub_.counters().restarted, 1U);
  EXPECT_EQ(hub_.counters().failed, 0U);
  happens(RoomEventKind::kRoomFinished);
  EXPECT_EQ(last(second).termination().job_id(), job);
}

TEST_F(AgentHubTest, an_agent_that_goes_on_without_its_worker_is_left_alone) {
  const auto first = worker();
  happens(RoomEventKind::kRoomStarted);
  const std::string job = last(first).availability().job().id();
  answer(first, job, true);
  const auto second = worker();
  connected_.insert("agent-" + job);
  hub_.close(first, now_);
  for (int i = 0; i < 100; ++i) {
    pass(AgentHub::kRestartCheck);
  }
  EXPECT_TRUE(take(second).empty());
  EXPECT_EQ(hub_.counters().failed, 0U);
  connected_.clear();
  pass(AgentHub::kRestartCheck);
  EXPECT_EQ(last(second).availability().job().id(), job);
}

TEST_F(AgentHubTest, a_job_without_a_worker_waits_for_one_but_not_for_ever) {
  for (const bool comes : {true, false}) {
    const auto session = worker();
    const std::string room = comes ? "a" : "b";
    happens(RoomEventKind::kRoomStarted, room);
    const std::string job = last(session).availability().job().id();
    answer(session, job, true);
    hub_.close(session, now_);
    pass(30s);
    if (comes) {
      const auto again = worker();
      pass(AgentHub::kRestartCheck);
      EXPECT_EQ(last(again).availability().job().id(), job);
      answer(again, job, false);
      pass(AgentHub::kRestartCheck);
      EXPECT_EQ(last(again).availability().job().id(), job) << "it is asked once more";
      answer(again, job, true);
      happens(RoomEventKind::kRoomFinished, room);
      hub_.close(again, now_);
    } else {
      pass(AgentHub::kRestartPatience);
      EXPECT_EQ(hub_.counters().failed, 1U);
      EXPECT_TRUE(hub_.next_timeout().is_never());
      const auto late = worker();
      pass(AgentHub::kRestartPatience);
      EXPECT_TRUE(take(late).empty());
    }
  }
}

TEST_F(AgentHubTest, a_job_is_restarted_only_so_often) {
  auto session = worker();
  happens(RoomEventKind::kRoomStarted);
  const std::string job = last(session).availability().job().id();
  answer(session, job, true);
  for (unsigned i = 0; i < AgentHub::kMaxRestarts; ++i) {
    hub_.close(session, now_);
    session = worker();
    pass(AgentHub::kRestartCheck);
    ASSERT_EQ(last(session).availability().job().id(), job) << i;
    answer(session, job, true);
    take(session);
  }
  EXPECT_EQ(hub_.counters().restarted, AgentHub::kMaxRestarts);
  hub_.close(session, now_);
  EXPECT_EQ(hub_.counters().failed, 1U);
}

TEST_F(AgentHubTest, a_dispatch_may_say_that_its_jobs_are_never_restarted) {
  const auto session = worker("scribe");
  livekit::CreateAgentDispatchRequest wanted;
  wanted.set_agent_name("scribe");
  wanted.set_restart_policy(livekit::JRP_NEVER);
  ASSERT_TRUE(hub_.dispatch(place(), wanted, now_));
  answer(session, last(session).availability().job().id(), true);
  hub_.close(session, now_);
  EXPECT_EQ(hub_.counters().failed, 1U);
  const auto next = worker("scribe");
  pass(AgentHub::kRestartPatience);
  EXPECT_TRUE(take(next).empty());
}

TEST_F(AgentHubTest, a_job_that_waits_for_a_worker_ends_with_its_room) {
  const auto session = worker();
  happens(RoomEventKind::kRoomStarted);
  answer(session, last(session).availability().job().id(), true);
  hub_.close(session, now_);
  happens(RoomEventKind::kRoomFinished);
  EXPECT_TRUE(hub_.next_timeout().is_never());
  EXPECT_EQ(hub_.counters().failed, 0U);
}

TEST_F(AgentHubTest, full_workers_are_left_alone) {
  const auto session = worker();
  livekit::WorkerMessage status;
  status.mutable_update_worker()->set_status(livekit::WS_FULL);
  hub_.handle(session, status, now_);
  happens(RoomEventKind::kRoomStarted);
  EXPECT_TRUE(take(session).empty());
  EXPECT_EQ(hub_.counters().unserved, 1U);
}

TEST_F(AgentHubTest, answers_pings_and_closes_who_never_registers) {
  const auto session = worker();
  livekit::WorkerMessage ping;
  ping.mutable_ping()->set_timestamp(5);
  hub_.handle(session, ping, now_);
  EXPECT_EQ(last(session).pong().last_timestamp(), 5);
  const SignalSessionId silent(99);
  ASSERT_TRUE(hub_.open(silent, {.account = kAcme, .api_key = "key", .claims = {}}, kLondon, now_));
  now_.monotonic = now_.monotonic + AgentHub::kRegistrationTimeout;
  hub_.handle_timeout(now_);
  take(silent);
  ASSERT_EQ(closed_.size(), 1U);
  EXPECT_EQ(closed_[0], silent);
}

TEST_F(AgentHubTest, dispatches_of_a_room_are_bounded) {
  for (std::size_t i = 0; i < AgentHub::kMaxDispatches; ++i) {
    ASSERT_TRUE(dispatch("nobody"));
  }
  EXPECT_FALSE(dispatch("nobody"));
}

}  // namespace
}  // namespace meridian::rooms
