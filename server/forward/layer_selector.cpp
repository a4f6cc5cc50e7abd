#include "forward/layer_selector.hpp"

#include <algorithm>

namespace meridian::forward {

void LayerSelector::set_target(const LayerTarget& target) {
  target_ = target;
  if (!target.is_enabled) {
    current_.reset();
  }
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
  spatial_limit_ = target_.max_spatial;
  temporal_limit_ = target_.max_temporal;
  highest_spatial_seen_ = packet.spatial;
}

void LayerSelector::adjust_limits(const MediaPacket& packet) {
  highest_spatial_seen_ = std::max(highest_spatial_seen_, packet.spatial);
  if (packet.starts_key_frame) {
    spatial_limit_ = target_.max_spatial;
    temporal_limit_ = target_.max_temporal;
    return;
  }
  if (!packet.starts_frame) {
    return;
  }
  // A whole picture is sent with the same spatial layers, so that its marker is in the right place.
  if (packet.spatial == 0) {
    spatial_limit_ = std::min(spatial_limit_, target_.max_spatial);
  }
  temporal_limit_ = std::min(temporal_limit_, target_.max_temporal);
  if (packet.is_temporal_switch && packet.temporal == temporal_limit_ + 1 &&
      packet.temporal <= target_.max_temporal) {
    temporal_limit_ = packet.temporal;
  }
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
    if (!packet.starts_key_frame || !is_wanted) {
      return Verdict::kIgnore;
    }
    begin(layer, packet);
    return Verdict::kSwitch;
  }
  adjust_limits(packet);
  const bool is_simulcast = view.count > 1;
  const bool is_above =
      packet.temporal > temporal_limit_ || (!is_simulcast && packet.spatial > spatial_limit_);
  return is_above ? Verdict::kDrop : Verdict::kForward;
}

std::optional<std::uint8_t> LayerSelector::awaits_key_frame(const LayerView& view) const {
  if (!target_.is_enabled) {
    return std::nullopt;
  }
  const std::uint8_t wanted = desired(view);
  const bool wants_more_spatial = view.count <= 1 && spatial_limit_ < target_.max_spatial &&
                                  spatial_limit_ < highest_spatial_seen_;
  if (current_ != wanted || wants_more_spatial) {
    return wanted;
  }
  return std::nullopt;
}

}  // namespace meridian::forward
