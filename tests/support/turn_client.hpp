#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ice/stun_wire.hpp"
#include "turn/credentials.hpp"
#include "turn/message.hpp"

namespace meridian::test {

/// The client's side of TURN, as far as tests need it: makes requests and reads answers.
class TurnClient {
 public:
  TurnClient() = default;
  explicit TurnClient(turn::Credentials credentials) : credentials_(std::move(credentials)) {}

  /// A request that `fill(writer)` completes, signed once there is a nonce.
  template <class Fill>
  std::vector<std::uint8_t> request(turn::Method method, const Fill& fill) {
    transaction_[0] = ++count_;
    return build(ice::StunClass::kRequest, method, fill, !nonce_.empty());
  }
  std::vector<std::uint8_t> request(turn::Method method) {
    return request(method, [](turn::Writer&) {});
  }
  std::vector<std::uint8_t> allocate() {
    return request(turn::kAllocate,
                   [](turn::Writer& writer) { writer.u8(turn::kRequestedTransport, 17); });
  }
  template <class Fill>
  std::vector<std::uint8_t> indication(turn::Method method, const Fill& fill) {
    return build(ice::StunClass::kIndication, method, fill, false);
  }
  std::vector<std::uint8_t> send(const SocketAddress& peer, Bytes data) {
    return indication(turn::kSend, [&](turn::Writer& writer) {
      writer.address(turn::kXorPeerAddress, peer).raw(turn::kDataAttribute, data);
    });
  }
  static std::vector<std::uint8_t> channel_data(std::uint16_t channel, Bytes data,
                                                std::size_t padding = 0) {
    std::vector<std::uint8_t> bytes(turn::kChannelHeaderSize + data.size() + padding);
    store_u16(bytes.data(), channel);
    store_u16(bytes.data() + 2, static_cast<std::uint16_t>(data.size()));
    std::ranges::copy(data, bytes.begin() + turn::kChannelHeaderSize);
    return bytes;
  }

  struct Answer {
    bool is_success = false;
    std::uint16_t code = 0;
    bool is_signed = false;
    std::optional<SocketAddress> relayed;
    std::optional<SocketAddress> mapped;
    std::optional<std::uint32_t> lifetime;
  };
  /// Reads an answer to the last request, and takes its nonce over.
  Answer read(Bytes bytes) {
    Answer answer;
    const auto message = turn::parse(bytes);
    if (!message || message->transaction != transaction_) {
      return answer;
    }
    answer.is_success = message->message_class == ice::StunClass::kSuccess;
    answer.lifetime = message->lifetime;
    if (!message->nonce.empty()) {
      nonce_ = message->nonce;
      realm_ = message->realm;
    }
    answer.is_signed = message->verify(key());
    read_others(*message, answer);
    return answer;
  }

  [[nodiscard]] const std::string& nonce() const { return nonce_; }
  void set_nonce(std::string nonce) { nonce_ = std::move(nonce); }
  void set_realm(std::string realm) { realm_ = std::move(realm); }
  void set_credentials(turn::Credentials credentials) { credentials_ = std::move(credentials); }

 private:
  [[nodiscard]] ice::IntegrityKey key() const {
    return turn::long_term_key(credentials_.username, realm_, credentials_.password);
  }
  template <class Fill>
  std::vector<std::uint8_t> build(ice::StunClass message_class, turn::Method method,
                                  const Fill& fill, bool is_signed) {
    std::vector<std::uint8_t> buffer(2048);
    turn::Writer writer(buffer, message_class, method, transaction_);
    fill(writer);
    if (is_signed) {
      writer.text(turn::kUsername, credentials_.username)
          .text(turn::kRealm, realm_)
          .text(turn::kNonce, nonce_);
    }
    const ice::IntegrityKey signer = key();
    buffer.resize(writer.finish(is_signed ? &signer : nullptr));
    return buffer;
  }
  /// What the server's own parser leaves out.
  static void read_others(const turn::Message& message, Answer& answer) {
    ByteReader reader(message.bytes);
    reader.skip(ice::kStunHeaderSize);
    while (reader.remaining() > 0) {
      const std::uint16_t type = reader.u16();
      const std::size_t size = reader.u16();
      const Bytes value = reader.bytes((size + 3) / 4 * 4).first(size);
      if (type == turn::kErrorCode) {
        answer.code = static_cast<std::uint16_t>(value[2] * 100 + value[3]);
      } else if (type == turn::kXorRelayedAddress) {
        answer.relayed = ice::wire::read_xor_address(value, message.transaction);
      } else if (type == turn::kXorMappedAddress) {
        answer.mapped = ice::wire::read_xor_address(value, message.transaction);
      }
    }
  }

  turn::Credentials credentials_;
  std::string realm_;
  std::string nonce_;
  ice::TransactionId transaction_{};
  std::uint8_t count_ = 0;
};

}  // namespace meridian::test
