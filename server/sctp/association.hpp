#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/bytes.hpp"
#include "sctp/messages.hpp"
#include "sctp/service.hpp"
#include "sctp/stack.hpp"

namespace meridian::sctp {

/// The data channels of one association: opens and closes them, puts messages together, and bounds
/// what waits for the peer. Events go into the service's queue.
class Association {
 public:
  /// Channels that one peer may have open, both sides' together.
  static constexpr std::size_t kMaxChannels = 16;
  /// What may wait here, beside what the stack holds.
  static constexpr std::size_t kMaxWaitingBytes = kMaxQueuedBytes - Stack::kSendBuffer;

  Association(const Open& open, std::unique_ptr<Socket> socket, Counters& counters,
              std::deque<Event>& events);

  void open_channel(const ChannelOptions& options);
  void close_channel(ChannelId channel);
  void send(const Send& message);

  /// Reads all there is, with `scratch` as the stack's buffer, and sends what waited. The reason
  /// when the association is over.
  [[nodiscard]] std::optional<CloseReason> process(MutableBytes scratch);
  /// Sends what waited, as far as the stack takes it.
  void flush();

  /// Takes one packet's worth of the rate; false when it is spent.
  [[nodiscard]] bool admit_packet(Instant now);

  [[nodiscard]] TransportId transport() const { return transport_; }
  [[nodiscard]] WorkerIndex worker() const { return worker_; }
  [[nodiscard]] bool has_waiting() const { return !waiting_.empty() || !resets_.empty(); }

 private:
  using SharedBytes = std::shared_ptr<const std::vector<std::uint8_t>>;
  enum class ChannelState : std::uint8_t {
    kOpening,  // our OPEN has no answer yet
    kOpen,
    kClosing,  // closed for everybody here; the peer has not closed its direction yet
  };
  struct Channel {
    ChannelOptions options;
    ChannelState state = ChannelState::kOpen;
  };
  struct Waiting {
    Delivery delivery;
    SharedBytes bytes;
    std::size_t taken = 0;  // by the stack
  };
  struct Partial {
    ChannelId channel;
    Ppid ppid = Ppid::kBinary;
    std::vector<std::uint8_t> bytes;
  };

  [[nodiscard]] bool is_peers(ChannelId channel) const;
  [[nodiscard]] std::optional<ChannelId> free_channel() const;
  void post(const Delivery& delivery, SharedBytes bytes);
  /// False when the stack did not take all of it.
  [[nodiscard]] bool give(Waiting& message);
  void post_dcep(ChannelId channel, Bytes message);
  void close(ChannelId channel, ChannelCloseReason reason);
  void drop_waiting(ChannelId channel);
  void on_streams_reset(const std::vector<ChannelId>& streams);
  /// False when the message is larger than is allowed.
  [[nodiscard]] bool on_data(const Received& received);
  void on_message(ChannelId channel, Ppid ppid, std::vector<std::uint8_t> bytes);
  void on_dcep(ChannelId channel, Bytes message);
  void on_open(ChannelId channel, ChannelOptions options);
  void become_open(ChannelId channel, Opener opener);

  TransportId transport_;
  WorkerIndex worker_;
  Role role_;
  bool is_up_ = false;
  std::unique_ptr<Socket> socket_;
  Counters& counters_;
  std::deque<Event>& events_;
  std::map<ChannelId, Channel> channels_;
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;
  std::set<ChannelId> resets_;  // of our direction, to be asked for
  std::optional<Partial> partial_;
  Instant packets_counted_from_;
  std::uint32_t packets_ = 0;
};

}  // namespace meridian::sctp
