#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "audit/chain.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "directory/startup.hpp"
#include "io/file_descriptor.hpp"

namespace meridian::io {

/// Appends the audit log to `DIRECTORY/audit-NNNNNN.log`. Lines are written by the caller before it
/// acts on what they record; a thread of its own syncs them to the disk behind it, those of
/// kSyncPause at a time, so that neither many lines nor a slow disk hold up anybody. Space is
/// reserved ahead: is_writable() turns false before the disk is full, while what already happens
/// can still be recorded. One calling thread.
class AuditWriter {
 public:
  /// A file that has grown beyond this is followed by the next one.
  static constexpr std::uint64_t kMaxFileSize = 256ULL * 1024 * 1024;
  /// Space that is kept reserved behind what is written.
  static constexpr std::uint64_t kReserve = 1024ULL * 1024;
  /// Between two syncs, so that lines that come together share one; nobody waits for it.
  static constexpr Duration kSyncPause = std::chrono::milliseconds(20);

  struct Opened;
  /// Checks the chain of what is there and continues it; a torn last line is cut off. Errors: the
  /// folder can't be made or written, or the log was changed (then an operator has to look).
  static base::Expected<Opened, base::Error> open(const std::filesystem::path& directory);

  explicit AuditWriter(std::filesystem::path directory, std::uint32_t number, FileDescriptor file,
                       std::uint64_t size);
  ~AuditWriter();
  AuditWriter(const AuditWriter&) = delete;
  AuditWriter& operator=(const AuditWriter&) = delete;

  /// Appends these after whatever could not be written before. False when something remains.
  bool append(std::span<const std::string> lines);
  /// Whether nothing waits, the last sync worked and there is space for more: else no new permits.
  [[nodiscard]] bool is_writable() const;
  /// All lines are with the operating system.
  [[nodiscard]] bool is_written() const { return pending_.empty(); }
  /// Counts what append() was given so far, in bytes: what was given before is on the disk once
  /// synced() has come as far.
  [[nodiscard]] std::uint64_t appended() const { return appended_; }
  [[nodiscard]] std::uint64_t synced() const;
  /// All lines are on the disk.
  [[nodiscard]] bool is_synced() const { return synced() == appended_; }
  /// How often the disk was asked.
  [[nodiscard]] std::uint64_t syncs() const;
  /// The lines handed over so far have reached the disk; waits for it.
  void sync();

 private:
  bool write_pending();
  void reserve();
  void rotate();
  void run();

  const std::filesystem::path directory_;
  std::uint32_t number_;
  std::uint64_t size_;
  std::uint64_t reserved_until_ = 0;
  bool has_space_ = true;
  std::string pending_;
  std::uint64_t appended_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  FileDescriptor file_;        // replaced under mutex_
  std::uint64_t written_ = 0;  // bytes of appended_ that the system took
  std::uint64_t synced_ = 0;
  std::uint64_t syncs_ = 0;
  std::size_t waiting_ = 0;  // calls of sync()
  bool is_dirty_ = false;
  bool is_syncing_ = false;
  bool has_sync_failed_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

struct AuditWriter::Opened {
  std::unique_ptr<AuditWriter> writer;
  /// Where the chains stand.
  audit::Heads heads;
  /// The last policy of each account that the log tells of.
  directory::RecordedPolicies policies;
  /// The public key that the log published last; empty = none.
  std::string published_key;
};

/// Checks log files that follow each other, oldest first, line by line. Errors: a sentence with
/// file and line.
[[nodiscard]] base::Expected<audit::Heads, base::Error> verify_audit_files(
    std::span<const std::filesystem::path> files);

}  // namespace meridian::io
