#include "support/synthetic_track.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "base/check.hpp"
#include "rtp/extensions.hpp"
#include "rtp/packet_writer.hpp"
#include "rtp/red.hpp"
#include "rtp/vp8.hpp"

namespace meridian::test {
namespace {

constexpr std::uint8_t kSilence = 127;

constexpr std::uint32_t kAudioClock = 48'000;
constexpr std::uint32_t kVideoClock = 90'000;
/// Temporal layers of four frames, as WebRTC's default for three of them.
constexpr std::array<std::uint8_t, 4> kTemporalPattern = {0, 2, 1, 2};
/// Somewhere in 2023, so that NTP times look like those of a real clock.
constexpr std::uint64_t kNtpOrigin = std::uint64_t{3'900'000'000} << 32U;

Ssrc random_ssrc(RandomSource& random) {
  return Ssrc(random.u32() | 1U);
}

}  // namespace

SyntheticTrack::SyntheticTrack(std::uint32_t source, TrackShape shape, std::string mid,
                               RandomSource& random)
    : source_(source), shape_(std::move(shape)), mid_(std::move(mid)) {
  layers_.resize(std::max<std::size_t>(shape_.layers.size(), 1));
  for (Layer& layer : layers_) {
    layer.ssrc = random_ssrc(random);
    layer.rtx_ssrc = random_ssrc(random);
    // Low, since libsrtp can't place a first packet whose number is about to wrap.
    layer.sequence = static_cast<std::uint16_t>(random.u32() & 0x3fffU);
    layer.rtx_sequence = static_cast<std::uint16_t>(random.u32() & 0x3fffU);
    layer.timestamp_offset = random.u32();
    layer.picture_id = static_cast<std::uint16_t>(random.u32() & 0x7fffU);
    layer.tl0_picture_index = static_cast<std::uint8_t>(random.u32());
    layer.key_index = static_cast<std::uint8_t>(random.u32() & 0x1fU);
    layer.history.resize(shape_.kind == rtp::MediaKind::kVideo ? kHistory : kSoundHistory);
  }
}

void SyntheticTrack::start(Instant now) {
  is_running_ = true;
  next_frame_ = now;
  next_report_ = now + kReportInterval / 4;
  for (Layer& layer : layers_) {
    layer.needs_key_frame = true;
  }
}

void SyntheticTrack::stop() {
  is_running_ = false;
}

void SyntheticTrack::set_max_layer(int layer) {
  for (int i = std::max(max_layer_ + 1, 0); i <= layer && i < static_cast<int>(layers_.size());
       ++i) {
    layers_[static_cast<std::size_t>(i)].needs_key_frame = true;
  }
  max_layer_ = layer;
}

RtpTimestamp SyntheticTrack::timestamp(const Layer& layer, Instant now) const {
  const std::uint64_t rate = shape_.kind == rtp::MediaKind::kVideo ? kVideoClock : kAudioClock;
  const auto microseconds = static_cast<std::uint64_t>(now.since_origin().count() / 1000);
  return RtpTimestamp(layer.timestamp_offset +
                      static_cast<std::uint32_t>(microseconds * rate / 1'000'000U));
}

void SyntheticTrack::handle_timeout(Instant now, std::uint16_t& transport_sequence,
                                    const Output& output) {
  if (!is_running_ || now < next_frame_) {
    return;
  }
  next_frame_ = std::max(next_frame_ + shape_.frame_interval, now);
  if (shape_.kind == rtp::MediaKind::kAudio) {
    make_audio(now, output);
    return;
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    if (static_cast<int>(i) <= max_layer_) {
      make_video(layers_[i], static_cast<std::uint8_t>(i), now, transport_sequence, output);
    }
  }
}

void SyntheticTrack::make_audio(Instant now, const Output& output) {
  Layer& layer = layers_.front();
  Kept packet{.stamp = {.source = source_,
                        .frame = layer.frame,
                        .is_key = true,
                        .is_silent = shape_.is_silent(layer.frame),
                        .sent = now},
              .timestamp = timestamp(layer, now),
              .marker = layer.packets == 0,
              .sequence = layer.sequence++,
              .payload = std::vector<std::uint8_t>(shape_.audio_bytes)};
  ++layer.frame;
  packet.payload[0] = 0x78;  // Opus: 20 ms, wide band
  write_stamp(packet.stamp, MutableBytes(packet.payload).subspan(1), shape_.form);
  const std::vector<std::uint8_t> frame = packet.payload;
  if (shape_.has_redundancy) {
    packet.payload = with_redundancy(layer, packet);
  }
  layer.last_sound = {.timestamp = packet.timestamp, .frame = frame};
  send(layer, 0, packet, false, nullptr, output);
  layer.history[packet.sequence % kSoundHistory] = std::move(packet);
}

std::vector<std::uint8_t> SyntheticTrack::with_redundancy(const Layer& layer, const Kept& packet) {
  const std::uint32_t offset = packet.timestamp.value() - layer.last_sound.timestamp.value();
  const std::array<rtp::RedBlock, 2> blocks = {
      rtp::RedBlock{.payload_type = PayloadType(offered::kOpus),
                    .timestamp_offset = static_cast<std::uint16_t>(offset),
                    .payload = layer.last_sound.frame},
      rtp::RedBlock{.payload_type = PayloadType(offered::kOpus),
                    .timestamp_offset = 0,
                    .payload = packet.payload}};
  const bool has_earlier = !layer.last_sound.frame.empty() && offset <= rtp::RedBlock::kMaxOffset;
  const auto used = std::span(blocks).subspan(has_earlier ? 0 : 1);
  std::vector<std::uint8_t> payload(rtp::red_size(used));
  MERIDIAN_CHECK(rtp::write_red(used, payload) == payload.size());
  return payload;
}

std::size_t SyntheticTrack::write_vp8_descriptor(Layer& layer, bool is_first, bool is_key,
                                                 MutableBytes out) const {
  const std::uint8_t temporal = kTemporalPattern[layer.pattern];
  rtp::Vp8Descriptor descriptor;
  descriptor.is_non_reference = temporal == 2;
  descriptor.starts_partition = is_first;
  descriptor.picture_id = layer.picture_id;
  descriptor.has_long_picture_id = true;
  descriptor.tl0_picture_index = layer.tl0_picture_index;
  descriptor.temporal_layer = temporal;
  descriptor.is_layer_sync = temporal > 0;
  descriptor.key_index = layer.key_index;
  const std::size_t size = rtp::write_vp8(descriptor, out);
  // Of the payload header only the bit that says "not a key frame" is looked at; behind the first
  // packet the same place is part of a partition.
  out[size] = is_key ? 0x10 : 0x11;
  return size + 1;
}

void SyntheticTrack::make_video(Layer& layer, std::uint8_t index, Instant now,
                                std::uint16_t& transport_sequence, const Output& output) {
  const bool is_key = std::exchange(layer.needs_key_frame, false);
  layer.pattern = is_key ? std::uint8_t{0}
                         : static_cast<std::uint8_t>((layer.pattern + 1) % kTemporalPattern.size());
  layer.picture_id = static_cast<std::uint16_t>((layer.picture_id + 1) & 0x7fffU);
  layer.key_index = static_cast<std::uint8_t>((layer.key_index + (is_key ? 1 : 0)) & 0x1fU);
  if (kTemporalPattern[layer.pattern] == 0) {
    ++layer.tl0_picture_index;
  }
  const VideoLayerShape& shape = shape_.layers[index];
  std::size_t size = is_key ? shape.key_frame_bytes : shape.frame_bytes;
  if (shape_.spread > 0) {
    Rng draw((std::uint64_t{layer.ssrc.value()} << 32U) + layer.frame);
    size = size * (100 - shape_.spread + draw.below(2 * std::uint64_t{shape_.spread} + 1)) / 100;
  }
  const auto packets = static_cast<std::uint16_t>(
      std::clamp<std::size_t>((size + shape_.max_payload - 1) / shape_.max_payload, 1, 250));
  const std::size_t each = std::max(size / packets, std::size_t{64});
  for (std::uint16_t i = 0; i < packets; ++i) {
    Kept& packet = layer.history[layer.sequence % kHistory];
    packet.stamp = {.source = source_,
                    .frame = layer.frame,
                    .packet = i,
                    .packets = packets,
                    .layer = index,
                    .temporal = kTemporalPattern[layer.pattern],
                    .is_key = is_key,
                    .sent = now};
    packet.timestamp = timestamp(layer, now);
    packet.marker = i + 1 == packets;
    packet.sequence = layer.sequence++;
    packet.payload.resize(each);
    const std::size_t descriptor = write_vp8_descriptor(layer, i == 0, is_key, packet.payload);
    write_stamp(packet.stamp, MutableBytes(packet.payload).subspan(descriptor), shape_.form);
    send(layer, index, packet, false, &transport_sequence, output);
  }
  ++layer.frame;
}

void SyntheticTrack::send(Layer& layer, std::uint8_t index, const Kept& packet,
                          bool is_retransmission, std::uint16_t* transport_sequence,
                          const Output& output) {
  const bool is_video = shape_.kind == rtp::MediaKind::kVideo;
  const bool is_rtx = is_retransmission && is_video;  // sound comes again in its own stream
  rtp::ExtensionList extensions;
  if (!is_video) {
    const bool is_silent = packet.stamp.is_silent;
    extensions.add_copy(
        offered::kAudioLevelId,
        rtp::encode_audio_level({.below_full_scale = is_silent ? kSilence : shape_.audio_level,
                                 .has_voice = !is_silent}));
  }
  if (transport_sequence != nullptr) {
    extensions.add_copy(offered::kTransportSequenceId,
                        rtp::encode_transport_sequence(SequenceNumber(++*transport_sequence)));
  }
  // Reports tell that a primary source is known, but not its retransmissions.
  if (!layer.is_acknowledged || is_rtx) {
    extensions.add(offered::kMidId, as_bytes(mid_));
    if (is_video && !shape_.layers[index].rid.empty()) {
      extensions.add(is_retransmission ? offered::kRepairedRidId : offered::kRidId,
                     as_bytes(shape_.layers[index].rid));
    }
  }
  std::array<std::uint8_t, 2> original{};
  store_u16(original.data(), packet.sequence);
  const rtp::PacketHeader header{
      .ssrc = is_rtx ? layer.rtx_ssrc : layer.ssrc,
      .sequence = SequenceNumber(is_rtx ? layer.rtx_sequence++ : packet.sequence),
      .timestamp = packet.timestamp,
      .payload_type = PayloadType(is_rtx                  ? offered::kVp8Rtx
                                  : is_video              ? offered::kVp8
                                  : shape_.has_redundancy ? offered::kRed
                                                          : offered::kOpus),
      .marker = packet.marker ? rtp::Marker::kSet : rtp::Marker::kClear};
  std::array<std::uint8_t, 1500> buffer;
  const MutableBytes written =
      rtp::write_packet(buffer, header, extensions,
                        {.prefix = is_rtx ? Bytes(original) : Bytes(), .payload = packet.payload});
  MERIDIAN_CHECK(!written.empty());
  ++layer.packets;
  layer.octets += static_cast<std::uint32_t>(packet.payload.size());
  ++(is_retransmission ? retransmissions_sent_ : packets_sent_);
  output({.bytes = written, .stamp = packet.stamp, .is_retransmission = is_retransmission});
}

void SyntheticTrack::handle_nack(const rtcp::Nack& nack, std::uint16_t& transport_sequence,
                                 const Output& output) {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    if (layer.ssrc != nack.media || layer.history.empty()) {
      continue;
    }
    rtcp::NackCursor cursor = nack.sequences();
    while (const auto sequence = cursor.next()) {
      const Kept& packet = layer.history[sequence->value() % layer.history.size()];
      if (!packet.payload.empty() && packet.sequence == sequence->value()) {
        send(layer, static_cast<std::uint8_t>(i), packet, true,
             shape_.kind == rtp::MediaKind::kVideo ? &transport_sequence : nullptr, output);
      }
    }
  }
}

void SyntheticTrack::handle_key_frame_request(Ssrc media) {
  for (Layer& layer : layers_) {
    if (layer.ssrc == media) {
      layer.needs_key_frame = true;
      ++key_frames_asked_;
    }
  }
}

void SyntheticTrack::handle_report_block(const rtcp::ReportBlock& block) {
  for (Layer& layer : layers_) {
    layer.is_acknowledged = layer.is_acknowledged || layer.ssrc == block.ssrc;
  }
}

void SyntheticTrack::add_reports(Instant now, std::vector<rtcp::SenderReport>& reports) {
  if (!is_running_ || now < next_report_) {
    return;
  }
  next_report_ = now + kReportInterval;
  for (const Layer& layer : layers_) {
    if (layer.packets > 0) {
      reports.push_back({.sender = layer.ssrc,
                         .ntp = rtcp::NtpTime(kNtpOrigin).plus(now.since_origin()),
                         .rtp = timestamp(layer, now),
                         .packets = layer.packets,
                         .octets = layer.octets,
                         .blocks = {}});
    }
  }
}

}  // namespace meridian::test
