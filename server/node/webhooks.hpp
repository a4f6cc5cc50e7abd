#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"
#include "meeting/room_events.hpp"

namespace meridian::node {

using WebhookPostId = base::StrongInt<struct WebhookPostIdTag, std::uint64_t>;

/// A POST that `io` makes now, and reports on by handle_webhook_result().
struct WebhookPost {
  WebhookPostId id;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// An event that waits for one receiver, as it outlives the process. It is signed when it leaves:
/// there is no secret in it.
struct StoredWebhook {
  /// The event's own id, `EV_…`.
  std::string id;
  AccountId account;
  /// The account's default region, where it is kept.
  RegionId region;
  /// SHA-256 of the receiver's URL in hexadecimal digits: URLs may hold secrets.
  std::string receiver;
  /// `RM_…`
  std::string room;
  UnixTime since;
  bool has_content = false;
  residency::LevelNames levels;
  std::string body;
};
/// An event that waits no more.
struct ForgottenWebhook {
  RegionId region;
  std::string id;
};
using WebhookChange = std::variant<StoredWebhook, ForgottenWebhook>;

/// What became of events, since the start.
struct WebhookCounters {
  std::uint64_t delivered = 0;
  /// Attempts that failed; the event is tried again.
  std::uint64_t failed = 0;
  /// Too many waited, or too long.
  std::uint64_t dropped = 0;
  /// Not sent because the account doesn't permit the receiver's region.
  std::uint64_t withheld = 0;
  /// Left by an earlier process.
  std::uint64_t restored = 0;
  /// Now.
  std::size_t waiting = 0;
};

/// Tells the accounts' own servers what happens in their rooms, in LiveKit's format: JSON of
/// livekit.WebhookEvent, signed by a token that names the body's hash. Each event goes to each of
/// the account's URLs at least once, and events of one room in their order, as long as the receiver
/// comes back within kMaxAge. What has content leaves only for regions that the policy permits at
/// that moment. What waits is in memory; once restore() was called, take_changes() says what to
/// keep of it elsewhere, so that an event which was under way when the process ended is sent again.
/// Sans-I/O; one owner, on a control thread.
class Webhooks {
 public:
  /// Events that wait for one URL; beyond them the oldest are dropped and counted in the next
  /// event's `num_dropped`.
  static constexpr std::size_t kMaxQueue = 1000;
  static constexpr std::size_t kMaxQueueBytes = std::size_t{16} * 1024 * 1024;
  /// POSTs under way to one URL, each of another room.
  static constexpr std::size_t kMaxUnderWay = 8;
  static constexpr Duration kMaxAge = 1h;
  static constexpr Duration kFirstPause = 500ms;
  static constexpr Duration kLongestPause = 60s;
  static constexpr Duration kTokenLifetime = 5min;

  Webhooks(const directory::Directory& directory, RandomSource& random)
      : directory_(directory), random_(random) {}

  /// What the configuration says now. What waits for a URL that stays is kept.
  void configure(const std::vector<config::Account>& accounts);
  /// What an earlier process left, in its order; for receivers that are no longer configured and
  /// after kMaxAge it is dropped. From here on changes are noted. After configure(), once.
  void restore(std::vector<StoredWebhook> stored, Now now);
  /// What is to be kept, and no more, since last asked.
  [[nodiscard]] std::vector<WebhookChange> take_changes() { return std::exchange(changes_, {}); }
  /// Whether anybody is to hear of the account's rooms.
  [[nodiscard]] bool has_receiver(const AccountId& account) const;

  void add(const meeting::RoomEvent& event, Now now);
  /// What is to be posted now.
  [[nodiscard]] std::vector<WebhookPost> take_posts(Now now);
  /// `taken`: the receiver answered 2xx.
  void handle_result(WebhookPostId id, bool taken, Now now);
  [[nodiscard]] Instant next_timeout() const;

  [[nodiscard]] WebhookCounters counters() const;
  /// Whether something waits that may soon be delivered.
  [[nodiscard]] bool is_delivering() const;

 private:
  struct Waiting {
    std::string id;
    /// Empty: it isn't kept.
    RegionId kept_in;
    std::string room;
    std::string body;
    Instant since;
    WebhookPostId post = {};  // zero while it isn't under way
    /// Whether it may leave: the policy may change while it waits.
    bool has_content = false;
    residency::LevelNames levels;
  };
  using Queue = std::deque<Waiting>;
  struct Receiver {
    AccountId account;
    config::Webhook config;
    std::string url_digest;
    Queue queue;
    std::size_t queued_bytes = 0;
    std::uint32_t dropped = 0;  // since the last event that was queued
    unsigned failures = 0;      // in a row
    Instant retry_at = {};
  };
  [[nodiscard]] bool may_have_content(const Receiver& receiver,
                                      const residency::LevelNames& levels) const;
  [[nodiscard]] std::string render(Receiver& receiver, const meeting::RoomEvent& event,
                                   const std::string& id);
  [[nodiscard]] std::string token(const Receiver& receiver, const std::string& body,
                                  UnixTime now) const;
  /// Drops the oldest until one more may wait.
  void make_room(Receiver& receiver);
  void push(Receiver& receiver, Waiting waiting);
  /// Gives what is behind it.
  Queue::iterator erase(Receiver& receiver, Queue::iterator waiting);
  void drop_front(Receiver& receiver);
  /// Notes that it is to be kept; says where.
  [[nodiscard]] RegionId keep(const Receiver& receiver, const Waiting& waiting, UnixTime since);
  void note_gone(const Waiting& waiting);
  void take_posts(Receiver& receiver, Now now, std::vector<WebhookPost>& posts);

  const directory::Directory& directory_;
  RandomSource& random_;
  std::vector<std::unique_ptr<Receiver>> receivers_;
  std::set<AccountId> accounts_;
  WebhookPostId::rep last_post_ = 0;
  WebhookCounters counters_;
  bool notes_changes_ = false;
  std::vector<WebhookChange> changes_;
};

/// `room_started` and so on.
[[nodiscard]] std::string_view name_of(meeting::RoomEventKind kind);

}  // namespace meridian::node
