// Goal: whatever is written fits into 1,200 bytes and reads back as it was meant. Method: bytes
// derived by hand from the RFCs, and round trips through the parser with seeded random contents.
#include "rtcp/compound_writer.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "rtcp/text.hpp"

namespace meridian::rtcp {
namespace {

class RtcpWriter : public testing::Test {
 protected:
  std::string text() const {
    const auto compound = Compound::parse(writer_.bytes());
    return compound ? to_text(*compound) : std::string(to_text(compound.error()));
  }
  std::vector<std::uint8_t> raw() const { return {writer_.bytes().begin(), writer_.bytes().end()}; }

  std::array<std::uint8_t, 2000> buffer_{};
  CompoundWriter writer_{buffer_};
};

TEST_F(RtcpWriter, writes_nack_items_that_share_a_bitmask) {
  const std::vector<SequenceNumber> lost = {SequenceNumber(65534), SequenceNumber(65535),
                                            SequenceNumber(14), SequenceNumber(15)};
  std::span<const SequenceNumber> rest = lost;
  EXPECT_EQ(writer_.add_nack(Ssrc(1), Ssrc(2), rest), Added::kYes);
  EXPECT_TRUE(rest.empty());
  // 14 is 16 after 65534, 15 is 17 after it.
  const std::vector<std::uint8_t> expected = {0x81, 205, 0,    4,    0,    0,    0, 1,  0, 0,
                                              0,    2,   0xff, 0xfe, 0x80, 0x01, 0, 15, 0, 0};
  EXPECT_EQ(raw(), expected);
}

TEST_F(RtcpWriter, writes_every_packet_so_that_it_reads_back) {
  const std::vector<ReportBlock> blocks = {{Ssrc(9), 255, -5, 70000, 3, 0x01020304, 77},
                                           {Ssrc(10), 0, 8388607, 1, 2, 3, 4}};
  std::span<const ReportBlock> rest = blocks;
  const SenderReport report{Ssrc(1), NtpTime(2), RtpTimestamp(3), 4, 5, {}};
  ASSERT_EQ(writer_.add_sender_report(report, rest), Added::kYes);
  rest = std::span(blocks).first(1);
  ASSERT_EQ(writer_.add_receiver_report(Ssrc(6), rest), Added::kYes);
  ASSERT_EQ(writer_.add_cname(Ssrc(1), "name"), Added::kYes);
  ASSERT_EQ(writer_.add_picture_loss(Ssrc(1), Ssrc(8)), Added::kYes);
  ASSERT_EQ(writer_.add_full_intra(Ssrc(1), Ssrc(8), 200), Added::kYes);
  const std::array<Ssrc, 2> sources = {Ssrc(8), Ssrc(9)};
  ASSERT_EQ(writer_.add_remb(Ssrc(1), Bitrate(262143), sources), Added::kYes);
  ASSERT_EQ(writer_.add_bye(Ssrc(1)), Added::kYes);
  EXPECT_EQ(
      text(),
      "SR 1 ntp 2 rtp 3 packets 4 octets 5 [9 fraction 255 lost -5 highest 70000 jitter 3 lsr "
      "16909060 dlsr 77] [10 fraction 0 lost 8388607 highest 1 jitter 2 lsr 3 dlsr 4]\n"
      "RR 6 [9 fraction 255 lost -5 highest 70000 jitter 3 lsr 16909060 dlsr 77]\n"
      "SDES 1 cname name\nPLI 8\nFIR 8 #200\nREMB 262143 8 9\nBYE 1\n");
}

TEST_F(RtcpWriter, ends_a_source_description_with_a_zero_for_every_length) {
  for (std::size_t length = 0; length <= 300; ++length) {
    writer_.clear();
    ASSERT_EQ(writer_.add_cname(Ssrc(1), std::string(length, 'x')), Added::kYes);
    EXPECT_EQ(text(),
              "SDES 1 cname " + std::string(std::min<std::size_t>(length, 255), 'x') + "\n");
  }
}

TEST_F(RtcpWriter, rounds_a_bandwidth_down_to_18_bits) {
  ASSERT_EQ(writer_.add_remb(Ssrc(1), Bitrate(0xfffffffffffffff), {}), Added::kYes);
  EXPECT_EQ(text(), "REMB " + std::to_string(0xffffc0000000000U) + "\n");
}

TEST_F(RtcpWriter, splits_200_report_blocks_over_compounds_of_at_most_1200_bytes) {
  std::vector<ReportBlock> blocks(200);
  for (std::uint32_t i = 0; i < 200; ++i) {
    blocks[i].ssrc = Ssrc(i);
  }
  std::span<const ReportBlock> rest = blocks;
  std::uint32_t seen = 0;
  int flushes = 0;
  const auto flush = [&] {
    const auto compound = Compound::parse(writer_.bytes());
    ASSERT_TRUE(compound);
    EXPECT_LE(writer_.bytes().size(), CompoundWriter::kMaxSize);
    for (const Packet packet : *compound) {
      const auto& report = std::get<ReceiverReport>(packet);
      EXPECT_LE(report.blocks.size(), 31U);
      for (std::size_t i = 0; i < report.blocks.size(); ++i) {
        EXPECT_EQ(report.blocks[i].ssrc.value(), seen++);
      }
    }
    ++flushes;
    writer_.clear();
  };
  while (!rest.empty()) {
    if (writer_.add_receiver_report(Ssrc(1), rest) == Added::kFull) {
      flush();
    }
  }
  flush();
  EXPECT_EQ(seen, 200U);
  EXPECT_EQ(flushes, 5);
}

TEST_F(RtcpWriter, writes_nothing_when_a_packet_does_not_fit) {
  while (writer_.add_picture_loss(Ssrc(1), Ssrc(2)) == Added::kYes) {
  }
  const std::size_t size = writer_.bytes().size();
  EXPECT_EQ(size, 1200U);
  const std::array<ReportBlock, 1> block{};
  std::span<const ReportBlock> blocks = block;
  const std::array<SequenceNumber, 1> lost{};
  std::span<const SequenceNumber> sequences = lost;
  const std::array<Instant, 1> time{};
  Arrivals arrivals{SequenceNumber(1), time};
  EXPECT_EQ(writer_.add_receiver_report(Ssrc(1), blocks), Added::kFull);
  EXPECT_EQ(writer_.add_sender_report({}, blocks), Added::kFull);
  EXPECT_EQ(writer_.add_cname(Ssrc(1), "x"), Added::kFull);
  EXPECT_EQ(writer_.add_bye(Ssrc(1)), Added::kFull);
  EXPECT_EQ(writer_.add_nack(Ssrc(1), Ssrc(2), sequences), Added::kFull);
  EXPECT_EQ(writer_.add_full_intra(Ssrc(1), Ssrc(2), 0), Added::kFull);
  EXPECT_EQ(writer_.add_remb(Ssrc(1), Bitrate(1), {}), Added::kFull);
  EXPECT_EQ(writer_.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals), Added::kFull);
  EXPECT_EQ(blocks.size() + sequences.size() + arrivals.times.size(), 3U);
  EXPECT_EQ(writer_.bytes().size(), size);
}

TEST_F(RtcpWriter, splits_a_long_nack_without_losing_a_sequence) {
  std::vector<SequenceNumber> lost;
  for (int i = 0; i < 1000; ++i) {
    lost.push_back(SequenceNumber(static_cast<std::uint16_t>(i * 20)));  // an item each
  }
  std::span<const SequenceNumber> rest = lost;
  std::size_t seen = 0;
  while (!rest.empty()) {
    writer_.clear();
    ASSERT_EQ(writer_.add_nack(Ssrc(1), Ssrc(2), rest), Added::kYes);
    const auto compound = Compound::parse(writer_.bytes());
    ASSERT_TRUE(compound);
    const Packet packet = *compound->begin();
    for (NackCursor cursor = std::get<Nack>(packet).sequences(); const auto next = cursor.next();) {
      EXPECT_EQ(*next, lost[seen++]);
    }
  }
  EXPECT_EQ(seen, lost.size());
}

TEST_F(RtcpWriter, writes_a_run_of_feedback_as_the_draft_says) {
  // 64 ms and 250 us apart: reference 1, then deltas 1, 1, 1 in one-bit form.
  const std::array<Instant, 3> times = {
      Instant::from_origin(64250us), Instant::from_origin(64500us), Instant::from_origin(64750us)};
  Arrivals arrivals{SequenceNumber(65535), times};
  ASSERT_EQ(writer_.add_transport_feedback(Ssrc(1), Ssrc(2), 7, arrivals), Added::kYes);
  const std::vector<std::uint8_t> expected = {0x8f, 205, 0,    6,    0, 0, 0, 1, 0, 0,
                                              0,    2,   0xff, 0xff, 0, 3, 0, 0, 1, 7,
                                              0x20, 3,   1,    1,    1, 0, 0, 0};
  EXPECT_EQ(raw(), expected);
  EXPECT_EQ(arrivals.base, SequenceNumber(2));
  EXPECT_TRUE(arrivals.times.empty());
}

TEST_F(RtcpWriter, takes_arrivals_of_which_none_arrived_without_writing) {
  const std::vector<Instant> times(20, Instant::never());
  Arrivals arrivals{SequenceNumber(5), times};
  EXPECT_EQ(writer_.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals), Added::kYes);
  EXPECT_TRUE(writer_.empty());
  EXPECT_TRUE(arrivals.times.empty());
  EXPECT_EQ(arrivals.base, SequenceNumber(25));
}

