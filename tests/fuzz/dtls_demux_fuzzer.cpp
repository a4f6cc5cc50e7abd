// Covers: server/transport/demultiplexer.cpp server/transport/transport.cpp
// Covers: server/ice/lite_agent.cpp
// A worker's transports under steps {operation, argument, …}: an honest client that goes its way,
// noise from its address and from strangers, time, restarts, revocation. Nothing but the honest
// client's checks may make a tuple known, and nobody else may be answered.
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/check.hpp"
#include "rtp/packet.hpp"
#include "support/peer.hpp"
#include "support/permits.hpp"
#include "transport/demultiplexer.hpp"

using namespace meridian;

namespace {

using Packet = std::vector<std::uint8_t>;

const ice::Credentials kServer{"server-ufrag", "server-password-0123456"};
const ice::Credentials kClient{"client-ufrag", "client-password-0123456"};
const ice::Credentials kServer2{"server-ufrag2", "server-password-0123457"};
const ice::Credentials kClient2{"client-ufrag2", "client-password-0123457"};
const ice::Credentials kOtherServer{"other-server", "other-password-0123456"};
const ice::Credentials kOtherClient{"other-client", "other-password-0123457"};

ice::Tuple tuple(std::uint8_t host) {
  return {{IpAddress::v4({192, 0, 2, host}), 4000}, static_cast<std::uint8_t>(host % 2)};
}

class World {
 public:
  World(test::PermitOffice& office, const dtls::Certificate& certificate,
        transport::SendBatch& batch)
      : peer_({.local = kClient,
               .remote = kServer,
               .server_fingerprint = certificate.fingerprint(),
               .dtls = {}},
              1),
        transport_(office.client(),
                   {.id = TransportId(1),
                    .local = kServer,
                    .remote = kClient,
                    .remote_fingerprint = peer_.fingerprint()},
                   certificate, now_),
        other_(office.client(),
               {.id = TransportId(2),
                .local = kOtherServer,
                .remote = kOtherClient,
                .remote_fingerprint = {}},
               certificate, now_),
        batch_(batch) {
    batch_.clear();
    MERIDIAN_CHECK(demultiplexer_.add(transport_) == transport::Demultiplexer::Add::kAdded);
    MERIDIAN_CHECK(demultiplexer_.add(other_) == transport::Demultiplexer::Add::kAdded);
  }
  ~World() {
    demultiplexer_.remove(transport_);
    demultiplexer_.remove(other_);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  void deliver(Packet datagram, const ice::Tuple& from) {
    switch (rtp::classify(datagram)) {
      case rtp::PacketKind::kStun:
        (void)demultiplexer_.handle_stun(datagram, from, now_, batch_);
        break;
      case rtp::PacketKind::kDtls:
        if (auto* found = demultiplexer_.find(from)) {
          (void)found->handle_dtls(datagram, from, now_, batch_);
        }
        break;
      case rtp::PacketKind::kRtp:
        (void)transport_.unprotect_rtp(datagram, from);
        break;
      case rtp::PacketKind::kRtcp:
        (void)transport_.unprotect_rtcp(datagram, from);
        break;
      case rtp::PacketKind::kTurn:
      case rtp::PacketKind::kUnknown:
        break;
    }
  }

  /// What the client says reaches the server, and the answers reach the client.
  void exchange() {
    for (int round = 0; round < 20; ++round) {
      while (auto datagram = peer_.poll_datagram()) {
        deliver(std::move(*datagram), path_);
      }
      std::vector<Packet> answers;
      for (const auto& datagram : batch_.datagrams()) {
        answers.emplace_back(datagram.bytes.begin(), datagram.bytes.end());
      }
      batch_.clear();
      for (const Packet& answer : answers) {
        peer_.handle_datagram(answer, now_);
      }
      if (answers.empty()) {
        break;
      }
    }
  }

  void from_stranger(Packet datagram, std::uint8_t host) {
    exchange();
    const std::size_t known = demultiplexer_.tuple_count();
    const ice::Tuple from = tuple(static_cast<std::uint8_t>(200 + host % 50));
    deliver(std::move(datagram), from);
    MERIDIAN_CHECK(batch_.empty() && demultiplexer_.tuple_count() == known);
    MERIDIAN_CHECK(demultiplexer_.find(from) == nullptr);
  }

  /// Another member, who may lie about the password, the kind of message, and the address.
  void member_check(std::uint8_t argument) {
    const auto kind = (argument & 1U) != 0 ? ice::StunClass::kIndication : ice::StunClass::kRequest;
    const bool is_right = (argument & 2U) == 0;
    Packet packet(256);
    ice::StunBuilder builder(packet, kind, {9});
    builder.username(kOtherServer.ufrag + ":" + kOtherClient.ufrag);
    if ((argument & 4U) != 0) {
      builder.use_candidate();
    }
    packet.resize(builder.finish(ice::IntegrityKey(is_right ? kOtherServer.password : "guessed")));
    const ice::Tuple from = (argument & 8U) != 0 ? path_ : tuple(100);
    deliver(std::move(packet), from);
    deliver(Packet(40, 22), from);
    other_.handle_timeout(now_, batch_);
    exchange();
  }

  void send(std::uint8_t sequence) {
    (void)transport_.add_send_stream(Ssrc(7));
    const MutableBytes slot = batch_.reserve();
    Packet packet(40, 0);
    packet[0] = 0x80;
    packet[3] = sequence;
    packet[11] = 7;
    std::copy(packet.begin(), packet.end(), slot.begin());
    (void)transport_.send_rtp(batch_, slot, packet.size(), now_);
    packet = {0x80, 201, 0, 1, 0, 0, 0, 7};
    std::copy(packet.begin(), packet.end(), slot.begin());
    const MutableBytes report = batch_.reserve();
    std::copy(packet.begin(), packet.end(), report.begin());
    (void)transport_.send_rtcp(batch_, report, packet.size());
    (void)transport_.send_sctp(batch_, Bytes(packet));
    Packet media(60, 1);
    media[0] = 0x80;
    media[3] = sequence;
    (void)peer_.send_rtp(media);
    (void)peer_.send_sctp(media);
    exchange();
    while (transport_.poll_sctp()) {
    }
  }

  void pass_time(Duration duration) {
    now_ = now_ + duration;
    transport_.handle_timeout(now_, batch_);
    peer_.handle_timeout(now_);
    exchange();
  }

  void step(unsigned operation, std::uint8_t argument, Packet bytes, test::PermitOffice& office) {
    switch (operation) {
      case 0:
        peer_.start(now_);
        exchange();
        break;
      case 1:
        deliver(std::move(bytes), path_);
        break;
      case 2:
        from_stranger(std::move(bytes), argument);
        break;
      case 3:
        pass_time(100ms * argument);
        break;
      case 4:
        path_ = tuple(static_cast<std::uint8_t>(argument % 16));
        peer_.check_now(now_);
        exchange();
        break;
      case 5:
        send(argument);
        break;
      case 6:
        (void)demultiplexer_.restart_ice(transport_, kServer2, kClient2);
        peer_.restart_ice(kClient2, kServer2, now_);
        exchange();
        break;
      case 7:
        peer_.set_checks(argument % 2 == 0 ? test::Peer::Checks::kOff : test::Peer::Checks::kOn,
                         now_);
        break;
      case 8:
        transport_.renew(office.client(2));
        break;
      case 9:
        argument % 2 == 0 ? transport_.revoke() : transport_.close(batch_);
        break;
      case 10:
        member_check(argument);
        break;
      default:
        peer_.close();
        exchange();
        break;
    }
    while (transport_.poll_event()) {
    }
    MERIDIAN_CHECK(demultiplexer_.tuple_count() ==
                   transport_.ice().tuple_count() + other_.ice().tuple_count());
    MERIDIAN_CHECK(transport_.ice().tuple_count() <= ice::LiteAgent::kMaxTuples);
  }

 private:
  Instant now_;
  ice::Tuple path_ = tuple(1);
  test::Peer peer_;
  transport::Demultiplexer demultiplexer_{4};
  transport::Transport transport_;
  transport::Transport other_;
  transport::SendBatch& batch_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static test::PermitOffice office;
  static const dtls::Certificate kCertificate =
      dtls::Certificate::make(UnixTime::from_seconds(1'800'000'000));
  static transport::SendBatch batch;
  constexpr int kMaxSteps = 64;
  World world(office, kCertificate, batch);
  ByteReader reader(Bytes(data, size));
  for (int step = 0; step < kMaxSteps && reader.remaining() >= 3; ++step) {
    const unsigned operation = reader.u8() % 12;
    const std::uint8_t argument = reader.u8();
    const std::size_t length = std::min<std::size_t>(reader.u8(), reader.remaining());
    const Bytes bytes = reader.bytes(length);
    world.step(operation, argument, Packet(bytes.begin(), bytes.end()), office);
  }
  return 0;
}
