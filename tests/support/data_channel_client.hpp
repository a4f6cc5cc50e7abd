#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sctp/service.hpp"

namespace meridian::support {

/// A peer's end of one SCTP association, for tests: what a browser is behind DTLS. Feed it what
/// arrives with receive() and give it time with advance(); what it has to send goes to `output`.
class DataChannelClient {
 public:
  using Output = std::function<void(Bytes packet)>;
  explicit DataChannelClient(Output output) : output_(std::move(output)) {}

  void connect(Instant now) { handle(sctp::Open{kTransport, {}, sctp::Role::kDtlsClient}, now); }
  void receive(Bytes packet, Instant now) {
    handle(sctp::Packet{kTransport, {packet.begin(), packet.end()}}, now);
  }
  void advance(Instant now) {
    service_.handle_timeout(now);
    drain();
  }
  [[nodiscard]] Instant next_timeout() const { return service_.next_timeout(); }

  void open(sctp::ChannelOptions options, Instant now) {
    handle(sctp::OpenChannel{kTransport, std::move(options)}, now);
  }
  /// The channels that LiveKit clients open, as they open them.
  void open_livekit_channels(Instant now) {
    open({.label = "_reliable"}, now);
    open({.label = "_lossy",
          .order = sctp::Order::kUnordered,
          .reliability = sctp::Reliability::kMaxRetransmits},
         now);
  }
  void send(sctp::ChannelId channel, sctp::Payload payload, Bytes bytes, Instant now) {
    handle(
        sctp::Send{kTransport, channel, payload,
                   std::make_shared<const std::vector<std::uint8_t>>(bytes.begin(), bytes.end())},
        now);
  }
  void close_channel(sctp::ChannelId channel, Instant now) {
    handle(sctp::CloseChannel{kTransport, channel}, now);
  }

  /// The open channel of that label, or null.
  [[nodiscard]] const sctp::ChannelOpened* channel(std::string_view label) const {
    const auto found = std::ranges::find_if(
        opened, [&](const auto& candidate) { return candidate.options.label == label; });
    return found == opened.end() ? nullptr : &*found;
  }
  [[nodiscard]] sctp::Service& service() { return service_; }

  // What happened, in order.
  std::vector<sctp::ChannelOpened> opened;
  std::vector<sctp::ChannelClosed> closed;
  std::vector<sctp::MessageReceived> messages;
  std::vector<sctp::AssociationClosed> ended;

 private:
  static constexpr TransportId kTransport = TransportId(1);

  void handle(sctp::Command command, Instant now) {
    service_.handle(std::move(command), now);
    drain();
  }
  void drain() {
    while (auto event = service_.poll_event()) {
      std::visit([this](auto& kind) { on(kind); }, *event);
    }
  }
  void on(sctp::ChannelOpened& event) { opened.push_back(std::move(event)); }
  void on(sctp::ChannelClosed& event) { closed.push_back(event); }
  void on(sctp::MessageReceived& event) { messages.push_back(std::move(event)); }
  void on(sctp::AssociationClosed& event) { ended.push_back(event); }
  void on(sctp::PacketToSend& event) { output_(event.bytes); }

  Output output_;
  sctp::Service service_;
};

}  // namespace meridian::support
