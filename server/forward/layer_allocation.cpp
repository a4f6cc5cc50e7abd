#include "forward/layer_allocation.hpp"

#include <algorithm>

#include "forward/publication.hpp"
#include "forward/subscription.hpp"

namespace meridian::forward {
namespace {

Bitrate less(Bitrate whole, Bitrate part) {
  return Bitrate(whole > part ? whole.value() - part.value() : 0);
}

Bitrate sum(Bitrate a, Bitrate b) {
  return Bitrate(a.value() + b.value());
}

bool wants_video(const Subscription& subscription) {
  return subscription.target().is_enabled && !subscription.publication().is_muted();
}

/// The rung of a ladder, whose rungs may have changed, that is the nearest to what was allocated.
std::int8_t kept_rung(const Ladder& ladder, const std::optional<Rung>& allocated) {
  if (!allocated) {
    return Demand::kPaused;
  }
  std::size_t kept = ladder.size() - 1;
  while (kept > 0 && (ladder[kept].spatial > allocated->spatial ||
                      (ladder[kept].spatial == allocated->spatial &&
                       ladder[kept].temporal > allocated->temporal))) {
    --kept;
  }
  return static_cast<std::int8_t>(kept);
}

Demand demand_of(const Subscription& subscription, std::size_t index) {
  const Publication& publication = subscription.publication();
  const LayerTarget& target = subscription.target();
  return {.index = static_cast<std::uint16_t>(index),
          .ladder = &publication.ladder(),
          .wanted = static_cast<std::uint8_t>(
              publication.ladder().within(target.max_spatial, target.max_temporal)),
          .is_screen_share = publication.traits().is_screen_share,
          .priority = target.priority,
          .kept = kept_rung(publication.ladder(), subscription.allocated()),
          .rung = Demand::kPaused};
}

/// Of one subscription, as decided. The best that is wanted is no limit: a layer that begins to
/// come meanwhile may be taken at once.
void apply(const Demand& demand, Subscription& subscription, TransportId transport,
           std::vector<Event>& events) {
  const bool was_paused = subscription.is_paused();
  if (demand.rung == Demand::kPaused) {
    subscription.pause();
  } else {
    const Rung& rung = (*demand.ladder)[static_cast<std::size_t>(demand.rung)];
    const bool is_best = demand.rung + 1 == static_cast<int>(demand.wanted) && !demand.is_spared;
    subscription.allocate(rung, is_best ? Subscription::Bound::kNone : Subscription::Bound::kRung);
  }
  if (subscription.is_paused() != was_paused) {
    events.emplace_back(StreamPaused{.transport = transport,
                                     .publication = subscription.publication().id(),
                                     .is_paused = subscription.is_paused()});
  }
}

}  // namespace

void LayerAllocation::collect(std::span<Subscription* const> subscriptions,
                              const Downlink& downlink) {
  demands_.clear();
  Bitrate sound;
  for (std::size_t i = 0; i < subscriptions.size(); ++i) {
    const Subscription& subscription = *subscriptions[i];
    if (!subscription.publication().is_video()) {
      sound = sum(sound, subscription.rate());
    } else if (wants_video(subscription) && !subscription.publication().ladder().empty()) {
      demands_.push_back(demand_of(subscription, i));
    }
  }
  reserve(downlink, sound);
}

/// Sound comes first, then what is sent again. What was lost of a layer that is too much must not
/// take the place of the one that isn't, nor pause the only picture that there is room for.
void LayerAllocation::reserve(const Downlink& downlink, Bitrate sound) {
  Bitrate resent = downlink.retransmission_rate();
  if (division_.estimate) {
    const Demand* first = first_of(demands_);
    const Bitrate lowest = first != nullptr ? (*first->ladder)[0].rate : Bitrate(0);
    resent = std::min({resent, Bitrate(division_.estimate->value() / 2),
                       less(*division_.estimate, sum(sound, lowest))});
  }
  division_.reserved = sum(resent, sound);
}

void LayerAllocation::lower_small(std::span<Subscription* const> subscriptions) {
  const auto size = [&](const Demand& demand) {
    return (*demand.ladder)[demand.wanted - 1U].spatial;
  };
  std::uint8_t largest = 0;
  for (const Demand& demand : demands_) {
    largest = std::max(largest, demand.is_screen_share ? std::uint8_t{0} : size(demand));
  }
  const auto large = std::ranges::count_if(demands_, [&](const Demand& demand) {
    return !demand.is_screen_share && size(demand) == largest;
  });
  for (Demand& demand : demands_) {
    const bool is_large =
        size(demand) == largest && large <= static_cast<std::ptrdiff_t>(kMaxLarge);
    if (demand.is_screen_share || is_large || size(demand) == 0) {
      continue;
    }
    const std::uint8_t temporal = subscriptions[demand.index]->target().max_temporal;
    demand.wanted = static_cast<std::uint8_t>(demand.ladder->within(0, temporal));
    demand.is_spared = true;
  }
}

Ceilings LayerAllocation::ceilings(const Downlink& downlink, Bitrate estimate, bool can_probe,
                                   Instant now) {
  Ceilings ceilings = window_.update(estimate, downlink.estimator().is_in_start(), now);
  is_waiting_ = ceilings.added == Bitrate(0) || now < switches_until_;
  // What was never tried may be more than the way carries: first a probe shows it. What is sent
  // again without a number isn't in what was shown, but in what is taken off below.
  const auto shown = downlink.estimator().shown(now);
  if (can_probe && shown && !downlink.estimator().is_in_start()) {
    ceilings.added = std::min(ceilings.added, sum(*shown, downlink.unnumbered_rate()));
  }
  ceilings.kept = less(ceilings.kept, division_.reserved);
  ceilings.added = less(ceilings.added, division_.reserved);
  ceilings.lowest = less(ceilings.lowest, division_.reserved);
  if (!downlink.estimator().is_in_start() && next_ > Bitrate(0)) {
    // One step at a time.
    ceilings.added = is_waiting_ ? Bitrate(0) : std::min(ceilings.added, next_);
  }
  // Not before the way was seen to be full; and never where nothing could tell that it carries more
  // again: that takes padding, and somebody who says what arrives of it.
  ceilings.may_pause = limit_ || (downlink.estimator().has_feedback() && can_probe &&
                                  !downlink.estimator().is_in_start());
  return ceilings;
}

void LayerAllocation::note_step(Instant now) {
  bool is_up = false;
  bool is_down = false;
  for (const Demand& demand : demands_) {
    is_up |= demand.rung > demand.kept;
    if (demand.rung > demand.kept && demand.kept != Demand::kPaused &&
        (*demand.ladder)[static_cast<std::size_t>(demand.rung)].spatial >
            (*demand.ladder)[static_cast<std::size_t>(demand.kept)].spatial) {
      switches_until_ = now + kSwitchTime;
    }
    is_down |= demand.rung < std::min(demand.kept, static_cast<std::int8_t>(demand.wanted - 1));
  }
  using Step = CeilingWindow::Step;
  window_.on_step(is_down ? Step::kDown : is_up ? Step::kUp : Step::kNone, now);
}

void LayerAllocation::follow_wanted(const Allocated& allocated, const Ceilings& ceilings,
                                    Downlink& downlink) const {
  // At the start all is wanted at once; later one step at a time. Whoever waits after a step too
  // far waits with probes as well: each puts a queue before everybody else on that way. But not
  // where nobody sees anything.
  Bitrate video = downlink.estimator().is_in_start() ? allocated.all : allocated.next;
  using Need = bwe::SendSideEstimator::Need;
  const Need need =
      allocated.used == Bitrate(0) && ceilings.may_pause ? Need::kAnything : Need::kMore;
  if (allocated.next == Bitrate(0) || (is_waiting_ && need != Need::kAnything)) {
    video = Bitrate(0);
  }
  downlink.estimator().set_wanted(video == Bitrate(0) ? video : sum(video, division_.reserved),
                                  need);
}

void LayerAllocation::update(TransportId transport, std::span<Subscription* const> subscriptions,
                             Downlink& downlink, Small small, Instant now,
                             std::vector<Event>& events) {
  division_.estimate = downlink.known_estimate(now);
  if (limit_) {
    division_.estimate = std::min(division_.estimate.value_or(*limit_), *limit_);
  }
  collect(subscriptions, downlink);
  if (small == Small::kLowest) {
    lower_small(subscriptions);
  }
  const bool can_probe = std::ranges::any_of(subscriptions, &Subscription::can_pad);
  if (downlink.take_probed()) {
    window_.on_probed();
  }
  const Ceilings limits = division_.estimate
                              ? ceilings(downlink, *division_.estimate, can_probe, now)
                              : Ceilings{.kept = Downlink::kMaxBitrate,
                                         .added = Downlink::kMaxBitrate,
                                         .lowest = Downlink::kMaxBitrate,
                                         .may_pause = false};
  const Allocated allocated = allocate(demands_, limits);
  next_ = allocated.next;
  division_.video = allocated.used;
  division_.wished = allocated.all;
  note_step(now);
  for (const Demand& demand : demands_) {
    apply(demand, *subscriptions[demand.index], transport, events);
  }
  follow_wanted(allocated, limits, downlink);
}

}  // namespace meridian::forward
