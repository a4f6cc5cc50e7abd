#include "io/sctp_thread.hpp"

#include <algorithm>
#include <poll.h>
#include <pthread.h>
#include <variant>

#include "io/clock.hpp"
#include "sctp/service.hpp"

namespace meridian::io {
namespace {

constexpr Duration kMaxSleep = std::chrono::minutes(1);

void sleep_until(Instant at, int descriptor) {
  const Duration left = at.is_never() ? kMaxSleep : at - monotonic_now();
  const auto clamped = std::clamp(left, Duration::zero(), kMaxSleep);
  const timespec timeout{.tv_sec = clamped.count() / 1'000'000'000,
                         .tv_nsec = clamped.count() % 1'000'000'000};
  pollfd waited{.fd = descriptor, .events = POLLIN, .revents = 0};
  ::ppoll(&waited, 1, &timeout, nullptr);
}

}  // namespace

void SctpThread::start(std::vector<WorkerThread*> workers, SctpEventChannel& events) {
  workers_ = std::move(workers);
  thread_ = std::thread([this, &events] {
    pthread_setname_np(pthread_self(), "sctp");
    run(events);
  });
}

void SctpThread::stop() {
  if (thread_.joinable()) {
    is_stopping_.store(true, std::memory_order_release);
    wakeup_.notify();
    thread_.join();
  }
}

void SctpThread::run(SctpEventChannel& events) {
  sctp::Service service;
  const auto deliver = [&] {
    while (auto event = service.poll_event()) {
      if (auto* packet = std::get_if<sctp::PacketToSend>(&*event)) {
        // A full mailbox loses it, and SCTP sends it again.
        (void)workers_[packet->worker.value()]->commands().push(
            forward::SendSctpPacket{packet->transport, std::move(packet->bytes)});
      } else {
        MERIDIAN_CHECK(events.push(std::move(*event)) == SctpEventChannel::Push::kQueued);
      }
    }
  };
  while (!is_stopping_.load(std::memory_order_acquire)) {
    sleep_until(service.next_timeout(), wakeup_.descriptor());
    wakeup_.clear();
    const Instant now = monotonic_now();
    for (sctp::Command& command : commands_.drain()) {
      service.handle(std::move(command), now);
      deliver();
    }
    if (service.next_timeout() <= now) {
      service.handle_timeout(now);
      deliver();
    }
  }
}

}  // namespace meridian::io
