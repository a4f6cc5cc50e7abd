#include "support/peer.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>
#include <utility>

namespace meridian::test {
namespace {

constexpr Duration kFirstCheckInterval = 50ms;
constexpr std::size_t kMaxOpenTransactions = 16;
/// Higher than others', so that a server that made the offer, and would control, gives way (RFC
/// 8445 section 7.3.1.1).
constexpr std::uint64_t kTieBreakerStart = 0xffff'ffff'0000'0000;
constexpr std::uint32_t kHostPriority = 0x7e0000ff;

}  // namespace

Peer::Peer(PeerSettings settings, std::uint64_t seed)
    : settings_(std::move(settings)),
      random_(seed),
      server_key_(settings_.remote.password),
      dtls_(settings_.dtls) {
  tie_breaker_ = kTieBreakerStart | random_.u32();
}

void Peer::set_remote(ice::Credentials remote, std::optional<dtls::Fingerprint> fingerprint) {
  settings_.remote = std::move(remote);
  settings_.server_fingerprint = fingerprint;
  server_key_ = ice::IntegrityKey(settings_.remote.password);
}

void Peer::start(Instant now) {
  send_check(now);
}

void Peer::send_check(Instant now) {
  ice::TransactionId transaction;
  random_.fill(transaction);
  std::array<std::uint8_t, 256> buffer;
  const std::size_t size = ice::StunBuilder(buffer, ice::StunClass::kRequest, transaction)
                               .username(settings_.remote.ufrag + ":" + settings_.local.ufrag)
                               .priority(kHostPriority)
                               .ice_controlling(tie_breaker_)
                               .use_candidate()
                               .finish(server_key_);
  output_.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
  transactions_.push_back(transaction);
  if (transactions_.size() > kMaxOpenTransactions) {
    transactions_.pop_front();
  }
  next_check_ = now + (is_ice_connected_ ? settings_.check_interval : kFirstCheckInterval);
}

void Peer::handle_datagram(Bytes datagram, Instant now) {
  if (datagram.empty()) {
    return;
  }
  if (datagram[0] <= 3) {
    handle_stun(datagram, now);
  } else if (datagram[0] >= 20 && datagram[0] <= 63) {
    dtls_.handle_datagram(datagram, now);
    follow_dtls();
  } else {
    handle_media(datagram);
  }
}

void Peer::handle_stun(Bytes datagram, Instant now) {
  const auto message = ice::parse_stun(datagram);
  if (message && message->message_class == ice::StunClass::kRequest) {
    answer_check(*message);
    return;
  }
  if (!message || message->message_class != ice::StunClass::kSuccess ||
      !message->verify(server_key_)) {
    return;
  }
  if (std::erase(transactions_, message->transaction) == 0) {
    return;
  }
  mapped_address_ = message->xor_mapped_address;
  ++checks_answered_;
  if (!std::exchange(is_ice_connected_, true)) {
    next_check_ = now + settings_.check_interval;
    dtls_.start(now);
    flush_dtls(true);
  }
}

void Peer::answer_check(const ice::StunMessage& check) {
  const ice::IntegrityKey own_key(settings_.local.password);
  if (!server_address_ || !check.verify(own_key)) {
    return;
  }
  std::array<std::uint8_t, 256> buffer;
  const std::size_t size = ice::StunBuilder(buffer, ice::StunClass::kSuccess, check.transaction)
                               .xor_mapped_address(*server_address_)
                               .finish(own_key);
  output_.emplace_back(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size));
}

void Peer::follow_dtls() {
  flush_dtls(true);
  if (!dtls_.is_connected() || send_srtp_ || is_failed_) {
    return;
  }
  const dtls::ExportedKeys& keys = *dtls_.keys();
  const auto& expected = settings_.server_fingerprint;
  if (keys.profile == 0 || (expected && dtls_.server_fingerprint() != expected)) {
    is_failed_ = true;
    return;
  }
  send_srtp_.emplace(PeerSrtp::Direction::kSend, keys.profile, keys.client);
  receive_srtp_.emplace(PeerSrtp::Direction::kReceive, keys.profile, keys.server);
}

void Peer::handle_media(Bytes datagram) {
  if (!receive_srtp_ || datagram.size() < 2) {
    return;
  }
  const bool is_rtcp = datagram[1] >= 192 && datagram[1] <= 223;
  auto packet = is_rtcp ? receive_srtp_->rtcp(datagram) : receive_srtp_->rtp(datagram);
  const std::uint64_t digest = std::hash<std::string_view>()(as_text(datagram));
  if (!packet) {
    const bool is_known = std::ranges::find(digests_, digest) != digests_.end();
    ++(is_known ? repeated_ : srtp_refused_);
    return;
  }
  digests_[taken_++ % digests_.size()] = digest;
  (is_rtcp ? rtcp_ : rtp_).push_back(std::move(*packet));
}

Instant Peer::next_timeout() const {
  return std::min(next_check_, dtls_.next_timeout());
}

void Peer::handle_timeout(Instant now) {
  if (now >= next_check_) {
    send_check(now);
  }
  dtls_.handle_timeout(now);
  flush_dtls(true);
}

bool Peer::flush_dtls(bool result) {
  while (auto datagram = dtls_.poll_datagram()) {
    output_.push_back(std::move(*datagram));
  }
  return result;
}

std::optional<std::vector<std::uint8_t>> Peer::poll_datagram() {
  return pop(output_);
}

bool Peer::send_rtp(Bytes packet) {
  auto encrypted = send_srtp_ ? send_srtp_->rtp(packet) : std::nullopt;
  if (!encrypted) {
    return false;
  }
  output_.push_back(std::move(*encrypted));
  return true;
}

bool Peer::send_rtcp(Bytes packet) {
  auto encrypted = send_srtp_ ? send_srtp_->rtcp(packet) : std::nullopt;
  if (!encrypted) {
    return false;
  }
  output_.push_back(std::move(*encrypted));
  return true;
}

void Peer::restart_ice(ice::Credentials local, ice::Credentials remote, Instant now) {
  settings_.local = std::move(local);
  settings_.remote = std::move(remote);
  server_key_ = ice::IntegrityKey(settings_.remote.password);
  transactions_.clear();
  send_check(now);
}

void Peer::set_checks(Checks checks, Instant now) {
  if (checks == Checks::kOn) {
    send_check(now);
  } else {
    next_check_ = Instant::never();
  }
}

void Peer::close() {
  dtls_.close();
  flush_dtls(true);
}

std::optional<Peer::Packet> Peer::pop(std::deque<Packet>& queue) {
  if (queue.empty()) {
    return std::nullopt;
  }
  Packet packet = std::move(queue.front());
  queue.pop_front();
  return packet;
}

}  // namespace meridian::test
