#include "sctp/association.hpp"

#include <array>
#include <utility>

#include "sctp/dcep.hpp"

namespace meridian::sctp {
namespace {

// About 90 Mbit/s of full packets: more than any browser sends us on a data channel.
constexpr std::uint32_t kMaxPacketsPerInterval = 1'000;
constexpr Duration kRateInterval = 100ms;

Ppid ppid_of(Payload payload, bool is_empty) {
  if (payload == Payload::kText) {
    return is_empty ? Ppid::kTextEmpty : Ppid::kText;
  }
  return is_empty ? Ppid::kBinaryEmpty : Ppid::kBinary;
}

}  // namespace

Association::Association(const Open& open, std::unique_ptr<Socket> socket, Counters& counters,
                         std::deque<Event>& events)
    : transport_(open.transport),
      worker_(open.worker),
      role_(open.role),
      socket_(std::move(socket)),
      counters_(counters),
      events_(events) {}

bool Association::admit_packet(Instant now) {
  if (packets_ == 0 || now - packets_counted_from_ >= kRateInterval) {
    packets_counted_from_ = now;
    packets_ = 0;
  }
  return ++packets_ <= kMaxPacketsPerInterval;
}

bool Association::is_peers(ChannelId channel) const {
  // The DTLS client's channels are even (RFC 8832 section 6).
  const bool is_even = channel.value() % 2 == 0;
  return is_even == (role_ == Role::kDtlsServer);
}

std::optional<ChannelId> Association::free_channel() const {
  for (std::uint16_t id = 0; id < kMaxStreams; ++id) {
    const ChannelId channel(id);
    if (!is_peers(channel) && !channels_.contains(channel) && !resets_.contains(channel)) {
      return channel;
    }
  }
  return std::nullopt;
}

// ---- Sending -----------------------------------------------------------------------------------

void Association::send(const Send& message) {
  const auto found = channels_.find(message.channel);
  if (found == channels_.end() || found->second.state != ChannelState::kOpen) {
    ++counters_.sends_without_channel;
    return;
  }
  if (message.bytes->size() > kMaxMessageSize) {
    ++counters_.messages_too_large;
    return;
  }
  const ChannelOptions& options = found->second.options;
  const Delivery delivery{message.channel, ppid_of(message.payload, message.bytes->empty()),
                          options.order, options.reliability, options.reliability_value};
  // An empty message cannot be sent: its payload type says that its one byte does not count.
  static const SharedBytes kEmpty = std::make_shared<const std::vector<std::uint8_t>>(1);
  post(delivery, message.bytes->empty() ? kEmpty : message.bytes);
}

void Association::post(const Delivery& delivery, SharedBytes bytes) {
  Waiting message{delivery, std::move(bytes)};
  const bool is_lossy = delivery.reliability != Reliability::kReliable;
  if (waiting_.empty() && is_up_ && give(message)) {
    return;
  }
  // A lossy message does not wait, unless its first half is already on its way.
  if (is_lossy && message.taken == 0) {
    ++counters_.lossy_messages_dropped;
    return;
  }
  if (waiting_bytes_ + message.bytes->size() > kMaxWaitingBytes) {
    ++counters_.backlogged_channels;
    close(delivery.channel, ChannelCloseReason::kBacklogged);
    return;
  }
  waiting_bytes_ += message.bytes->size();
  waiting_.push_back(std::move(message));
}

bool Association::give(Waiting& message) {
  const auto taken = socket_->send(message.delivery, Bytes(*message.bytes).subspan(message.taken));
  if (!taken) {
    ++counters_.sends_failed;
    return true;
  }
  message.taken += *taken;
  return message.taken == message.bytes->size();
}

void Association::post_dcep(ChannelId channel, Bytes message) {
  // Establishment is ordered and reliable whatever the channel is (RFC 8832 section 6).
  const Delivery delivery{.channel = channel, .ppid = Ppid::kDcep};
  post(delivery, std::make_shared<const std::vector<std::uint8_t>>(message.begin(), message.end()));
}

void Association::flush() {
  if (!is_up_) {
    return;
  }
  while (!waiting_.empty() && give(waiting_.front())) {
    waiting_bytes_ -= waiting_.front().bytes->size();
    waiting_.pop_front();
  }
  while (!resets_.empty()) {
    if (socket_->reset_stream(*resets_.begin()) == Socket::ResetResult::kBusy) {
      break;
    }
    resets_.erase(resets_.begin());
  }
}

void Association::drop_waiting(ChannelId channel) {
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    // What the stack has begun must end, or the stream could not be closed.
    if (waiting.delivery.channel != channel || waiting.taken > 0) {
      return false;
    }
    waiting_bytes_ -= waiting.bytes->size();
    return true;
  });
}

// ---- Channels ----------------------------------------------------------------------------------

void Association::open_channel(const ChannelOptions& options) {
  const auto channel = free_channel();
  if (!channel || channels_.size() >= kMaxChannels || options.label.size() > dcep::kMaxLabel ||
      options.protocol.size() > dcep::kMaxProtocol) {
    ++counters_.refused_channels;
    events_.push_back(ChannelClosed{transport_, ChannelId{}, ChannelCloseReason::kRefused});
    return;
  }
  channels_[*channel] = {options, ChannelState::kOpening};
  post_dcep(*channel, dcep::build_open(options));
}

