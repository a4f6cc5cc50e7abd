#include "forward/receiver.hpp"

#include <gtest/gtest.h>

#include "forward/publication.hpp"
#include "forward/relay_sink.hpp"
#include "unit/forward/shard_bed.hpp"

namespace meridian::forward {
namespace {

using metrics::DropReason;
using test::at;
using test::PacketBytes;
using test::text;
using test::token;

// How packets find their section: RFC 8843 section 9.2, RFC 8852 for rids.
class ReceiverTest : public testing::Test {
 protected:
  static constexpr PublicationId kFirst{1};
  static constexpr PublicationId kSecond{2};

  ReceiveSection section(std::string_view mid, PublicationId publication, std::uint8_t type) const {
    return {.mid = token(mid),
            .kind = rtp::MediaKind::kVideo,
            .publication = publication,
            .codecs = {test::vp8(type)},
            .rids = {},
            .sources = {}};
  }
  void configure(std::vector<ReceiveSection> sections) {
    receiver_.configure({.transport = TransportId(1),
                         .extensions = test::extension_ids(),
                         .sections = std::move(sections)});
    receiver_.bind(kFirst, &first_);
    receiver_.bind(kSecond, &second_);
  }
  struct Fields {
    std::uint32_t ssrc = 50;
    std::uint8_t type = 96;
    std::string mid = "";
    std::string rid = "";
    std::string repaired = "";
    std::vector<std::uint8_t> payload = test::vp8_payload({.is_key = true});
  };
  base::Expected<std::optional<ReceivedPacket>, DropReason> take(const Fields& fields) {
    test::RtpFields rtp{.ssrc = fields.ssrc, .sequence = sequence_++, .payload_type = fields.type};
    if (!fields.mid.empty()) {
      rtp.extensions.emplace_back(1, text(fields.mid));
    }
    if (!fields.rid.empty()) {
      rtp.extensions.emplace_back(2, text(fields.rid));
    }
    if (!fields.repaired.empty()) {
      rtp.extensions.emplace_back(3, text(fields.repaired));
    }
    packet_ = test::rtp_packet(rtp, fields.payload);
    return receiver_.take(packet_, at(1s));
  }
  DropReason refusal(const Fields& fields) {
    const auto taken = take(fields);
    return taken ? DropReason::kCount : taken.error();
  }

