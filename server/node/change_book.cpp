#include "node/change_book.hpp"

#include <algorithm>
#include <utility>

namespace meridian::node {

ChangeBook::Change& ChangeBook::open(Change outcome) {
  forget_old();
  return entries_
      .emplace_back(Entry{.outcome = std::move(outcome),
                          .generation = 0,
                          .awaited = {},
                          .covered = Instant::never(),
                          .is_told = false})
      .outcome;
}

void ChangeBook::forget_old() {
  if (entries_.size() < kMaxKept) {
    return;
  }
  const auto oldest =
      std::ranges::find_if(entries_, [](const Entry& entry) { return entry.is_told; });
  if (oldest == entries_.end()) {
    return;  // unfinished ones end within the longest grace
  }
  std::erase_if(senders_, [&](const auto& sender) {
    return sender.second.account == oldest->outcome.account &&
           sender.second.epoch == oldest->outcome.epoch;
  });
  entries_.erase(oldest);
}

void ChangeBook::revoke(const AccountId& account, PolicyEpoch epoch, std::uint64_t generation,
                        std::vector<WorkerPlacement> workers, Now now) {
  Entry* entry = find_entry(account, epoch);
  if (entry == nullptr) {
    return;
  }
  entry->generation = generation;
  entry->outcome.revoked_at = now.wall;
  entry->awaited = std::move(workers);
  entry->covered = now.monotonic + residency::Lease::kTerm;
  if (entry->awaited.empty()) {
    finish(*entry, now.wall);
  }
}

void ChangeBook::remember(const AccountId& account, PolicyEpoch epoch, TransportId transport,
                          std::string participant_sid) {
  if (senders_.size() < api::kMaxListedPeople * kMaxKept) {
    senders_[transport] = {account, epoch, std::move(participant_sid)};
  }
}

void ChangeBook::handle(WorkerIndex worker, const forward::PolicyApplied& event, Now now) {
  for (Entry& entry : entries_) {
    if (entry.outcome.is_finished || entry.generation == 0 || entry.generation > event.generation) {
      continue;
    }
    std::erase_if(entry.awaited,
                  [worker](const WorkerPlacement& awaited) { return awaited.index == worker; });
    if (entry.awaited.empty()) {
      finish(entry, now.wall);
    }
  }
}

void ChangeBook::handle(const forward::StillSending& event) {
  const auto sender = senders_.find(event.transport);
  Entry* entry =
      sender != senders_.end() ? find_entry(sender->second.account, sender->second.epoch) : nullptr;
  if (entry == nullptr) {
    return;
  }
  auto& list = entry->outcome.still_sending;
  const std::string& sid = sender->second.participant_sid;
  auto known = std::ranges::find(list, sid, &api::StillSendingParticipant::participant_sid);
  if (known == list.end()) {
    if (list.size() >= api::kMaxListedPeople) {
      return;
    }
    known = list.insert(list.end(), {.participant_sid = sid, .datagrams = 0, .bytes = 0});
  }
  known->datagrams = event.datagrams;
  known->bytes = event.bytes;
}

void ChangeBook::handle_timeout(Now now) {
  for (Entry& entry : entries_) {
    if (entry.outcome.is_finished || now.monotonic < entry.covered) {
      continue;
    }
    // These have not said that they stopped. They can't have gone on for longer than their lease.
    for (const WorkerPlacement& silent : entry.awaited) {
      auto& regions = entry.outcome.covered_by_lease;
      if (std::ranges::find(regions, silent.region) == regions.end()) {
        regions.push_back(silent.region);
      }
    }
    finish(entry, now.wall);
  }
}

void ChangeBook::finish(Entry& entry, UnixTime now) {
  entry.awaited.clear();
  entry.covered = Instant::never();
  entry.outcome.dry_at = now;
  entry.outcome.is_finished = true;
}

Instant ChangeBook::next_timeout() const {
  Instant next = Instant::never();
  for (const Entry& entry : entries_) {
    next = std::min(next, entry.covered);
  }
  return next;
}

const ChangeBook::Change* ChangeBook::find(const AccountId& account, PolicyEpoch epoch) const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.outcome.account == account && entry.outcome.epoch == epoch;
  });
  return found != entries_.end() ? &found->outcome : nullptr;
}

ChangeBook::Entry* ChangeBook::find_entry(const AccountId& account, PolicyEpoch epoch) {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) {
    return entry.outcome.account == account && entry.outcome.epoch == epoch;
  });
  return found != entries_.end() ? &*found : nullptr;
}

ChangeBook::Change* ChangeBook::edit(const AccountId& account, PolicyEpoch epoch) {
  Entry* entry = find_entry(account, epoch);
  return entry != nullptr ? &entry->outcome : nullptr;
}

std::vector<PolicyEpoch> ChangeBook::unrevoked(const AccountId& account) const {
  std::vector<PolicyEpoch> epochs;
  for (const Entry& entry : entries_) {
    if (entry.outcome.account == account && !entry.outcome.revoked_at) {
      epochs.push_back(entry.outcome.epoch);
    }
  }
  return epochs;
}

std::vector<const ChangeBook::Change*> ChangeBook::take_finished() {
  std::vector<const Change*> finished;
  for (Entry& entry : entries_) {
    if (entry.outcome.is_finished && !entry.is_told) {
      entry.is_told = true;
      finished.push_back(&entry.outcome);
    }
  }
  return finished;
}

}  // namespace meridian::node
