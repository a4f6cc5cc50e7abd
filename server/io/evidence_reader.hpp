#pragma once

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <thread>
#include <utility>

#include "api/admin_api.hpp"
#include "api/admin_task.hpp"
#include "io/channel.hpp"
#include "io/evidence_store.hpp"
#include "signalling/http.hpp"

namespace meridian::io {

/// An answer of the administration API that needed files.
using EvidenceAnswer = std::pair<signalling::PendingResponse, api::AdminResponse>;
using EvidenceAnswerChannel = Channel<EvidenceAnswer>;

/// Answers what the administration API asks of the files below the data folder: the audit log,
/// transit reports, checkpoints and keys. Reads only.
[[nodiscard]] api::AdminResponse answer_evidence(const std::filesystem::path& data_dir,
                                                 const api::EvidenceQuery& query);

/// Runs answer_evidence() on a thread of its own, one query after the other: a log takes seconds to
/// verify, and the control thread has leases to renew.
class EvidenceReader {
 public:
  static constexpr std::size_t kMaxQueries = 1024;
  using Query = std::pair<signalling::PendingResponse, api::EvidenceQuery>;

  /// Both outlive this. What `store` was given before it is asked is read, too.
  EvidenceReader(std::filesystem::path data_dir, EvidenceStore& store,
                 EvidenceAnswerChannel& answers);
  ~EvidenceReader();
  EvidenceReader(const EvidenceReader&) = delete;
  EvidenceReader& operator=(const EvidenceReader&) = delete;

  /// For one thread. A query that finds the queue full is answered 503.
  void ask(Query query);

 private:
  void run();

  const std::filesystem::path data_dir_;
  EvidenceStore& store_;
  EvidenceAnswerChannel& answers_;
  Wakeup wakeup_;
  Channel<Query> queries_{kMaxQueries, wakeup_};
  std::atomic<bool> is_stopping_{false};
  std::thread thread_;
};

}  // namespace meridian::io
