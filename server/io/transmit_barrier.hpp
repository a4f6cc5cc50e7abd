#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.hpp"

namespace meridian::io {

/// Tells when everything that a worker handed to the kernel before some moment has left its
/// sockets. A value: the worker's loop asks the kernel and brings the numbers.
class TransmitBarrier {
 public:
  static constexpr std::size_t kMaxSockets = 2;
  /// How often to look while it stands.
  static constexpr Duration kInterval = 1ms;
  /// For so long only an empty queue counts. Later a queue that holds no more than what was handed
  /// over since counts, too: a busy socket may never be seen empty, and no queue discipline keeps
  /// one flow waiting behind all others for so long.
  static constexpr Duration kPatience = 250ms;

  struct Queue {
    /// Payload bytes given to the socket since it was opened.
    std::uint64_t handed_over = 0;
    /// Bytes, the kernel's own included, that wait in it (SIOCOUTQ).
    std::uint64_t waiting = 0;
  };

  /// From now on waits for what was handed over up to now; replaces a barrier that stands.
  void begin(std::uint64_t generation, std::span<const Queue> queues, Instant now);
  [[nodiscard]] bool is_standing() const { return generation_.has_value(); }
  [[nodiscard]] std::optional<std::uint64_t> generation() const { return generation_; }
  /// The generation of begin(), once, when all has left.
  [[nodiscard]] std::optional<std::uint64_t> poll(std::span<const Queue> queues, Instant now);

 private:
  std::optional<std::uint64_t> generation_;
  Instant begun_;
  /// Of each socket: bytes handed over at begin(); and whether what came before has left.
  std::array<std::uint64_t, kMaxSockets> marks_{};
  std::array<bool, kMaxSockets> has_left_{};
};

}  // namespace meridian::io