  Publication first_{{.id = kFirst, .room = RoomNumber(1), .kind = rtp::MediaKind::kVideo}};
  Publication second_{{.id = kSecond, .room = RoomNumber(1), .kind = rtp::MediaKind::kVideo}};
  Receiver receiver_;
  PacketBytes packet_;
  std::uint16_t sequence_ = 10;
};

TEST_F(ReceiverTest, by_mid_and_then_by_the_ssrc_that_it_taught) {
  configure({section("a", kFirst, 96), section("b", kSecond, 96)});
  EXPECT_EQ(refusal({.ssrc = 50}), DropReason::kUnknownSource);
  const auto taken = take({.ssrc = 50, .mid = "b"});
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->publication, &second_);
  const auto later = take({.ssrc = 50});
  ASSERT_TRUE(later && *later);
  EXPECT_EQ((*later)->publication, &second_);
}

TEST_F(ReceiverTest, an_unknown_mid_is_not_guessed_around) {
  configure({section("a", kFirst, 96)});
  EXPECT_EQ(refusal({.mid = "z"}), DropReason::kUnknownSource);
}

TEST_F(ReceiverTest, by_an_unambiguous_payload_type) {
  configure({section("a", kFirst, 96), section("b", kSecond, 98)});
  EXPECT_EQ((*take({.ssrc = 1, .type = 98}))->publication, &second_);
  EXPECT_EQ((*take({.ssrc = 2, .type = 96}))->publication, &first_);
}

TEST_F(ReceiverTest, by_rid_when_the_section_has_several) {
  ReceiveSection simulcast = section("a", kFirst, 96);
  simulcast.rids = {token("q"), token("h")};
  configure({simulcast});
  EXPECT_EQ((*take({.ssrc = 1, .mid = "a", .rid = "h"}))->layer, 1);
  EXPECT_EQ((*take({.ssrc = 2, .mid = "a", .rid = "q"}))->layer, 0);
  EXPECT_EQ((*take({.ssrc = 1}))->layer, 1);
  EXPECT_EQ(refusal({.ssrc = 3, .mid = "a"}), DropReason::kUnknownSource);
  EXPECT_EQ(refusal({.ssrc = 3, .mid = "a", .rid = "x"}), DropReason::kUnknownSource);
}

TEST_F(ReceiverTest, by_a_rid_without_mid_when_only_one_section_has_it) {
  ReceiveSection one = section("a", kFirst, 96);
  ReceiveSection other = section("b", kSecond, 96);
  one.rids = {token("q"), token("h")};
  other.rids = {token("q"), token("x")};
  configure({one, other});
  EXPECT_EQ((*take({.ssrc = 1, .rid = "x"}))->publication, &second_);
  EXPECT_EQ(refusal({.ssrc = 2, .rid = "q"}), DropReason::kUnknownSource);
}

TEST_F(ReceiverTest, by_repaired_rid_for_retransmissions) {
  ReceiveSection simulcast = section("a", kFirst, 96);
  simulcast.rids = {token("q"), token("h")};
  configure({simulcast});
  ASSERT_TRUE(take({.ssrc = 1, .mid = "a", .rid = "h"}));  // sequence 10
  std::vector<std::uint8_t> payload = {0, 9};
  const auto original = test::vp8_payload({});
  payload.insert(payload.end(), original.begin(), original.end());
  const auto taken =
      take({.ssrc = 2, .type = 97, .mid = "a", .rid = "", .repaired = "h", .payload = payload});
  ASSERT_TRUE(taken && *taken);
  EXPECT_TRUE((*taken)->is_retransmission);
  EXPECT_EQ((*taken)->layer, 1);
  EXPECT_EQ((*taken)->packet.sequence.value() & 0xffffU, 9U);
  EXPECT_EQ((*taken)->packet.payload.size(), original.size());
}

TEST_F(ReceiverTest, padding_on_the_rtx_stream_is_harmless) {
  configure({section("a", kFirst, 96)});
  ASSERT_TRUE(take({.ssrc = 1}));
  const auto taken = take({.ssrc = 2,
                           .type = 97,
                           .mid = "",
                           .rid = "",
                           .repaired = "",
                           .payload = std::vector<std::uint8_t>()});
  ASSERT_TRUE(taken);
  EXPECT_FALSE(*taken);
}

TEST_F(ReceiverTest, by_the_sources_of_the_description) {
  ReceiveSection signalled = section("a", kFirst, 96);
  signalled.sources = {{.ssrc = Ssrc(1), .rtx = Ssrc(2)}, {.ssrc = Ssrc(3), .rtx = {}}};
  configure({signalled, section("b", kSecond, 96)});
  EXPECT_EQ((*take({.ssrc = 1}))->layer, 0);
  EXPECT_EQ((*take({.ssrc = 3}))->layer, 1);
}

TEST_F(ReceiverTest, a_payload_type_that_was_not_negotiated_is_dropped) {
  configure({section("a", kFirst, 96)});
  ASSERT_TRUE(take({.ssrc = 1}));
  EXPECT_EQ(refusal({.ssrc = 1, .type = 100}), DropReason::kUnknownPayloadType);
}

TEST_F(ReceiverTest, a_section_without_publication_is_dropped) {
  configure({section("a", PublicationId{}, 96)});
  EXPECT_EQ(refusal({.ssrc = 1}), DropReason::kNoPublication);
}

TEST_F(ReceiverTest, learned_sources_stay_when_sections_are_added_and_moved) {
  ReceiveSection simulcast = section("a", kFirst, 96);
  simulcast.rids = {token("q"), token("h")};
  configure({simulcast});
  const auto before = take({.ssrc = 1, .mid = "a", .rid = "h"});
  ASSERT_TRUE(before && *before);
  const std::uint32_t generation = (*before)->packet.generation;
  configure({section("b", kSecond, 98), simulcast});
  const auto after = take({.ssrc = 1});
  ASSERT_TRUE(after && *after);
  EXPECT_EQ((*after)->publication, &first_);
  EXPECT_EQ((*after)->layer, 1);
  EXPECT_EQ((*after)->packet.generation, generation);
}

TEST_F(ReceiverTest, a_section_that_goes_takes_its_sources_along) {
  configure({section("a", kFirst, 96), section("b", kSecond, 96)});
  ASSERT_TRUE(take({.ssrc = 1, .mid = "a"}));
  configure({section("b", kSecond, 96)});
  const auto taken = take({.ssrc = 1});
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->publication, &second_) << "by its payload type, which is unambiguous now";
}

