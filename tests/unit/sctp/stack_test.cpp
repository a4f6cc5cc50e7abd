// Goal: what the stack puts on the wire says nothing about our memory, and its tuning holds.
// Method: the packets of two bare associations, read field by field (RFC 9260).
#include "sctp/stack.hpp"

#include <cstdio>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "sctp/service.hpp"

namespace meridian::sctp {
namespace {

using Raw = std::vector<std::uint8_t>;
constexpr std::uint8_t kInit = 1;
constexpr std::uint8_t kInitAck = 2;
constexpr std::size_t kFirstChunk = 12;

class SctpStack : public testing::Test {
 protected:
  SctpStack() : stack_(&SctpStack::on_output, this), a_(stack_.make_key()), b_(stack_.make_key()) {
    stack_.advance(Instant::from_origin(1s));
  }

  static void on_output(void* self, AssociationKey key, Bytes packet) {
    static_cast<SctpStack*>(self)->sent_.push_back({key, {packet.begin(), packet.end()}});
  }
  /// Every packet of that chunk type, of those sent so far.
  [[nodiscard]] std::vector<Raw> packets_of(std::uint8_t type) const {
    std::vector<Raw> found;
    for (const auto& [key, packet] : log_) {
      if (packet.size() > kFirstChunk && packet[kFirstChunk] == type) {
        found.push_back(packet);
      }
    }
    return found;
  }
  void exchange() {
    while (!sent_.empty()) {
      for (const auto& [key, packet] : std::exchange(sent_, {})) {
        log_.push_back({key, packet});
        stack_.input(key == a_ ? b_ : a_, packet);
      }
    }
  }

  std::vector<std::pair<AssociationKey, Raw>> sent_;
  std::vector<std::pair<AssociationKey, Raw>> log_;
  Stack stack_;
  AssociationKey a_;
  AssociationKey b_;
};

TEST_F(SctpStack, never_reuses_a_key) {
  EXPECT_LT(a_, b_);
}

TEST_F(SctpStack, offers_few_streams_and_no_extension_that_is_off) {
  const auto socket = stack_.connect(a_);
  ASSERT_TRUE(socket);
  exchange();
  const auto inits = packets_of(kInit);
  ASSERT_EQ(inits.size(), 1U);
  ByteReader reader(inits[0]);
  EXPECT_EQ(reader.u16(), kPort);
  EXPECT_EQ(reader.u16(), kPort);
  reader.skip(kFirstChunk - 4 + 12);  // checksums, tags, chunk header, window
  EXPECT_EQ(reader.u16(), kMaxStreams);
  EXPECT_EQ(reader.u16(), kMaxStreams);
  reader.skip(4);
  bool has_forward_tsn = false;
  while (reader.remaining() >= 4) {
    const std::uint16_t type = reader.u16();
    const std::size_t size = reader.u16();
    const Bytes value = reader.bytes((size + 3) / 4 * 4 - 4).first(size - 4);
    has_forward_tsn |= type == 0xc000;
    EXPECT_NE(type, 0x8000);                              // ECN
    EXPECT_TRUE(type < 0x8002 || type > 0x8004) << type;  // AUTH
    EXPECT_NE(type, 0xc006);                              // adaptation
    if (type == 0x8008) {                                 // supported chunk types
      for (const std::uint8_t chunk : value) {
        EXPECT_NE(chunk, 0xc1);  // ASCONF
        EXPECT_NE(chunk, 0x80);  // ASCONF-ACK
        EXPECT_NE(chunk, 0x0f);  // AUTH
        EXPECT_NE(chunk, 0x10);  // NR-SACK
        EXPECT_NE(chunk, 0x81);  // packet drop
      }
    }
  }
  EXPECT_TRUE(has_forward_tsn);
}

/// Address ranges that this process has mapped above 4 GiB, where a position-independent program,
/// its heap and its stacks are: below it lies only the sanitizers' shadow, and a random tag before
/// four zero bytes looks like a pointer into that. Nor the shadow's larger part above.
std::vector<std::pair<std::uint64_t, std::uint64_t>> mapped_ranges() {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx", &from, &to) == 2 && to - from < (1UL << 30U) &&
        from >= (1UL << 32U)) {
      ranges.emplace_back(from, to);
    }
  }
  return ranges;
}

TEST_F(SctpStack, puts_no_pointer_into_its_cookies) {
  const auto one = stack_.connect(a_);
  const auto other = stack_.connect(b_);
  exchange();
  const auto answers = packets_of(kInitAck);
  ASSERT_FALSE(answers.empty());
  const auto ranges = mapped_ranges();
  ASSERT_FALSE(ranges.empty());
  for (const Raw& answer : answers) {
    for (std::size_t at = 0; at + 8 <= answer.size(); ++at) {
      std::uint64_t value = 0;
      std::memcpy(&value, &answer[at], sizeof value);
      for (const auto& [from, to] : ranges) {
        EXPECT_FALSE(value >= from && value < to) << "at byte " << at;
      }
    }
  }
}

TEST_F(SctpStack, comes_up_when_both_sides_connect_at_once) {
  const auto one = stack_.connect(a_);
  const auto other = stack_.connect(b_);
  exchange();
  Raw buffer(1000);
  EXPECT_EQ(one->receive(buffer).kind, Received::Kind::kUp);
  EXPECT_EQ(other->receive(buffer).kind, Received::Kind::kUp);
  EXPECT_EQ(stack_.take_ready(), (std::vector{a_, b_}));
  EXPECT_TRUE(stack_.take_ready().empty());
}

TEST_F(SctpStack, takes_no_more_than_its_send_buffer) {
  const auto one = stack_.connect(a_);
  const auto other = stack_.connect(b_);
  exchange();
  const Raw message(100'000);
  std::size_t total = 0;
  while (const auto taken = one->send({}, message)) {
    total += *taken;
    if (*taken == 0) {
      break;
    }
  }
  EXPECT_LE(total, Stack::kSendBuffer);
  EXPECT_GE(total, message.size());
  EXPECT_EQ(one->send({}, message), 0U);
  EXPECT_FALSE(other->send({.channel = ChannelId(500)}, Raw(1)));
}

TEST_F(SctpStack, does_not_answer_packets_of_no_association) {
  const auto one = stack_.connect(a_);
  sent_.clear();
  Raw packet(32);  // a DATA chunk with a tag that nobody has, and no valid checksum
  store_u16(&packet[0], kPort);
  store_u16(&packet[2], kPort);
  store_u32(&packet[4], 0x12345678);
  store_u16(&packet[14], 20);
  stack_.input(b_, packet);
  EXPECT_TRUE(sent_.empty());
}

}  // namespace
}  // namespace meridian::sctp