void Association::close_channel(ChannelId channel) {
  close(channel, ChannelCloseReason::kByUs);
}

void Association::close(ChannelId channel, ChannelCloseReason reason) {
  const auto found = channels_.find(channel);
  if (found == channels_.end() || found->second.state == ChannelState::kClosing) {
    return;
  }
  found->second.state = ChannelState::kClosing;
  drop_waiting(channel);
  resets_.insert(channel);
  events_.push_back(ChannelClosed{transport_, channel, reason});
  flush();
}

void Association::on_streams_reset(const std::vector<ChannelId>& streams) {
  for (const ChannelId channel : streams) {
    const auto found = channels_.find(channel);
    if (found == channels_.end()) {
      continue;
    }
    if (found->second.state != ChannelState::kClosing) {
      // The peer closed it: close our direction too (RFC 8831 section 6.7).
      close(channel, ChannelCloseReason::kByPeer);
    }
    channels_.erase(channel);
  }
}

void Association::become_open(ChannelId channel, Opener opener) {
  Channel& opened = channels_.at(channel);
  opened.state = ChannelState::kOpen;
  events_.push_back(ChannelOpened{transport_, channel, opener, opened.options});
}

void Association::on_open(ChannelId channel, ChannelOptions options) {
  if (channels_.contains(channel)) {
    ++counters_.refused_channels;
    close(channel, ChannelCloseReason::kProtocolError);
    return;
  }
  // A reset that is still to be asked for means that the stream is not free yet.
  if (!is_peers(channel) || channels_.size() >= kMaxChannels || resets_.contains(channel)) {
    ++counters_.refused_channels;
    resets_.insert(channel);
    return;
  }
  channels_[channel].options = std::move(options);
  post_dcep(channel, dcep::kAck);
  become_open(channel, Opener::kPeer);
}

void Association::on_dcep(ChannelId channel, Bytes bytes) {
  auto message = dcep::parse(bytes);
  if (!message) {
    ++counters_.malformed_dcep;
    resets_.insert(channel);
    return;
  }
  if (message->type == dcep::Type::kOpen) {
    on_open(channel, std::move(message->options));
    return;
  }
  const auto found = channels_.find(channel);
  if (found != channels_.end() && found->second.state == ChannelState::kOpening) {
    become_open(channel, Opener::kUs);
  }
}

// ---- Receiving ---------------------------------------------------------------------------------

std::optional<CloseReason> Association::process(MutableBytes scratch) {
  using Kind = Received::Kind;
  for (Received received = socket_->receive(scratch); received.kind != Kind::kNothing;
       received = socket_->receive(scratch)) {
    switch (received.kind) {
      case Kind::kUp:
        is_up_ = true;
        break;
      case Kind::kDown:
        return received.reason;
      case Kind::kData:
        if (!on_data(received)) {
          ++counters_.messages_too_large;
          return CloseReason::kLimit;
        }
        break;
      case Kind::kStreamsReset:
        on_streams_reset(received.streams);
        break;
      case Kind::kPartialAborted:
        partial_.reset();
        break;
      case Kind::kNothing:
      case Kind::kOther:
        break;
    }
  }
  flush();
  return std::nullopt;
}

bool Association::on_data(const Received& received) {
  if (partial_ && partial_->channel != received.channel) {
    partial_.reset();  // the stack does not interleave: the rest of it will not come
  }
  if (!partial_) {
    partial_ = Partial{received.channel, received.ppid, {}};
  }
  if (partial_->bytes.size() + received.bytes.size() > kMaxMessageSize) {
    return false;
  }
  partial_->bytes.insert(partial_->bytes.end(), received.bytes.begin(), received.bytes.end());
  if (received.is_end) {
    Partial whole = std::move(*partial_);
    partial_.reset();
    on_message(whole.channel, whole.ppid, std::move(whole.bytes));
  }
  return true;
}

void Association::on_message(ChannelId channel, Ppid ppid, std::vector<std::uint8_t> bytes) {
  Payload payload = Payload::kBinary;
  switch (ppid) {
    case Ppid::kDcep:
      on_dcep(channel, bytes);
      return;
    case Ppid::kTextEmpty:
      bytes.clear();
      [[fallthrough]];
    case Ppid::kText:
      payload = Payload::kText;
      break;
    case Ppid::kBinaryEmpty:
      bytes.clear();
      break;
    case Ppid::kBinary:
      break;
    default:  // what the peer wrote need not be one of ours
      ++counters_.unknown_payloads;
      return;
  }
  const auto found = channels_.find(channel);
  if (found == channels_.end() || found->second.state == ChannelState::kClosing) {
    ++counters_.messages_without_channel;
    return;
  }
  if (found->second.state == ChannelState::kOpening) {
    become_open(channel, Opener::kUs);  // a message says as much as an ACK (RFC 8832 section 6)
  }
  events_.push_back(MessageReceived{transport_, channel, payload, std::move(bytes)});
}

}  // namespace meridian::sctp
