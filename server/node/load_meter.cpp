#include "node/load_meter.hpp"

#include <algorithm>
#include <cmath>

namespace meridian::node {
namespace {

using forward::LoadLevel;

/// Two intervals make most of what is told.
constexpr double kNewest = 0.5;

}  // namespace

LoadLevel LoadMeter::wanted() const {
  if (share_ >= kFullShare || turn_ >= kFullTurn) {
    return LoadLevel::kFull;
  }
  if (share_ >= kStrainedShare || turn_ >= kStrainedTurn) {
    return LoadLevel::kStrained;
  }
  return share_ >= kBusyShare || turn_ >= kBusyTurn ? LoadLevel::kBusy : LoadLevel::kNormal;
}

void LoadMeter::follow(Instant now) {
  const LoadLevel next = wanted();
  if (next >= level_) {
    calm_since_ = Instant::never();
    level_ = next > level_ ? static_cast<LoadLevel>(static_cast<int>(level_) + 1) : level_;
    return;
  }
  if (calm_since_.is_never()) {
    calm_since_ = now;
  } else if (now - calm_since_ >= kCalm) {
    calm_since_ = now;
    level_ = static_cast<LoadLevel>(static_cast<int>(level_) - 1);
  }
}

std::optional<forward::WorkerLoad> LoadMeter::poll(Instant now, Duration computed) {
  const Duration elapsed = now - began_;
  if (has_begun_ && elapsed > Duration::zero()) {
    const double share = seconds(computed - computed_) / seconds(elapsed);
    share_ += static_cast<float>((std::clamp(share, 0.0, 1.0) - share_) * kNewest);
    const double turn = total_ > Duration::zero() ? weighted_ / seconds(total_) : 0;
    turn_ += std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>((turn - seconds(turn_)) * kNewest));
    follow(now);
  }
  has_begun_ = true;
  began_ = now;
  next_ = now + kInterval;
  computed_ = computed;
  total_ = {};
  weighted_ = 0;
  const forward::WorkerLoad load{.level = level_, .share = share_, .turn = turn_};
  if (told_.level == load.level && std::abs(told_.share - load.share) < kStep) {
    return std::nullopt;
  }
  told_ = load;
  return load;
}

}  // namespace meridian::node
