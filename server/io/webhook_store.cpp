#include "io/webhook_store.hpp"

#include <array>
#include <pthread.h>
#include <set>
#include <utility>
#include <variant>

#include "io/clock.hpp"
#include "io/durable_file.hpp"
#include "io/log.hpp"

namespace meridian::io {
namespace {

using node::ForgottenWebhook;
using node::StoredWebhook;

/// What leads from each schema version to the next; never changed once released.
constexpr std::array<const char*, WebhookStore::kSchemaVersion> kWebhookMigrations{R"(
CREATE TABLE events (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  account TEXT NOT NULL,
  receiver TEXT NOT NULL,
  room TEXT NOT NULL,
  time INTEGER NOT NULL,
  has_content INTEGER NOT NULL,
  level_group TEXT NOT NULL,
  level_user TEXT NOT NULL,
  level_room TEXT NOT NULL,
  body TEXT NOT NULL
) STRICT;
)"};

constexpr int kWebhookId = 0x4d525748;  // "MRWH"
constexpr std::array kWebhookSettings = {"PRAGMA synchronous = NORMAL"};

constexpr const char* kInsert =
    "INSERT OR REPLACE INTO events (id, account, receiver, room, time, has_content, level_group,"
    " level_user, level_room, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
constexpr const char* kSelect =
    "SELECT id, account, receiver, room, time, has_content, level_group, level_user, level_room,"
    " body FROM events ORDER BY number";

void log_failure(const RegionId& region, const std::string& reason) {
  log::error("webhooks_not_kept", {{"region", region.value()}, {"reason", reason}});
}

/// All of the rows or none of them.
base::Expected<void, base::Error> insert(const Sqlite& database,
                                         const std::vector<const StoredWebhook*>& events) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) {
    return begun;
  }
  Statement row(database, kInsert);
  for (const StoredWebhook* event : events) {
    row.bind(event->id)
        .bind(event->account.value())
        .bind(event->receiver)
        .bind(event->room)
        .bind(event->since.nanoseconds())
        .bind(event->has_content ? std::int64_t{1} : std::int64_t{0})
        .bind(event->levels.group)
        .bind(event->levels.user)
        .bind(event->levels.room)
        .bind(event->body)
        .step();
    if (!row.is_fine()) {
      auto failed = database.fail();
      (void)database.execute("ROLLBACK");
      return failed;
    }
    row.reset();
  }
  auto committed = database.execute("COMMIT");
  if (!committed) {
    (void)database.execute("ROLLBACK");
  }
  return committed;
}

/// Those that can't be deleted now are delivered once more after a restart, or grow too old.
void remove(const Sqlite& database, const std::vector<const std::string*>& ids) {
  if (!database.execute("BEGIN IMMEDIATE")) {
    return;
  }
  Statement row(database, "DELETE FROM events WHERE id = ?");
  for (const std::string* id : ids) {
    row.bind(*id).step();
    row.reset();
  }
  if (!database.execute("COMMIT")) {
    (void)database.execute("ROLLBACK");
  }
}

/// How many rows went.
std::int64_t remove_older(const Sqlite& database, UnixTime than) {
  Statement row(database, "DELETE FROM events WHERE time < ?");
  row.bind(than.nanoseconds()).step();
  return row.is_fine() ? database.changes() : 0;
}

}  // namespace

WebhookStore::WebhookStore(Config config) : config_(std::move(config)) {
  for (const RegionId& region : config_.regions) {
    std::error_code error;
    if (std::filesystem::exists(path_of(region), error)) {
      if (const Queue* queue = open(region)) {
        (void)remove_older(*queue->database, wall_now() + -config_.max_age);
        read(region, *queue->database);
      }
    }
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "webhook-store");
    run();
  });
}

WebhookStore::~WebhookStore() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

std::filesystem::path WebhookStore::path_of(const RegionId& region) const {
  return config_.data_dir / "webhooks" / file_name_of(region.value()) / "queue.db";
}

void WebhookStore::store(std::vector<node::WebhookChange> changes) {
  if (changes.empty()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    for (node::WebhookChange& change : changes) {
      if (waiting_.size() < kMaxWaiting) {
        waiting_.push_back(std::move(change));
      } else {
        unstored_ += std::holds_alternative<StoredWebhook>(change) ? 1 : 0;
      }
    }
  }
  changed_.notify_all();
}

