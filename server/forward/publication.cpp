#include "forward/publication.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.hpp"
#include "forward/relay_sink.hpp"
#include "forward/subscription.hpp"

namespace meridian::forward {
namespace {

HistorySize history_size(rtp::MediaKind kind, std::size_t layer, std::size_t count) {
  if (kind == rtp::MediaKind::kAudio) {
    return kAudioHistory;
  }
  if (layer + 1 == count) {
    return kHighVideoHistory;
  }
  return layer == 0 ? kLowVideoHistory : kMidVideoHistory;
}

/// A publisher with RED may send single packets without: that is no other codec.
bool is_same_codec(rtp::Codec a, rtp::Codec b) {
  const auto plain = [](rtp::Codec codec) {
    return codec == rtp::Codec::kRed ? rtp::Codec::kOpus : codec;
  };
  return plain(a) == plain(b);
}

}  // namespace

Publication::Publication(const PublicationTraits& traits) : traits_(traits) {}

Publication::~Publication() = default;

void Publication::set_layer_count(std::size_t count, Memory memory) {
  MERIDIAN_CHECK(count >= 1 && count <= kMaxLayers);
  while (layers_.size() > count) {
    layers_.pop_back();
  }
  for (std::size_t i = layers_.size(); i < count; ++i) {
    layers_.push_back(std::make_unique<Layer>(static_cast<std::uint8_t>(i)));
    if (memory == Memory::kNow) {
      layers_.back()->history.emplace(history_size(traits_.kind, i, count));
    }
  }
}

LayerView Publication::view() const {
  LayerView view{.count = static_cast<std::uint8_t>(std::max<std::size_t>(layers_.size(), 1)),
                 .live = 0};
  const Duration silence = traits_.is_screen_share ? kScreenSilence : kCameraSilence;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    // Compared with the other layers, not with the clock: a pause of all is a pause, not a change.
    if (layers_[i]->has_started && latest_arrival_ - layers_[i]->last_arrival < silence) {
      view.live = static_cast<std::uint8_t>(view.live | (1U << i));
    }
  }
  return view;
}

std::uint8_t Publication::nearest_layer(std::uint8_t wanted) const {
  LayerSelector selector;
  selector.set_target({.is_enabled = true, .max_spatial = wanted, .max_temporal = 7});
  return selector.awaits_key_frame(view()).value_or(0);
}

Publication::Ingest Publication::ingest(std::uint8_t index, const MediaPacket& packet,
                                        std::uint32_t clock_rate) {
  withheld_.reset();
  if (index >= layers_.size() || is_full()) {
    return Ingest::kRefused;
  }
  Layer& layer = *layers_[index];
  if (!layer.history) {
    layer.history.emplace(history_size(traits_.kind, index, layers_.size()));
  }
  if (!layer.history->store(packet)) {
    return Ingest::kRefused;
  }
  PendingPacket& pending = pending_[pending_count_++];
  pending = {.layer = index, .generation = packet.generation, .sequence = packet.sequence};
  if (packet.starts_key_frame) {
    layer.throttle.on_key_frame();
    layer.key = pending;
    layer.key_arrival = packet.arrival;
    layer.bytes_since_key = 0;
  }
  layer.bytes_since_key += packet.payload.size();
  if (is_video() && sink_ == nullptr) {
    rates_.on_packet(layers_.size() > 1 ? index : packet.spatial, packet.temporal,
                     packet.payload.size(), packet.arrival);
  }
  if (packet.generation != layer.newest_generation || packet.sequence > layer.newest) {
    layer.newest = packet.sequence;
    layer.newest_generation = packet.generation;
  }
  const bool is_start = !layer.has_started || !is_same_codec(layer.codec, packet.codec);
  layer.has_started = true;
  layer.codec = packet.codec;
  layer.clock_rate = clock_rate;
  layer.last_arrival = packet.arrival;
  latest_arrival_ = std::max(latest_arrival_, packet.arrival);
  if (!is_video()) {
    decide_sound(packet, pending);
  }
  return is_start ? Ingest::kStarted : Ingest::kStored;
}

/// Whether subscribers get it. Who says levels says them of each packet, but those that came as
/// redundancy have none: they are about as loud as the one that brought them, or the one before.
void Publication::decide_sound(const MediaPacket& packet, PendingPacket& pending) {
  if (packet.extensions.audio_level) {
    level_ = *packet.extensions.audio_level & 0x7fU;
  }
  const std::optional<std::uint8_t> level = packet.likely_level ? packet.likely_level : level_;
  const bool is_loudest =
      rivals_ == nullptr || !level || rivals_->observe(traits_.id, *level, packet.arrival);
  const Talkspurts::Verdict verdict = talkspurts_.take(packet, level, is_loudest);
  pending.is_withheld = !verdict.talkspurt;
  pending.talkspurt = verdict.talkspurt.value_or(ExtendedSequence{});
  withheld_ = verdict.talkspurt ? std::nullopt : std::optional(verdict.reason);
}

