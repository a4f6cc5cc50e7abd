#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "node/evidence.hpp"

namespace meridian::io {

/// Writes what belongs to the log but isn't in it, on a thread of its own:
///
///   DATA_DIR/transit/ACCOUNT/SID.json     signed reports
///   DATA_DIR/audit/checkpoints.jsonl      signed checkpoints, one {"note":…,"v":1} a line
///   DATA_DIR/people/REGION/ACCOUNT.jsonl  identity tables
///
/// What comes within kGather is written together: rows of one account, and checkpoints, in one
/// operation. What can't be written is tried again with each turn of the thread, in order.
class EvidenceStore {
 public:
  /// What may wait for the disk. Beyond it identity rows go first, as nobody is told less truth
  /// without them, then reports and checkpoints; all are counted in dropped().
  static constexpr std::size_t kMaxWaiting = 16384;
  /// What is written in one turn of the thread, and how long it waits for more.
  static constexpr std::size_t kMaxTogether = 1024;
  static constexpr Duration kGather = std::chrono::milliseconds(100);
  /// Between two tries, and two looks at what is too old.
  static constexpr Duration kRetry = std::chrono::seconds(2);
  static constexpr Duration kSweep = std::chrono::hours(1);

  struct Config {
    std::filesystem::path data_dir;
    Duration retention;
  };
  explicit EvidenceStore(Config config);
  /// Writes what can be written.
  ~EvidenceStore();
  EvidenceStore(const EvidenceStore&) = delete;
  EvidenceStore& operator=(const EvidenceStore&) = delete;

  void store(std::vector<node::Stored> stored);
  /// For another thread: returns once what was handed over before is written, or can't be.
  void settle();
  /// Rows that went since last asked because their time was over, by account.
  [[nodiscard]] std::map<AccountId, std::uint64_t> take_expired();
  [[nodiscard]] std::uint64_t dropped() const;
  /// What was written, and the operations on files that it took.
  struct Written {
    std::uint64_t items = 0;
    std::uint64_t operations = 0;
  };
  [[nodiscard]] Written written() const;

 private:
  using Batch = std::vector<node::Stored>;

  void run();
  /// The oldest of what waits, those first that go to one file.
  Batch take_batch();
  /// Whether all of it is written; else what isn't is left.
  bool write(Batch& batch);
  base::Expected<void, base::Error> write_together(std::span<const node::Stored> items);
  void sweep();

  const Config config_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<node::Stored> waiting_;
  std::map<AccountId, std::uint64_t> expired_;
  std::uint64_t dropped_ = 0;
  Written written_;
  std::uint64_t accepted_ = 0;
  std::size_t settling_ = 0;  // calls of settle()
  std::size_t in_hand_ = 0;   // of the batch that is being written
  bool is_stopping_ = false;
  bool has_failed_ = false;  // the thread's
  std::thread thread_;
};

}  // namespace meridian::io
