#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "dtls/certificate.hpp"
#include "forward/shard.hpp"
#include "rtcp/compound_writer.hpp"
#include "rtcp/packet.hpp"
#include "rtp/packet.hpp"
#include "support/peer.hpp"
#include "support/permits.hpp"
#include "transport/demultiplexer.hpp"
#include "transport/transport.hpp"
#include "unit/forward/samples.hpp"

namespace meridian::forward::test {

using PacketBytes = std::vector<std::uint8_t>;

/// Extension ids that the clients of these tests negotiate.
inline rtp::ExtensionMap extension_ids() {
  rtp::ExtensionMap map;
  map.set(rtp::Extension::kMid, 1);
  map.set(rtp::Extension::kRid, 2);
  map.set(rtp::Extension::kRepairedRid, 3);
  map.set(rtp::Extension::kAudioLevel, 4);
  map.set(rtp::Extension::kTransportSequence, 5);
  map.set(rtp::Extension::kAbsCaptureTime, 6);
  map.set(rtp::Extension::kDependencyDescriptor, 7);
  return map;
}

inline rtp::CodecBinding opus(std::uint8_t type) {
  return {.codec = rtp::Codec::kOpus,
          .payload_type = PayloadType(type),
          .rtx = {},
          .clock_rate = 48'000};
}
inline rtp::CodecBinding red(std::uint8_t type) {
  rtp::CodecBinding binding = opus(type);
  binding.codec = rtp::Codec::kRed;
  return binding;
}
inline rtp::CodecBinding vp8(std::uint8_t type) {
  return {.codec = rtp::Codec::kVp8,
          .payload_type = PayloadType(type),
          .rtx = PayloadType(static_cast<std::uint8_t>(type + 1)),
          .clock_rate = 90'000,
          .nack = true,
          .pli = true,
          .fir = true,
          .transport_cc = true,
          .remb = false};
}
inline rtp::Token token(std::string_view name) {
  return *rtp::Token::parse(name);
}

/// A client and the worker's side of its transport.
struct Client {
  TransportId id;
  SocketAddress address;
  std::unique_ptr<transport::Transport> transport;
  std::unique_ptr<meridian::test::Peer> peer;
  Peer* member = nullptr;
  /// Loses what the server sends while it is set.
  bool is_deaf = false;

  std::vector<PacketBytes> take_rtp() {
    std::vector<PacketBytes> packets;
    while (auto packet = peer->poll_rtp()) {
      packets.push_back(std::move(*packet));
    }
    return packets;
  }
  /// RTCP packets of one type that came since the last call of any take_rtcp().
  template <class Type, class Value>
  std::vector<Value> take_rtcp(Value (*read)(const Type&)) {
    std::vector<Value> values;
    while (auto bytes = peer->poll_rtcp()) {
      const auto compound = rtcp::Compound::parse(*bytes);
      MERIDIAN_CHECK(compound);
      for (const rtcp::Packet& packet : *compound) {
        if (const auto* typed = std::get_if<Type>(&packet)) {
          values.push_back(read(*typed));
        }
      }
    }
    return values;
  }
  std::vector<Ssrc> take_picture_losses() {
    return take_rtcp<rtcp::PictureLoss, Ssrc>(
        [](const rtcp::PictureLoss& loss) { return loss.media; });
  }
  template <class Write>
  void send_rtcp(Write&& write) {
    std::array<std::uint8_t, 1200> buffer{};
    rtcp::CompoundWriter writer(buffer);
    write(writer);
    peer->send_rtcp(writer.bytes());
  }
};

/// A shard with its transports, and a network without delay.
class ShardBed {
 public:
  explicit ShardBed(std::vector<RelayRing*> relays_out = {})
      : shard({.random = random,
               .counters = counters,
               .output = output,
               .relays_out = std::move(relays_out)}) {}
  ~ShardBed() {
    for (auto& client : clients_) {
      shard.remove_peer(client->id);
      demultiplexer_.remove(*client->transport);
    }
  }

  /// A connected client.
  Client& join() {
    const auto number = static_cast<std::uint32_t>(clients_.size() + 1);
    const std::string suffix = std::to_string(number);
    const ice::Credentials server{"server" + suffix, "server-password-" + suffix};
    const ice::Credentials local{"client" + suffix, "client-password-" + suffix};
    auto client = std::make_unique<Client>();
    client->id = TransportId(number);
    client->address = {IpAddress::v4({198, 51, 100, static_cast<std::uint8_t>(number)}), 5000};
    client->peer = std::make_unique<meridian::test::Peer>(
        meridian::test::PeerSettings{.local = local,
                                     .remote = server,
                                     .server_fingerprint = certificate().fingerprint(),
                                     .dtls = {}},
        number);
    client->transport = std::make_unique<transport::Transport>(
        office.client(),
        transport::TransportSettings{.id = client->id,
                                     .local = server,
                                     .remote = local,
                                     .remote_fingerprint = client->peer->fingerprint()},
        certificate(), now);
    MERIDIAN_CHECK(demultiplexer_.add(*client->transport) == transport::Demultiplexer::Add::kAdded);
    client->member = &shard.add_peer(*client->transport, RoomNumber(1));
    client->peer->start(now);
    clients_.push_back(std::move(client));
    pump();
    Client& joined = *clients_.back();
    MERIDIAN_CHECK(joined.peer->is_connected() && joined.transport->is_connected());
    while (joined.transport->poll_event()) {
    }
    shard.handle_connected(joined.id, now);
    return joined;
  }

  /// Delivers both ways until nothing moves. What the clients sent together is one batch.
  void pump() {
    bool has_moved = true;
    while (has_moved) {
      has_moved = false;
      for (auto& client : clients_) {
        while (auto datagram = client->peer->poll_datagram()) {
          has_moved = true;
          to_server(*client, std::move(*datagram));
        }
      }
      shard.flush(now);
      has_moved |= to_clients();
    }
  }

  /// Lets time pass in steps of the worker's tick.
  void run_for(Duration duration) {
    const Instant end = now + duration;
    while (now < end) {
      now = now + 10ms;
      for (auto& client : clients_) {
        client->peer->handle_timeout(now);
        if (now >= client->transport->next_timeout()) {
          client->transport->handle_timeout(now, output);
        }
      }
      if (now >= shard.next_release()) {
        shard.release(now);
      }
      shard.handle_timeout(now);
      pump();
    }
  }

  /// `client` sends a packet, which is delivered at once.
  void send(Client& client, const PacketBytes& packet) {
    client.peer->send_rtp(packet);
    pump();
  }

  /// Events of one type, in order; the others are dropped.
  template <class Type>
  std::vector<Type> take_events() {
    std::vector<Type> typed;
    for (Event& event : std::exchange(shard.events(), {})) {
      if (auto* one = std::get_if<Type>(&event)) {
        typed.push_back(std::move(*one));
      }
    }
    return typed;
  }

  static const dtls::Certificate& certificate() {
    static const dtls::Certificate kCertificate =
        dtls::Certificate::make(UnixTime::from_seconds(1'800'000'000));
    return kCertificate;
  }

  Instant now = at(10s);
  meridian::test::PermitOffice office;
  SeededRandomSource random{1};
  metrics::WorkerCounters counters;
  transport::SendBatch output;
  Shard shard;

 private:
  void to_server(Client& client, PacketBytes datagram) {
    const ice::Tuple from{.remote = client.address, .socket = 0};
    switch (rtp::classify(datagram)) {
      case rtp::PacketKind::kStun:
        (void)demultiplexer_.handle_stun(datagram, from, now, output);
        return;
      case rtp::PacketKind::kDtls:
        (void)client.transport->handle_dtls(datagram, from, now, output);
        return;
      case rtp::PacketKind::kRtp:
        if (const auto length = client.transport->unprotect_rtp(datagram, from)) {
          shard.handle_rtp(*client.member, Bytes(datagram).first(*length), now, now);
        }
        return;
      case rtp::PacketKind::kRtcp:
        if (const auto length = client.transport->unprotect_rtcp(datagram, from)) {
          shard.handle_rtcp(*client.member, Bytes(datagram).first(*length), now, now);
        }
        return;
      case rtp::PacketKind::kTurn:
      case rtp::PacketKind::kUnknown:
        return;
    }
  }

  bool to_clients() {
    std::vector<std::pair<Client*, PacketBytes>> arrived;
    for (const transport::OutboundDatagram& datagram : output.datagrams()) {
      for (auto& client : clients_) {
        if (client->id == datagram.transport && !client->is_deaf) {
          arrived.emplace_back(client.get(),
                               PacketBytes(datagram.bytes.begin(), datagram.bytes.end()));
        }
      }
    }
    output.clear();
    for (auto& [client, bytes] : arrived) {
      client->peer->handle_datagram(bytes, now);
    }
    return !arrived.empty();
  }

  transport::Demultiplexer demultiplexer_;
  std::vector<std::unique_ptr<Client>> clients_;
};

/// A microphone in section "0" and a simulcast camera in section "1" of a client, and what others
/// need to subscribe to them.
class Meeting {
 public:
  static constexpr std::uint8_t kOpus = 111;
  static constexpr std::uint8_t kRed = 63;
  static constexpr std::uint8_t kVp8 = 96;
  static constexpr PublicationId kMicrophone{1};
  static constexpr PublicationId kCamera{2};

  explicit Meeting(ShardBed& bed) : bed_(bed) {}

  void publish(Client& client, std::vector<rtp::Token> rids = {}) {
    bed_.shard.publish({.publication = kMicrophone,
                        .transport = client.id,
                        .room = RoomNumber(1),
                        .kind = rtp::MediaKind::kAudio});
    bed_.shard.publish({.publication = kCamera,
                        .transport = client.id,
                        .room = RoomNumber(1),
                        .kind = rtp::MediaKind::kVideo});
    bed_.shard.configure(configuration(client.id, std::move(rids)));
  }

  static ConfigureReceive configuration(TransportId transport, std::vector<rtp::Token> rids) {
    return {.transport = transport,
            .extensions = extension_ids(),
            .sections = {{.mid = token("0"),
                          .kind = rtp::MediaKind::kAudio,
                          .publication = kMicrophone,
                          .codecs = {opus(kOpus), red(kRed)},
                          .rids = {},
                          .sources = {}},
                         {.mid = token("1"),
                          .kind = rtp::MediaKind::kVideo,
                          .publication = kCamera,
                          .codecs = {vp8(kVp8)},
                          .rids = std::move(rids),
                          .sources = {}}}};
  }

  Subscribe subscription(Client& client, PublicationId publication, std::uint32_t number) const {
    const bool is_video = publication == kCamera;
    return {.subscription = SubscriptionId(number),
            .publication = publication,
            .transport = client.id,
            .mid = token("9"),
            .ssrc = Ssrc(1000 + number),
            .rtx_ssrc = is_video ? Ssrc(2000 + number) : Ssrc{},
            .codecs = {is_video ? vp8(102) : opus(112)},
            .extensions = extension_ids(),
            .target = {}};
  }
  void subscribe(Client& client, PublicationId publication, std::uint32_t number) {
    bed_.shard.subscribe(subscription(client, publication, number), bed_.now);
    bed_.pump();
  }

  PacketBytes audio(std::uint16_t sequence, std::uint8_t level = 20) const {
    return rtp_packet({.ssrc = 100,
                       .sequence = sequence,
                       .timestamp = static_cast<std::uint32_t>(sequence * 960),
                       .payload_type = kOpus,
                       .extensions = {{1, text("0")}, {4, {level}}}},
                      std::vector<std::uint8_t>(40, 7));
  }
  /// Frame `number` of a layer, in one packet.
  PacketBytes video(std::uint16_t number, bool is_key, std::uint8_t layer = 0,
                    std::string_view rid = "") const {
    RtpFields fields{.ssrc = 200U + layer,
                     .sequence = static_cast<std::uint16_t>(number + 1000 * layer),
                     .timestamp = number * 3000U + 90'000U * layer,
                     .payload_type = kVp8,
                     .marker = true,
                     .extensions = {{1, text("1")}}};
    if (!rid.empty()) {
      fields.extensions.emplace_back(2, text(rid));
    }
    fields.extensions.emplace_back(
        5, std::vector<std::uint8_t>{static_cast<std::uint8_t>(transport_sequence_ >> 8U),
                                     static_cast<std::uint8_t>(transport_sequence_)});
    ++transport_sequence_;
    return rtp_packet(fields, vp8_payload({.is_key = is_key,
                                           .picture_id = number,
                                           .tl0 = static_cast<std::uint8_t>(number)}));
  }

 private:
  ShardBed& bed_;
  mutable std::uint16_t transport_sequence_ = 0;
};

inline rtp::PacketView view(const PacketBytes& packet) {
  const auto parsed = rtp::PacketView::parse(packet);
  MERIDIAN_CHECK(parsed);
  return *parsed;
}

}  // namespace meridian::forward::test