const MediaPacket* Publication::find(const PendingPacket& pending) const {
  const std::optional<History>& history = layers_[pending.layer]->history;
  return history ? history->find(pending.generation, pending.sequence) : nullptr;
}

std::optional<PendingPacket> Publication::recent_key_frame(std::uint8_t index, std::size_t most,
                                                           Instant now) const {
  if (index >= layers_.size() || is_muted_) {
    return std::nullopt;
  }
  const Layer& layer = *layers_[index];
  const bool is_recent = !layer.key_arrival.is_never() && now - layer.key_arrival <= kMaxReplay;
  if (!is_recent || layer.bytes_since_key > most ||
      layer.key.generation != layer.newest_generation) {
    return std::nullopt;
  }
  return layer.key;
}

void Publication::remove_subscription(const Subscription& subscription) {
  std::erase(subscriptions_, &subscription);
  note_lost_wishes();
}

void Publication::set_sink(std::unique_ptr<RelaySink> sink) {
  sink_ = std::move(sink);
}

void Publication::set_muted(bool is_muted) {
  is_muted_ = is_muted;
  for (std::size_t i = 0; i < layers_.size() && !is_muted; ++i) {
    if (std::exchange(layers_[i]->is_released, false) && !layers_[i]->history) {
      layers_[i]->history.emplace(history_size(traits_.kind, i, layers_.size()));
    }
  }
}

void Publication::release_history(Instant now) {
  if (!is_muted_ || has_pending()) {
    return;
  }
  for (const auto& layer : layers_) {
    if (layer->history && now - layer->last_arrival > History::kMaxAge) {
      layer->history.reset();
      layer->is_released = true;
    }
  }
}

void Publication::request_key_frame(std::uint8_t layer) {
  if (!is_video() || is_muted_ || layers_.empty()) {
    return;
  }
  layers_[nearest_layer(layer)]->throttle.request();
}

void Publication::request_awaited_key_frames() {
  if (!is_video() || is_muted_) {
    return;
  }
  const LayerView now = view();
  for (const Subscription* subscription : subscriptions_) {
    if (const auto layer = subscription->awaits_key_frame(now)) {
      request_key_frame(*layer);
    }
  }
}

std::uint8_t Publication::wanted_layers(Wish wish) const {
  unsigned wanted = 0;
  for (const Subscription* subscription : subscriptions_) {
    // A publisher is told what people wish to see; what comes over a relay is only what is used.
    const LayerTarget& target =
        wish == Wish::kTargets ? subscription->target() : subscription->allowed();
    if (target.is_enabled) {
      const std::size_t highest = is_video() ? target.max_spatial : 0;
      wanted |= 1U << std::min(highest, kMaxLayers - 1);
    }
    if (wish == Wish::kForwarded && subscription->current_layer()) {
      wanted |= 1U << *subscription->current_layer();
    }
  }
  for (const RelayTarget& relay : relays_) {
    wanted |= relay.wanted;
  }
  return static_cast<std::uint8_t>(wanted);
}

std::optional<LayersWanted> Publication::take_wanted_change() {
  const std::uint8_t wanted = wanted_layers(Wish::kTargets);
  const auto highest = static_cast<std::uint8_t>(std::bit_width(wanted));  // 0: nothing
  if (told_wanted_ == highest || (!told_wanted_ && highest == 0)) {
    return std::nullopt;
  }
  told_wanted_ = highest;
  return LayersWanted{.publication = traits_.id,
                      .max_spatial = static_cast<std::uint8_t>(highest > 0 ? highest - 1 : 0),
                      .is_wanted = highest > 0};
}

void Publication::update_ladder() {
  // Over a relay comes only what was asked for: that says nothing about what could be had.
  const LayerView now = view();
  ladder_ = rates_.ladder(now.count, sink_ == nullptr ? now.live : 0);
}

Duration Publication::audio_length(const MediaPacket& packet, std::uint32_t clock_rate) {
  const auto ticks = static_cast<std::int32_t>(packet.timestamp.value() - last_audio_.value());
  last_audio_ = packet.timestamp;
  if (ticks <= 0 || clock_rate == 0) {
    return {};
  }
  return std::min<Duration>(Duration(std::int64_t{ticks} * 1'000'000'000 / clock_rate),
                            AudioActivity::kMaxPacket);
}

}  // namespace meridian::forward
