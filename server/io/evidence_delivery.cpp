#include "io/evidence_delivery.hpp"

#include <utility>
#include <variant>

#include "io/log.hpp"

namespace meridian::io {

EvidenceDelivery::EvidenceDelivery(Config config) : config_(std::move(config)) {
  for (const std::string& url : config_.witnesses) {
    witnesses_.push_back({.url = url, .next = {}});
  }
}

void EvidenceDelivery::add(std::vector<node::Stored> stored) {
  for (node::Stored& one : stored) {
    if (held_.size() < kMaxHeld) {
      held_.push_back({std::move(one), config_.audit.appended()});
    }
  }
}

void EvidenceDelivery::deliver() {
  if (held_.empty()) {
    return;
  }
  const std::uint64_t synced = config_.audit.synced();
  std::vector<node::Stored> safe;
  while (!held_.empty() && held_.front().appended <= synced) {
    safe.push_back(std::move(held_.front().stored));
    held_.pop_front();
  }
  if (safe.empty()) {
    return;
  }
  for (const node::Stored& one : safe) {
    if (const auto* checkpoint = std::get_if<node::StoredCheckpoint>(&one)) {
      for (Witness& witness : witnesses_) {
        witness.next = checkpoint->note;
      }
    }
  }
  config_.store.store(std::move(safe));
  for (Witness& witness : witnesses_) {
    send(witness);
  }
}

void EvidenceDelivery::send(Witness& witness) {
  if (witness.is_busy || witness.next.empty()) {
    return;
  }
  witness.is_busy = true;
  HttpFetch fetch;
  fetch.method = "POST";
  fetch.url = witness.url;
  fetch.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  fetch.body = std::exchange(witness.next, {});
  config_.fetcher.fetch(std::move(fetch), [this, &witness](const auto& fetched) {
    witness.is_busy = false;
    const bool is_taken = fetched && fetched->status / 100 == 2;
    ++(is_taken ? witnessed_ : unwitnessed_);
    if (is_taken == witness.is_failing) {
      witness.is_failing = !is_taken;
      const std::string reason =
          fetched ? "status " + std::to_string(fetched->status) : fetched.error().message;
      log::write(is_taken ? log::Level::kInfo : log::Level::kWarning,
                 is_taken ? "witness_takes_checkpoints" : "witness_took_no_checkpoint",
                 {{"reason", reason}});
    }
    send(witness);  // what came meanwhile
  });
}

}  // namespace meridian::io