std::uint64_t WebhookStore::unstored() const {
  const std::lock_guard lock(mutex_);
  return unstored_;
}

void WebhookStore::count_unstored(std::size_t events) {
  const std::lock_guard lock(mutex_);
  unstored_ += events;
}

void WebhookStore::run() {
  Instant next_sweep = monotonic_now() + kSweep;
  std::unique_lock lock(mutex_);
  while (true) {
    if (waiting_.empty()) {
      if (is_stopping_) {
        return;
      }
      changed_.wait_for(lock, kSweep);
    }
    const auto changes = std::exchange(waiting_, {});
    lock.unlock();
    write(changes);
    if (const Instant now = monotonic_now(); now >= next_sweep) {
      next_sweep = now + kSweep;
      sweep();
    }
    lock.lock();
  }
}

void WebhookStore::write(const std::vector<node::WebhookChange>& changes) {
  std::set<std::string_view> gone;
  for (const node::WebhookChange& change : changes) {
    if (const auto* forgotten = std::get_if<ForgottenWebhook>(&change)) {
      gone.insert(forgotten->id);
    }
  }
  std::map<RegionId, Batch> batches;
  for (const node::WebhookChange& change : changes) {
    if (const auto* event = std::get_if<StoredWebhook>(&change)) {
      if (!gone.contains(event->id)) {  // else it was delivered before it came here
        batches[event->region].added.push_back(event);
      }
    } else {
      const auto& forgotten = std::get<ForgottenWebhook>(change);
      batches[forgotten.region].forgotten.push_back(&forgotten.id);
    }
  }
  for (const auto& [region, batch] : batches) {
    apply(region, batch);
  }
}

void WebhookStore::apply(const RegionId& region, const Batch& batch) {
  Queue* queue =
      config_.regions.contains(region) && (!batch.added.empty() || queues_.contains(region))
          ? open(region)
          : nullptr;
  if (queue == nullptr) {
    count_unstored(batch.added.size());
    return;
  }
  if (!batch.forgotten.empty()) {
    queue->has_deleted = true;
    remove(*queue->database, batch.forgotten);
  }
  if (batch.added.empty()) {
    return;
  }
  if (const auto inserted = insert(*queue->database, batch.added); !inserted) {
    count_unstored(batch.added.size());
    log_failure(region, inserted.error().message);
  }
}

WebhookStore::Queue* WebhookStore::open(const RegionId& region) {
  Queue& queue = queues_[region];
  if (queue.database != nullptr) {
    return &queue;
  }
  const Instant now = monotonic_now();
  if (now < queue.try_again) {
    return nullptr;
  }
  queue.try_again = now + kSweep;
  const std::filesystem::path path = path_of(region);
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  auto opened = Sqlite::open(path, {.application_id = kWebhookId,
                                    .name = "queue of webhooks",
                                    .migrations = kWebhookMigrations,
                                    .settings = kWebhookSettings});
  if (!opened) {
    log_failure(region, opened.error().message);
    return nullptr;
  }
  const std::string bound = "PRAGMA max_page_count = " + std::to_string(kMaxPages);
  (void)(*opened)->execute(bound.c_str());
  queue.database = std::move(*opened);
  return &queue;
}

void WebhookStore::read(const RegionId& region, const Sqlite& database) {
  Statement rows(database, kSelect);
  while (rows.step()) {
    left_.push_back({.id = rows.text(0),
                     .account = AccountId(rows.text(1)),
                     .region = region,
                     .receiver = rows.text(2),
                     .room = rows.text(3),
                     .since = UnixTime::from_nanoseconds(rows.number(4)),
                     .has_content = rows.number(5) != 0,
                     .levels = {.group = rows.text(6), .user = rows.text(7), .room = rows.text(8)},
                     .body = rows.text(9)});
  }
  if (!rows.is_fine()) {
    log_failure(region, database.fail().error().message);
  }
}

void WebhookStore::sweep() {
  for (auto& [region, queue] : queues_) {
    if (queue.database == nullptr) {
      continue;
    }
    const bool has_aged = remove_older(*queue.database, wall_now() + -config_.max_age) > 0;
    if (std::exchange(queue.has_deleted, false) || has_aged) {
      (void)queue.database->execute("PRAGMA wal_checkpoint(TRUNCATE)");
    }
  }
}

}  // namespace meridian::io
