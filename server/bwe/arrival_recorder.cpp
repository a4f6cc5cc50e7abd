#include "bwe/arrival_recorder.hpp"

#include <algorithm>

namespace meridian::bwe {

ArrivalRecorder::ArrivalRecorder() {
  times_.fill(Instant::never());
}

void ArrivalRecorder::store(std::uint64_t sequence, Instant arrival) {
  const std::size_t index = sequence % kHistory;
  times_[index] = arrival;
  times_[index + kHistory] = arrival;
}

void ArrivalRecorder::on_packet(SequenceNumber transport_sequence, Instant arrival) {
  if (!is_started_) {
    is_started_ = true;
    last_report_ = arrival;
    // One cycle up, so that packets from before the first one have a number too.
    begin_ = std::uint64_t{65536} + transport_sequence.value();
    end_ = begin_;
  }
  const std::uint64_t sequence =
      extend(transport_sequence, ExtendedSequence(end_ == 0 ? 0 : end_ - 1)).value();
  if (sequence >= end_) {
    advance_to(sequence + 1);
  } else if (sequence + kHistory < end_ || !times_[sequence % kHistory].is_never()) {
    return;  // too old, or known
  }
  store(sequence, arrival);
  begin_ = std::min(begin_, sequence);
  ++fresh_;
}

void ArrivalRecorder::advance_to(std::uint64_t end) {
  if (end - end_ >= kHistory) {
    // A jump: either a long outage or the sender began anew. What was not reported is of no use.
    times_.fill(Instant::never());
    begin_ = end - 1;
    fresh_ = 0;
    is_draining_ = false;
  } else {
    for (std::uint64_t sequence = end_; sequence < end; ++sequence) {
      store(sequence, Instant::never());
    }
  }
  end_ = end;
  if (begin_ + kHistory < end_) {
    begin_ = end_ - kHistory;
  }
}

Instant ArrivalRecorder::next_timeout() const {
  if (fresh_ == 0 && !is_draining_) {
    return Instant::never();
  }
  if (is_draining_ || fresh_ >= kMaxUnreported) {
    return last_report_;
  }
  return last_report_ + (fresh_ >= kBusyPackets ? kBusyInterval : kInterval);
}

std::optional<ArrivalReport> ArrivalRecorder::poll(Instant now) {
  if (now < next_timeout()) {
    return std::nullopt;
  }
  is_draining_ = true;
  const std::size_t count = std::min<std::size_t>(end_ - begin_, kHistory);
  return ArrivalReport{SequenceNumber(static_cast<std::uint16_t>(begin_)),
                       std::span(times_).subspan(begin_ % kHistory, count), feedback_count_};
}

void ArrivalRecorder::on_reported(std::size_t count, Instant now) {
  if (count == 0) {
    return;
  }
  begin_ = std::min(begin_ + count, end_);
  ++feedback_count_;
  if (begin_ == end_) {
    is_draining_ = false;
    fresh_ = 0;
    last_report_ = now;
  }
}

}  // namespace meridian::bwe
