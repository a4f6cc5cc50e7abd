#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "forward/allocator.hpp"
#include "forward/ceiling_window.hpp"
#include "forward/commands.hpp"
#include "forward/downlink.hpp"

namespace meridian::forward {

class Subscription;

/// What the last division of a subscriber's way came to. Rates in bit/s.
struct Division {
  /// What the way is thought to carry; nothing while nobody knows.
  std::optional<Bitrate> estimate;
  /// Audio and retransmissions, which come first.
  Bitrate reserved;
  /// Video as allocated, and as it was wished for.
  Bitrate video;
  Bitrate wished;
};

/// Which layers each video of one subscriber gets: divides, each kInterval, what the subscriber's
/// way carries, tells the subscriptions, and says for how much more it is worth probing. A
/// subscriber who never says what arrives isn't limited.
class LayerAllocation {
 public:
  static constexpr Duration kInterval = CeilingWindow::kInterval;
  /// After a step up to another size: its key frame passes before the next one begins.
  static constexpr Duration kSwitchTime = 1500ms;

  /// Where only few videos are asked for in the largest size, those are watched, and the others are
  /// small beside them.
  static constexpr std::size_t kMaxLarge = 4;
  /// Whether small videos come in their lowest layer, whatever the way carries.
  enum class Small : std::uint8_t { kAsWished, kLowest };

  /// Ladders of the publications must be up to date. Appends what was paused or goes on.
  void update(TransportId transport, std::span<Subscription* const> subscriptions,
              Downlink& downlink, Small small, Instant now, std::vector<Event>& events);
  /// What the way is taken to carry at most.
  void set_limit(std::optional<Bitrate> limit) { limit_ = limit; }
  [[nodiscard]] const Division& division() const { return division_; }

 private:
  void collect(std::span<Subscription* const> subscriptions, const Downlink& downlink);
  void reserve(const Downlink& downlink, Bitrate sound);
  void lower_small(std::span<Subscription* const> subscriptions);
  [[nodiscard]] Ceilings ceilings(const Downlink& downlink, Bitrate estimate, bool can_probe,
                                  Instant now);
  void note_step(Instant now);
  void follow_wanted(const Allocated& allocated, const Ceilings& ceilings,
                     Downlink& downlink) const;

  CeilingWindow window_;
  std::vector<Demand> demands_;
  Division division_;
  /// What the next step up costs, as of the last division; zero: none is wanted.
  Bitrate next_;
  Instant switches_until_;
  /// After a step too far, or during one that takes its time: nothing is added, nor probed for.
  bool is_waiting_ = false;
  std::optional<Bitrate> limit_;
};

}  // namespace meridian::forward
