#include "ice/stun_wire.hpp"

#include <gtest/gtest.h>

namespace meridian::ice::wire {
namespace {

constexpr TransactionId kTransaction = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

// RFC 8489 section 5, RFC 8656 section 17: Allocate requests, Data indications, ChannelBind errors.
TEST(StunWire, types_are_class_and_method) {
  EXPECT_EQ(type_of(StunClass::kRequest, 0x003), 0x0003);
  EXPECT_EQ(type_of(StunClass::kIndication, 0x007), 0x0017);
  EXPECT_EQ(type_of(StunClass::kError, 0x009), 0x0119);
  for (std::uint16_t method = 0; method < 0x1000; ++method) {
    for (const auto one :
         {StunClass::kRequest, StunClass::kIndication, StunClass::kSuccess, StunClass::kError}) {
      const std::uint16_t type = type_of(one, method);
      EXPECT_EQ(type >> 14U, 0);
      EXPECT_EQ(class_of(type), one);
      EXPECT_EQ(method_of(type), method);
    }
  }
}

TEST(StunWire, reads_the_addresses_that_it_writes) {
  for (const auto* text : {"192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"}) {
    const SocketAddress address = *SocketAddress::parse(text);
    std::array<std::uint8_t, kMaxAddressSize> bytes{};
    const std::size_t size = write_xor_address(address, kTransaction, bytes);
    EXPECT_EQ(size, address.ip.is_v4() ? 8U : 20U);
    EXPECT_EQ(read_xor_address(Bytes(bytes).first(size), kTransaction), address);
    EXPECT_FALSE(read_xor_address(Bytes(bytes).first(size - 1), kTransaction));
    bytes[1] = 3;
    EXPECT_FALSE(read_xor_address(Bytes(bytes).first(size), kTransaction));
  }
}

}  // namespace
}  // namespace meridian::ice::wire
