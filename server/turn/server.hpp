#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "ice/integrity_key.hpp"
#include "ice/tuple.hpp"
#include "metrics/worker_counters.hpp"
#include "turn/credentials.hpp"
#include "turn/message.hpp"

namespace meridian::turn {

/// What a worker's TURN server counts; one writing thread.
struct Counters {
  metrics::Counter allocations;  // gauge
  metrics::Counter allocated;
  /// Requests without credentials that were answered with 401, and those that were one too many.
  metrics::Counter challenges;
  metrics::Counter unanswered;
  /// Refused: wrong, stale or somebody else's credentials (401, 438, 441); any peer but this node's
  /// own media address (403); too many of one participant (486) or of all (508); and requests that
  /// make no sense (400, 420, 437, 440, 442, 443).
  metrics::Counter refused_credentials;
  metrics::Counter refused_peer;
  metrics::Counter refused_quota;
  metrics::Counter refused_capacity;
  metrics::Counter refused_request;
  metrics::Counter malformed;
  /// Payloads without an allocation, a permission or a channel, or for another peer.
  metrics::Counter payloads_lost;
};

/// How a client's messages come.
enum class Way : std::uint8_t { kDatagrams, kStream };

/// A TURN server (RFC 8656) that relays to nobody but this worker: there is no relay socket. A
/// relayed address is a name, this node's own media address with a port that nobody binds; what a
/// client sends from it is handed to the worker as a datagram from there, and what the worker sends
/// to it goes back to the client. An allocation belongs to one participant, reaches only the
/// transports of that participant, and is made and kept only while there are some. Sans-I/O: bytes
/// and `now` in; answers and payloads out. One thread.
class Server {
 public:
  static constexpr std::size_t kMaxAllocations = 1024;
  static constexpr std::size_t kMaxPerParticipant = 12;
  /// Of an allocation, a permission and a channel (RFC 8656 sections 7.2, 9 and 12).
  static constexpr Duration kAllocationTime = std::chrono::seconds(600);
  static constexpr Duration kPermissionTime = std::chrono::seconds(300);
  static constexpr Duration kChannelTime = std::chrono::seconds(600);
  /// Ports of relayed addresses (section 7.2).
  static constexpr std::uint16_t kFirstPort = 49152;
  /// Challenges to datagrams in one second: their senders may be forged.
  static constexpr std::size_t kMaxChallenges = 100;
  /// Room that an answer needs.
  static constexpr std::size_t kMaxReply = 256;

  struct Config {
    Secret secret;
    WorkerIndex worker;
    /// Where clients reach the worker's media sockets, as their candidates say: the only peers. At
    /// most one of each family.
    std::vector<SocketAddress> peers;
    RandomSource& random;
    Counters& counters;
    /// Whether this worker has permitted transports of that participant now.
    std::function<bool(TransportId participant)> admits;
  };
  explicit Server(Config config);

  enum class Step : std::uint8_t {
    kNothing,
    kReply,    // the first `reply_size` bytes of the caller's buffer go back to the client
    kDeliver,  // `payload` came from `relayed`, on behalf of `participant`
    kWait,     // a good Allocate whose participant has no transport here yet: to be given again
  };
  struct Outcome {
    Step step = Step::kNothing;
    std::size_t reply_size = 0;
    MutableBytes payload = {};
    SocketAddress relayed = {};
    TransportId participant = {};
  };
  /// Takes one message, STUN or ChannelData, that came from `client`. `reply` has at least
  /// kMaxReply bytes. Unauthenticated requests change nothing; what is no request is never
  /// answered.
  [[nodiscard]] Outcome handle(MutableBytes message, const ice::Tuple& client, Way way, Now now,
                               MutableBytes reply);

  /// What stands around a payload on its way to a client.
  struct Frame {
    ice::Tuple client = {};
    Way way = Way::kStream;
    std::array<std::uint8_t, kMaxDataHeader> header = {};
    std::size_t header_size = 0;
    /// Zeros behind the payload.
    std::size_t padding = 0;
  };
  /// For a payload of `size` bytes from the worker to a relayed address; nothing when there is no
  /// such allocation or it wants nothing from the worker (any more).
  [[nodiscard]] std::optional<Frame> frame(const SocketAddress& relayed, std::size_t size,
                                           Instant now);

  /// The client's connection is over.
  void forget(const ice::Tuple& client);
  /// Ends the allocations whose time is over or whose participant has no permitted transport here
  /// any more. Whose they were.
  [[nodiscard]] std::vector<ice::Tuple> collect_ended(Instant now);
  [[nodiscard]] bool has_allocation(const ice::Tuple& client) const {
    return allocations_.contains(client);
  }
  [[nodiscard]] std::size_t size() const { return allocations_.size(); }

 private:
  struct Allocation {
    ice::Tuple client;
    Way way = Way::kStream;
    std::string username;
    ice::IntegrityKey key;
    TransportId participant;
    ice::TransactionId transaction{};
    SocketAddress relayed;
    /// This node's address of that family: the one peer.
    SocketAddress peer;
    Instant expires;
    Instant permitted_until = {};
    /// The one channel that there can be, to the one peer.
    std::uint16_t channel = 0;
    Instant channel_until = {};
  };
  struct Authentic {
    Claims claims;
    ice::IntegrityKey key;
  };
  /// A request with where it came from and where its answer goes.
  struct Request {
    const Message& message;
    const ice::Tuple& client;
    Way way;
    Now now;
    MutableBytes reply;
  };

  Outcome handle_request(const Request& request);
  base::Expected<Authentic, std::uint16_t> authenticate(const Request& request);
  Outcome allocate(const Request& request, const Authentic& who);
  /// What stands in the way of an allocation: the code; 0 for nothing.
  [[nodiscard]] std::uint16_t obstacle(const Request& request, const Authentic& who) const;
  [[nodiscard]] const SocketAddress* peer_of(std::optional<std::uint8_t> family) const;
  [[nodiscard]] std::optional<std::uint16_t> free_port(bool is_even);
  Outcome refresh(const Request& request, Allocation& allocation);
  Outcome create_permission(const Request& request, Allocation& allocation);
  Outcome bind_channel(const Request& request, Allocation& allocation);
  /// The code when a peer isn't the one; 0 when it is.
  [[nodiscard]] static std::uint16_t check_peer(const Allocation& allocation,
                                                const SocketAddress& peer);
  Outcome handle_send(const Message& message, MutableBytes bytes, const ice::Tuple& client,
                      Instant now);
  Outcome handle_channel_data(MutableBytes bytes, const ice::Tuple& client, Instant now);
  [[nodiscard]] Outcome lost();
  [[nodiscard]] static Outcome deliver(const Allocation& allocation, MutableBytes payload);

  Outcome succeed(const Allocation& allocation, const Request& request);
  Outcome refuse(const Request& request, std::uint16_t code, const ice::IntegrityKey* key);
  Outcome challenge(const Request& request, std::uint16_t code);
  [[nodiscard]] bool may_challenge(const Request& request);
  void count(std::uint16_t code);
  [[nodiscard]] Allocation* find(const ice::Tuple& client);
  void erase(const ice::Tuple& client);

  Config config_;
  Rng rng_;
  std::unordered_map<ice::Tuple, Allocation> allocations_;
  /// By the port of the relayed address.
  std::unordered_map<std::uint16_t, Allocation*> by_port_;
  std::uint16_t next_port_ = kFirstPort;
  Instant challenge_second_;
  std::size_t challenges_ = 0;
};

}  // namespace meridian::turn
