// Covers: server/forward/receiver.cpp server/forward/frame_reader.cpp
// Covers: server/forward/publication.cpp server/forward/send_rewriter.cpp
// Covers: server/forward/packet_composer.cpp server/forward/layer_selector.cpp
// A publisher's decrypted packets, as hostile as can be, on their way to one subscriber: sources
// are learned, frames read, packets stored, chosen, renumbered and written. What is written must be
// RTP that carries only what the subscriber negotiated, and no sequence number twice.
//
// Input: packets, each after its length in two bytes. A length of 0xff00 and more is an order
// instead: what it is in the lower four bits, with what in the four above.
#include <array>
#include <cstdint>
#include <set>

#include "base/check.hpp"
#include "forward/layer_selector.hpp"
#include "forward/packet_composer.hpp"
#include "forward/publication.hpp"
#include "forward/receiver.hpp"
#include "forward/relay_sink.hpp"
#include "forward/send_rewriter.hpp"

using namespace meridian;

namespace {

constexpr std::size_t kMaxPackets = 300;

rtp::Token token(std::string_view name) {
  return *rtp::Token::parse(name);
}

rtp::CodecBinding binding(rtp::Codec codec, std::uint8_t type) {
  rtp::CodecBinding result;
  result.codec = codec;
  result.payload_type = PayloadType(type);
  result.rtx = PayloadType(static_cast<std::uint8_t>(type + 1));
  result.nack = true;
  return result;
}

rtp::ExtensionMap publisher_extensions() {
  rtp::ExtensionMap map;
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(rtp::Extension::kCount); ++i) {
    map.set(static_cast<rtp::Extension>(i), static_cast<std::uint8_t>(i + 1));
  }
  return map;
}

rtp::ExtensionMap subscriber_extensions() {
  rtp::ExtensionMap map;
  map.set(rtp::Extension::kAudioLevel, 3);
  map.set(rtp::Extension::kDependencyDescriptor, 12);
  map.set(rtp::Extension::kAbsCaptureTime, 14);
  return map;
}

forward::ConfigureReceive configuration() {
  forward::ReceiveSection audio;
  audio.mid = token("0");
  audio.publication = PublicationId(1);
  audio.codecs = {binding(rtp::Codec::kOpus, 111), binding(rtp::Codec::kRed, 63)};
  forward::ReceiveSection video;
  video.mid = token("1");
  video.kind = rtp::MediaKind::kVideo;
  video.publication = PublicationId(2);
  video.codecs = {binding(rtp::Codec::kVp8, 96), binding(rtp::Codec::kVp9, 98),
                  binding(rtp::Codec::kH264, 102), binding(rtp::Codec::kAv1, 35)};
  video.rids = {token("q"), token("h"), token("f")};
  return {.transport = TransportId(1),
          .extensions = publisher_extensions(),
          .sections = {audio, video}};
}

/// What a Subscription does, without encryption.
class Subscriber {
 public:
  void order(const forward::LayerTarget& target) { selector_.set_target(target); }
  void lose_stream() { selector_.lose_stream(); }
  [[nodiscard]] std::optional<std::uint8_t> awaited(const forward::LayerView& view) const {
    return selector_.awaits_key_frame(view);
  }

