#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/time.hpp"
#include "io/sqlite.hpp"
#include "node/webhooks.hpp"

namespace meridian::io {

/// Keeps what waits for the accounts' own servers until it is delivered, so that it outlives the
/// process, on a thread of its own:
///
///   DATA_DIR/webhooks/REGION/queue.db
///
/// REGION is the account's default region, so that the folder can be mounted where it belongs; of
/// an account whose default region this node doesn't serve nothing is kept. A process that is
/// killed loses nothing that was written; a machine that loses power may lose the last moments.
/// What can't be kept waits in memory alone and is counted.
class WebhookStore {
 public:
  /// Of the tables. An older database is migrated when it is opened; a newer one is refused.
  static constexpr int kSchemaVersion = 1;
  /// Changes that may wait for the disk; beyond them no more are kept. An event of which only the
  /// end is lost here is delivered once more after a restart.
  static constexpr std::size_t kMaxWaiting = 65536;
  /// Of 4 KiB, in one region's file.
  static constexpr std::size_t kMaxPages = 65536;
  /// Between two looks at what is too old. Then also what was deleted leaves the write-ahead log.
  static constexpr Duration kSweep = std::chrono::seconds(10);

  struct Config {
    std::filesystem::path data_dir;
    /// Those that this node serves.
    std::set<RegionId> regions;
    /// What is older is deleted, whoever it was for.
    Duration max_age = node::Webhooks::kMaxAge;
  };
  /// Reads what an earlier process left. A file that can't be used is an error in the log.
  explicit WebhookStore(Config config);
  /// Writes what waits.
  ~WebhookStore();
  WebhookStore(const WebhookStore&) = delete;
  WebhookStore& operator=(const WebhookStore&) = delete;

  /// What an earlier process left, each region's in order. Once.
  [[nodiscard]] std::vector<node::StoredWebhook> take_left() { return std::exchange(left_, {}); }
  /// Returns at once.
  void store(std::vector<node::WebhookChange> changes);
  /// Events that are not kept, since the start.
  [[nodiscard]] std::uint64_t unstored() const;

 private:
  /// What one turn of the thread does to one file.
  struct Batch {
    std::vector<const node::StoredWebhook*> added;
    std::vector<const std::string*> forgotten;
  };
  struct Queue {
    std::unique_ptr<Sqlite> database;
    bool has_deleted = false;  // since the last sweep
    Instant try_again = {};    // when it couldn't be opened
  };

  void run();
  void write(const std::vector<node::WebhookChange>& changes);
  void apply(const RegionId& region, const Batch& batch);
  void sweep();
  /// The region's database, made if need be; null: it can't be used now.
  Queue* open(const RegionId& region);
  void read(const RegionId& region, const Sqlite& database);
  [[nodiscard]] std::filesystem::path path_of(const RegionId& region) const;
  void count_unstored(std::size_t events);

  const Config config_;
  std::vector<node::StoredWebhook> left_;
  std::map<RegionId, Queue> queues_;  // the thread's, after construction
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<node::WebhookChange> waiting_;
  std::uint64_t unstored_ = 0;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace meridian::io
