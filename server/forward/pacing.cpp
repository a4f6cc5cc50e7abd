#include "forward/pacing.hpp"

namespace meridian::forward {

void Pacing::set_rate(std::optional<Bitrate> rate, Pacer::Delay delay, Instant now) {
  is_on_ = rate.has_value();
  if (rate) {
    pacer_.set_rate(*rate, delay, now);
  }
}

bool Pacing::must_wait(Queue queue, Instant now) {
  const bool is_behind = !resends_.empty() || (queue == Queue::kVideo && !video_.empty());
  return is_behind || (is_on_ && !pacer_.may_send(now));
}

bool Pacing::wait(Queue queue, const WaitingPacket& packet) {
  return queue == Queue::kResend ? resends_.push(packet) : video_.push(packet);
}

void Pacing::on_sent(std::size_t bytes, Instant now) {
  if (is_on_) {
    pacer_.on_sent(bytes, now);
  }
}

Instant Pacing::next_release(Instant now) {
  if (waiting() == 0) {
    return Instant::never();
  }
  return is_on_ ? pacer_.next_release(resends_.bytes() + video_.bytes(), now) : now;
}

std::optional<Pacing::Released> Pacing::release(Instant now) {
  if (waiting() == 0 || (is_on_ && !pacer_.may_send(now))) {
    return std::nullopt;
  }
  const Queue queue = resends_.empty() ? Queue::kVideo : Queue::kResend;
  return Released{.queue = queue,
                  .packet = queue == Queue::kResend ? resends_.pop() : video_.pop()};
}

}  // namespace meridian::forward
