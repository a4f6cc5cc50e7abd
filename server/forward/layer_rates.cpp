#include "forward/layer_rates.hpp"

#include <algorithm>

namespace meridian::forward {
namespace {

using Row = std::array<std::uint64_t, LayerRates::kTemporal>;

std::uint8_t highest(const Row& row) {
  std::uint8_t temporal = 0;
  for (std::uint8_t i = 0; i < LayerRates::kTemporal; ++i) {
    temporal = row[i] > 0 ? i : temporal;
  }
  return temporal;
}

std::uint64_t sum_up_to(const Row& row, std::uint8_t temporal) {
  std::uint64_t total = 0;
  for (std::uint8_t i = 0; i <= temporal; ++i) {
    total += row[i];
  }
  return total;
}

}  // namespace

void LayerRates::on_packet(std::uint8_t layer, std::uint8_t temporal, std::size_t bytes,
                           Instant arrival) {
  Window& row = windows_[std::min<std::size_t>(layer, kSpatial - 1)];
  row.bytes[std::min<std::size_t>(temporal, kTemporal - 1)] +=
      static_cast<std::uint32_t>(bytes + kPacketOverhead);
  row.began = std::min(row.began, arrival);
}

void LayerRates::update(Instant now) {
  for (std::size_t spatial = 0; spatial < kSpatial; ++spatial) {
    Window& row = windows_[spatial];
    if (row.began.is_never() || now - row.began < kShortest) {
      continue;
    }
    if (std::ranges::all_of(row.bytes, [](std::uint32_t bytes) { return bytes == 0; })) {
      // Between two frames of a still screen, or the end of the layer: when it comes back it likely
      // costs what it did.
      row.began = now - row.began < kLongest ? row.began : Instant::never();
      continue;
    }
    const double weight = std::max(kSmoothing, 1.0 / (1.0 + row.updates));
    for (std::size_t temporal = 0; temporal < kTemporal; ++temporal) {
      const double measured = static_cast<double>(row.bytes[temporal]) * 8e9 /
                              static_cast<double>((now - row.began).count());
      const double smoothed = (1 - weight) * rates_[spatial][temporal] + weight * measured;
      rates_[spatial][temporal] = static_cast<std::uint32_t>(std::min(smoothed, 4e9));
    }
    row = {.bytes = {}, .began = now, .updates = row.updates + 1};
  }
}

void LayerRates::add_row(Ladder& ladder, std::uint8_t spatial, const Row& row, std::uint8_t first) {
  for (std::uint8_t temporal = first; temporal <= highest(row); ++temporal) {
    if (row[temporal] > 0 || temporal == highest(row)) {
      ladder.add(
          {.spatial = spatial, .temporal = temporal, .rate = Bitrate(sum_up_to(row, temporal))});
    }
  }
}

/// A layer above the lowest is worth its bits with at least half of its frames.
Ladder LayerRates::simulcast_ladder(std::uint8_t count, std::uint8_t available) const {
  Ladder ladder;
  std::uint64_t assumed = kAssumedLowest.value();
  for (std::uint8_t spatial = 0; spatial < std::min<std::size_t>(count, kSpatial); ++spatial) {
    Row row{};
    std::ranges::copy(rates_[spatial], row.begin());
    const bool is_known = highest(row) > 0 || row[0] > 0;
    if (!is_known) {
      row[0] = assumed;
    }
    assumed = sum_up_to(row, highest(row)) * kAssumedRatio;
    if (available != 0 && ((available >> spatial) & 1U) == 0) {
      continue;
    }
    const std::uint8_t top = highest(row);
    const std::uint8_t first = ladder.empty() || top == 0 ? 0 : static_cast<std::uint8_t>(top - 1);
    add_row(ladder, spatial, row, first);
  }
  return ladder;
}

Ladder LayerRates::single_ladder() const {
  Ladder ladder;
  Row row{};
  for (std::uint8_t spatial = 0; spatial < kSpatial; ++spatial) {
    const auto& own = rates_[spatial];
    if (std::ranges::all_of(own, [](std::uint32_t rate) { return rate == 0; })) {
      continue;
    }
    for (std::size_t i = 0; i < kTemporal; ++i) {
      row[i] += own[i];
    }
    const std::uint8_t top = highest(row);
    const std::uint8_t first = ladder.empty() || top == 0 ? 0 : static_cast<std::uint8_t>(top - 1);
    add_row(ladder, spatial, row, first);
  }
  return ladder;
}

Ladder LayerRates::ladder(std::uint8_t count, std::uint8_t available) const {
  Ladder ladder = count > 1 ? simulcast_ladder(count, available) : single_ladder();
  if (ladder.empty()) {
    ladder.add({.spatial = 0, .temporal = kTemporal - 1, .rate = kAssumedLowest});
  }
  return ladder;
}

}  // namespace meridian::forward
