#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "dtls/certificate.hpp"
#include "rtp/packet.hpp"
#include "support/peer.hpp"
#include "support/permits.hpp"
#include "transport/demultiplexer.hpp"
#include "transport/transport.hpp"

namespace meridian::transport {

using Packet = std::vector<std::uint8_t>;

inline Instant at(Duration since_start) {
  return Instant::from_origin(since_start);
}

inline ice::Tuple tuple(std::uint16_t port) {
  return {{IpAddress::v4({198, 51, 100, 7}), port}, 0};
}

inline const dtls::Certificate& certificate() {
  static const dtls::Certificate kCertificate =
      dtls::Certificate::make(UnixTime::from_seconds(1'800'000'000));
  return kCertificate;
}

inline Packet rtp(std::uint32_t ssrc, std::uint16_t sequence, std::size_t payload = 50) {
  Packet packet(12 + payload, 0x5a);
  packet[0] = 0x80;
  packet[1] = 96;
  store_u16(packet.data() + 2, sequence);
  store_u32(packet.data() + 4, 90);
  store_u32(packet.data() + 8, ssrc);
  return packet;
}

inline Packet receiver_report(std::uint32_t ssrc) {
  Packet packet = {0x80, 201, 0, 1, 0, 0, 0, 0};
  store_u32(packet.data() + 4, ssrc);
  return packet;
}

/// A transport and its client, with a network that delivers at once.
class Call {
 public:
  explicit Call(Demultiplexer& demultiplexer, SendBatch& batch, std::uint32_t number = 1,
                test::PeerDtls::Settings dtls = {})
      : demultiplexer_(demultiplexer),
        batch_(batch),
        path_(tuple(static_cast<std::uint16_t>(10'000 + number))) {
    const std::string suffix = std::to_string(number);
    server_credentials_ = {"server" + suffix, "server-password-" + suffix};
    client_credentials_ = {"client" + suffix, "client-password-" + suffix};
    peer_.emplace(test::PeerSettings{.local = client_credentials_,
                                     .remote = server_credentials_,
                                     .server_fingerprint = certificate().fingerprint(),
                                     .dtls = std::move(dtls)},
                  number);
    id_ = TransportId(number);
    open(peer_->fingerprint());
  }
  ~Call() { demultiplexer_.remove(*transport_); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  /// Anew, expecting this certificate of the client.
  void open(const dtls::Fingerprint& fingerprint) {
    if (transport_) {
      demultiplexer_.remove(*transport_);
    }
    transport_.emplace(office_.client(),
                       TransportSettings{.id = id_,
                                         .local = server_credentials_,
                                         .remote = client_credentials_,
                                         .remote_fingerprint = fingerprint},
                       certificate(), now_);
    added_ = demultiplexer_.add(*transport_);
  }

  Taken<> to_server(Packet datagram, const ice::Tuple& from) {
    switch (rtp::classify(datagram)) {
      case rtp::PacketKind::kStun: {
        const auto taken = demultiplexer_.handle_stun(datagram, from, now_, batch_);
        return taken ? Taken<>{} : std::unexpected(taken.error());
      }
      case rtp::PacketKind::kDtls:
        return transport_->handle_dtls(datagram, from, now_, batch_);
      case rtp::PacketKind::kRtp: {
        const auto length = transport_->unprotect_rtp(datagram, from);
        if (!length) {
          return std::unexpected(length.error());
        }
        datagram.resize(*length);
        received_.push_back(std::move(datagram));
        return {};
      }
      case rtp::PacketKind::kRtcp: {
        const auto length = transport_->unprotect_rtcp(datagram, from);
        if (!length) {
          return std::unexpected(length.error());
        }
        datagram.resize(*length);
        received_.push_back(std::move(datagram));
        return {};
      }
      case rtp::PacketKind::kTurn:
      case rtp::PacketKind::kUnknown:
        break;
    }
    return std::unexpected(DropReason::kUnknownProtocol);
  }

  /// Delivers both ways until nothing moves. `last_error_` keeps the newest refusal.
  void exchange() {
    bool has_moved = true;
    while (has_moved) {
      has_moved = false;
      while (auto datagram = peer_->poll_datagram()) {
        has_moved = true;
        if (const auto taken = to_server(std::move(*datagram), path_); !taken) {
          last_error_ = taken.error();
        }
      }
      has_moved |= deliver_to_client();
    }
  }

  bool deliver_to_client() {
    std::vector<Packet> arrived;
    for (const OutboundDatagram& datagram : batch_.datagrams()) {
      if (datagram.transport == id_ && datagram.to == path_.remote) {
        arrived.emplace_back(datagram.bytes.begin(), datagram.bytes.end());
      } else {
        ++sent_elsewhere_;
      }
    }
    batch_.clear();
    for (const Packet& datagram : arrived) {
      peer_->handle_datagram(datagram, now_);
    }
    return !arrived.empty();
  }

  void connect() {
    peer_->start(now_);
    exchange();
  }

  /// Lets time pass, with the client's checks going on as they are set.
  void run_until(Instant end) {
    while (true) {
      const Instant next = std::min(transport_->next_timeout(), peer_->next_timeout());
      if (next > end) {
        break;
      }
      now_ = std::max(now_, next);
      transport_->handle_timeout(now_, batch_);
      peer_->handle_timeout(now_);
      exchange();
    }
    now_ = end;
  }

  Taken<std::size_t> send_rtp(const Packet& packet) {
    const MutableBytes slot = batch_.reserve();
    std::ranges::copy(packet, slot.begin());
    return transport_->send_rtp(batch_, slot, packet.size(), now_);
  }
  Taken<> send_rtcp(const Packet& packet) {
    const MutableBytes slot = batch_.reserve();
    std::ranges::copy(packet, slot.begin());
    return transport_->send_rtcp(batch_, slot, packet.size());
  }

  std::vector<StateChange> events() {
    std::vector<StateChange> changes;
    while (const auto change = transport_->poll_event()) {
      changes.push_back(*change);
    }
    return changes;
  }

  test::PermitOffice office_;
  Demultiplexer& demultiplexer_;
  SendBatch& batch_;
  Instant now_ = at(0s);
  TransportId id_;
  ice::Tuple path_;
  ice::Credentials server_credentials_;
  ice::Credentials client_credentials_;
  std::optional<test::Peer> peer_;
  std::optional<Transport> transport_;
  Demultiplexer::Add added_ = Demultiplexer::Add::kFull;
  std::vector<Packet> received_;
  std::optional<DropReason> last_error_;
  std::size_t sent_elsewhere_ = 0;
};

}  // namespace meridian::transport
