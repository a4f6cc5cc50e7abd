#include "node/webhooks.hpp"

#include <algorithm>
#include <set>

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include "api/authenticator.hpp"
#include "api/jwt.hpp"
#include "audit/base64.hpp"
#include "directory/memory_directory.hpp"

namespace meridian::node {
namespace {

const RegionId kLondon("uk-london");
const RegionId kVirginia("us-east");
const AccountId kAcme("acme");

class WebhooksTest : public testing::Test {
 protected:
  WebhooksTest() { configure({receiver("https://hooks.example/a")}); }

  static config::Webhook receiver(const std::string& url, const RegionId& region = kLondon) {
    return {.url = url, .region = region};
  }
  void configure(std::vector<config::Webhook> receivers) {
    config::Account account;
    account.id = kAcme;
    account.webhooks = std::move(receivers);
    webhooks_.configure({account});
  }
  meeting::RoomEvent event(
      const std::string& room = "RM_1",
      meeting::RoomEventKind kind = meeting::RoomEventKind::kParticipantJoined) const {
    meeting::RoomEvent event{
        .kind = kind, .account = kAcme, .levels = {}, .at = now_.wall, .room = {}};
    event.room.set_sid(room);
    event.room.set_name("standup");
    event.participant.emplace().set_identity("alice");
    event.participant->set_sid("PA_1");
    return event;
  }
  std::vector<WebhookPost> posts() { return webhooks_.take_posts(now_); }
  void pass(Duration time) {
    now_.monotonic = now_.monotonic + time;
    now_.wall = now_.wall + time;
  }
  static boost::json::object body(const WebhookPost& post) {
    return boost::json::parse(post.body).as_object();
  }

  static directory::Contents contents() {
    directory::Contents contents;
    contents.regions = {
        {.id = kLondon, .name = "", .jurisdictions = {}, .coordinates = {}, .url = ""},
        {.id = kVirginia, .name = "", .jurisdictions = {}, .coordinates = {}, .url = ""}};
    contents.accounts = {
        {"Acme", residency::AccountPolicy(
                     {.account = kAcme, .default_region = kLondon, .opted_in = {kLondon}},
                     PolicyEpoch(1))}};
    contents.keys = {{"first", "first-secret", kAcme}, {"second", "second-secret", kAcme}};
    return contents;
  }

