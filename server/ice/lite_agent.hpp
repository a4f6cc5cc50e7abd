#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "ice/credentials.hpp"
#include "ice/stun.hpp"
#include "ice/tuple.hpp"

namespace meridian::ice {

/// Why a message that claimed to be a check was ignored. It is never answered.
enum class CheckError : std::uint8_t { kNotRequest, kBadUsername, kBadIntegrity };

/// What an accepted check did.
struct Check {
  /// Bytes of the success response in the caller's buffer, to be sent to where the check came from.
  std::size_t response_length = 0;
  bool is_new_tuple = false;
  bool is_selection_changed = false;
  /// The first check under the credentials of restart(): the old ones are gone.
  bool is_restart_complete = false;
  /// A tuple that had to go to make room.
  std::optional<Tuple> evicted;
};

/// How recently the peer proved that it wants our packets (RFC 7675).
enum class Consent : std::uint8_t {
  kNone,  // no check yet
  kFresh,
  kQuiet,    // nothing for kQuietTime: media pauses
  kExpired,  // nothing for kConsentTime: the path is gone until another check comes
};

/// An ICE-lite agent (RFC 8445 section 2.5): always controlled, one component, no candidates of its
/// own to check. Only an authenticated Binding request changes anything or is answered.
class LiteAgent {
 public:
  static constexpr std::size_t kMaxTuples = 8;
  static constexpr Duration kQuietTime = 15s;
  static constexpr Duration kConsentTime = 30s;
  /// Room that the response needs.
  static constexpr std::size_t kMaxResponseSize = 128;

  LiteAgent(const Credentials& local, const Credentials& remote);

  /// Takes a message whose USERNAME was routed here. On success `response` (at least
  /// kMaxResponseSize bytes) holds the answer. Both aggressive and regular nomination work: each
  /// check with USE-CANDIDATE selects the tuple that it came from.
  [[nodiscard]] base::Expected<Check, CheckError> handle_check(const StunMessage& message,
                                                               const Tuple& from, Instant now,
                                                               MutableBytes response);

  /// Announces new credentials on both sides (RFC 8445 section 2.4). The old ones stay good, and
  /// the selected tuple in use, until the first check that is authenticated by the new ones.
  void restart(const Credentials& local, const Credentials& remote);

  /// Whether an authenticated check came from this tuple.
  [[nodiscard]] bool is_validated(const Tuple& tuple) const { return find(tuple) != nullptr; }
  /// Whether one came within kQuietTime.
  [[nodiscard]] bool is_in_use(const Tuple& tuple, Instant now) const;
  /// Where to send: the nominated tuple or, before any nomination, the provisional one.
  [[nodiscard]] const Tuple* selected() const {
    return selected_ == kNone ? nullptr : &tuples_[selected_].tuple;
  }
  [[nodiscard]] bool is_nominated() const { return is_nominated_; }
  /// Before a nomination: answers go to this validated tuple, since the peer uses it.
  void select_provisionally(const Tuple& tuple);

  /// The tuple belongs to another transport of the same peer now (it reused its port).
  void forget(const Tuple& tuple);

  [[nodiscard]] Consent consent(Instant now) const;
  /// When consent() next changes by time alone; never() when it won't.
  [[nodiscard]] Instant next_timeout(Instant now) const;

  /// Of the credentials in force; after restart() still the old ones.
  [[nodiscard]] std::string_view active_ufrag() const { return current_.local_ufrag; }
  /// Of the newest credentials.
  [[nodiscard]] std::string_view local_ufrag() const {
    return next_ ? next_->local_ufrag : current_.local_ufrag;
  }
  [[nodiscard]] std::size_t tuple_count() const { return tuple_count_; }
  /// Every validated tuple, in no order; for the demultiplexer when the transport goes.
  [[nodiscard]] Tuple tuple_at(std::size_t index) const { return tuples_[index].tuple; }

 private:
  struct Generation {
    Generation(const Credentials& local_side, const Credentials& remote_side);
    std::string local_ufrag;
    std::string username;  // what checks must carry: local:remote
    IntegrityKey key;
  };
  struct Entry {
    Tuple tuple;
    Instant last_check;
  };
  static constexpr std::size_t kNone = kMaxTuples;

  [[nodiscard]] const Entry* find(const Tuple& tuple) const;
  [[nodiscard]] std::size_t admit(const Tuple& tuple, Check& check);

  Generation current_;
  std::optional<Generation> next_;
  std::array<Entry, kMaxTuples> tuples_{};
  std::size_t tuple_count_ = 0;
  std::size_t selected_ = kNone;
  bool is_nominated_ = false;
  /// The newest check on the selected tuple; nothing before the first.
  std::optional<Instant> last_consent_;
};

}  // namespace meridian::ice
