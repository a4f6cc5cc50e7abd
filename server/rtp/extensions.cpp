#include "rtp/extensions.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace meridian::rtp {
namespace {

constexpr std::uint32_t kAbsSendTimeMask = 0xffffffU;
constexpr unsigned kAbsSendTimeFraction = 18;
constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

constexpr Duration kPlayoutDelayStep = 10ms;
constexpr std::int64_t kMaxPlayoutDelaySteps = 0xfff;

/// Unsigned LEB128 of at most 32 bits; fails the reader on longer ones.
std::optional<std::uint32_t> read_leb128(ByteReader& reader) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 35; shift += 7) {
    const std::uint8_t byte = reader.u8();
    value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80U) == 0) {
      if (reader.failed() || value > 0xffffffffU) {
        return std::nullopt;
      }
      return static_cast<std::uint32_t>(value);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<AudioLevel> read_audio_level(Bytes value) {
  // RFC 6464 section 3: a two-byte value, padded, may stand in two-byte headers.
  if (value.empty() || value.size() > 2) {
    return std::nullopt;
  }
  return AudioLevel{static_cast<std::uint8_t>(value[0] & 0x7fU), (value[0] & 0x80U) != 0};
}

std::array<std::uint8_t, 1> encode_audio_level(AudioLevel level) {
  const unsigned voice = level.has_voice ? 0x80U : 0U;
  const auto below = std::min<unsigned>(level.below_full_scale, 127U);
  return {static_cast<std::uint8_t>(voice | below)};
}

std::optional<Token> read_token(Bytes value) {
  return Token::parse(as_text(value));
}

std::optional<SequenceNumber> read_transport_sequence(Bytes value) {
  if (value.size() != 2 && value.size() != 4) {
    return std::nullopt;
  }
  return SequenceNumber(load_u16(value.data()));
}

std::array<std::uint8_t, 2> encode_transport_sequence(SequenceNumber sequence) {
  std::array<std::uint8_t, 2> bytes{};
  store_u16(bytes.data(), sequence.value());
  return bytes;
}

std::optional<AbsSendTime> read_abs_send_time(Bytes value) {
  if (value.size() != 3) {
    return std::nullopt;
  }
  return AbsSendTime(ByteReader(value).u24());
}

std::array<std::uint8_t, 3> encode_abs_send_time(AbsSendTime time) {
  std::array<std::uint8_t, 3> bytes{};
  ByteWriter(bytes).u24(time.value());
  return bytes;
}

AbsSendTime to_abs_send_time(Instant at) {
  MERIDIAN_CHECK(!at.is_never());
  const auto second = std::chrono::floor<std::chrono::seconds>(at.since_origin());
  const Duration rest = at.since_origin() - second;
  const std::uint64_t fraction =
      (static_cast<std::uint64_t>(rest.count()) << kAbsSendTimeFraction) / kNanosecondsPerSecond;
  const std::uint64_t fixed =
      (static_cast<std::uint64_t>(second.count()) << kAbsSendTimeFraction) + fraction;
  return AbsSendTime(static_cast<std::uint32_t>(fixed) & kAbsSendTimeMask);
}

Duration abs_send_time_difference(AbsSendTime later, AbsSendTime earlier) {
  std::int64_t ticks = (later.value() - earlier.value()) & kAbsSendTimeMask;
  if (ticks > static_cast<std::int64_t>(kAbsSendTimeMask / 2)) {
    ticks -= std::int64_t{kAbsSendTimeMask} + 1;
  }
  return Duration(ticks * kNanosecondsPerSecond / (std::int64_t{1} << kAbsSendTimeFraction));
}

std::optional<AbsCaptureTime> read_abs_capture_time(Bytes value) {
  if (value.size() != 8 && value.size() != 16) {
    return std::nullopt;
  }
  ByteReader reader(value);
  AbsCaptureTime time;
  time.ntp = reader.u64();
  if (reader.remaining() > 0) {
    time.clock_offset = static_cast<std::int64_t>(reader.u64());
  }
  return time;
}

EncodedAbsCaptureTime encode_abs_capture_time(const AbsCaptureTime& time) {
  EncodedAbsCaptureTime encoded{};
  ByteWriter writer(encoded.bytes);
  writer.u64(time.ntp);
  if (time.clock_offset) {
    writer.u64(static_cast<std::uint64_t>(*time.clock_offset));
  }
  encoded.size = writer.size();
  return encoded;
}

std::optional<PlayoutDelay> read_playout_delay(Bytes value) {
  if (value.size() != 3) {
    return std::nullopt;
  }
  const std::uint32_t both = ByteReader(value).u24();
  const std::uint32_t min = both >> 12U;
  const std::uint32_t max = both & 0xfffU;
  if (min > max) {
    return std::nullopt;
  }
  return PlayoutDelay{min * kPlayoutDelayStep, max * kPlayoutDelayStep};
}

std::array<std::uint8_t, 3> encode_playout_delay(const PlayoutDelay& delay) {
  const auto steps = [](Duration duration) {
    const std::int64_t count = duration / kPlayoutDelayStep;
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(count, 0, kMaxPlayoutDelaySteps));
  };
  std::array<std::uint8_t, 3> bytes{};
  ByteWriter(bytes).u24((steps(delay.min) << 12U) | steps(delay.max));
  return bytes;
}