/// Feeds `times` through writer and parser; false with the first difference reported.
void expect_round_trip(CompoundWriter& writer, SequenceNumber base,
                       const std::vector<Instant>& times) {
  Arrivals arrivals{base, times};
  std::size_t seen = 0;
  for (int packets = 0; !arrivals.times.empty(); ++packets) {
    ASSERT_LT(packets, 2000);
    writer.clear();
    const SequenceNumber first = arrivals.base;
    const std::size_t before = arrivals.times.size();
    ASSERT_EQ(writer.add_transport_feedback(Ssrc(1), Ssrc(2), 0, arrivals), Added::kYes);
    const std::size_t taken = before - arrivals.times.size();
    ASSERT_GT(taken, 0U);
    if (writer.empty()) {
      seen += taken;
      continue;
    }
    ASSERT_LE(writer.bytes().size(), CompoundWriter::kMaxSize);
    const auto compound = Compound::parse(writer.bytes());
    ASSERT_TRUE(compound) << to_text(compound.error());
    const Packet packet = *compound->begin();
    const auto& feedback = std::get<TransportFeedback>(packet);
    EXPECT_EQ(feedback.base, first);
    ASSERT_EQ(feedback.status_count, taken);
    for (StatusCursor cursor = feedback.statuses(); const auto status = cursor.next(); ++seen) {
      ASSERT_EQ(status->sequence, base.plus(static_cast<int>(seen)));
      ASSERT_EQ(status->arrival.has_value(), !times[seen].is_never());
      if (status->arrival) {
        const Duration error = times[seen].since_origin() - *status->arrival;
        ASSERT_GE(error, 0us);
        ASSERT_LT(error, 250us);
      }
    }
  }
  EXPECT_EQ(seen, times.size());
}

TEST_F(RtcpWriter, round_trips_feedback_of_any_pattern_of_loss_and_delay) {
  Rng rng(20);
  for (int round = 0; round < 300; ++round) {
    const double loss = static_cast<double>(rng.below(100)) / 100.0;
    const std::uint64_t spread = std::uint64_t{1} << rng.below(24);
    std::vector<Instant> times(1 + rng.below(1500), Instant::never());
    Duration at = std::chrono::microseconds(1'000'000 + rng.below(1'000'000'000));
    for (Instant& time : times) {
      at += std::chrono::microseconds(rng.below(spread));
      if (!rng.chance(loss)) {
        const Duration early = std::chrono::microseconds(rng.below(20'000));  // reordered
        time = Instant::from_origin(rng.chance(0.1) ? at - early : at);
      }
    }
    expect_round_trip(writer_, SequenceNumber(static_cast<std::uint16_t>(rng.next())), times);
  }
}

}  // namespace
}  // namespace meridian::rtcp