TEST_F(ReceiverTest, another_track_in_a_section_is_another_generation) {
  configure({section("a", kFirst, 96)});
  const std::uint32_t before = (*take({.ssrc = 1}))->packet.generation;
  configure({section("a", kSecond, 96)});
  const auto taken = take({.ssrc = 1});
  EXPECT_EQ((*taken)->publication, &second_);
  EXPECT_NE((*taken)->packet.generation, before);
}

TEST_F(ReceiverTest, another_ssrc_for_a_layer_is_another_generation) {
  configure({section("a", kFirst, 96)});
  const std::uint32_t before = (*take({.ssrc = 1}))->packet.generation;
  sequence_ = 40'000;
  const auto taken = take({.ssrc = 77});
  ASSERT_TRUE(taken && *taken);
  EXPECT_NE((*taken)->packet.generation, before);
  EXPECT_EQ((*take({.ssrc = 77}))->packet.generation, before + 1);
}

TEST_F(ReceiverTest, other_layers_in_a_section_are_another_generation) {
  configure({section("a", kFirst, 96)});
  const auto before = take({.ssrc = 1});
  const auto sent = std::pair((*before)->packet.generation, (*before)->packet.sequence);
  ReceiveSection simulcast = section("a", kFirst, 96);
  simulcast.rids = {token("q"), token("h")};
  configure({simulcast});
  --sequence_;
  const auto after = take({.ssrc = 2, .mid = "a", .rid = "q"});
  ASSERT_TRUE(after && *after);
  EXPECT_NE(std::pair((*after)->packet.generation, (*after)->packet.sequence), sent)
      << "subscribers would give it a number that is used";
  configure({});
  configure({section("a", kFirst, 96)});
  EXPECT_GT((*take({.ssrc = 3}))->packet.generation, (*after)->packet.generation);
}

// Found by forward_fuzzer: the sequence numbers of both would meet in one layer.
TEST_F(ReceiverTest, a_publication_is_fed_by_one_section) {
  configure({section("a", kFirst, 96), section("b", kFirst, 98)});
  ASSERT_TRUE(take({.ssrc = 1, .mid = "a"}));
  EXPECT_EQ(refusal({.ssrc = 2, .type = 98, .mid = "b"}), DropReason::kNoPublication);
}

TEST_F(ReceiverTest, a_transport_has_a_limit_of_sources) {
  std::vector<ReceiveSection> sections;
  for (std::size_t i = 0; i < 70; ++i) {
    sections.push_back(section("m" + std::to_string(i), kFirst, 96));
  }
  configure(sections);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 70; ++i) {
    const auto taken =
        take({.ssrc = static_cast<std::uint32_t>(1000 + i), .mid = "m" + std::to_string(i)});
    refused += !taken && taken.error() == DropReason::kTooManySources ? 1 : 0;
  }
  EXPECT_EQ(refused, 70 - SsrcTable::kMaxSources);
}

TEST_F(ReceiverTest, malformed_packets_are_dropped) {
  configure({section("a", kFirst, 96)});
  const std::array<std::uint8_t, 5> bad = {0x80, 96, 0, 1, 2};
  const auto taken = receiver_.take(bad, at(1s));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error(), DropReason::kMalformedRtp);
}

TEST_F(ReceiverTest, names_the_publications_of_its_sections) {
  configure({section("a", kFirst, 96), section("b", PublicationId{}, 98)});
  EXPECT_EQ(receiver_.publications(), std::vector<PublicationId>{kFirst});
  EXPECT_EQ(receiver_.bind(kFirst, nullptr), 1U);
  EXPECT_EQ(receiver_.bind(PublicationId(9), nullptr), 0U);
}

}  // namespace
}  // namespace meridian::forward
