#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "sctp/messages.hpp"

struct socket;

namespace meridian::sctp {

/// Names one association towards the stack below, which puts it into cookies that the peer sees:
/// a counter, never a pointer (CVE-2020-6514) and never reused.
using AssociationKey = base::StrongInt<struct AssociationKeyTag, std::uint64_t>;

/// RFC 8831 section 8.
enum class Ppid : std::uint32_t {
  kDcep = 50,
  kText = 51,
  kBinary = 53,
  kTextEmpty = 56,
  kBinaryEmpty = 57,
};

/// How the stack is to deliver one message.
struct Delivery {
  ChannelId channel;
  Ppid ppid = Ppid::kBinary;
  Order order = Order::kOrdered;
  Reliability reliability = Reliability::kReliable;
  std::uint32_t reliability_value = 0;
};

/// What a socket has to say, in order; see Socket::receive().
struct Received {
  enum class Kind : std::uint8_t {
    kNothing,
    kData,            // a message or a part of one: bytes, channel, ppid, is_end
    kUp,              // established
    kDown,            // gone: reason
    kStreamsReset,    // streams that the peer has closed towards us
    kPartialAborted,  // the message of which parts came will not be completed
    kOther,
  };
  Kind kind = Kind::kNothing;
  Bytes bytes;
  ChannelId channel;
  Ppid ppid = Ppid::kBinary;
  bool is_end = false;
  CloseReason reason = CloseReason::kByPeer;
  std::vector<ChannelId> streams;
};

/// One SCTP association of the stack. Destroying it aborts the association.
class Socket {
 public:
  enum class ResetResult : std::uint8_t { kDone, kBusy, kFailed };

  Socket(struct socket* handle, AssociationKey key) : handle_(handle), key_(key) {}
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  /// How many bytes the stack took, 0 when it is full; the rest must be given to it, before
  /// anything else, once the socket is ready again. Nothing: the stack refuses the message.
  [[nodiscard]] std::optional<std::size_t> send(const Delivery& delivery, Bytes message);
  /// The next thing received, into `buffer`; kNothing when there is no more.
  [[nodiscard]] Received receive(MutableBytes buffer);
  /// Closes our direction of a stream (RFC 6525). kBusy: another reset is under way, try later.
  [[nodiscard]] ResetResult reset_stream(ChannelId channel);

 private:
  struct socket* handle_;
  AssociationKey key_;
};

/// The only place that knows usrsctp: the stack without its timer thread, driven by `now`. usrsctp
/// is process-global; several Stacks share it, which is how the simulator runs several nodes, but
/// all of them on one thread, which is checked. usrsctp does read the system's clock for round
/// trips and takes its own random numbers.
class Stack {
 public:
  /// Bytes that the stack takes for sending. Small, so that what waits does so where it can still
  /// be dropped; 10 Mbit/s at a round trip of 100 ms.
  static constexpr std::size_t kSendBuffer = 128 * 1024;
  /// Bytes received but not read, reassembly included: the advertised window.
  static constexpr std::size_t kReceiveBuffer = 256 * 1024;
  /// How often the timers run: `interval`, until so long after the last packet that one follows.
  struct Pace {
    Duration interval;
    Duration until;
  };
  /// What came is acknowledged within 20 ms.
  static constexpr Pace kBusy{.interval = 10ms, .until = 100ms};
  /// What left is repeated after 300 ms to 2 s, and that is such a packet again.
  static constexpr Pace kWaiting{.interval = 50ms, .until = 2500ms};
  /// Only heartbeats are due.
  static constexpr Duration kIdleInterval = 500ms;

  /// Called for each packet to send, possibly from inside any call of any Socket or Stack: must
  /// only store it.
  using Output = void (*)(void* context, AssociationKey key, Bytes packet);
  Stack(Output output, void* context);
  ~Stack();
  Stack(const Stack&) = delete;
  Stack& operator=(const Stack&) = delete;

  /// A key that no association of the process ever had.
  [[nodiscard]] AssociationKey make_key();
  /// After its socket is gone: packets and news of this key are no longer of interest.
  void forget_key(AssociationKey key);
  /// Makes an association and sends its INIT; both sides do so (RFC 8831 section 6.2). Null when
  /// the stack refuses. The socket must go before the Stack.
  [[nodiscard]] std::unique_ptr<Socket> connect(AssociationKey key);
  void input(AssociationKey key, Bytes packet);
  /// Runs the timers up to `now`. Cheap when less than the shortest interval has passed.
  void advance(Instant now);
  /// When advance() is next worth calling while there are associations.
  [[nodiscard]] Instant next_tick() const;
  /// Associations that may have something to receive or room to send, each once; clears the list.
  [[nodiscard]] std::vector<AssociationKey> take_ready();

 private:
  struct Shared;
  static Shared& shared();
  static int on_output(void* address, void* packet, std::size_t size, std::uint8_t tos,
                       std::uint8_t set_df);
  static void on_upcall(struct socket* handle, void* address, int flags);
  static void follow(Bytes packet);

  Output output_;
  void* context_;
  std::vector<AssociationKey> ready_;
};

}  // namespace meridian::sctp
