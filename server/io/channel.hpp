#pragma once

#include <atomic>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/mailbox.hpp"
#include "io/file_descriptor.hpp"

namespace meridian::io {

/// Wakes the thread that waits for its descriptor to become readable. Many wake-ups before it gets
/// there cost one system call.
class Wakeup {
 public:
  Wakeup() : descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    MERIDIAN_CHECK(descriptor_.is_open());
  }
  void notify() {
    // Pairs with the fence in clear(): either we see that the sleeper has cleared, and write, or it
    // sees what we queued before.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (!is_set_.exchange(true, std::memory_order_acq_rel)) {
      const std::uint64_t one = 1;
      [[maybe_unused]] const auto written = ::write(descriptor_.get(), &one, sizeof one);
    }
  }
  /// Waiting thread only, before it looks for what it was woken for.
  void clear() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(descriptor_.get(), &count, sizeof count);
    is_set_.store(false, std::memory_order_release);
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  [[nodiscard]] int descriptor() const { return descriptor_.get(); }

 private:
  FileDescriptor descriptor_;
  std::atomic<bool> is_set_{false};
};

/// A mailbox whose consumer sleeps in an event loop.
template <class Message>
class Channel {
 public:
  enum class Push : std::uint8_t { kQueued, kFull };

  Channel(std::size_t limit, Wakeup& wakeup) : mailbox_(limit), wakeup_(wakeup) {}

  Push push(Message message) {
    switch (mailbox_.push(std::move(message))) {
      case base::Mailbox<Message>::Push::kFull:
        return Push::kFull;
      case base::Mailbox<Message>::Push::kFirst:
        wakeup_.notify();
        return Push::kQueued;
      case base::Mailbox<Message>::Push::kQueued:
        return Push::kQueued;
    }
    return Push::kQueued;
  }
  /// The same for somebody who has more to say in this turn: wake() follows behind the last one.
  Push queue(Message message) {
    const auto pushed = mailbox_.push(std::move(message));
    return pushed == base::Mailbox<Message>::Push::kFull ? Push::kFull : Push::kQueued;
  }
  void wake() { wakeup_.notify(); }
  /// Consumer only.
  std::vector<Message> drain() { return mailbox_.drain(); }
  [[nodiscard]] bool empty() const { return mailbox_.empty(); }

 private:
  base::Mailbox<Message> mailbox_;
  Wakeup& wakeup_;
};

}  // namespace meridian::io
