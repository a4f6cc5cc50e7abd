// Counts the bytes of the heap that a process holds, for bench/memory.sh: a library that is loaded
// before the C library (LD_PRELOAD) and keeps its sums in the file that MERIDIAN_HEAP_COUNTER
// names, where another process reads them while this one runs. Exact, of all threads and all
// libraries.
#include "heap_counter.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

namespace {

using meridian::bench::HeapCounts;

/// Until the file is there, and for processes without one.
HeapCounts g_own;
std::atomic<HeapCounts*> g_counts{&g_own};

/// Of the C library's own, in front of each block.
constexpr std::size_t kChunkHeader = 8;

void add(void* memory, std::int64_t sign) {
  if (memory != nullptr) {
    HeapCounts& counts = *g_counts.load(std::memory_order_relaxed);
    const auto size = static_cast<std::int64_t>(malloc_usable_size(memory) + kChunkHeader);
    counts.bytes.fetch_add(sign * size, std::memory_order_relaxed);
    counts.blocks.fetch_add(sign, std::memory_order_relaxed);
  }
}

__attribute__((constructor)) void open_counter() {
  const char* path = std::getenv("MERIDIAN_HEAP_COUNTER");
  const int file = path == nullptr ? -1 : ::open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::ftruncate(file, sizeof(HeapCounts)) != 0) {
    return;
  }
  void* shared = ::mmap(nullptr, sizeof(HeapCounts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (shared != MAP_FAILED) {
    auto* counts = static_cast<HeapCounts*>(shared);
    counts->bytes.store(g_own.bytes.load());
    counts->blocks.store(g_own.blocks.load());
    g_counts.store(counts);
  }
}

}  // namespace

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);

void* malloc(std::size_t size) noexcept {
  void* memory = __libc_malloc(size);
  add(memory, 1);
  return memory;
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  void* memory = __libc_calloc(count, size);
  add(memory, 1);
  return memory;
}
void* realloc(void* memory, std::size_t size) noexcept {
  add(memory, -1);
  void* moved = __libc_realloc(memory, size);
  add(moved != nullptr || size == 0 ? moved : memory, 1);
  return moved;
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  void* memory = __libc_memalign(alignment, size);
  add(memory, 1);
  return memory;
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  return memalign(alignment, size);
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  *memory = memalign(alignment, size);
  return *memory != nullptr ? 0 : ENOMEM;
}
void free(void* memory) noexcept {
  add(memory, -1);
  __libc_free(memory);
}
}