  Now now_{Instant::from_origin(1000s), UnixTime::from_seconds(1'700'000'000)};
  directory::MemoryDirectory directory_{contents()};
  SeededRandomSource random_{3};
  Webhooks webhooks_{directory_, random_};
};

TEST_F(WebhooksTest, posts_signed_events) {
  webhooks_.add(event(), now_);
  const auto sent = posts();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].url, "https://hooks.example/a");
  EXPECT_EQ(sent[0].headers[0].second, "application/webhook+json");
  const auto object = body(sent[0]);
  EXPECT_EQ(object.at("event").as_string(), "participant_joined");
  EXPECT_EQ(object.at("createdAt").as_string(), "1700000000");
  EXPECT_EQ(object.at("room").at("name").as_string(), "standup");
  EXPECT_EQ(object.at("participant").at("identity").as_string(), "alice");
  EXPECT_TRUE(object.at("id").as_string().starts_with("EV_"));
  EXPECT_FALSE(object.contains("numDropped"));
  const auto caller = api::authenticate(directory_, {}, sent[0].headers[1].second, now_.wall);
  ASSERT_TRUE(caller) << caller.error().text;
  EXPECT_EQ(caller->api_key, "first");
  EXPECT_EQ(caller->claims.sha256, audit::base64(audit::sha256({as_bytes(sent[0].body)}).bytes));
  webhooks_.handle_result(sent[0].id, true, now_);
  EXPECT_EQ(webhooks_.counters().delivered, 1U);
  EXPECT_EQ(webhooks_.counters().waiting, 0U);
  EXPECT_TRUE(posts().empty());
}

TEST_F(WebhooksTest, tries_again_later_and_later_in_order) {
  webhooks_.add(event(), now_);
  webhooks_.add(event("RM_1", meeting::RoomEventKind::kParticipantLeft), now_);
  auto sent = posts();
  ASSERT_EQ(sent.size(), 1U) << "one after the other";
  webhooks_.handle_result(sent[0].id, false, now_);
  EXPECT_TRUE(posts().empty());
  EXPECT_EQ(webhooks_.next_timeout(), now_.monotonic + Webhooks::kFirstPause);
  pass(Webhooks::kFirstPause);
  auto again = posts();
  ASSERT_EQ(again.size(), 1U);
  EXPECT_EQ(again[0].body, sent[0].body) << "the same event with the same id";
  webhooks_.handle_result(again[0].id, false, now_);
  EXPECT_EQ(webhooks_.next_timeout(), now_.monotonic + 2 * Webhooks::kFirstPause);
  pass(2 * Webhooks::kFirstPause);
  again = posts();
  ASSERT_EQ(again.size(), 1U);
  webhooks_.handle_result(again[0].id, true, now_);
  sent = posts();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(body(sent[0]).at("event").as_string(), "participant_left");
  EXPECT_EQ(webhooks_.counters().failed, 2U);
}

TEST_F(WebhooksTest, rooms_do_not_wait_for_each_other_and_neither_do_receivers) {
  configure({receiver("https://hooks.example/a"), receiver("https://hooks.example/b")});
  webhooks_.add(event("RM_1"), now_);
  webhooks_.add(event("RM_2"), now_);
  auto sent = posts();
  ASSERT_EQ(sent.size(), 4U);
  for (const auto& post : sent) {
    if (post.url.ends_with("/a")) {
      webhooks_.handle_result(post.id, false, now_);
    } else {
      webhooks_.handle_result(post.id, true, now_);
    }
  }
  webhooks_.add(event("RM_3"), now_);
  sent = posts();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_TRUE(sent[0].url.ends_with("/b"));
}

TEST_F(WebhooksTest, content_leaves_for_permitted_regions_only) {
  configure({receiver("https://us.example", kVirginia)});
  webhooks_.add(event(), now_);
  EXPECT_TRUE(posts().empty());
  EXPECT_EQ(webhooks_.counters().withheld, 1U);
  config::Webhook ids = receiver("https://us.example", {});
  ids.content = config::WebhookContent::kIds;
  configure({ids});
  webhooks_.add(event(), now_);
  const auto sent = posts();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(sent[0].body.find("alice"), std::string::npos) << sent[0].body;
  EXPECT_EQ(sent[0].body.find("standup"), std::string::npos);
  EXPECT_EQ(body(sent[0]).at("participant").at("sid").as_string(), "PA_1");
}

TEST_F(WebhooksTest, what_waits_when_the_region_is_opted_out_is_not_sent) {
  residency::AccountPolicy::Terms terms = directory_.find_account(kAcme)->policy.terms();
  terms.opted_in = {kLondon, kVirginia};
  ASSERT_TRUE(directory_.change_policy(terms, PolicyEpoch(1), {}, now_.wall));
  configure({receiver("https://us.example", kVirginia)});
  webhooks_.add(event(), now_);
  terms.opted_in = {kLondon};
  ASSERT_TRUE(directory_.change_policy(terms, PolicyEpoch(2), {}, now_.wall));
  EXPECT_TRUE(posts().empty());
  EXPECT_EQ(webhooks_.counters().withheld, 1U);
  EXPECT_EQ(webhooks_.counters().waiting, 0U);
}

TEST_F(WebhooksTest, the_queue_is_bounded_and_says_what_it_lost) {
  for (std::size_t i = 0; i < Webhooks::kMaxQueue + 2; ++i) {
    webhooks_.add(event("RM_" + std::to_string(i)), now_);
  }
  EXPECT_EQ(webhooks_.counters().waiting, Webhooks::kMaxQueue);
  EXPECT_EQ(webhooks_.counters().dropped, 2U);
  EXPECT_EQ(posts().size(), Webhooks::kMaxUnderWay);
  pass(Webhooks::kMaxAge);
  webhooks_.add(event("RM_last"), now_);
  const auto counters = webhooks_.counters();
  EXPECT_EQ(counters.dropped, 3U);
}

TEST_F(WebhooksTest, what_waited_too_long_is_dropped) {
  webhooks_.add(event(), now_);
  const auto sent = posts();
  webhooks_.handle_result(sent[0].id, false, now_);
  pass(Webhooks::kMaxAge);
  EXPECT_TRUE(posts().empty());
  EXPECT_EQ(webhooks_.counters().dropped, 1U);
  webhooks_.add(event("RM_2"), now_);
  EXPECT_EQ(body(posts().at(0)).at("numDropped").as_int64(), 1);
}

TEST_F(WebhooksTest, receivers_choose_events_and_keys) {
  config::Webhook chosen = receiver("https://hooks.example/c");
  chosen.events = {"room_started", "room_finished"};
  chosen.except = {"room_finished"};
  chosen.api_key = "second";
  configure({chosen});
  webhooks_.add(event("RM_1", meeting::RoomEventKind::kTrackPublished), now_);
  webhooks_.add(event("RM_1", meeting::RoomEventKind::kRoomFinished), now_);
  EXPECT_EQ(webhooks_.counters().waiting, 0U);
  webhooks_.add(event("RM_1", meeting::RoomEventKind::kRoomStarted), now_);
  const auto sent = posts();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(api::authenticate(directory_, {}, sent[0].headers[1].second, now_.wall)->api_key,
            "second");
}

TEST_F(WebhooksTest, other_accounts_hear_nothing) {
  meeting::RoomEvent other = event();
  other.account = AccountId("other");
  webhooks_.add(other, now_);
  EXPECT_TRUE(posts().empty());
  EXPECT_TRUE(webhooks_.has_receiver(kAcme));
  EXPECT_FALSE(webhooks_.has_receiver(AccountId("other")));
}

TEST_F(WebhooksTest, a_reload_keeps_what_waits_for_urls_that_stay) {
  webhooks_.add(event(), now_);
  configure({receiver("https://hooks.example/b"), receiver("https://hooks.example/a")});
  EXPECT_EQ(posts().size(), 1U);
  configure({});
  EXPECT_EQ(webhooks_.counters().dropped, 1U);
  EXPECT_EQ(webhooks_.counters().waiting, 0U);
}

TEST_F(WebhooksTest, notes_nothing_unless_it_is_kept) {
  webhooks_.add(event(), now_);
  EXPECT_TRUE(webhooks_.take_changes().empty());
}

TEST_F(WebhooksTest, says_what_is_to_be_kept_until_it_is_delivered) {
  webhooks_.restore({}, now_);
  webhooks_.add(event(), now_);
  const auto changes = webhooks_.take_changes();
  ASSERT_EQ(changes.size(), 1U);
  const auto& kept = std::get<StoredWebhook>(changes[0]);
  EXPECT_TRUE(kept.id.starts_with("EV_"));
  EXPECT_EQ(kept.account, kAcme);
  EXPECT_EQ(kept.region, kLondon) << "the account's default region";
  EXPECT_EQ(kept.receiver, audit::sha256({as_bytes("https://hooks.example/a")}).hex());
  EXPECT_EQ(kept.since, now_.wall);
  EXPECT_TRUE(kept.has_content);
  const auto sent = posts();
  EXPECT_EQ(kept.body, sent.at(0).body);
  EXPECT_TRUE(webhooks_.take_changes().empty()) << "until it was taken";
  webhooks_.handle_result(sent[0].id, false, now_);
  EXPECT_TRUE(webhooks_.take_changes().empty());
  pass(Webhooks::kFirstPause);
  webhooks_.handle_result(posts().at(0).id, true, now_);
  const auto gone = webhooks_.take_changes();
  ASSERT_EQ(gone.size(), 1U);
  EXPECT_EQ(std::get<ForgottenWebhook>(gone[0]).id, kept.id);
}

TEST_F(WebhooksTest, sends_what_an_earlier_process_left_in_its_order) {
  webhooks_.restore({}, now_);
  webhooks_.add(event(), now_);
  webhooks_.add(event("RM_1", meeting::RoomEventKind::kParticipantLeft), now_);
  std::vector<StoredWebhook> left;
  for (auto& change : webhooks_.take_changes()) {
    left.push_back(std::get<StoredWebhook>(change));
  }
  Webhooks next(directory_, random_);
  config::Account account;
  account.id = kAcme;
  account.webhooks = {receiver("https://hooks.example/a")};
  next.configure({account});
  pass(10s);
  next.restore(left, now_);
  EXPECT_EQ(next.counters().restored, 2U);
  auto sent = next.take_posts(now_);
  ASSERT_EQ(sent.size(), 1U) << "one after the other, as before";
  EXPECT_EQ(sent[0].body, left[0].body);
  EXPECT_TRUE(api::authenticate(directory_, {}, sent[0].headers[1].second, now_.wall));
  next.handle_result(sent[0].id, true, now_);
  EXPECT_EQ(next.take_posts(now_).at(0).body, left[1].body);
}

TEST_F(WebhooksTest, forgets_what_an_earlier_process_left_too_long_ago_or_for_nobody) {
  webhooks_.restore({}, now_);
  webhooks_.add(event(), now_);
  StoredWebhook left = std::get<StoredWebhook>(webhooks_.take_changes().at(0));
  StoredWebhook elsewhere = left;
  elsewhere.id = "EV_elsewhere";
  elsewhere.receiver = audit::sha256({as_bytes("https://hooks.example/gone")}).hex();
  StoredWebhook old = left;
  old.id = "EV_old";
  old.since = now_.wall + -Webhooks::kMaxAge;
  Webhooks next(directory_, random_);
  config::Account account;
  account.id = kAcme;
  account.webhooks = {receiver("https://hooks.example/a")};
  next.configure({account});
  next.restore({elsewhere, old, left}, now_);
  EXPECT_EQ(next.counters().dropped, 2U);
  EXPECT_EQ(next.counters().waiting, 1U);
  std::set<std::string> gone;
  for (const auto& change : next.take_changes()) {
    gone.insert(std::get<ForgottenWebhook>(change).id);
  }
  EXPECT_EQ(gone, (std::set<std::string>{"EV_elsewhere", "EV_old"}));
  // What is left grows older as if nothing had been between.
  EXPECT_EQ(next.take_posts(now_).size(), 1U);
}

TEST_F(WebhooksTest, what_was_left_is_withheld_where_the_account_permits_it_no_more) {
  webhooks_.restore({}, now_);
  webhooks_.add(event(), now_);
  StoredWebhook left = std::get<StoredWebhook>(webhooks_.take_changes().at(0));
  Webhooks next(directory_, random_);
  config::Account account;
  account.id = kAcme;
  account.webhooks = {receiver("https://hooks.example/a", kVirginia)};
  next.configure({account});
  next.restore({left}, now_);
  EXPECT_TRUE(next.take_posts(now_).empty());
  EXPECT_EQ(next.counters().withheld, 1U);
  EXPECT_EQ(next.take_changes().size(), 1U) << "and is kept no longer";
}

TEST_F(WebhooksTest, what_is_dropped_is_kept_no_longer) {
  webhooks_.restore({}, now_);
  for (std::size_t i = 0; i < Webhooks::kMaxQueue + 1; ++i) {
    webhooks_.add(event("RM_" + std::to_string(i)), now_);
  }
  const auto is_gone = [](const WebhookChange& change) {
    return std::holds_alternative<ForgottenWebhook>(change);
  };
  EXPECT_EQ(std::ranges::count_if(webhooks_.take_changes(), is_gone), 1);
  configure({});
  EXPECT_EQ(std::ranges::count_if(webhooks_.take_changes(), is_gone),
            static_cast<std::ptrdiff_t>(Webhooks::kMaxQueue));
}

TEST(Webhooks, call_events_what_livekit_calls_them) {
  using enum meeting::RoomEventKind;
  EXPECT_EQ(name_of(kRoomStarted), "room_started");
  EXPECT_EQ(name_of(kRoomFinished), "room_finished");
  EXPECT_EQ(name_of(kParticipantJoined), "participant_joined");
  EXPECT_EQ(name_of(kParticipantLeft), "participant_left");
  EXPECT_EQ(name_of(kParticipantAborted), "participant_connection_aborted");
  EXPECT_EQ(name_of(kTrackPublished), "track_published");
  EXPECT_EQ(name_of(kTrackUnpublished), "track_unpublished");
}

}  // namespace
}  // namespace meridian::node
