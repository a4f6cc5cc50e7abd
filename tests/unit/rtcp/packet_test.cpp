// Goal: a compound is believed as a whole or not at all, and no field of it can make the parser
// read or work beyond the bytes that came. Method: packets written out by hand from the RFCs and
// two transport feedbacks captured from Chromium, then every truncation and single-byte change of
// them.
#include "rtcp/packet.hpp"

#include <vector>

#include <gtest/gtest.h>

#include "rtcp/text.hpp"

namespace meridian::rtcp {
namespace {

using Raw = std::vector<std::uint8_t>;

Raw joined(std::initializer_list<Raw> parts) {
  Raw all;
  for (const Raw& part : parts) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

std::string text_of(const Raw& raw) {
  const auto compound = Compound::parse(raw);
  return compound ? to_text(*compound) : "refused: " + std::string(to_text(compound.error()));
}

/// Touches each byte that any view of the compound reaches, for the sanitizers.
std::size_t walk(Bytes raw) {
  const auto compound = Compound::parse(raw);
  return compound ? to_text(*compound).size() : 0;
}

const Raw kSenderReport = {
    0x81, 200,  0,    12,   0,    0,    0,    1,     // sender 1
    0x83, 0xaa, 0x7e, 0x80, 0x80, 0,    0,    0,     // ntp
    0,    0,    0x10, 0,    0,    0,    0,    5,     // rtp 4096, 5 packets
    0,    0,    0x03, 0xe8,                          // 1000 octets
    0,    0,    0,    2,    0x40, 0xff, 0xff, 0xfe,  // about 2: a quarter, -2 in all
    0,    1,    0,    7,    0,    0,    0,    9,     // highest 65543, jitter 9
    0x11, 0x22, 0x33, 0x44, 0,    1,    0,    0};    // lsr, dlsr 1 s
const Raw kReceiverReport = {0x80, 201, 0, 1, 0, 0, 0, 3};
const Raw kDescription = {0x81, 202, 0, 3, 0, 0, 0, 4, 1, 5, 'a', 'b', 'c', 'd', 'e', 0};
const Raw kBye = {0x82, 203, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 4, 'd', 'o', 'n', 'e', 0, 0, 0};
// RFC 4585 section 6.2.1: packet 10 lost, and 11 and 26 of the 16 after it.
const Raw kNack = {0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 10, 0x80, 0x01};
const Raw kPictureLoss = {0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 8};
const Raw kFullIntra = {0x84, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 7, 0, 0, 0};
const Raw kRemb = {0x8f, 206, 0,   5,   0, 0,    0,    1,    0, 0, 0, 0,
                   'R',  'E', 'M', 'B', 1, 0x05, 0xed, 0x4e, 0, 0, 0, 10};  // 126286 << 1
// Chromium pads by one to three bytes.
const Raw kFeedbackRun = {0xaf, 0xcd, 0, 5, 0xfa, 0x17, 0xfa, 0x17, 0x43, 3,    0x2f, 0xa0,
                          0,    0x99, 0, 1, 0x3d, 0xe8, 2,    0x17, 0x20, 0x01, 0x94, 1};
const Raw kFeedbackVector = {0xaf, 0xcd, 0,    6,    0xfa, 0x17, 0xfa, 0x17, 0x19, 0x3d,
                             0xd8, 0xbb, 1,    0x74, 0,    0x0e, 0x45, 0xb1, 0x5a, 0x40,
                             0xd8, 0,    0xf0, 0xff, 0xd0, 0,    0,    1};

TEST(RtcpPacket, reads_reports_source_descriptions_and_goodbyes) {
  EXPECT_EQ(text_of(joined({kSenderReport, kReceiverReport, kDescription, kBye})),
            "SR 1 ntp 9487534655377768448 rtp 4096 packets 5 octets 1000 [2 fraction 64 lost -2 "
            "highest 65543 jitter 9 lsr 287454020 dlsr 65536]\n"
            "RR 3\n"
            "SDES 4 cname abcde\n"
            "BYE 5 6 reason done\n");
}

TEST(RtcpPacket, reads_feedback_for_key_frames_losses_and_bandwidth) {
  EXPECT_EQ(text_of(joined({kNack, kPictureLoss, kFullIntra, kRemb})),
            "NACK 7: 10 11 26\nPLI 8\nFIR 9 #7\nREMB 252572 10\n");
}

TEST(RtcpPacket, reads_transport_feedback_as_chromium_pads_it) {
  // Base 153, 1 packet, reference 4057090 * 64 ms, delta 37 ms.
  EXPECT_EQ(text_of(kFeedbackRun), "TWCC #23: 153=259653797000\n");
  const std::string text = text_of(joined({kFeedbackVector, kPictureLoss}));
  EXPECT_TRUE(text.starts_with("TWCC #64: 372=292312756000 373=292312756000 374=lost")) << text;
  EXPECT_TRUE(text.ends_with(" 385=lost\nPLI 8\n")) << text;
}

TEST(RtcpPacket, moves_arrival_times_back_for_negative_deltas) {
  // Two-bit vector: large, large, small; deltas +2, -1, +3 in 250 us.
  const Raw raw = {0x8f, 205, 0, 6, 0, 0, 0,    1, 0, 0, 0,    2,    0xff, 0xff,
                   0,    3,   0, 0, 1, 0, 0xe9, 0, 0, 2, 0xff, 0xff, 3,    0};
  EXPECT_EQ(text_of(raw), "TWCC #0: 65535=64500 0=64250 1=65000\n");
}

TEST(RtcpPacket, skips_packets_that_nothing_uses) {
  const Raw extended_report = {0x80, 207, 0, 1, 0, 0, 0, 1};
  const Raw application = {0x80, 204, 0, 2, 0, 0, 0, 1, 'n', 'a', 'm', 'e'};
  const Raw slice_loss = {0x82, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0};
  const Raw not_remb = {0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 2, 'A', 'B', 'C', 'D'};
  const Raw tmmbr = {0x83, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2};
  EXPECT_EQ(text_of(joined({extended_report, application, slice_loss, not_remb, tmmbr})),
            "type 207\ntype 204\ntype 206\ntype 206\ntype 205\n");
}

TEST(RtcpPacket, refuses_a_compound_with_any_inconsistent_packet) {
  struct Case {
    const char* name;
    Raw raw;
    ParseError error;
  };
  const std::vector<Case> cases = {
      {"nothing", {}, ParseError::kTruncated},
      {"half a header", {0x80, 201}, ParseError::kTruncated},
      {"version 1", {0x40, 201, 0, 1, 0, 0, 0, 1}, ParseError::kVersion},
      {"length past the end", {0x80, 201, 0, 2, 0, 0, 0, 1}, ParseError::kLength},
      {"length 65535", {0x80, 201, 0xff, 0xff, 0, 0, 0, 1}, ParseError::kLength},
      {"bytes after the last packet", joined({kReceiverReport, {0x80}}), ParseError::kTruncated},
      {"padding of zero", {0xa0, 201, 0, 1, 0, 0, 0, 0}, ParseError::kPadding},
      {"padding beyond the packet", {0xa0, 201, 0, 1, 0, 0, 0, 8}, ParseError::kPadding},
      {"padding without a body", {0xa0, 201, 0, 0}, ParseError::kPadding},
      {"31 blocks of which none came", {0x9f, 201, 0, 1, 0, 0, 0, 1}, ParseError::kReport},
      {"a receiver report without sender", {0x80, 201, 0, 0}, ParseError::kReport},
      {"a sender report without its times", {0x80, 200, 0, 1, 0, 0, 0, 1}, ParseError::kReport},
      {"an item past the end",
       {0x81, 202, 0, 2, 0, 0, 0, 4, 1, 200, 'a', 0},
       ParseError::kSourceDescription},
      {"a chunk without an end",
       {0x81, 202, 0, 2, 0, 0, 0, 4, 1, 2, 'a', 'b'},
       ParseError::kSourceDescription},
      {"31 chunks in one",
       {0x9f, 202, 0, 2, 0, 0, 0, 4, 0, 0, 0, 0},
       ParseError::kSourceDescription},
      {"goodbye of 31 sources", {0x9f, 203, 0, 1, 0, 0, 0, 4}, ParseError::kBye},
      {"a reason past the end", {0x81, 203, 0, 2, 0, 0, 0, 4, 9, 'a', 'b', 'c'}, ParseError::kBye},
      {"a NACK without items", {0x81, 205, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2}, ParseError::kFeedback},
      {"a PLI without media", {0x81, 206, 0, 1, 0, 0, 0, 1}, ParseError::kFeedback},
      {"half a FIR item",
       {0x84, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9},
       ParseError::kFeedback},
      {"REMB of 255 sources",
       {0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 255, 0, 0, 1},
       ParseError::kFeedback},
      {"feedback without chunks",
       {0x8f, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0},
       ParseError::kFeedback},
      {"feedback that lacks its deltas",
       {0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 0, 0x20, 9, 1, 1},
       ParseError::kFeedback},
      {"more than a datagram", Raw(1504, 0), ParseError::kTooLong},
  };
  for (const Case& c : cases) {
    const auto compound = Compound::parse(c.raw);
    ASSERT_FALSE(compound) << c.name;
    EXPECT_EQ(compound.error(), c.error) << c.name << ": " << to_text(compound.error());
    if (c.raw.size() >= 4 && c.raw.size() <= 1400 && c.raw.size() % 4 == 0) {
      EXPECT_FALSE(Compound::parse(joined({kReceiverReport, c.raw}))) << c.name;
    }
  }
}

TEST(RtcpPacket, yields_a_bounded_number_of_sequences_from_a_huge_nack) {
  Raw raw = {0x81, 205, 0x01, 0x72, 0, 0, 0, 1, 0, 0, 0, 2};
  while (raw.size() < 1484) {
    raw.insert(raw.end(), {0, 1, 0xff, 0xff});
  }
  const auto compound = Compound::parse(raw);
  ASSERT_TRUE(compound);
  const Packet packet = *compound->begin();
  std::size_t count = 0;
  for (NackCursor cursor = std::get<Nack>(packet).sequences(); cursor.next();) {
    ++count;
  }
  EXPECT_EQ(count, NackCursor::kMaxSequences);
}

TEST(RtcpPacket, yields_a_bounded_number_of_statuses_whatever_count_is_claimed) {
  Raw raw = {0x8f, 205, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0, 9, 0xff, 0xff, 0, 0, 0, 0};
  for (int i = 0; i < 10; ++i) {
    raw.insert(raw.end(), {0x1f, 0xff});  // 8191 lost each
  }
  const auto compound = Compound::parse(raw);  // ended by the ninth, the tenth is padding
  ASSERT_TRUE(compound);
  const Packet packet = *compound->begin();
  std::size_t count = 0;
  for (StatusCursor cursor = std::get<TransportFeedback>(packet).statuses(); cursor.next();) {
    ++count;
  }
  EXPECT_EQ(count, StatusCursor::kMaxStatuses);
  raw.resize(raw.size() - 4);
  raw[3] = 8;
  EXPECT_FALSE(Compound::parse(raw));  // eight chunks are only 65528
}

TEST(RtcpPacket, gets_past_runs_of_length_zero) {
  const Raw raw = {0x8f, 205, 0, 6, 0, 0, 0, 1, 0, 0, 0,    2, 0, 9,
                   0,    1,   0, 0, 1, 0, 0, 0, 0, 0, 0x20, 1, 4, 0};
  EXPECT_EQ(text_of(raw), "TWCC #0: 9=65000\n");
}

TEST(RtcpPacket, clamps_a_bandwidth_that_64_bits_cannot_hold) {
  const Raw raw = {0x8f, 206, 0,   4,   0,   0,   0, 1,    0,    0,
                   0,    0,   'R', 'E', 'M', 'B', 0, 0xff, 0xff, 0xff};
  EXPECT_EQ(text_of(raw), "REMB 18446744073709551615\n");
}

TEST(RtcpPacket, survives_every_truncation_and_every_changed_byte) {
  const Raw all = joined({kSenderReport, kReceiverReport, kDescription, kBye, kNack, kPictureLoss,
                          kFullIntra, kRemb, kFeedbackRun, kFeedbackVector});
  ASSERT_GT(walk(all), 0U);
  for (std::size_t size = 0; size < all.size(); ++size) {
    const Raw exact(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    walk(exact);
  }
  for (std::size_t at = 0; at < all.size(); ++at) {
    for (const int value : {0, 1, 2, 0x1f, 0x3f, 0x7f, 0x80, 0x9f, 0xff}) {
      Raw changed = all;
      changed[at] = static_cast<std::uint8_t>(value);
      walk(changed);
    }
  }
}

TEST(RtcpPacket, moves_ntp_time_by_durations_of_both_signs) {
  const NtpTime time(std::uint64_t{10} << 32U);
  EXPECT_EQ(time.plus(1500ms).value(), (std::uint64_t{11} << 32U) + 0x80000000U);
  EXPECT_EQ(time.plus(-1500ms).value(), (std::uint64_t{8} << 32U) + 0x80000000U);
  EXPECT_EQ(time.compact(), 10U << 16U);
}

}  // namespace
}  // namespace meridian::rtcp
