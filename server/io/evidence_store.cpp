#include "io/evidence_store.hpp"

#include <algorithm>
#include <pthread.h>
#include <utility>
#include <variant>

#include "audit/json.hpp"
#include "io/audit_keys.hpp"
#include "io/clock.hpp"
#include "io/durable_file.hpp"
#include "io/identity_table.hpp"
#include "io/log.hpp"

namespace meridian::io {
namespace {

constexpr mode_t kEvidenceMode = 0640;
constexpr std::uint64_t kNoteVersion = 1;

}  // namespace

EvidenceStore::EvidenceStore(Config config) : config_(std::move(config)) {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "evidence-store");
    run();
  });
}

EvidenceStore::~EvidenceStore() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void EvidenceStore::store(std::vector<node::Stored> stored) {
  if (stored.empty()) {
    return;
  }
  const std::lock_guard lock(mutex_);
  for (node::Stored& one : stored) {
    if (waiting_.size() >= kMaxWaiting) {
      const auto row = std::ranges::find_if(waiting_, [](const node::Stored& other) {
        return std::holds_alternative<node::StoredOpening>(other);
      });
      waiting_.erase(row == waiting_.end() ? waiting_.begin() : row);
      ++dropped_;
    }
    waiting_.push_back(std::move(one));
  }
  changed_.notify_all();
}

std::map<AccountId, std::uint64_t> EvidenceStore::take_expired() {
  const std::lock_guard lock(mutex_);
  return std::exchange(expired_, {});
}

std::uint64_t EvidenceStore::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void EvidenceStore::run() {
  Instant next_sweep;
  std::unique_lock lock(mutex_);
  while (true) {
    if (waiting_.empty() || has_failed_) {
      if (is_stopping_) {
        return;
      }
      changed_.wait_for(lock, kRetry);
      has_failed_ = false;
    }
    if (const Instant now = monotonic_now(); now >= next_sweep && !is_stopping_) {
      next_sweep = now + kSweep;
      lock.unlock();
      sweep();
      lock.lock();
    }
    if (waiting_.empty()) {
      continue;
    }
    node::Stored next = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const bool is_written = write(next);
    lock.lock();
    if (!is_written) {
      has_failed_ = true;
      waiting_.push_front(std::move(next));
    }
  }
}

bool EvidenceStore::write(const node::Stored& stored) {
  base::Expected<void, base::Error> written;
  if (const auto* report = std::get_if<node::StoredReport>(&stored)) {
    const auto file = config_.data_dir / "transit" / file_name_of(report->account.value()) /
                      (file_name_of(report->room_sid) + ".json");
    written = write_durably(file, report->text + '\n', kEvidenceMode);
  } else if (const auto* checkpoint = std::get_if<node::StoredCheckpoint>(&stored)) {
    const audit::Json line(audit::Json::Object{{"note", checkpoint->note}, {"v", kNoteVersion}});
    written = append_durably(config_.data_dir / "audit" / "checkpoints.jsonl", line.canonical(),
                             kEvidenceMode);
    if (written) {
      written = forget_previous_audit_key(config_.data_dir);
    }
  } else {
    const auto& row = std::get<node::StoredOpening>(stored);
    written = append_opening(config_.data_dir, row.region, row.opening);
  }
  if (!written && !has_failed_) {
    log::error("evidence_not_stored", {{"reason", written.error().message}});
  }
  return written.has_value();
}

void EvidenceStore::sweep() {
  auto removed = erase_expired(config_.data_dir, config_.retention, wall_now());
  if (!removed) {
    log::error("retention_failed", {{"reason", removed.error().message}});
    return;
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [account, rows] : *removed) {
    expired_[account] += rows;
  }
}

}  // namespace meridian::io
