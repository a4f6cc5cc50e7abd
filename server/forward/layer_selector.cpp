#include "forward/layer_selector.hpp"

#include <algorithm>

namespace meridian::forward {

void LayerSelector::set_target(const LayerTarget& target) {
  target_ = target;
  if (!target.is_enabled) {
    current_.reset();
  }
}

void LayerSelector::lose_stream() {
  if (current_) {
    lost_ = {.layer = *current_, .generation = generation_, .newest = newest_};
  }
  current_.reset();
}

std::uint8_t LayerSelector::desired(const LayerView& view) const {
  const auto is_live = [&](int layer) { return ((view.live >> layer) & 1U) != 0; };
  const int top = std::min<int>(target_.max_spatial, view.count - 1);
  for (int layer = top; layer >= 0; --layer) {
    if (is_live(layer)) {
      return static_cast<std::uint8_t>(layer);
    }
  }
  for (int layer = top + 1; layer < view.count; ++layer) {
    if (is_live(layer)) {
      return static_cast<std::uint8_t>(layer);
    }
  }
  return current_.value_or(static_cast<std::uint8_t>(std::max(top, 0)));
}

void LayerSelector::begin(std::uint8_t layer, const MediaPacket& packet) {
  current_ = layer;
  generation_ = packet.generation;
  limits_ = {.spatial = target_.max_spatial, .temporal = target_.max_temporal};
  newest_ = packet.sequence;
  change_count_ = 0;
  highest_spatial_seen_ = packet.spatial;
  has_left_lower_out_ = false;
}

LayerSelector::Limits LayerSelector::limits_of(ExtendedSequence sequence) const {
  Limits limits = limits_;
  const std::size_t known = std::min(change_count_, kChanges);
  for (std::size_t back = 1; back <= known; ++back) {
    const Change& change = changes_[(change_count_ - back) % kChanges];
    if (sequence >= change.from) {
      break;
    }
    limits = change.before;
  }
  return limits;
}

LayerSelector::Limits LayerSelector::next_limits(const MediaPacket& packet) const {
  if (packet.starts_key_frame) {
    return {.spatial = target_.max_spatial, .temporal = target_.max_temporal};
  }
  Limits next = limits_;
  // A whole picture is sent with the same spatial layers, so that its marker is in the right place.
  if (packet.spatial == 0 && !has_left_lower_out_) {
    next.spatial = std::min(next.spatial, target_.max_spatial);
  }
  next.temporal = std::min(next.temporal, target_.max_temporal);
  if (packet.is_temporal_switch && packet.temporal == next.temporal + 1 &&
      packet.temporal <= target_.max_temporal) {
    next.temporal = packet.temporal;
  }
  return next;
}

/// A frame is sent whole or not at all, in whatever order its packets come: only the first packet
/// of a frame changes something, and not when it comes behind others of its frame.
bool LayerSelector::adjust_limits(const MediaPacket& packet) {
  highest_spatial_seen_ = std::max(highest_spatial_seen_, packet.spatial);
  if (packet.sequence <= newest_) {
    return false;
  }
  newest_ = packet.sequence;
  if (!packet.starts_frame && !packet.starts_key_frame) {
    return false;
  }
  has_left_lower_out_ = has_left_lower_out_ && !packet.starts_key_frame;
  const int before = std::min(limits_.spatial, highest_spatial_seen_);
  if (const Limits next = next_limits(packet); next != limits_) {
    changes_[change_count_++ % kChanges] = {.from = packet.sequence, .before = limits_};
    limits_ = next;
  }
  return packet.starts_key_frame && limits_.spatial < before;
}

Verdict LayerSelector::decide(std::uint8_t layer, const MediaPacket& packet,
                              const LayerView& view) {
  if (!target_.is_enabled) {
    return Verdict::kIgnore;
  }
  if (current_ == layer && generation_ != packet.generation) {
    current_.reset();  // the stream began anew: only its next key frame can be decoded
  }
  if (current_ != layer) {
    const bool is_wanted = layer == desired(view);
    const bool is_repeated = lost_ && lost_->layer == layer &&
                             lost_->generation == packet.generation &&
                             packet.sequence <= lost_->newest;
    if (!packet.starts_key_frame || !is_wanted || is_repeated) {
      return Verdict::kIgnore;
    }
    begin(layer, packet);
    return Verdict::kSwitch;
  }
  if (adjust_limits(packet) && view.count <= 1) {
    return Verdict::kSwitch;
  }
  return is_left_out(packet, view) ? Verdict::kDrop : Verdict::kForward;
}

bool LayerSelector::is_left_out(const MediaPacket& packet, const LayerView& view) {
  const Limits limits = limits_of(packet.sequence);
  const bool is_simulcast = view.count > 1;
  if (packet.temporal > limits.temporal || (!is_simulcast && packet.spatial > limits.spatial)) {
    return true;
  }
  if (is_simulcast || !packet.unneeded.test(limits.spatial, limits.temporal)) {
    return false;
  }
  has_left_lower_out_ = has_left_lower_out_ || packet.spatial < limits.spatial;
  return true;
}

std::optional<std::uint8_t> LayerSelector::awaits_key_frame(const LayerView& view) const {
  if (!target_.is_enabled) {
    return std::nullopt;
  }
  const std::uint8_t wanted = desired(view);
  const bool wants_more_spatial = view.count <= 1 && limits_.spatial < target_.max_spatial &&
                                  limits_.spatial < highest_spatial_seen_;
  const bool wants_less_spatial =
      view.count <= 1 && has_left_lower_out_ && limits_.spatial > target_.max_spatial;
  if (current_ != wanted || wants_more_spatial || wants_less_spatial) {
    return wanted;
  }
  return std::nullopt;
}

}  // namespace meridian::forward
