#include "node/webhooks.hpp"

#include <algorithm>
#include <map>

#include <google/protobuf/util/json_util.h>

#include "api/grants.hpp"
#include "audit/base64.hpp"
#include "audit/digest.hpp"
#include "base/check.hpp"
#include "meeting/room.hpp"

namespace meridian::node {
namespace {

/// What is left of an event for a receiver that gets no content: ids that the server made.
void keep_ids(livekit::WebhookEvent& event) {
  livekit::Room room;
  room.set_sid(event.room().sid());
  *event.mutable_room() = std::move(room);
  if (event.has_participant()) {
    livekit::ParticipantInfo participant;
    participant.set_sid(event.participant().sid());
    participant.set_kind(event.participant().kind());
    participant.set_joined_at(event.participant().joined_at());
    participant.set_disconnect_reason(event.participant().disconnect_reason());
    *event.mutable_participant() = std::move(participant);
  }
  if (event.has_track()) {
    livekit::TrackInfo track;
    track.set_sid(event.track().sid());
    track.set_type(event.track().type());
    track.set_source(event.track().source());
    *event.mutable_track() = std::move(track);
  }
}

Duration pause_after(unsigned failures) {
  Duration pause = Webhooks::kFirstPause;
  for (unsigned i = 1; i < failures && pause < Webhooks::kLongestPause; ++i) {
    pause *= 2;
  }
  return std::min(pause, Webhooks::kLongestPause);
}

std::string hex_digest_of(std::string_view url) {
  return audit::sha256({as_bytes(url)}).hex();
}

bool wants(const config::Webhook& receiver, std::string_view event) {
  const auto names = [event](const std::vector<std::string>& list) {
    return std::ranges::find(list, event) != list.end();
  };
  return (receiver.events.empty() || names(receiver.events)) && !names(receiver.except);
}

}  // namespace

std::string_view name_of(meeting::RoomEventKind kind) {
  static_assert(config::kWebhookEvents.size() == meeting::kRoomEventKinds);
  return config::kWebhookEvents.at(static_cast<std::size_t>(kind));
}

void Webhooks::configure(const std::vector<config::Account>& accounts) {
  auto before = std::exchange(receivers_, {});
  accounts_.clear();
  for (const config::Account& account : accounts) {
    for (const config::Webhook& wanted : account.webhooks) {
      accounts_.insert(account.id);
      const auto known = std::ranges::find_if(before, [&](const auto& receiver) {
        return receiver != nullptr && receiver->account == account.id &&
               receiver->config.url == wanted.url;
      });
      auto receiver = known == before.end() ? std::make_unique<Receiver>() : std::move(*known);
      receiver->account = account.id;
      receiver->config = wanted;
      receiver->url_digest = hex_digest_of(wanted.url);
      receivers_.push_back(std::move(receiver));
    }
  }
  for (const auto& gone : before) {
    if (gone != nullptr) {
      counters_.dropped += gone->queue.size();
      std::ranges::for_each(gone->queue, [this](const Waiting& waiting) { note_gone(waiting); });
    }
  }
}

void Webhooks::restore(std::vector<StoredWebhook> stored, Now now) {
  notes_changes_ = true;
  for (StoredWebhook& event : stored) {
    ++counters_.restored;
    const auto receiver = std::ranges::find_if(receivers_, [&](const auto& known) {
      return known->account == event.account && known->url_digest == event.receiver;
    });
    const Duration age = std::max(now.wall - event.since, Duration::zero());
    if (receiver == receivers_.end() || age >= kMaxAge) {
      ++counters_.dropped;
      if (receiver != receivers_.end()) {
        ++(*receiver)->dropped;
      }
      changes_.emplace_back(ForgottenWebhook{event.region, event.id});
      continue;
    }
    make_room(**receiver);
    push(**receiver, {.id = std::move(event.id),
                      .kept_in = std::move(event.region),
                      .room = std::move(event.room),
                      .body = std::move(event.body),
                      .since = now.monotonic - age,
                      .has_content = event.has_content,
                      .levels = std::move(event.levels)});
  }
}

bool Webhooks::has_receiver(const AccountId& account) const {
  return accounts_.contains(account);
}

bool Webhooks::may_have_content(const Receiver& receiver,
                                const residency::LevelNames& levels) const {
  const directory::Account* account = directory_.find_account(receiver.account);
  return account != nullptr && account->policy.allows(receiver.config.region, levels);
}

std::string Webhooks::render(Receiver& receiver, const meeting::RoomEvent& event,
                             const std::string& id) {
  livekit::WebhookEvent message;
  message.set_event(std::string(name_of(event.kind)));
  message.set_id(id);
  message.set_created_at(event.at.seconds());
  *message.mutable_room() = event.room;
  if (event.participant) {
    *message.mutable_participant() = *event.participant;
  }
  if (event.track) {
    *message.mutable_track() = *event.track;
  }
  message.set_room_end_reason(event.end_reason);
  message.set_num_dropped(static_cast<std::int32_t>(std::exchange(receiver.dropped, 0)));
  if (receiver.config.content == config::WebhookContent::kIds) {
    keep_ids(message);
  }
  std::string json;
  MERIDIAN_CHECK(google::protobuf::util::MessageToJsonString(message, &json).ok());
  return json;
}

void Webhooks::make_room(Receiver& receiver) {
  while (!receiver.queue.empty() &&
         (receiver.queue.size() >= kMaxQueue || receiver.queued_bytes >= kMaxQueueBytes)) {
    drop_front(receiver);
  }
}

void Webhooks::push(Receiver& receiver, Waiting waiting) {
  receiver.queued_bytes += waiting.body.size();
  receiver.queue.push_back(std::move(waiting));
}

Webhooks::Queue::iterator Webhooks::erase(Receiver& receiver, Queue::iterator waiting) {
  note_gone(*waiting);
  receiver.queued_bytes -= waiting->body.size();
  return receiver.queue.erase(waiting);
}

RegionId Webhooks::keep(const Receiver& receiver, const Waiting& waiting, UnixTime since) {
  const directory::Account* account = directory_.find_account(receiver.account);
  if (!notes_changes_ || account == nullptr) {
    return {};
  }
  const RegionId& region = account->policy.default_region();
  changes_.emplace_back(StoredWebhook{.id = waiting.id,
                                      .account = receiver.account,
                                      .region = region,
                                      .receiver = receiver.url_digest,
                                      .room = waiting.room,
                                      .since = since,
                                      .has_content = waiting.has_content,
                                      .levels = waiting.levels,
                                      .body = waiting.body});
  return region;
}

void Webhooks::note_gone(const Waiting& waiting) {
  if (waiting.kept_in != RegionId()) {
    changes_.emplace_back(ForgottenWebhook{waiting.kept_in, waiting.id});
  }
}

void Webhooks::drop_front(Receiver& receiver) {
  (void)erase(receiver, receiver.queue.begin());
  ++receiver.dropped;
  ++counters_.dropped;
}

void Webhooks::add(const meeting::RoomEvent& event, Now now) {
  for (const auto& receiver : receivers_) {
    if (receiver->account != event.account || !wants(receiver->config, name_of(event.kind))) {
      continue;
    }
    const bool has_content = receiver->config.content == config::WebhookContent::kFull;
    if (has_content && !may_have_content(*receiver, event.levels)) {
      ++counters_.withheld;
      continue;
    }
    make_room(*receiver);  // which counts in `num_dropped` of this event
    Waiting waiting{.id = meeting::new_sid("EV_", random_),
                    .kept_in = {},
                    .room = event.room.sid(),
                    .body = {},
                    .since = now.monotonic,
                    .has_content = has_content,
                    .levels = event.levels};
    waiting.body = render(*receiver, event, waiting.id);
    waiting.kept_in = keep(*receiver, waiting, now.wall);
    push(*receiver, std::move(waiting));
  }
}

std::string Webhooks::token(const Receiver& receiver, const std::string& body, UnixTime now) const {
  const directory::ApiKey* key = receiver.config.api_key.empty()
                                     ? directory_.key_of(receiver.account)
                                     : directory_.find_key(receiver.config.api_key);
  if (key == nullptr || key->account != receiver.account) {
    return {};  // withdrawn: nobody could check it
  }
  api::Claims claims;
  const audit::Digest digest = audit::sha256({as_bytes(body)});
  claims.sha256 = audit::base64(digest.bytes);
  claims.expires = now + kTokenLifetime;
  return api::make_token(claims, {key->key, key->secret, now});
}

std::vector<WebhookPost> Webhooks::take_posts(Now now) {
  std::vector<WebhookPost> posts;
  for (const auto& receiver : receivers_) {
    take_posts(*receiver, now, posts);
  }
  return posts;
}

void Webhooks::take_posts(Receiver& receiver, Now now, std::vector<WebhookPost>& posts) {
  while (!receiver.queue.empty() && receiver.queue.front().post == WebhookPostId() &&
         now.monotonic - receiver.queue.front().since >= kMaxAge) {
    drop_front(receiver);
  }
  if (now.monotonic < receiver.retry_at) {
    return;
  }
  const std::size_t limit = receiver.failures > 0 ? 1 : kMaxUnderWay;
  std::set<std::string> busy;
  auto under_way = static_cast<std::size_t>(std::ranges::count_if(
      receiver.queue, [](const Waiting& waiting) { return waiting.post != WebhookPostId(); }));
  for (auto waiting = receiver.queue.begin();
       waiting != receiver.queue.end() && under_way < limit;) {
    if (waiting->post != WebhookPostId() || busy.contains(waiting->room)) {
      busy.insert(waiting->room);
      ++waiting;
      continue;
    }
    // The policy may have changed while it waited.
    if (waiting->has_content && !may_have_content(receiver, waiting->levels)) {
      ++counters_.withheld;
      waiting = erase(receiver, waiting);
      continue;
    }
    std::string signature = token(receiver, waiting->body, now.wall);
    waiting->post = WebhookPostId(++last_post_);
    posts.push_back({.id = waiting->post,
                     .url = receiver.config.url,
                     .headers = {{"Content-Type", "application/webhook+json"},
                                 {"Authorization", std::move(signature)}},
                     .body = waiting->body});
    busy.insert(waiting->room);
    ++under_way;
    ++waiting;
  }
}

void Webhooks::handle_result(WebhookPostId id, bool taken, Now now) {
  for (const auto& receiver : receivers_) {
    const auto waiting = std::ranges::find(receiver->queue, id, &Waiting::post);
    if (waiting == receiver->queue.end()) {
      continue;
    }
    if (taken) {
      ++counters_.delivered;
      receiver->failures = 0;
      (void)erase(*receiver, waiting);
      return;
    }
    ++counters_.failed;
    ++receiver->failures;
    receiver->retry_at = now.monotonic + pause_after(receiver->failures);
    waiting->post = {};
    return;
  }
}

Instant Webhooks::next_timeout() const {
  Instant next = Instant::never();
  for (const auto& receiver : receivers_) {
    const bool waits = std::ranges::any_of(
        receiver->queue, [](const Waiting& waiting) { return waiting.post == WebhookPostId(); });
    if (waits && receiver->failures > 0) {
      next = std::min(next, receiver->retry_at);
    }
  }
  return next;
}

WebhookCounters Webhooks::counters() const {
  WebhookCounters counters = counters_;
  for (const auto& receiver : receivers_) {
    counters.waiting += receiver->queue.size();
  }
  return counters;
}

bool Webhooks::is_delivering() const {
  return std::ranges::any_of(receivers_, [](const auto& receiver) {
    return !receiver->queue.empty() && receiver->failures == 0;
  });
}

}  // namespace meridian::node
