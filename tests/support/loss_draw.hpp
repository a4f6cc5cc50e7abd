#pragma once

#include <cstdint>

#include "base/random.hpp"

namespace meridian::test {

/// Which datagrams a bad network loses: each by itself, the same ones for the same seed.
class LossDraw {
 public:
  /// `percent`: 0 to 100.
  LossDraw(double percent, std::uint64_t seed) : random_(seed), share_(percent / 100) {}

  /// Of the next one.
  [[nodiscard]] bool is_lost() { return random_.chance(share_); }

 private:
  Rng random_;
  double share_;
};

}  // namespace meridian::test
