#include "forward/receive_stream.hpp"

#include <algorithm>
#include <cstdlib>

namespace meridian::forward {

bool DuplicateFilter::accept(ExtendedSequence sequence) {
  if (!has_any_) {
    has_any_ = true;
    highest_ = sequence;
    seen_.set(sequence.value() % kWindow);
    return true;
  }
  if (sequence > highest_) {
    const std::uint64_t ahead = sequence.value() - highest_.value();
    if (ahead >= kWindow) {
      seen_.reset();
    } else {
      for (std::uint64_t i = 1; i <= ahead; ++i) {
        seen_.reset((highest_.value() + i) % kWindow);
      }
    }
    highest_ = sequence;
  } else if (highest_.value() - sequence.value() >= kWindow ||
             seen_.test(sequence.value() % kWindow)) {
    return false;
  }
  seen_.set(sequence.value() % kWindow);
  return true;
}

bool ReceiveStream::confirms_jump(SequenceNumber sequence) {
  const bool confirms = jump_ == sequence;
  jump_ = sequence.next();
  return confirms;
}

std::optional<ExtendedSequence> ReceiveStream::take(SequenceNumber sequence, Instant arrival,
                                                    Origin origin) {
  if (const auto highest = unwrapper_.highest()) {
    const SequenceNumber low(static_cast<std::uint16_t>(highest->value()));
    if (std::abs(sequence.distance_from(low)) > kMaxJump) {
      if (origin == Origin::kRetransmission || !confirms_jump(sequence)) {
        return std::nullopt;
      }
      restart();
    } else if (origin == Origin::kPrimary) {
      jump_.reset();
    }
  } else if (origin == Origin::kRetransmission) {
    return std::nullopt;  // of nothing that we know
  }
  const ExtendedSequence extended = unwrapper_.unwrap(sequence);
  if (!duplicates_.accept(extended)) {
    return std::nullopt;
  }
  if (nacks_.on_packet(extended, arrival) == rtcp::NackGenerator::Outcome::kTooLarge) {
    wants_key_frame_ = true;
  }
  return extended;
}

void ReceiveStream::count(ExtendedSequence sequence, RtpTimestamp timestamp,
                          std::uint32_t clock_rate, Instant arrival) {
  if (!stats_ || clock_rate != clock_rate_) {
    clock_rate_ = clock_rate;
    stats_.emplace(clock_rate);
    received_before_ = 0;
    lost_before_ = 0;
  }
  stats_->on_packet(sequence, timestamp, arrival);
}

void ReceiveStream::handle_sender_report(rtcp::NtpTime ntp, RtpTimestamp rtp, Instant arrival) {
  if (stats_) {
    stats_->on_sender_report(ntp, arrival);
    clock_ =
        rtcp::SourceClock{.ntp = ntp, .rtp = rtp, .arrival = arrival, .clock_rate = clock_rate_};
  }
}

void ReceiveStream::restart(std::uint32_t generation) {
  unwrapper_.reset();
  duplicates_.reset();
  nacks_ = rtcp::NackGenerator();
  frames_.reset();
  stats_.reset();
  clock_.reset();
  clock_rate_ = 0;
  jump_.reset();
  received_before_ = 0;
  lost_before_ = 0;
  generation_ = generation;
}

ReceiveStream::Loss ReceiveStream::take_loss() {
  if (!stats_) {
    return {};
  }
  const std::uint64_t received = stats_->received() - received_before_;
  const std::int64_t lost = std::max<std::int64_t>(stats_->lost() - lost_before_, 0);
  received_before_ = stats_->received();
  lost_before_ = stats_->lost();
  const auto missing = static_cast<std::uint64_t>(lost);
  return {.expected = received + missing, .lost = missing};
}

}  // namespace meridian::forward
