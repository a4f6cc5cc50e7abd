// Method: messages written out from RFC 8832 section 5, and every truncation and change of one.
#include "sctp/dcep.hpp"

#include <string>

#include <gtest/gtest.h>

namespace meridian::sctp::dcep {
namespace {

using Raw = std::vector<std::uint8_t>;

Raw open_message(std::uint8_t type, std::uint32_t reliability, const std::string& label,
                 const std::string& protocol = "") {
  Raw raw(12);
  raw[0] = 0x03;
  raw[1] = type;
  store_u32(&raw[4], reliability);
  store_u16(&raw[8], static_cast<std::uint16_t>(label.size()));
  store_u16(&raw[10], static_cast<std::uint16_t>(protocol.size()));
  raw.insert(raw.end(), label.begin(), label.end());
  raw.insert(raw.end(), protocol.begin(), protocol.end());
  return raw;
}

TEST(Dcep, reads_each_channel_type) {
  struct Case {
    std::uint8_t type;
    Order order;
    Reliability reliability;
    std::uint32_t value;
  };
  for (const Case& c : {Case{0x00, Order::kOrdered, Reliability::kReliable, 0},
                        Case{0x80, Order::kUnordered, Reliability::kReliable, 0},
                        Case{0x01, Order::kOrdered, Reliability::kMaxRetransmits, 77},
                        Case{0x81, Order::kUnordered, Reliability::kMaxRetransmits, 77},
                        Case{0x02, Order::kOrdered, Reliability::kMaxLifetime, 77},
                        Case{0x82, Order::kUnordered, Reliability::kMaxLifetime, 77}}) {
    const auto message = parse(open_message(c.type, 77, "label", "proto"));
    ASSERT_TRUE(message);
    EXPECT_EQ(message->type, Type::kOpen);
    EXPECT_EQ(message->options,
              (ChannelOptions{"label", "proto", c.order, c.reliability, c.value}));
    EXPECT_EQ(build_open(message->options), open_message(c.type, c.value, "label", "proto"));
  }
}

TEST(Dcep, reads_an_acknowledgement) {
  const auto message = parse(kAck);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, Type::kAck);
}

// pion (the LiveKit Go SDK) acknowledges with four bytes; refusing that closed the channel.
TEST(Dcep, reads_an_acknowledgement_with_bytes_after_it) {
  const auto message = parse(Raw{0x02, 0, 0, 0});
  ASSERT_TRUE(message);
  EXPECT_EQ(message->type, Type::kAck);
}

TEST(Dcep, refuses_malformed_messages) {
  EXPECT_EQ(parse({}).error(), ParseError::kTruncated);
  EXPECT_EQ(parse(Raw{0x00}).error(), ParseError::kType);
  EXPECT_EQ(parse(Raw{0x03, 0, 0}).error(), ParseError::kTruncated);
  EXPECT_EQ(parse(open_message(0x03, 0, "x")).error(), ParseError::kChannelType);
  EXPECT_EQ(parse(open_message(0x7f, 0, "x")).error(), ParseError::kChannelType);
  Raw longer = open_message(0, 0, "label");
  longer.push_back(0);
  EXPECT_EQ(parse(longer).error(), ParseError::kLength);
  Raw lying = open_message(0, 0, "label");
  store_u16(&lying[8], 0xffff);
  store_u16(&lying[10], 0xffff);
  EXPECT_EQ(parse(lying).error(), ParseError::kLength);
}

TEST(Dcep, limits_label_and_protocol_to_256_bytes) {
  EXPECT_TRUE(parse(open_message(0, 0, std::string(256, 'x'), std::string(256, 'y'))));
  EXPECT_EQ(parse(open_message(0, 0, std::string(257, 'x'))).error(), ParseError::kTooLong);
  EXPECT_EQ(parse(open_message(0, 0, "", std::string(257, 'x'))).error(), ParseError::kTooLong);
  EXPECT_EQ(parse(open_message(0, 0, std::string(65535, 'x'))).error(), ParseError::kTooLong);
}

TEST(Dcep, accepts_only_utf8) {
  for (const char* good : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(parse(open_message(0, 0, good))) << good;
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xe2\x82", "\xe2\x28\xa1", "\xff"}) {
    EXPECT_EQ(parse(open_message(0, 0, bad)).error(), ParseError::kText);
    EXPECT_EQ(parse(open_message(0, 0, "", bad)).error(), ParseError::kText);
  }
}

TEST(Dcep, survives_every_truncation_and_changed_byte) {
  const Raw raw = open_message(0x82, 1, "label", "protocol");
  for (std::size_t size = 0; size < raw.size(); ++size) {
    EXPECT_FALSE(parse(Raw(raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(size))));
  }
  for (std::size_t at = 0; at < raw.size(); ++at) {
    for (int value = 0; value < 256; ++value) {
      Raw changed = raw;
      changed[at] = static_cast<std::uint8_t>(value);
      (void)parse(changed);
    }
  }
}

}  // namespace
}  // namespace meridian::sctp::dcep
