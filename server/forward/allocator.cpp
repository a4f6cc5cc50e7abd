#include "forward/allocator.hpp"

#include <algorithm>
#include <functional>
#include <tuple>

namespace meridian::forward {
namespace {

std::uint64_t cost(const Demand& demand, std::int8_t rung) {
  return rung == Demand::kPaused ? 0
                                 : (*demand.ladder)[static_cast<std::size_t>(rung)].rate.value();
}

/// Those before whom nobody of the same class comes.
bool is_same_class(const Demand& a, const Demand& b) {
  return a.is_screen_share == b.is_screen_share && a.priority == b.priority;
}

/// Whose is more goes first.
auto precedence(const Demand& demand) {
  return std::tuple(demand.is_screen_share, demand.priority,
                    (*demand.ladder)[demand.wanted - 1U].spatial, -int{demand.index});
}

class AllocationRun {
 public:
  explicit AllocationRun(const Ceilings& ceilings) : ceilings_(ceilings) {}

  [[nodiscard]] std::uint64_t used() const { return used_; }

  enum class Ground : std::uint8_t { kKept, kAny };
  /// One rung up, if that is wanted and fits; `kKept`: no further than what it has.
  bool raise(Demand& demand, Ground ground) {
    const auto next = static_cast<std::int8_t>(demand.rung + 1);
    if (next >= static_cast<std::int8_t>(demand.wanted) ||
        (ground == Ground::kKept && next > demand.kept)) {
      return false;
    }
    const std::uint64_t after = used_ - cost(demand, demand.rung) + cost(demand, next);
    const Bitrate ceiling = next <= demand.kept ? ceilings_.kept
                            : next == 0         ? ceilings_.lowest
                                                : ceilings_.added;
    const bool is_owed = next == 0 && !ceilings_.may_pause;
    if (after > ceiling.value() && !is_owed) {
      return false;
    }
    demand.rung = next;
    used_ = after;
    return true;
  }
  /// Each of them by one rung in turn, as long as something fits.
  void raise_all(std::span<Demand> demands, Ground ground) {
    for (bool has_moved = true; has_moved;) {
      has_moved = false;
      for (Demand& demand : demands) {
        has_moved |= demand.rung != Demand::kPaused && raise(demand, ground);
      }
    }
  }

 private:
  Ceilings ceilings_;
  std::uint64_t used_ = 0;
};

/// In the order of precedence: the first step up that is still wanted.
std::uint64_t next_step(std::span<const Demand> demands, std::uint64_t used) {
  for (const Demand& demand : demands) {
    if (demand.rung + 1 < static_cast<int>(demand.wanted)) {
      return used - cost(demand, demand.rung) +
             cost(demand, static_cast<std::int8_t>(demand.rung + 1));
    }
  }
  return 0;
}

}  // namespace

void Ladder::add(const Rung& rung) {
  while (size_ > 0 && rungs_[size_ - 1].rate >= rung.rate) {
    --size_;
  }
  if (size_ < kMaxRungs) {
    rungs_[size_++] = rung;
  }
}

std::size_t Ladder::within(std::uint8_t spatial, std::uint8_t temporal) const {
  std::size_t count = size_;
  while (count > 1 &&
         (rungs_[count - 1].spatial > spatial || rungs_[count - 1].temporal > temporal)) {
    --count;
  }
  return count;
}

const Demand* first_of(std::span<const Demand> demands) {
  const auto first = std::ranges::max_element(demands, {}, precedence);
  return first != demands.end() ? &*first : nullptr;
}

Allocated allocate(std::span<Demand> demands, const Ceilings& ceilings) {
  std::ranges::sort(demands, std::greater<>(), precedence);
  AllocationRun division(ceilings);
  std::uint64_t all = 0;
  for (Demand& demand : demands) {
    demand.rung = Demand::kPaused;
    (void)division.raise(demand, AllocationRun::Ground::kAny);
    all += cost(demand, static_cast<std::int8_t>(demand.wanted - 1));
  }
  for (std::size_t begin = 0; begin < demands.size();) {
    std::size_t end = begin + 1;
    while (end < demands.size() && is_same_class(demands[begin], demands[end])) {
      ++end;
    }
    const auto equals = demands.subspan(begin, end - begin);
    division.raise_all(equals, AllocationRun::Ground::kKept);
    division.raise_all(equals, AllocationRun::Ground::kAny);
    begin = end;
  }
  return {.used = Bitrate(division.used()),
          .next = Bitrate(next_step(demands, division.used())),
          .all = Bitrate(all)};
}

}  // namespace meridian::forward
