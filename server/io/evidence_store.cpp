#include "io/evidence_store.hpp"

#include <algorithm>
#include <iterator>
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

/// Whether both are appended to one file.
bool is_of_one_file(const node::Stored& one, const node::Stored& other) {
  const auto* row = std::get_if<node::StoredOpening>(&one);
  const auto* other_row = std::get_if<node::StoredOpening>(&other);
  if (row != nullptr && other_row != nullptr) {
    return row->region == other_row->region && row->opening.account == other_row->opening.account;
  }
  return std::holds_alternative<node::StoredCheckpoint>(one) &&
         std::holds_alternative<node::StoredCheckpoint>(other);
}

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
  const bool was_idle = waiting_.empty();
  for (node::Stored& one : stored) {
    if (waiting_.size() >= kMaxWaiting) {
      const auto row = std::ranges::find_if(waiting_, [](const node::Stored& other) {
        return std::holds_alternative<node::StoredOpening>(other);
      });
      waiting_.erase(row == waiting_.end() ? waiting_.begin() : row);
      ++dropped_;
    }
    waiting_.push_back(std::move(one));
    ++accepted_;
  }
  if (was_idle) {
    changed_.notify_all();
  }
}

std::map<AccountId, std::uint64_t> EvidenceStore::take_expired() {
  const std::lock_guard lock(mutex_);
  return std::exchange(expired_, {});
}

std::uint64_t EvidenceStore::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

void EvidenceStore::settle() {
  std::unique_lock lock(mutex_);
  ++settling_;
  changed_.notify_all();
  const std::uint64_t last = accepted_;
  changed_.wait(
      lock, [this, last] { return accepted_ - waiting_.size() - in_hand_ >= last || has_failed_; });
  --settling_;
}

EvidenceStore::Written EvidenceStore::written() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

void EvidenceStore::run() {
  Instant next_sweep;
  std::unique_lock lock(mutex_);
  const auto is_stopping = [this] { return is_stopping_; };
  while (true) {
    if (is_stopping_ && (waiting_.empty() || has_failed_)) {
      return;
    }
    if (has_failed_) {
      changed_.wait_for(lock, kRetry, is_stopping);
      has_failed_ = false;
    } else {
      changed_.wait_for(lock, std::max(next_sweep - monotonic_now(), Duration::zero()),
                        [this] { return is_stopping_ || !waiting_.empty(); });
      changed_.wait_for(lock, waiting_.empty() ? Duration::zero() : kGather,
                        [this] { return is_stopping_ || settling_ > 0; });
    }
    if (const Instant now = monotonic_now(); now >= next_sweep && !is_stopping_) {
      next_sweep = now + kSweep;
      lock.unlock();
      sweep();
      lock.lock();
    }
    Batch batch = take_batch();
    in_hand_ = batch.size();
    lock.unlock();
    const bool is_written = write(batch);
    lock.lock();
    in_hand_ = 0;
    if (!is_written) {
      has_failed_ = true;
      waiting_.insert(waiting_.begin(), std::make_move_iterator(batch.begin()),
                      std::make_move_iterator(batch.end()));
    }
    if (settling_ > 0) {
      changed_.notify_all();
    }
  }
}

EvidenceStore::Batch EvidenceStore::take_batch() {
  const auto count = static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMaxTogether));
  Batch batch(std::make_move_iterator(waiting_.begin()),
              std::make_move_iterator(waiting_.begin() + count));
  waiting_.erase(waiting_.begin(), waiting_.begin() + count);
  return batch;
}

bool EvidenceStore::write(Batch& batch) {
  std::vector<Batch> files;
  for (node::Stored& item : batch) {
    const auto found = std::ranges::find_if(
        files, [&item](const Batch& other) { return is_of_one_file(other.front(), item); });
    Batch& target = found == files.end() ? files.emplace_back() : *found;
    target.push_back(std::move(item));
  }
  batch.clear();
  auto file = files.begin();
  for (; file != files.end(); ++file) {
    if (const auto written = write_together(*file); !written) {
      if (!has_failed_) {
        log::error("evidence_not_stored", {{"reason", written.error().message}});
      }
      break;
    }
    const std::lock_guard lock(mutex_);
    written_.items += file->size();
    ++written_.operations;
  }
  for (; file != files.end(); ++file) {
    std::ranges::move(*file, std::back_inserter(batch));
  }
  return batch.empty();
}

/// A report, or what goes to one file.
base::Expected<void, base::Error> EvidenceStore::write_together(
    std::span<const node::Stored> items) {
  if (const auto* report = std::get_if<node::StoredReport>(&items.front())) {
    const auto file = config_.data_dir / "transit" / file_name_of(report->account.value()) /
                      (file_name_of(report->room_sid) + ".json");
    return write_durably(file, report->text + '\n', kEvidenceMode);
  }
  if (std::holds_alternative<node::StoredCheckpoint>(items.front())) {
    std::string lines;
    for (const node::Stored& item : items) {
      const std::string& note = std::get<node::StoredCheckpoint>(item).note;
      lines +=
          audit::Json(audit::Json::Object{{"note", note}, {"v", kNoteVersion}}).canonical() + '\n';
    }
    const auto written =
        append_durably(config_.data_dir / "audit" / "checkpoints.jsonl", lines, kEvidenceMode);
    return written ? forget_previous_audit_key(config_.data_dir) : written;
  }
  const auto& first = std::get<node::StoredOpening>(items.front());
  std::vector<audit::Opening> rows;
  for (const node::Stored& item : items) {
    rows.push_back(std::get<node::StoredOpening>(item).opening);
  }
  return append_openings(config_.data_dir, first.region, first.opening.account, rows);
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