std::optional<VideoOrientation> read_video_orientation(Bytes value) {
  if (value.size() != 1) {
    return std::nullopt;
  }
  return VideoOrientation{.is_back_camera = (value[0] & 0x08U) != 0,
                          .is_flipped = (value[0] & 0x04U) != 0,
                          .quarter_turns = static_cast<std::uint8_t>(value[0] & 0x03U)};
}

std::array<std::uint8_t, 1> encode_video_orientation(VideoOrientation orientation) {
  const unsigned camera = orientation.is_back_camera ? 0x08U : 0U;
  const unsigned flip = orientation.is_flipped ? 0x04U : 0U;
  return {static_cast<std::uint8_t>(camera | flip | (orientation.quarter_turns & 0x03U))};
}

namespace {

/// Bit masks of active spatial layers for each stream: one for all, or one nibble each.
std::array<std::uint8_t, VideoLayersAllocation::kMaxStreams> read_layer_masks(
    ByteReader& reader, std::uint8_t shared_mask, std::size_t stream_count) {
  std::array<std::uint8_t, VideoLayersAllocation::kMaxStreams> masks{};
  for (std::size_t stream = 0; stream < stream_count; ++stream) {
    masks[stream] = shared_mask;
  }
  if (shared_mask != 0) {
    return masks;
  }
  for (std::size_t stream = 0; stream < stream_count; stream += 2) {
    const std::uint8_t pair = reader.u8();
    masks[stream] = static_cast<std::uint8_t>(pair >> 4U);
    if (stream + 1 < stream_count) {
      masks[stream + 1] = pair & 0x0fU;
    }
  }
  return masks;
}

}  // namespace

std::optional<VideoLayersAllocation> read_video_layers_allocation(Bytes value) {
  VideoLayersAllocation allocation;
  if (value.empty()) {
    return std::nullopt;
  }
  if (value.size() == 1 && value[0] == 0) {
    return allocation;  // nothing is sent
  }
  ByteReader reader(value);
  const std::uint8_t head = reader.u8();
  allocation.stream = static_cast<std::uint8_t>(head >> 6U);
  allocation.stream_count = static_cast<std::uint8_t>(((head >> 4U) & 3U) + 1U);
  const auto masks = read_layer_masks(reader, head & 0x0fU, allocation.stream_count);
  for (std::uint8_t stream = 0; stream < allocation.stream_count; ++stream) {
    for (std::uint8_t spatial = 0; spatial < 4; ++spatial) {
      if ((masks[stream] >> spatial & 1U) != 0) {
        AllocatedLayer& layer = allocation.layers_[allocation.size_++];
        layer.stream = stream;
        layer.spatial = spatial;
      }
    }
  }
  const auto layers = std::span(allocation.layers_).first(allocation.size_);
  std::uint8_t counts = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    counts = i % 4 == 0 ? reader.u8() : counts;
    layers[i].temporal_layers = static_cast<std::uint8_t>((counts >> (6 - 2 * (i % 4)) & 3U) + 1U);
  }
  for (AllocatedLayer& layer : layers) {
    for (std::size_t temporal = 0; temporal < layer.temporal_layers; ++temporal) {
      const auto kilobits = read_leb128(reader);
      if (!kilobits) {
        return std::nullopt;
      }
      layer.bitrates[temporal] = Bitrate(std::uint64_t{*kilobits} * 1000);
    }
  }
  constexpr std::size_t kResolutionSize = 5;
  if (!reader.failed() && reader.remaining() == kResolutionSize * layers.size()) {
    for (AllocatedLayer& layer : layers) {
      // Sent minus one; 65536 does not fit, and is no resolution that exists.
      layer.width = static_cast<std::uint16_t>(std::min(reader.u16() + 1, 0xffff));
      layer.height = static_cast<std::uint16_t>(std::min(reader.u16() + 1, 0xffff));
      layer.frame_rate = reader.u8();
    }
  }
  if (reader.failed()) {
    return std::nullopt;
  }
  return allocation;
}

}  // namespace meridian::rtp
