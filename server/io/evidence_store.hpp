#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

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
/// What can't be written is tried again with each turn of the thread, in order.
class EvidenceStore {
 public:
  /// What may wait for the disk. Beyond it identity rows go first, as nobody is told less truth
  /// without them, then reports and checkpoints; all are counted in dropped().
  static constexpr std::size_t kMaxWaiting = 16384;
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
  /// Rows that went since last asked because their time was over, by account.
  [[nodiscard]] std::map<AccountId, std::uint64_t> take_expired();
  [[nodiscard]] std::uint64_t dropped() const;

 private:
  void run();
  bool write(const node::Stored& stored);
  void sweep();

  const Config config_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<node::Stored> waiting_;
  std::map<AccountId, std::uint64_t> expired_;
  std::uint64_t dropped_ = 0;
  bool is_stopping_ = false;
  bool has_failed_ = false;  // the thread's
  std::thread thread_;
};

}  // namespace meridian::io
