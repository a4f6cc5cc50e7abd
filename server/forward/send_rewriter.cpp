#include "forward/send_rewriter.hpp"

#include <algorithm>

#include "rtp/dependency_descriptor.hpp"

namespace meridian::forward {
namespace {

/// Where extended picture ids start, so that ids of before the first still have a place.
constexpr std::uint64_t kPictureBase = std::uint64_t{1} << 20U;
constexpr std::uint8_t kKeyIndexMask = 0x1f;

Duration ticks_to_duration(std::int64_t ticks, std::uint32_t clock_rate) {
  return Duration(ticks * (1'000'000'000 / 1000) / std::max<std::int64_t>(clock_rate / 1000, 1));
}

std::int64_t duration_to_ticks(Duration duration, std::uint32_t clock_rate) {
  return duration.count() / 1000 * clock_rate / 1'000'000;
}

std::int32_t difference(RtpTimestamp later, RtpTimestamp earlier) {
  return static_cast<std::int32_t>(later.value() - earlier.value());
}

/// The publisher's NTP time of a timestamp, as a duration on its own clock, modulo 2^32 s.
Duration publisher_time(RtpTimestamp timestamp, const rtcp::SourceClock& clock) {
  const std::uint64_t ntp = clock.ntp.value();
  const auto seconds = static_cast<std::int64_t>(ntp >> 32U);
  const auto fraction = static_cast<std::int64_t>(((ntp & 0xffff'ffffU) * 1'000'000'000) >> 32U);
  return Duration(seconds * 1'000'000'000 + fraction) +
         ticks_to_duration(difference(timestamp, clock.rtp), clock.clock_rate);
}

}  // namespace

std::uint32_t SendRewriter::aligned_step(const MediaPacket& packet, std::uint8_t layer,
                                         std::uint32_t clock_rate,
                                         const std::optional<rtcp::SourceClock>& clock) const {
  const Duration elapsed = std::max(packet.arrival - last_arrival_, Duration::zero());
  std::optional<Duration> told;
  if (layer == last_layer_ && packet.generation == last_generation_) {
    told = ticks_to_duration(difference(packet.timestamp, last_source_timestamp_), clock_rate);
  } else if (clock && last_clock_) {
    told = publisher_time(packet.timestamp, *clock) -
           publisher_time(last_source_timestamp_, *last_clock_);
  }
  const bool is_credible =
      told && *told > -kMaxClockDisagreement && *told < elapsed + kMaxClockDisagreement;
  const std::int64_t ticks = duration_to_ticks(is_credible ? *told : elapsed, clock_rate);
  // Two frames never share a timestamp, and time does not go back: a switch to a layer that lags
  // behind is shown one tick later.
  return static_cast<std::uint32_t>(std::max<std::int64_t>(ticks, 1));
}

void SendRewriter::begin(const MediaPacket& packet, std::uint8_t layer, std::uint32_t clock_rate,
                         const std::optional<rtcp::SourceClock>& clock) {
  if (has_begun_) {
    const std::uint32_t last_sent = last_source_timestamp_.value() + timestamp_offset_;
    const std::uint32_t out = last_sent + aligned_step(packet, layer, clock_rate, clock);
    timestamp_offset_ = out - packet.timestamp.value();
    next_ = next_sequence();
    taken_back_.reset();
  }
  sequences_.restart(packet.sequence.value(), next_.value());
  begin_picture_numbers(packet);
  has_begun_ = true;
  last_layer_ = layer;
  last_generation_ = packet.generation;
  last_sequence_ = packet.sequence;
  last_source_timestamp_ = packet.timestamp;
  last_arrival_ = packet.arrival;
  last_clock_ = clock;
}

void SendRewriter::begin_picture_numbers(const MediaPacket& packet) {
  const PictureNumbers& picture = packet.picture;
  if (picture.picture_id) {
    next_picture_ =
        has_picture_ids_ ? pictures_.highest_target() + 1 : kPictureBase + *picture.picture_id;
    last_picture_ = kPictureBase + *picture.picture_id;
    pictures_.restart(last_picture_, next_picture_);
    has_picture_ids_ = true;
  }
  if (has_begun_) {
    const auto tl0 = picture.tl0_picture_index.value_or(0);
    tl0_offset_ = static_cast<std::uint8_t>(last_tl0_ + 1 - tl0);
    const auto key = picture.key_index.value_or(0);
    key_offset_ = static_cast<std::uint8_t>((last_key_ + 1 - key) & kKeyIndexMask);
  }
  if (const auto start = rtp::read_descriptor_start(packet.descriptor)) {
    // Chromium counts frames over all simulcast layers: then the numbers go on by themselves.
    const auto out = static_cast<std::uint16_t>(start->frame_number + frame_offset_);
    if (has_frames_ &&
        static_cast<std::int16_t>(static_cast<std::uint16_t>(out - last_frame_)) <= 0) {
      frame_offset_ = static_cast<std::uint16_t>(last_frame_ + 1 - start->frame_number);
    }
  }
}

std::uint64_t SendRewriter::extend_picture_id(const PictureNumbers& picture) const {
  const std::uint64_t cycle = std::uint64_t{1} << picture.picture_id_bits;
  const std::uint64_t id = *picture.picture_id & (cycle - 1);
  std::uint64_t extended = last_picture_ - (last_picture_ % cycle) + id;
  if (extended + cycle / 2 < last_picture_) {
    extended += cycle;
  } else if (extended > last_picture_ + cycle / 2 && extended >= cycle) {
    extended -= cycle;
  }
  return extended;
}

std::optional<std::uint16_t> SendRewriter::map_picture_id(const MediaPacket& packet) {
  const std::uint64_t extended = extend_picture_id(packet.picture);
  last_picture_ = std::max(last_picture_, extended);
  const auto mapped = pictures_.map(extended);
  return mapped ? std::optional(static_cast<std::uint16_t>(*mapped & 0x7fffU)) : std::nullopt;
}

std::optional<Rewrite> SendRewriter::rewrite(const MediaPacket& packet,
                                             const std::optional<rtcp::SourceClock>& clock) {
  Rewrite out;
  if (packet.picture.picture_id && !has_picture_ids_) {
    out.picture_id = *packet.picture.picture_id;  // a stream that began without
  } else if (packet.picture.picture_id) {
    const auto picture = map_picture_id(packet);
    if (!picture) {
      return std::nullopt;
    }
    out.picture_id = *picture;
  }
  const auto sequence = sequences_.map(packet.sequence.value());
  if (!sequence) {
    return std::nullopt;
  }
  out.sequence = ExtendedSequence(*sequence);
  out.timestamp = RtpTimestamp(packet.timestamp.value() + timestamp_offset_);
  out.marker = packet.marker;
  const bool is_newest = packet.sequence >= last_sequence_;
  if (const auto tl0 = packet.picture.tl0_picture_index) {
    out.tl0_picture_index = static_cast<std::uint8_t>(*tl0 + tl0_offset_);
    last_tl0_ = is_newest ? out.tl0_picture_index : last_tl0_;
  }
  if (const auto key = packet.picture.key_index) {
    out.key_index = static_cast<std::uint8_t>((*key + key_offset_) & kKeyIndexMask);
    last_key_ = is_newest ? out.key_index : last_key_;
  }
  if (const auto start = rtp::read_descriptor_start(packet.descriptor)) {
    out.frame_number = static_cast<std::uint16_t>(start->frame_number + frame_offset_);
    last_frame_ = is_newest || !has_frames_ ? out.frame_number : last_frame_;
    has_frames_ = true;
  }
  if (is_newest) {
    last_sequence_ = packet.sequence;
    last_source_timestamp_ = packet.timestamp;
    last_arrival_ = packet.arrival;
    last_clock_ = clock;
  }
  return out;
}

void SendRewriter::resume(ExtendedSequence from) {
  sequences_.restart(from.value(), next_sequence().value());
}

void SendRewriter::drop(const MediaPacket& packet) {
  sequences_.drop(packet.sequence.value());
  if (packet.codec == rtp::Codec::kVp8 && packet.picture.picture_id && has_picture_ids_) {
    const std::uint64_t extended = extend_picture_id(packet.picture);
    last_picture_ = std::max(last_picture_, extended);
    pictures_.drop(extended);
  }
}

ExtendedSequence SendRewriter::next_sequence() const {
  if (!has_begun_) {
    return next_;
  }
  return taken_back_.value_or(ExtendedSequence(sequences_.highest_target() + 1));
}

}  // namespace meridian::forward
