#include "io/audit_writer.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <pthread.h>
#include <unistd.h>
#include <utility>

#include "io/log.hpp"

namespace meridian::io {
namespace {

namespace fs = std::filesystem;

fs::path file_path(const fs::path& directory, std::uint32_t number) {
  std::string digits = std::to_string(number);
  digits.insert(0, 6 - std::min<std::size_t>(digits.size(), 6), '0');
  return directory / ("audit-" + digits + ".log");
}

FileDescriptor open_file(const fs::path& path) {
  return FileDescriptor(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
}

base::Error system_error(const std::string& what, const fs::path& path) {
  return {what + " " + path.string() + ": " + std::strerror(errno)};
}

/// What a node has to know of its past.
struct Remembered {
  directory::RecordedPolicies policies;
  std::string published_key;
};

void remember(Remembered& remembered, std::string_view line) {
  // Most lines are about permits: they are not parsed again.
  if (!line.contains("\"policy_") && !line.contains("\"key_")) {
    return;
  }
  const auto record = audit::record_of_line(line);
  if (!record) {
    return;
  }
  const audit::Kind kind = record->kind;
  if (kind == audit::Kind::kKeyPublished) {
    remembered.published_key = record->key;
  } else if (!record->account.empty() &&
             (kind == audit::Kind::kPolicyLoaded || kind == audit::Kind::kPolicyChanged ||
              kind == audit::Kind::kPolicyConfirmed)) {
    remembered.policies[record->account] = {record->epoch, record->digest};
  }
}

enum class LastLine : std::uint8_t { kMustBeWhole, kMayBeTorn };

/// Feeds one file; returns the length up to its last newline.
base::Expected<std::uint64_t, base::Error> feed_file(audit::Verifier& verifier,
                                                     Remembered& remembered, const fs::path& path,
                                                     LastLine last_line) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    return base::fail("cannot read " + path.string());
  }
  std::uint64_t whole = 0;
  std::uint64_t number = 0;
  std::string line;
  while (std::getline(in, line)) {
    ++number;
    if (in.eof()) {  // no newline behind it: torn by a crash
      if (last_line == LastLine::kMustBeWhole) {
        return base::fail(path.string() + ":" + std::to_string(number) + ": the last line is torn");
      }
      break;
    }
    if (const auto fault = verifier.feed(line)) {
      return base::fail(path.string() + ":" + std::to_string(number) + ": " +
                        std::string(audit::name_of(fault->flaw)));
    }
    remember(remembered, line);
    whole += line.size() + 1;
  }
  return whole;
}

}  // namespace

base::Expected<audit::Heads, base::Error> verify_audit_files(std::span<const fs::path> files) {
  audit::Verifier verifier;
  Remembered remembered;
  for (const fs::path& file : files) {
    if (auto fed = feed_file(verifier, remembered, file, LastLine::kMustBeWhole); !fed) {
      return std::unexpected(fed.error());
    }
  }
  return verifier.heads();
}

base::Expected<AuditWriter::Opened, base::Error> AuditWriter::open(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) {
    return base::fail("cannot make the audit folder " + directory.string() + ": " +
                      error.message());
  }
  audit::Verifier verifier;
  Remembered remembered;
  std::uint32_t number = 1;
  std::uint64_t size = 0;
  while (fs::exists(file_path(directory, number), error)) {
    const fs::path path = file_path(directory, number);
    const bool is_last = !fs::exists(file_path(directory, number + 1), error);
    const auto fed = feed_file(verifier, remembered, path,
                               is_last ? LastLine::kMayBeTorn : LastLine::kMustBeWhole);
    if (!fed) {
      return base::fail("the audit log was changed outside the server: " + fed.error().message);
    }
    size = *fed;
    if (is_last) {
      break;
    }
    ++number;
  }
  const fs::path path = file_path(directory, number);
  FileDescriptor file = open_file(path);
  if (!file.is_open() || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
    return std::unexpected(system_error("cannot write the audit log", path));
  }
  return Opened{std::make_unique<AuditWriter>(directory, number, std::move(file), size),
                verifier.heads(), std::move(remembered.policies),
                std::move(remembered.published_key)};
}

AuditWriter::AuditWriter(fs::path directory, std::uint32_t number, FileDescriptor file,
                         std::uint64_t size)
    : directory_(std::move(directory)), number_(number), size_(size), file_(std::move(file)) {
  reserve();
  thread_ = std::thread([this] { run(); });
}

AuditWriter::~AuditWriter() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

bool AuditWriter::append(std::span<const std::string> lines) {
  for (const std::string& line : lines) {
    pending_ += line;
    appended_ += line.size();
  }
  if (pending_.empty()) {
    return true;
  }
  if (!write_pending()) {
    return false;
  }
  bool was_dirty = false;
  {
    const std::lock_guard lock(mutex_);
    was_dirty = std::exchange(is_dirty_, true);
    written_ = appended_;
  }
  if (!was_dirty) {
    changed_.notify_all();
  }
  if (size_ > kMaxFileSize) {
    rotate();
  }
  reserve();
  return true;
}

bool AuditWriter::write_pending() {
  while (!pending_.empty()) {
    const ssize_t written = ::write(file_.get(), pending_.data(), pending_.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return false;
    }
    pending_.erase(0, static_cast<std::size_t>(written));
    size_ += static_cast<std::uint64_t>(written);
  }
  return true;
}

void AuditWriter::reserve() {
  if (size_ + kReserve / 2 < reserved_until_) {
    return;
  }
  const int result = ::fallocate(file_.get(), FALLOC_FL_KEEP_SIZE, static_cast<off_t>(size_),
                                 static_cast<off_t>(kReserve));
  // A file system that cannot reserve tells so; there the writes themselves have to tell.
  has_space_ = result == 0 || errno == EOPNOTSUPP;
  if (has_space_) {
    reserved_until_ = size_ + kReserve;
  }
}

void AuditWriter::rotate() {
  FileDescriptor next = open_file(file_path(directory_, number_ + 1));
  if (!next.is_open()) {
    return;  // the old file serves on
  }
  sync();
  const std::lock_guard lock(mutex_);
  file_ = std::move(next);
  ++number_;
  size_ = 0;
  reserved_until_ = 0;
}

bool AuditWriter::is_writable() const {
  const std::lock_guard lock(mutex_);
  return pending_.empty() && has_space_ && !has_sync_failed_;
}

std::uint64_t AuditWriter::synced() const {
  const std::lock_guard lock(mutex_);
  return synced_;
}

std::uint64_t AuditWriter::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

void AuditWriter::sync() {
  std::unique_lock lock(mutex_);
  ++waiting_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return !is_dirty_ && !is_syncing_; });
  --waiting_;
}

void AuditWriter::run() {
  pthread_setname_np(pthread_self(), "audit-sync");
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_dirty_ || is_stopping_; });
    if (!is_dirty_) {
      return;
    }
    is_dirty_ = false;
    is_syncing_ = true;
    const int descriptor = file_.get();
    const std::uint64_t written = written_;
    lock.unlock();
    const bool has_failed = ::fdatasync(descriptor) != 0 && errno != EINVAL;
    lock.lock();
    is_syncing_ = false;
    ++syncs_;
    if (has_failed && !has_sync_failed_) {
      // Lines may be lost that the kernel now believes written: only an operator can mend that.
      has_sync_failed_ = true;
      log::error("audit_sync_failed");
    }
    if (!has_sync_failed_) {
      synced_ = written;
    }
    changed_.notify_all();
    changed_.wait_for(lock, kSyncPause, [this] { return is_stopping_ || waiting_ > 0; });
  }
}

}  // namespace meridian::io
