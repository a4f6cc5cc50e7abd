// Covers: server/turn/message.cpp server/turn/message.hpp server/turn/server.cpp
// server/turn/stream_reader.hpp Covers: server/turn/door.cpp A conversation with a TURN server.
// Each step of the input is an action (one byte), a length (one byte) and that many bytes:
// attributes that a request of ours has before it is signed, or raw bytes. Whatever is asked, no
// payload leaves for another peer, and limits hold.
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "turn/door.hpp"
#include "turn/server.hpp"
#include "turn/stream_reader.hpp"

using namespace meridian;
using namespace std::chrono_literals;

namespace {

const SocketAddress kPeer{IpAddress::v4({198, 51, 100, 7}), 7900};
const SocketAddress kPeerV6{
    IpAddress::v6({0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}), 7900};
constexpr TransportId kParticipant(7);

class Conversation {
 public:
  Conversation()
      : secret_(random_),
        credentials_(turn::issue(
            secret_, {now_.wall + turn::kCredentialTime, WorkerIndex(1), kParticipant})),
        key_(turn::key_for(secret_, credentials_.username)),
        server_({.secret = secret_,
                 .worker = WorkerIndex(1),
                 .peers = {kPeer, kPeerV6},
                 .random = random_,
                 .counters = counters_,
                 .admits = [this](TransportId id) { return is_here_ && id == kParticipant; }}) {}

  void step(std::uint8_t action, Bytes bytes) {
    client_.remote.port = static_cast<std::uint16_t>(5000 + (action >> 6U));
    way_ = (action & 0x20U) != 0 ? turn::Way::kDatagrams : turn::Way::kStream;
    switch (action & 0x0fU) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
        return signed_request(action & 0x0fU, bytes);
      case 6:
        return indication(bytes);
      case 7:
        return raw(bytes);
      case 8:
        return stream(bytes);
      case 9:
        return pass(bytes.empty() ? 1s : std::chrono::seconds(bytes[0] * 8));
      case 10:
        is_here_ = !is_here_;
        (void)server_.collect_ended(now_.monotonic);
        return;
      case 11:
        return server_.forget(client_);
      case 12:
        return from_worker(bytes);
      case 13:
        return look(bytes);
      case 14:
        return unsigned_request(bytes);
      default:
        return binding();
    }
  }

