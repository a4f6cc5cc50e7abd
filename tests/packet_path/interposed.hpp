#pragma once

#include <cstddef>
#include <cstdint>

/// Replacements of the C library's functions that the packet path must not call. They do what the
/// originals do, and count while the calling thread watches.
namespace meridian::test {

struct ForbiddenCalls {
  std::uint64_t allocations = 0;  // malloc and its family, and so `new`
  std::uint64_t frees = 0;
  std::uint64_t mappings = 0;  // mmap, munmap, mremap, madvise
  std::uint64_t locks = 0;     // mutexes, read-write locks, condition variables
  std::uint64_t futexes = 0;   // what waits and wakes without a mutex (std::atomic::wait)

  [[nodiscard]] std::uint64_t total() const {
    return allocations + frees + mappings + locks + futexes;
  }
};

/// What the packet path does call, and how often.
struct CountedCalls {
  std::uint64_t sends = 0;     // sendmmsg, sendmsg, sendto
  std::uint64_t receives = 0;  // recvmmsg, recvmsg, recvfrom
  /// memcpy and memmove of at least kLargeCopy bytes: payloads. Only counted on x86-64.
  std::uint64_t large_copies = 0;
};
inline constexpr std::size_t kLargeCopy = 512;

/// Watches the calling thread while it lives. Not to be nested.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
};

/// While it lives, what the calling thread allocates and frees counts in held_bytes(). Not to be
/// nested.
class Ledger {
 public:
  Ledger();
  ~Ledger();
  Ledger(const Ledger&) = delete;
  Ledger& operator=(const Ledger&) = delete;
};
/// Bytes of the heap that this thread took under its ledgers and has not given back, the C
/// library's own for each block included.
[[nodiscard]] std::int64_t held_bytes();

/// What this thread called while it was watched.
[[nodiscard]] const ForbiddenCalls& forbidden_calls();
[[nodiscard]] const CountedCalls& counted_calls();
/// Both kinds.
void reset_calls();
/// Who made the first of them, to standard error: a stack with names.
void print_first_forbidden_call();

}  // namespace meridian::test
