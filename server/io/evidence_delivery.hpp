#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "io/audit_writer.hpp"
#include "io/evidence_store.hpp"
#include "io/http_fetcher.hpp"
#include "node/evidence.hpp"

namespace meridian::io {

/// Hands on what Control signed: to the store, and checkpoints to the witnesses. A checkpoint is a
/// promise about lines; so nothing leaves before the lines of its turn are on the disk, while later
/// ones may still be on their way there. Witnesses
/// get what they can take: while one is slow, only the newest checkpoint waits for it, since each
/// says all that the ones before it said. The control thread's.
class EvidenceDelivery {
 public:
  /// What may wait for the log to reach the disk.
  static constexpr std::size_t kMaxHeld = 16384;

  struct Config {
    const AuditWriter& audit;
    EvidenceStore& store;
    HttpFetcher& fetcher;
    /// URLs to which notes are POSTed as text/plain.
    std::vector<std::string> witnesses;
  };
  explicit EvidenceDelivery(Config config);

  /// Behind the lines of its turn.
  void add(std::vector<node::Stored> stored);
  /// To be called in each turn, and at the end once the log was synced.
  void deliver();

  /// Checkpoints that a witness took, and that it did not.
  [[nodiscard]] std::uint64_t witnessed() const { return witnessed_; }
  [[nodiscard]] std::uint64_t unwitnessed() const { return unwitnessed_; }

 private:
  struct Witness {
    std::string url;
    std::string next;  // the newest note that it wasn't sent
    bool is_busy = false;
    bool is_failing = false;
  };
  void send(Witness& witness);

  const Config config_;
  struct Held {
    node::Stored stored;
    std::uint64_t appended = 0;  // of the log, with the lines of its turn
  };
  std::deque<Held> held_;
  std::vector<Witness> witnesses_;
  std::uint64_t witnessed_ = 0;
  std::uint64_t unwitnessed_ = 0;
};

}  // namespace meridian::io