 private:
  std::vector<std::uint8_t> build(ice::StunClass message_class, std::uint16_t method,
                                  Bytes attributes, bool is_signed) {
    std::vector<std::uint8_t> buffer(2048);
    turn::Writer writer(buffer, message_class, method, {action_++});
    if (method == turn::kAllocate && attributes.empty()) {
      writer.u8(turn::kRequestedTransport, 17);
    }
    ByteReader reader(attributes);
    while (reader.remaining() >= 4) {
      const std::uint16_t type = reader.u16();
      const std::size_t size = reader.u16();
      writer.raw(type, reader.bytes(std::min(size, reader.remaining())));
    }
    if (is_signed) {
      writer.text(turn::kUsername, credentials_.username)
          .text(turn::kRealm, turn::kRealmName)
          .text(turn::kNonce, turn::make_nonce(secret_, client_.remote, now_.monotonic));
    }
    buffer.resize(writer.finish(is_signed ? &key_ : nullptr));
    return buffer;
  }
  void signed_request(unsigned kind, Bytes attributes) {
    static constexpr std::uint16_t kMethods[] = {turn::kAllocate,         turn::kRefresh,
                                                 turn::kCreatePermission, turn::kChannelBind,
                                                 turn::kAllocate,         turn::kChannelBind};
    handle(build(ice::StunClass::kRequest, kMethods[kind], attributes, true));
  }
  void unsigned_request(Bytes attributes) {
    handle(build(ice::StunClass::kRequest, turn::kAllocate, attributes, false));
  }
  void indication(Bytes attributes) {
    handle(build(ice::StunClass::kIndication, turn::kSend, attributes, false));
  }
  /// A good ChannelBind, which no mutation would find.
  void binding() {
    std::vector<std::uint8_t> buffer(512);
    turn::Writer writer(buffer, ice::StunClass::kRequest, turn::kChannelBind, {action_++});
    writer.u16(turn::kChannelNumber, 0x4001)
        .address(turn::kXorPeerAddress, kPeer)
        .text(turn::kUsername, credentials_.username)
        .text(turn::kRealm, turn::kRealmName)
        .text(turn::kNonce, turn::make_nonce(secret_, client_.remote, now_.monotonic));
    buffer.resize(writer.finish(&key_));
    handle(buffer);
    handle({0x40, 0x01, 0, 2, 1, 2, 0, 0});
  }
  void raw(Bytes bytes) { handle({bytes.begin(), bytes.end()}); }
  void stream(Bytes bytes) {
    std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
    const auto taken =
        reader_.take(copy, [&](MutableBytes message) { handle({message.begin(), message.end()}); });
    if (taken == turn::StreamReader::Take::kMalformed) {
      reader_ = {};
    }
  }
  void look(Bytes bytes) {
    std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
    if (copy.empty()) {
      copy = build(ice::StunClass::kRequest, turn::kAllocate, {}, true);
    }
    const turn::Look look = turn::look(secret_, copy, client_.remote, now_.monotonic, reply_);
    MERIDIAN_CHECK(look.taken <= copy.size());
    MERIDIAN_CHECK(look.reply_size <= turn::kMaxChallenge);
  }
  void pass(Duration time) {
    now_.monotonic = now_.monotonic + time;
    now_.wall = now_.wall + time;
    (void)server_.collect_ended(now_.monotonic);
  }
  void from_worker(Bytes bytes) {
    if (!relayed_) {
      return;
    }
    const auto frame = server_.frame(*relayed_, bytes.size(), now_.monotonic);
    MERIDIAN_CHECK(!frame ||
                   frame->header_size + bytes.size() + frame->padding <= turn::kMaxMessageSize);
  }
  void handle(std::vector<std::uint8_t> bytes) {
    bytes.shrink_to_fit();
    const auto outcome = server_.handle(bytes, client_, way_, now_, reply_);
    MERIDIAN_CHECK(server_.size() <= turn::Server::kMaxPerParticipant);
    if (outcome.step == turn::Server::Step::kReply) {
      MERIDIAN_CHECK(outcome.reply_size > 0);
      MERIDIAN_CHECK(turn::parse(Bytes(reply_).first(outcome.reply_size)).has_value());
    }
    if (outcome.step == turn::Server::Step::kDeliver) {
      MERIDIAN_CHECK(is_here_ && outcome.participant == kParticipant);
      MERIDIAN_CHECK(outcome.relayed.ip == kPeer.ip || outcome.relayed.ip == kPeerV6.ip);
      MERIDIAN_CHECK(outcome.payload.empty() || (outcome.payload.data() >= bytes.data() &&
                                                 outcome.payload.data() + outcome.payload.size() <=
                                                     bytes.data() + bytes.size()));
      relayed_ = outcome.relayed;
    }
  }

  SeededRandomSource random_{1};
  Now now_{Instant::from_origin(std::chrono::hours(1)), UnixTime::from_seconds(1'800'000'000)};
  turn::Secret secret_;
  turn::Credentials credentials_;
  ice::IntegrityKey key_;
  turn::Counters counters_;
  bool is_here_ = true;
  turn::Server server_;
  turn::StreamReader reader_;
  ice::Tuple client_{.remote = {IpAddress::v4({192, 0, 2, 9}), 5000}, .socket = 4};
  turn::Way way_ = turn::Way::kStream;
  std::uint8_t action_ = 0;
  std::optional<SocketAddress> relayed_;
  std::array<std::uint8_t, turn::Server::kMaxReply> reply_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Conversation conversation;
  ByteReader reader(Bytes(data, size));
  while (reader.remaining() >= 2) {
    const std::uint8_t action = reader.u8();
    const std::size_t count = std::min<std::size_t>(reader.u8(), reader.remaining());
    conversation.step(action, reader.bytes(count));
  }
  return 0;
}
