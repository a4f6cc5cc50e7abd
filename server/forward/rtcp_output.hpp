#pragma once

#include <array>
#include <cstdint>

#include "base/rtp_types.hpp"
#include "metrics/worker_counters.hpp"
#include "rtcp/compound_writer.hpp"
#include "transport/send_batch.hpp"
#include "transport/transport.hpp"

namespace meridian::forward {

/// SSRC under which a worker sends feedback about what it receives. The control thread gives no
/// subscription this one.
inline constexpr Ssrc kFeedbackSsrc(1);

/// Collects the RTCP packets for one peer in compounds, and sends each when it is full and at the
/// end.
class RtcpOutput {
 public:
  RtcpOutput(transport::Transport& transport, transport::SendBatch& batch,
             metrics::WorkerCounters& counters)
      : transport_(transport), batch_(batch), counters_(counters), writer_(buffer_) {}
  RtcpOutput(const RtcpOutput&) = delete;
  RtcpOutput& operator=(const RtcpOutput&) = delete;
  ~RtcpOutput() { send(); }

  /// `write` takes the writer and returns what its add_...() did; called again in an empty compound
  /// when the current one has no room.
  template <class Write>
  void add(Write&& write) {
    if (write(writer_) == rtcp::Added::kFull) {
      send();
      (void)write(writer_);
    }
  }
  void send();
  [[nodiscard]] metrics::WorkerCounters& counters() { return counters_; }

 private:
  transport::Transport& transport_;
  transport::SendBatch& batch_;
  metrics::WorkerCounters& counters_;
  std::array<std::uint8_t, rtcp::CompoundWriter::kMaxSize> buffer_;
  rtcp::CompoundWriter writer_;
};

}  // namespace meridian::forward