  void take(std::uint8_t layer, const forward::MediaPacket& packet, const forward::LayerView& view,
            const std::optional<rtcp::SourceClock>& clock) {
    if (packet.payload.empty()) {
      return;
    }
    const forward::Verdict verdict = selector_.decide(layer, packet, view);
    if (verdict == forward::Verdict::kIgnore) {
      return;
    }
    if (verdict == forward::Verdict::kDrop) {
      rewriter_.drop(packet);
      return;
    }
    if (verdict == forward::Verdict::kSwitch) {
      rewriter_.begin(packet, layer, 90'000, clock);
    }
    if (auto rewrite = rewriter_.rewrite(packet, clock)) {
      MERIDIAN_CHECK(used_.insert(rewrite->sequence.value()).second);
      rewrite->marker = rewrite->marker || selector_.ends_picture(packet, view);
      check(packet, *rewrite);
    }
    MERIDIAN_CHECK(rewriter_.next_sequence() > ExtendedSequence(69'999));
  }

 private:
  void check(const forward::MediaPacket& packet, const forward::Rewrite& rewrite) {
    forward::SendFormat format{.ssrc = Ssrc(7),
                               .payload_type = PayloadType(100),
                               .extensions = subscriber_extensions(),
                               .transport_sequence = std::nullopt,
                               .now = Instant{}};
    const std::size_t length = forward::compose_packet(packet, rewrite, format, buffer_);
    if (length == 0) {
      return;
    }
    const auto view = rtp::PacketView::parse(Bytes(buffer_).first(length));
    MERIDIAN_CHECK(view && view->payload().size() == packet.payload.size());
    MERIDIAN_CHECK(length == forward::composed_size(packet, format));
    for (std::size_t i = 0; i < view->extension_count(); ++i) {
      MERIDIAN_CHECK(format.extensions.find(view->extension_at(i).id));
    }
    if (packet.codec == rtp::Codec::kRed) {
      forward::renumber_red_blocks(MutableBytes(buffer_).first(length).last(packet.payload.size()),
                                   PayloadType(101));
    }
    check_again(packet, rewrite, format);
  }
  /// The packet as a retransmission, and padding in its stream.
  void check_again(const forward::MediaPacket& packet, const forward::Rewrite& rewrite,
                   const forward::SendFormat& format) {
    const std::size_t again =
        forward::compose_retransmission(packet, rewrite, format, SequenceNumber(9), buffer_);
    if (again > 0) {
      const auto view = rtp::PacketView::parse(Bytes(buffer_).first(again));
      MERIDIAN_CHECK(view && view->payload().size() == packet.payload.size() + 2);
    }
    const std::size_t padding =
        forward::compose_padding(format, SequenceNumber(10), rewrite.timestamp, buffer_);
    const auto view = rtp::PacketView::parse(Bytes(buffer_).first(padding));
    MERIDIAN_CHECK(view && view->payload().empty());
  }

  forward::LayerSelector selector_;
  forward::SendRewriter rewriter_{ExtendedSequence(70'000)};
  std::set<std::uint64_t> used_;
  std::array<std::uint8_t, 1600> buffer_{};
};

struct Track {
  Track(PublicationId id, rtp::MediaKind kind, std::size_t layers)
      : publication({.id = id, .room = RoomNumber(1), .kind = kind}) {
    publication.set_layer_count(layers, forward::Publication::Memory::kAtFirstPacket);
  }

  void forward(const forward::ReceivedPacket& received) {
    publication.clear_pending();
    publication.ingest(received.layer, received.packet, received.clock_rate);
    for (const forward::PendingPacket& pending : publication.pending()) {
      if (const forward::MediaPacket* stored = publication.find(pending)) {
        subscriber.take(pending.layer, *stored, publication.view(),
                        publication.layer(pending.layer).clock);
      }
    }
    (void)publication.audio_length(received.packet, received.clock_rate);
  }
  /// Half a second passes, as for a worker.
  void pass(Instant now) {
    publication.rates().update(now);
    publication.update_ladder();
    publication.request_awaited_key_frames();
    for (std::size_t i = 0; i < publication.layer_count(); ++i) {
      (void)publication.layer(i).throttle.poll(now);
    }
    (void)publication.take_wanted_change();
  }
  /// Somebody new would begin with this; all that it refers to must be there, or nothing.
  void replay(std::uint8_t layer, Instant now) {
    if (const auto key = publication.recent_key_frame(layer, 100'000, now)) {
      const forward::MediaPacket* packet = publication.find(*key);
      MERIDIAN_CHECK(packet == nullptr || packet->starts_key_frame);
    }
    publication.request_key_frame(layer);
    (void)subscriber.awaited(publication.view());
  }

  forward::Publication publication;
  Subscriber subscriber;
};

using Tracks = std::array<Track, 2>;

void forward_to(Tracks& tracks, const forward::ReceivedPacket& received) {
  for (Track& track : tracks) {
    if (&track.publication == received.publication) {
      track.forward(received);
    }
  }
}

void take_packet(forward::Receiver& receiver, Tracks& tracks, Bytes packet, Instant now) {
  const auto taken = receiver.take(packet, now);
  if (!taken || !*taken) {
    return;
  }
  const forward::ReceivedPacket received = **taken;
  for (const forward::MediaPacket& recovered : receiver.recover(received)) {
    forward::ReceivedPacket one = received;
    one.packet = recovered;
    forward_to(tracks, one);
  }
  forward_to(tracks, received);
}

void take_order(forward::Receiver& receiver, Tracks& tracks, unsigned order, Instant& now) {
  Track& video = tracks[1];
  const auto with = static_cast<std::uint8_t>((order >> 4U) & 0x0fU);
  switch (order & 0x0fU) {
    case 0:
      video.subscriber.order({.is_enabled = with != 15,
                              .max_spatial = static_cast<std::uint8_t>(with & 3U),
                              .max_temporal = static_cast<std::uint8_t>(with >> 2U)});
      return;
    case 1:
      video.subscriber.lose_stream();
      return;
    case 2:
      now = now + 100ms * (with + 1);
      for (Track& track : tracks) {
        track.pass(now);
      }
      (void)receiver.take_loss();
      return;
    case 3:
      video.replay(with & 3U, now);
      return;
    case 4: {
      const rtcp::SenderReport report{.sender = video.publication.layer(with % 3U).ssrc,
                                      .ntp = {},
                                      .rtp = RtpTimestamp(with * 90'000U),
                                      .blocks = {}};
      if (const auto update = receiver.handle_sender_report(report, now)) {
        update->publication->layer(update->layer).clock = update->clock;
      }
      return;
    }
    default:
      video.publication.set_muted(with % 2 == 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kOrders = 0xff00;
  forward::Receiver receiver;
  receiver.configure(configuration());
  Tracks tracks{Track(PublicationId(1), rtp::MediaKind::kAudio, 1),
                Track(PublicationId(2), rtp::MediaKind::kVideo, 3)};
  for (Track& track : tracks) {
    receiver.bind(track.publication.traits().id, &track.publication);
  }
  ByteReader reader(Bytes(data, size));
  Instant now = Instant::from_origin(1s);
  for (std::size_t i = 0; i < kMaxPackets && reader.remaining() >= 2; ++i) {
    const std::size_t length = reader.u16();
    if (length >= kOrders) {
      take_order(receiver, tracks, static_cast<unsigned>(length - kOrders), now);
      continue;
    }
    now = now + 5ms;
    take_packet(receiver, tracks, reader.bytes(std::min(length, reader.remaining())), now);
  }
  return 0;
}
