// Goal: what reaches OpenSSL after the handshake can be of that connection. Method: datagrams made
// record by record.
#include "dtls/record.hpp"

#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace meridian::dtls {
namespace {

using Raw = std::vector<std::uint8_t>;
constexpr std::size_t kOverhead = 24;
constexpr std::uint8_t kHandshake = 22;

void add_record(Raw& datagram, std::uint16_t epoch, std::size_t size) {
  const std::size_t at = datagram.size();
  datagram.resize(at + 13 + size);
  datagram[at] = kHandshake;
  store_u16(&datagram[at + 1], 0xfefd);
  store_u16(&datagram[at + 3], epoch);
  store_u16(&datagram[at + 11], static_cast<std::uint16_t>(size));
}

TEST(DtlsRecord, a_repeated_last_flight_in_one_datagram_passes) {
  Raw flight;
  add_record(flight, 0, 12);
  add_record(flight, 0, 1);
  add_record(flight, 1, kOverhead + 24);
  EXPECT_TRUE(may_be_protected(flight, kOverhead));
}

TEST(DtlsRecord, a_short_record_behind_a_good_one_is_refused) {
  Raw datagram;
  add_record(datagram, 1, kOverhead);
  EXPECT_TRUE(may_be_protected(datagram, kOverhead));
  add_record(datagram, 1, kOverhead - 1);
  EXPECT_FALSE(may_be_protected(datagram, kOverhead));
}

TEST(DtlsRecord, later_epochs_and_cut_records_are_refused) {
  Raw later;
  add_record(later, 2, kOverhead);
  EXPECT_FALSE(may_be_protected(later, kOverhead));
  Raw cut;
  add_record(cut, 1, kOverhead);
  for (cut.pop_back(); !cut.empty(); cut.pop_back()) {
    EXPECT_FALSE(may_be_protected(cut, kOverhead)) << cut.size();
  }
}

}  // namespace
}  // namespace meridian::dtls
