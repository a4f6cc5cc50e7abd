#include "transport/transport.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "transport/reasons.hpp"

namespace meridian::transport {
namespace {

srtp::KeyMaterial material_of(srtp::Profile profile, const dtls::ExportedKeys::Side& side) {
  return {.profile = profile, .key = side.key, .salt = side.salt};
}

}  // namespace

Transport::Transport(ClientPermit permit, const TransportSettings& settings,
                     const dtls::Certificate& certificate, Instant now)
    : id_(settings.id),
      participant_(settings.participant),
      permit_(std::move(permit)),
      ice_(settings.local, settings.remote),
      dtls_(certificate, settings.remote_fingerprint),
      ice_deadline_(now + kIceTime) {
  MERIDIAN_CHECK(permit_.is_valid());
}

void Transport::renew(ClientPermit permit) {
  MERIDIAN_CHECK(permit.is_valid());
  if (!is_revoked_) {
    permit_ = std::move(permit);
  }
}

void Transport::revoke() {
  if (is_revoked_) {
    return;
  }
  is_revoked_ = true;
  protect_.reset();
  unprotect_.reset();
  if (!is_over_) {
    fail(TransportFailure::kNotPermitted);
  }
}

Taken<> Transport::admit(std::size_t size) const {
  if (!is_permitted()) {
    return std::unexpected(DropReason::kPermitStale);
  }
  if (is_over_) {
    return std::unexpected(DropReason::kTransportClosed);
  }
  if (size > kMaxDatagram) {
    return std::unexpected(DropReason::kOversized);
  }
  return {};
}

Taken<> Transport::admit_media(std::size_t size, const ice::Tuple& from) const {
  const auto admitted = admit(size);
  if (!admitted) {
    return admitted;
  }
  if (!ice_.is_validated(from)) {
    return std::unexpected(DropReason::kUnknownTuple);
  }
  if (!unprotect_) {
    return std::unexpected(DropReason::kMediaBeforeDtls);
  }
  return {};
}

Taken<ice::Check> Transport::handle_stun(const ice::StunMessage& message, const ice::Tuple& from,
                                         Instant now, SendBatch& batch) {
  if (const auto admitted = admit(message.datagram.size()); !admitted) {
    return std::unexpected(admitted.error());
  }
  const MutableBytes slot = batch.reserve();
  const auto check = ice_.handle_check(message, from, now, slot);
  if (!check) {
    return std::unexpected(reason_of(check.error()));
  }
  count_received(message.datagram.size());
  commit(batch, from, check->response_length, Instant::never());
  on_check(now);
  return *check;
}

void Transport::on_check(Instant now) {
  if (!ice_deadline_.is_never()) {
    ice_deadline_ = Instant::never();
    dtls_.start(now);
    push(TransportState::kIceConnected);
  }
  update_consent(now);
}

Taken<> Transport::handle_dtls(Bytes datagram, const ice::Tuple& from, Instant now,
                               SendBatch& batch) {
  const auto admitted = admit(datagram.size());
  if (!admitted) {
    return admitted;
  }
  if (!ice_.is_validated(from)) {
    return std::unexpected(DropReason::kDtlsBeforeIce);
  }
  ice_.select_provisionally(from);
  const dtls::Input input = dtls_.handle_datagram(datagram, now);
  count_received(datagram.size());
  follow_dtls();
  drain_dtls(batch);
  switch (input) {
    case dtls::Input::kTaken:
      return {};
    case dtls::Input::kQueueFull:
      return std::unexpected(DropReason::kDtlsQueueFull);
    case dtls::Input::kDiscarded:
      break;
  }
  return std::unexpected(DropReason::kDtlsRefused);
}

Taken<std::size_t> Transport::unprotect_rtp(MutableBytes packet, const ice::Tuple& from) {
  if (const auto admitted = admit_media(packet.size(), from); !admitted) {
    return std::unexpected(admitted.error());
  }
  const auto length = unprotect_->unprotect_rtp(packet);
  if (!length) {
    return std::unexpected(reason_of(length.error(), DropReason::kMalformedRtp));
  }
  on_authentic_media(packet.size());
  return *length;
}

Taken<std::size_t> Transport::unprotect_rtcp(MutableBytes packet, const ice::Tuple& from) {
  if (const auto admitted = admit_media(packet.size(), from); !admitted) {
    return std::unexpected(admitted.error());
  }
  const auto length = unprotect_->unprotect_rtcp(packet);
  if (!length) {
    return std::unexpected(reason_of(length.error(), DropReason::kMalformedRtcp));
  }
  on_authentic_media(packet.size());
  return *length;
}

Taken<> Transport::add_send_stream(Ssrc ssrc) {
  if (protect_) {
    const auto added = protect_->add_stream(ssrc);
    return added ? Taken<>{} : std::unexpected(DropReason::kSrtpTooManyStreams);
  }
  if (std::ranges::find(early_streams_, ssrc) != early_streams_.end()) {
    return {};
  }
  if (early_streams_.size() >= srtp::ProtectSession::kMaxStreams) {
    return std::unexpected(DropReason::kSrtpTooManyStreams);
  }
  early_streams_.push_back(ssrc);
  return {};
}

Taken<const ice::Tuple*> Transport::send_path() const {
  if (!is_permitted()) {
    return std::unexpected(DropReason::kPermitStale);
  }
  if (is_over_) {
    return std::unexpected(DropReason::kTransportClosed);
  }
  const ice::Tuple* selected = ice_.selected();
  if (selected == nullptr || is_paused_) {
    return std::unexpected(DropReason::kNoSelectedPair);
  }
  return selected;
}

Taken<std::size_t> Transport::send_rtp(SendBatch& batch, MutableBytes slot, std::size_t length,
                                       Instant received) {
  const auto to = send_path();
  if (!to) {
    return std::unexpected(to.error());
  }
  if (!protect_) {
    return std::unexpected(DropReason::kMediaBeforeDtls);
  }
  const auto size = protect_->protect_rtp(slot, length);
  if (!size) {
    return std::unexpected(reason_of(size.error(), DropReason::kMalformedRtp));
  }
  commit(batch, **to, *size, received);
  return *size;
}

Taken<> Transport::resend_rtp(SendBatch& batch, MutableBytes slot, std::size_t length) {
  const auto to = send_path();
  if (!to) {
    return std::unexpected(to.error());
  }
  if (!protect_) {
    return std::unexpected(DropReason::kMediaBeforeDtls);
  }
  if (length > slot.size()) {
    return std::unexpected(DropReason::kOversized);
  }
  commit(batch, **to, length, Instant::never());
  return {};
}

Taken<> Transport::send_rtcp(SendBatch& batch, MutableBytes slot, std::size_t length) {
  const auto to = send_path();
  if (!to) {
    return std::unexpected(to.error());
  }
  if (!protect_) {
    return std::unexpected(DropReason::kMediaBeforeDtls);
  }
  const auto size = protect_->protect_rtcp(slot, length);
  if (!size) {
    return std::unexpected(reason_of(size.error(), DropReason::kMalformedRtcp));
  }
  commit(batch, **to, *size, Instant::never());
  return {};
}

Taken<> Transport::send_sctp(SendBatch& batch, Bytes packet) {
  if (const auto to = send_path(); !to) {
    return std::unexpected(to.error());
  }
  const auto sent = dtls_.send(packet);
  drain_dtls(batch);
  switch (sent) {
    case dtls::Session::Send::kQueued:
      return {};
    case dtls::Session::Send::kTooLong:
      return std::unexpected(DropReason::kOversized);
    case dtls::Session::Send::kQueueFull:
      return std::unexpected(DropReason::kDtlsQueueFull);
    case dtls::Session::Send::kNotConnected:
      break;
  }
  return std::unexpected(DropReason::kTransportClosed);
}

void Transport::commit(SendBatch& batch, const ice::Tuple& to, std::size_t length,
                       Instant received) {
  counters_.datagrams_sent += 1;
  counters_.bytes_sent += length;
  batch.commit(
      length,
      {.to = to.remote, .socket = to.socket, .transport = id_, .received = received, .bytes = {}});
}

void Transport::drain_dtls(SendBatch& batch) {
  const ice::Tuple* to = ice_.selected();
  const bool may_send = to != nullptr && is_permitted() && !is_paused_;
  MutableBytes slot = batch.reserve();
  while (const auto length = dtls_.poll_output(slot)) {
    if (may_send) {
      commit(batch, *to, *length, Instant::never());
      slot = batch.reserve();
    }
  }
}

void Transport::follow_dtls() {
  if (is_over_) {
    return;
  }
  switch (dtls_.state()) {
    case dtls::SessionState::kHandshaking:
      return;
    case dtls::SessionState::kConnected:
      if (!is_connected_) {
        install_keys(*dtls_.keys());
        is_connected_ = true;
        push(TransportState::kConnected);
      }
      return;
    case dtls::SessionState::kClosed:
      fail(TransportFailure::kClosedByPeer);
      return;
    case dtls::SessionState::kFailed:
      fail(failure_of(dtls_.failure()));
      return;
  }
}

void Transport::install_keys(const dtls::ExportedKeys& keys) {
  const auto profile = srtp::profile_from(keys.profile);
  MERIDIAN_CHECK(profile);
  // We are the DTLS server, so that the client's keys protect what comes in.
  unprotect_.emplace(material_of(*profile, keys.client));
  protect_.emplace(material_of(*profile, keys.server));
  for (const Ssrc ssrc : early_streams_) {
    MERIDIAN_CHECK(protect_->add_stream(ssrc));
  }
  early_streams_ = {};
}

void Transport::update_consent(Instant now) {
  switch (ice_.consent(now)) {
    case ice::Consent::kNone:
      return;
    case ice::Consent::kFresh:
      is_paused_ = false;
      if (std::exchange(is_disconnected_, false)) {
        push(is_connected_ ? TransportState::kConnected : TransportState::kIceConnected);
      }
      break;
    case ice::Consent::kQuiet:
      is_paused_ = true;
      break;
    case ice::Consent::kExpired:
      is_paused_ = true;
      if (!std::exchange(is_disconnected_, true)) {
        push(TransportState::kDisconnected, TransportFailure::kConsentExpired);
      }
      break;
  }
  consent_deadline_ = ice_.next_timeout(now);
}

Instant Transport::next_timeout() const {
  if (is_over_) {
    return Instant::never();
  }
  return std::min({ice_deadline_, consent_deadline_, dtls_.next_timeout()});
}

void Transport::handle_timeout(Instant now, SendBatch& batch) {
  if (is_over_) {
    return;
  }
  if (now >= ice_deadline_) {
    fail(TransportFailure::kIceTimeout);
    return;
  }
  update_consent(now);
  dtls_.handle_timeout(now);
  follow_dtls();
  drain_dtls(batch);
}

std::optional<StateChange> Transport::poll_event() {
  if (events_.empty()) {
    return std::nullopt;
  }
  const StateChange change = events_.front();
  events_.pop_front();
  return change;
}

void Transport::restart_ice(const ice::Credentials& local, const ice::Credentials& remote) {
  ice_.restart(local, remote);
}

void Transport::close(SendBatch& batch) {
  dtls_.close();
  drain_dtls(batch);
  is_over_ = true;
  is_connected_ = false;
}

void Transport::push(TransportState state, TransportFailure reason) {
  if (events_.size() >= kMaxEvents) {
    events_.pop_front();
  }
  events_.push_back({state, reason});
}

void Transport::fail(TransportFailure reason) {
  is_over_ = true;
  is_connected_ = false;
  push(TransportState::kFailed, reason);
}

void Transport::count_received(std::size_t size) {
  counters_.datagrams_received += 1;
  counters_.bytes_received += size;
}

/// Whoever encrypts media has finished the handshake.
void Transport::on_authentic_media(std::size_t size) {
  count_received(size);
  if (!std::exchange(has_heard_media_, true)) {
    dtls_.confirm();
  }
}

}  // namespace meridian::transport
