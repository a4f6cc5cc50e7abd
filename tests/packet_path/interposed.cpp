#include "packet_path/interposed.hpp"

#include <array>
#include <cerrno>
#include <cstdarg>
#include <dlfcn.h>
#include <execinfo.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace meridian::test {
namespace {

constexpr int kMaxFrames = 24;

/// Of the C library's own, in front of each block.
constexpr std::size_t kChunkHeader = 8;

struct Thread {
  bool is_watched = false;
  bool has_ledger = false;
  std::int64_t held = 0;
  ForbiddenCalls calls;
  CountedCalls counted;
  std::array<void*, kMaxFrames> stack{};
  int frames = 0;
};

thread_local Thread t_thread;

void note(std::uint64_t ForbiddenCalls::* count) {
  if (!t_thread.is_watched) {
    return;
  }
  ++(t_thread.calls.*count);
  if (t_thread.frames == 0) {
    t_thread.is_watched = false;  // backtrace() may allocate
    t_thread.frames = backtrace(t_thread.stack.data(), kMaxFrames);
    t_thread.is_watched = true;
  }
}

void count(std::uint64_t CountedCalls::* calls) {
  if (t_thread.is_watched) {
    ++(t_thread.counted.*calls);
  }
}

void* take(void* memory) {
  if (t_thread.has_ledger && memory != nullptr) {
    t_thread.held += static_cast<std::int64_t>(malloc_usable_size(memory) + kChunkHeader);
  }
  return memory;
}

void* give_back(void* memory) {
  if (t_thread.has_ledger && memory != nullptr) {
    t_thread.held -= static_cast<std::int64_t>(malloc_usable_size(memory) + kChunkHeader);
  }
  return memory;
}

/// The function of this name behind ours.
template <class Function>
Function next(Function, const char* name) {
  void* found = dlsym(RTLD_NEXT, name);
  return reinterpret_cast<Function>(found);
}

}  // namespace

Watch::Watch() {
  t_thread.is_watched = true;
}
Watch::~Watch() {
  t_thread.is_watched = false;
}

Ledger::Ledger() {
  t_thread.has_ledger = true;
}
Ledger::~Ledger() {
  t_thread.has_ledger = false;
}

std::int64_t held_bytes() {
  return t_thread.held;
}

const ForbiddenCalls& forbidden_calls() {
  return t_thread.calls;
}

const CountedCalls& counted_calls() {
  return t_thread.counted;
}

void reset_calls() {
  t_thread.calls = {};
  t_thread.counted = {};
  t_thread.frames = 0;
}

void print_first_forbidden_call() {
  backtrace_symbols_fd(t_thread.stack.data(), t_thread.frames, STDERR_FILENO);
}

}  // namespace meridian::test

using meridian::test::count;
using meridian::test::CountedCalls;
using meridian::test::ForbiddenCalls;
using meridian::test::give_back;
using meridian::test::next;
using meridian::test::note;
using meridian::test::take;

extern "C" {

void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* memory);

void* malloc(std::size_t size) noexcept {
  note(&ForbiddenCalls::allocations);
  return take(__libc_malloc(size));
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  note(&ForbiddenCalls::allocations);
  return take(__libc_calloc(count, size));
}
void* realloc(void* memory, std::size_t size) noexcept {
  note(&ForbiddenCalls::allocations);
  return take(__libc_realloc(give_back(memory), size));
}
void* memalign(std::size_t alignment, std::size_t size) noexcept {
  note(&ForbiddenCalls::allocations);
  return take(__libc_memalign(alignment, size));
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  note(&ForbiddenCalls::allocations);
  return take(__libc_memalign(alignment, size));
}
int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  note(&ForbiddenCalls::allocations);
  *memory = take(__libc_memalign(alignment, size));
  return *memory != nullptr ? 0 : ENOMEM;
}
void free(void* memory) noexcept {
  if (memory != nullptr) {
    note(&ForbiddenCalls::frees);
  }
  __libc_free(give_back(memory));
}

void* mmap(void* address, std::size_t size, int protection, int flags, int file,
           off_t offset) noexcept {
  note(&ForbiddenCalls::mappings);
  static const auto kNext = next(&mmap, "mmap");
  return kNext(address, size, protection, flags, file, offset);
}
int munmap(void* address, std::size_t size) noexcept {
  note(&ForbiddenCalls::mappings);
  static const auto kNext = next(&munmap, "munmap");
  return kNext(address, size);
}
int madvise(void* address, std::size_t size, int advice) noexcept {
  note(&ForbiddenCalls::mappings);
  static const auto kNext = next(&madvise, "madvise");
  return kNext(address, size, advice);
}

