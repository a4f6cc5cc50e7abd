#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/rtp_types.hpp"
#include "base/time.hpp"

namespace meridian::bwe {

/// What transport-wide feedback has to say: arrival times of consecutive transport sequence
/// numbers, Instant::never() for those that did not arrive. Points into the recorder.
struct ArrivalReport {
  SequenceNumber base;
  std::span<const Instant> times;
  std::uint8_t feedback_count = 0;
};

/// Receiver's side of transport-wide congestion control: remembers when each packet of a transport
/// arrived and says when to tell the sender. Fixed memory. It knows no RTCP: the caller writes the
/// report with rtcp::CompoundWriter::add_transport_feedback, and tells how much of it was written:
///
///   while (const auto report = recorder.poll(now)) {
///     rtcp::Arrivals arrivals{report->base, report->times};
///     if (writer.add_transport_feedback(..., report->feedback_count, arrivals) == kFull) flush();
///     recorder.on_reported(report->times.size() - arrivals.times.size(), now);
///   }
class ArrivalRecorder {
 public:
  /// Remembered packets; a later feedback may start again this far back for a packet that was late.
  static constexpr std::size_t kHistory = 1024;
  static constexpr Duration kInterval = 100ms;
  /// At a high rate feedback is worth more often.
  static constexpr Duration kBusyInterval = 50ms;
  static constexpr std::size_t kBusyPackets = 32;
  /// So many unreported packets are reported at once.
  static constexpr std::size_t kMaxUnreported = 128;

  ArrivalRecorder();

  /// `arrival` is the kernel's receive time. Duplicates and packets older than the history change
  /// nothing.
  void on_packet(SequenceNumber transport_sequence, Instant arrival);

  /// What to report, when it is time. Stays due until on_reported() has taken all of it.
  [[nodiscard]] std::optional<ArrivalReport> poll(Instant now);
  /// The first `count` times of the last report went into a feedback packet.
  void on_reported(std::size_t count, Instant now);

  /// never() when there is nothing new.
  [[nodiscard]] Instant next_timeout() const;

 private:
  void store(std::uint64_t sequence, Instant arrival);
  void advance_to(std::uint64_t end);

  /// Written twice, at i and i + kHistory, so that every window of it is contiguous.
  std::array<Instant, 2 * kHistory> times_;
  bool is_started_ = false;
  bool is_draining_ = false;  // a report is partly written
  std::uint64_t begin_ = 0;   // first sequence of the next report
  std::uint64_t end_ = 0;     // one past the newest
  std::size_t fresh_ = 0;     // packets that arrived since the last report
  std::uint8_t feedback_count_ = 0;
  Instant last_report_;
};

}  // namespace meridian::bwe
