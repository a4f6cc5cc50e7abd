// Covers: server/bwe/arrival_recorder.cpp
// A stream of packets, four bytes each (step of the sequence, step of time, poll or not), through
// the recorder, the writer and the parser: every report must read back as the arrivals that were
// given.
#include <array>
#include <cstdint>

#include "base/check.hpp"
#include "bwe/arrival_recorder.hpp"
#include "rtcp/compound_writer.hpp"

using namespace meridian;

namespace {

void report(bwe::ArrivalRecorder& recorder, Instant now) {
  std::array<std::uint8_t, 300> buffer{};
  int packets = 0;
  while (const auto due = recorder.poll(now)) {
    MERIDIAN_CHECK(++packets < 3000 && due->times.size() <= bwe::ArrivalRecorder::kHistory);
    rtcp::CompoundWriter writer(buffer);
    rtcp::Arrivals arrivals{due->base, due->times};
    MERIDIAN_CHECK(writer.add_transport_feedback(Ssrc(1), Ssrc(2), due->feedback_count, arrivals) ==
                   rtcp::Added::kYes);
    const std::size_t taken = due->times.size() - arrivals.times.size();
    MERIDIAN_CHECK(taken > 0);
    if (!writer.empty()) {
      const auto compound = rtcp::Compound::parse(writer.bytes());
      MERIDIAN_CHECK(compound);
      const rtcp::Packet packet = *compound->begin();
      rtcp::StatusCursor cursor = std::get<rtcp::TransportFeedback>(packet).statuses();
      for (std::size_t i = 0; i < taken; ++i) {
        const auto status = cursor.next();
        MERIDIAN_CHECK(status && status->sequence == due->base.plus(static_cast<int>(i)));
        MERIDIAN_CHECK(status->arrival.has_value() == !due->times[i].is_never());
      }
      MERIDIAN_CHECK(!cursor.next());
    }
    recorder.on_reported(taken, now);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bwe::ArrivalRecorder recorder;
  ByteReader reader(Bytes(data, size));
  SequenceNumber sequence(reader.u16());
  Instant now = Instant::from_origin(10s);
  while (reader.remaining() >= 4) {
    sequence = sequence.plus(static_cast<std::int8_t>(reader.u8()));
    const std::uint8_t flags = reader.u8();
    if ((flags & 2U) != 0) {
      sequence = sequence.plus(flags << 6U);
    }
    now = now + std::chrono::microseconds(reader.u16() * ((flags & 4U) != 0 ? 500 : 10));
    const Duration early = (flags & 8U) != 0 ? 3ms : 0ms;
    recorder.on_packet(sequence, now - early);
    if ((flags & 1U) != 0) {
      report(recorder, now);
    }
  }
  report(recorder, now + 1s);
  MERIDIAN_CHECK(recorder.next_timeout().is_never());
  return 0;
}
