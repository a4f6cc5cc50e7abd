// Covers: server/rtp/packet.cpp server/rtp/packet.hpp server/rtp/extensions.cpp
// Covers: server/rtp/packet_writer.cpp server/rtp/red.cpp
// Any datagram: classified, parsed as RTP, printed, its extensions read, and written again. What
// was accepted must be read again with the same meaning.
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/check.hpp"
#include "rtp/extensions.hpp"
#include "rtp/packet.hpp"
#include "rtp/packet_writer.hpp"
#include "rtp/red.hpp"
#include "rtp/text.hpp"

using namespace meridian;

namespace {

bool same(Bytes a, Bytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

void read_as_every_extension(Bytes value) {
  if (const auto level = rtp::read_audio_level(value); level && value.size() == 1) {
    MERIDIAN_CHECK(same(rtp::encode_audio_level(*level), value));
  }
  if (const auto token = rtp::read_token(value)) {
    MERIDIAN_CHECK(token->view() == as_text(value));
  }
  if (const auto sequence = rtp::read_transport_sequence(value)) {
    MERIDIAN_CHECK(same(rtp::encode_transport_sequence(*sequence), value.first(2)));
  }
  if (const auto time = rtp::read_abs_send_time(value)) {
    MERIDIAN_CHECK(same(rtp::encode_abs_send_time(*time), value));
    const Duration difference = rtp::abs_send_time_difference(*time, rtp::AbsSendTime(0));
    MERIDIAN_CHECK(difference >= -32s && difference < 32s);
  }
  if (const auto time = rtp::read_abs_capture_time(value)) {
    MERIDIAN_CHECK(same(rtp::encode_abs_capture_time(*time).view(), value));
  }
  if (const auto delay = rtp::read_playout_delay(value)) {
    MERIDIAN_CHECK(same(rtp::encode_playout_delay(*delay), value));
  }
  if (const auto orientation = rtp::read_video_orientation(value)) {
    MERIDIAN_CHECK(rtp::encode_video_orientation(*orientation)[0] == (value[0] & 0x0fU));
  }
  if (const auto allocation = rtp::read_video_layers_allocation(value)) {
    for (const rtp::AllocatedLayer& layer : allocation->layers()) {
      MERIDIAN_CHECK(layer.stream < allocation->stream_count && layer.temporal_layers <= 4);
    }
  }
}

void write_again(const rtp::PacketView& packet) {
  static std::array<std::uint8_t, 1 << 17> buffer;
  rtp::ExtensionList extensions;
  for (std::size_t i = 0; i < packet.extension_count(); ++i) {
    const auto [id, value] = packet.extension_at(i);
    // The list keeps copies while its own room lasts; then it points to the packet.
    MERIDIAN_CHECK(extensions.add_copy(id, value) || extensions.add(id, value));
    read_as_every_extension(value);
  }
  const rtp::PacketHeader header{
      .ssrc = packet.ssrc(),
      .sequence = packet.sequence(),
      .timestamp = packet.timestamp(),
      .payload_type = packet.payload_type(),
      .marker = packet.marker() ? rtp::Marker::kSet : rtp::Marker::kClear};
  const Bytes payload = packet.payload();
  const rtp::PacketBody body{.prefix = payload.first(payload.size() / 2),
                             .payload = payload.subspan(payload.size() / 2),
                             .padding = static_cast<std::uint8_t>(packet.padding_size())};
  const MutableBytes bytes = rtp::write_packet(buffer, header, extensions, body);
  if (bytes.size() > rtp::PacketView::kMaxSize) {
    return;
  }
  const auto again = rtp::PacketView::parse(bytes);
  MERIDIAN_CHECK(again && again->ssrc() == packet.ssrc() && again->marker() == packet.marker());
  MERIDIAN_CHECK(again->sequence() == packet.sequence());
  MERIDIAN_CHECK(again->padding_size() == packet.padding_size());
  MERIDIAN_CHECK(same(again->payload(), packet.payload()));
  MERIDIAN_CHECK(again->extension_count() == packet.extension_count());
  for (std::size_t i = 0; i < packet.extension_count(); ++i) {
    const auto [id, value] = packet.extension_at(i);
    MERIDIAN_CHECK(again->has_extension(id) && same(again->extension(id), value));
  }
}

/// Changes every field in place: sizes, extensions and payload stay.
void change_in_place(Bytes datagram, const rtp::PacketView& before) {
  std::vector<std::uint8_t> copy(datagram.begin(), datagram.end());
  auto packet = rtp::MutablePacketView::parse(copy);
  MERIDIAN_CHECK(packet.has_value());
  packet->set_marker(before.marker() ? rtp::Marker::kClear : rtp::Marker::kSet);
  packet->set_payload_type(PayloadType(before.payload_type().value() ^ 0x7fU));
  packet->set_sequence(before.sequence().next());
  packet->set_timestamp(RtpTimestamp(~before.timestamp().value()));
  packet->set_ssrc(Ssrc(~before.ssrc().value()));
  MERIDIAN_CHECK(packet->marker() != before.marker());
  MERIDIAN_CHECK(packet->sequence() == before.sequence().next());
  MERIDIAN_CHECK(same(packet->mutable_payload(), before.payload()));
  for (std::size_t i = 0; i < before.extension_count(); ++i) {
    const auto [id, value] = before.extension_at(i);
    MERIDIAN_CHECK(same(packet->mutable_extension(id), value));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes datagram(data, size);
  const rtp::PacketKind kind = rtp::classify(datagram);
  const auto packet = rtp::PacketView::parse(datagram);
  if (!packet) {
    MERIDIAN_CHECK(!rtp::to_text(packet.error()).empty());
    return 0;
  }
  MERIDIAN_CHECK(kind == rtp::PacketKind::kRtp || kind == rtp::PacketKind::kRtcp);
  MERIDIAN_CHECK(packet->header_size() + packet->payload().size() + packet->padding_size() == size);
  for (std::size_t i = 0; i < packet->csrc_count(); ++i) {
    (void)packet->csrc(i);
  }
  if (const auto red = rtp::parse_red(packet->payload())) {
    std::size_t total = 0;
    for (const rtp::RedBlock& block : red->blocks()) {
      total += block.payload.size();
    }
    MERIDIAN_CHECK(total < packet->payload().size());
  }
  MERIDIAN_CHECK(!rtp::to_text(*packet).empty());
  write_again(*packet);
  change_in_place(datagram, *packet);
  return 0;
}
