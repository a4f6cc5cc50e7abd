#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "ice/credentials.hpp"
#include "ice/tuple.hpp"
#include "transport/send_batch.hpp"
#include "transport/transport.hpp"

namespace meridian::transport {

/// Which transport of a worker a datagram belongs to: by the tuple of its sender or, for a STUN
/// request, by the local ufrag in its USERNAME. A tuple is known only after an authenticated check.
/// Tables are made once, for `max_transports`; input from strangers allocates nothing. Holds
/// pointers: remove() a transport before it is destroyed.
class Demultiplexer {
 public:
  static constexpr std::size_t kDefaultMaxTransports = 4096;

  explicit Demultiplexer(std::size_t max_transports = kDefaultMaxTransports);

  enum class Add : std::uint8_t { kAdded, kFull, kDuplicateUfrag };
  [[nodiscard]] Add add(Transport& transport);
  /// Forgets its tuples and ufrags. No effect when it was not added.
  void remove(Transport& transport);

  /// Whose validated tuple this is, or null. For DTLS, RTP and RTCP.
  [[nodiscard]] Transport* find(const ice::Tuple& from) const;

  /// Routes a STUN datagram to its transport and keeps the tables in step with what it did. The
  /// transport that took it, whose events may have changed; otherwise why it was dropped.
  /// `relayed_for`: the participant over whose TURN allocation it came, and whose transports alone
  /// it may reach.
  Taken<Transport*> handle_stun(Bytes datagram, const ice::Tuple& from, Instant now,
                                SendBatch& batch, TransportId relayed_for = {});

  /// Transport::restart_ice, reachable under both ufrags until the first check under the new one.
  [[nodiscard]] Add restart_ice(Transport& transport, const ice::Credentials& local,
                                const ice::Credentials& remote);

  [[nodiscard]] std::size_t transport_count() const { return transport_count_; }
  [[nodiscard]] std::size_t tuple_count() const { return tuple_count_; }

 private:
  struct Slot {
    ice::Tuple tuple;
    Transport* transport = nullptr;
  };
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  [[nodiscard]] std::size_t home(const ice::Tuple& tuple) const;
  [[nodiscard]] std::size_t probe(const ice::Tuple& tuple) const;
  void follow(const ice::Check& check, const ice::Tuple& from, Transport& transport);
  void bind(const ice::Tuple& tuple, Transport& transport);
  void unbind(const ice::Tuple& tuple, const Transport& owner);
  void retire_ufrags(const Transport& transport);

  std::size_t max_transports_;
  std::size_t transport_count_ = 0;
  std::size_t tuple_count_ = 0;
  std::vector<Slot> slots_;  // open addressing, at most half full
  std::unordered_map<std::string, Transport*, TextHash, std::equal_to<>> ufrags_;
};

}  // namespace meridian::transport
