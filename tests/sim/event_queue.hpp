#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.hpp"

namespace meridian::sim {

/// What is going to happen, by time; of two things at one time the one that was planned first.
class EventQueue {
 public:
  using Action = std::function<void()>;

  void at(Instant when, Action action) {
    entries_.push_back({when, next_number_++, std::move(action)});
    std::push_heap(entries_.begin(), entries_.end(), is_later);
  }
  [[nodiscard]] Instant next() const {
    return entries_.empty() ? Instant::never() : entries_.front().when;
  }
  /// Takes the first entry. Only when there is one.
  [[nodiscard]] Action take() {
    std::pop_heap(entries_.begin(), entries_.end(), is_later);
    Action action = std::move(entries_.back().action);
    entries_.pop_back();
    return action;
  }

 private:
  struct Entry {
    Instant when;
    std::uint64_t number = 0;
    Action action;
  };
  static bool is_later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.number > b.number;
  }

  std::vector<Entry> entries_;
  std::uint64_t next_number_ = 0;
};

}  // namespace meridian::sim
