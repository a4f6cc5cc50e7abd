#pragma once

#include <atomic>
#include <cstdint>

namespace meridian::bench {

/// What a process with the heap counter shares: all that it has allocated and not freed, the C
/// library's own 8 bytes for each block included.
struct HeapCounts {
  std::atomic<std::int64_t> bytes{0};
  std::atomic<std::int64_t> blocks{0};
};

}  // namespace meridian::bench
