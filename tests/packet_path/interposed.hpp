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

/// Watches the calling thread while it lives. Not to be nested.
class Watch {
 public:
  Watch();
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
};

/// What this thread called while it was watched.
[[nodiscard]] const ForbiddenCalls& forbidden_calls();
void reset_forbidden_calls();
/// Who made the first of them, to standard error: a stack with names.
void print_first_forbidden_call();

}  // namespace meridian::test