int pthread_mutex_lock(pthread_mutex_t* mutex) noexcept {
  note(&ForbiddenCalls::locks);
  static const auto kNext = next(&pthread_mutex_lock, "pthread_mutex_lock");
  return kNext(mutex);
}
int pthread_mutex_trylock(pthread_mutex_t* mutex) noexcept {
  note(&ForbiddenCalls::locks);
  static const auto kNext = next(&pthread_mutex_trylock, "pthread_mutex_trylock");
  return kNext(mutex);
}
int pthread_rwlock_rdlock(pthread_rwlock_t* lock) noexcept {
  note(&ForbiddenCalls::locks);
  static const auto kNext = next(&pthread_rwlock_rdlock, "pthread_rwlock_rdlock");
  return kNext(lock);
}
int pthread_rwlock_wrlock(pthread_rwlock_t* lock) noexcept {
  note(&ForbiddenCalls::locks);
  static const auto kNext = next(&pthread_rwlock_wrlock, "pthread_rwlock_wrlock");
  return kNext(lock);
}
int pthread_cond_signal(pthread_cond_t* condition) noexcept {
  note(&ForbiddenCalls::locks);
  static const auto kNext = next(&pthread_cond_signal, "pthread_cond_signal");
  return kNext(condition);
}
int pthread_cond_broadcast(pthread_cond_t* condition) noexcept {
  note(&ForbiddenCalls::locks);
  static const auto kNext = next(&pthread_cond_broadcast, "pthread_cond_broadcast");
  return kNext(condition);
}

// What libstdc++ uses to wait on atomics. Futexes inside the C library come with its own locks,
// which are counted above.
long syscall(long number, ...) noexcept {
  if (number == SYS_futex) {
    note(&ForbiddenCalls::futexes);
  }
  std::va_list list;
  va_start(list, number);
  std::array<long, 6> arguments{};
  for (long& argument : arguments) {
    argument = va_arg(list, long);
  }
  va_end(list);
  static const auto kNext = next(&syscall, "syscall");
  return kNext(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
               arguments[5]);
}

int sendmmsg(int socket, mmsghdr* messages, unsigned int size, int flags) {
  count(&CountedCalls::sends);
  static const auto kNext = next(&sendmmsg, "sendmmsg");
  return kNext(socket, messages, size, flags);
}
ssize_t sendmsg(int socket, const msghdr* message, int flags) {
  count(&CountedCalls::sends);
  static const auto kNext = next(&sendmsg, "sendmsg");
  return kNext(socket, message, flags);
}
ssize_t sendto(int socket, const void* bytes, std::size_t size, int flags, const sockaddr* to,
               socklen_t length) {
  count(&CountedCalls::sends);
  static const auto kNext = next(&sendto, "sendto");
  return kNext(socket, bytes, size, flags, to, length);
}
int recvmmsg(int socket, mmsghdr* messages, unsigned int size, int flags, timespec* timeout) {
  count(&CountedCalls::receives);
  static const auto kNext = next(&recvmmsg, "recvmmsg");
  return kNext(socket, messages, size, flags, timeout);
}
ssize_t recvmsg(int socket, msghdr* message, int flags) {
  count(&CountedCalls::receives);
  static const auto kNext = next(&recvmsg, "recvmsg");
  return kNext(socket, message, flags);
}

#ifdef __x86_64__
// Plain instructions: looking the originals up would copy.
void* memcpy(void* to, const void* from, std::size_t size) noexcept {
  if (size >= meridian::test::kLargeCopy) {
    count(&CountedCalls::large_copies);
  }
  void* out = to;
  asm volatile("rep movsb" : "+D"(out), "+S"(from), "+c"(size) : : "memory");
  return to;
}
void* memmove(void* to, const void* from, std::size_t size) noexcept {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  if (out <= in || out >= in + size) {
    return memcpy(to, from, size);
  }
  if (size >= meridian::test::kLargeCopy) {
    count(&CountedCalls::large_copies);
  }
  out += size - 1;
  in += size - 1;
  asm volatile("std; rep movsb; cld" : "+D"(out), "+S"(in), "+c"(size) : : "memory");
  return to;
}
#endif
}
