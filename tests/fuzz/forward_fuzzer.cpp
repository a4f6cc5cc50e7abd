// Covers: server/forward/receiver.cpp server/forward/frame_reader.cpp
// Covers: server/forward/publication.cpp server/forward/send_rewriter.cpp
// Covers: server/forward/packet_composer.cpp server/forward/layer_selector.cpp
// A publisher's decrypted packets, as hostile as can be, on their way to one subscriber: sources
// are learned, frames read, packets stored, chosen, renumbered and written. What is written must be
// RTP that carries only what the subscriber negotiated, and no sequence number twice.
//
// Input: packets, each after its length in two bytes.
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
  void take(std::uint8_t layer, const forward::MediaPacket& packet,
            const forward::LayerView& view) {
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
      rewriter_.begin(packet, layer, 90'000, std::nullopt);
    }
    if (const auto rewrite = rewriter_.rewrite(packet, std::nullopt)) {
      MERIDIAN_CHECK(used_.insert(rewrite->sequence.value()).second);
      check(packet, *rewrite);
    }
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
    for (std::size_t i = 0; i < view->extension_count(); ++i) {
      MERIDIAN_CHECK(format.extensions.find(view->extension_at(i).id));
    }
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
        subscriber.take(pending.layer, *stored, publication.view());
      }
    }
  }

  forward::Publication publication;
  Subscriber subscriber;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  forward::Receiver receiver;
  receiver.configure(configuration());
  std::array tracks{Track(PublicationId(1), rtp::MediaKind::kAudio, 1),
                    Track(PublicationId(2), rtp::MediaKind::kVideo, 3)};
  for (Track& track : tracks) {
    receiver.bind(track.publication.traits().id, &track.publication);
  }
  ByteReader reader(Bytes(data, size));
  Instant now = Instant::from_origin(1s);
  for (std::size_t i = 0; i < kMaxPackets && reader.remaining() > 2; ++i) {
    const std::size_t length = reader.u16();
    const Bytes packet = reader.bytes(std::min(length, reader.remaining()));
    now = now + 5ms;
    const auto taken = receiver.take(packet, now);
    if (!taken || !*taken) {
      continue;
    }
    for (Track& track : tracks) {
      if (&track.publication == (*taken)->publication) {
        track.forward(**taken);
      }
    }
  }
  return 0;
}
