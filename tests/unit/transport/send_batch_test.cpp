#include "transport/send_batch.hpp"

#include <gtest/gtest.h>

namespace meridian::transport {
namespace {

TEST(SendBatch, keeps_what_was_committed_in_order) {
  SendBatch batch;
  EXPECT_TRUE(batch.empty());
  for (std::uint8_t i = 1; i <= 3; ++i) {
    const MutableBytes slot = batch.reserve();
    EXPECT_EQ(slot.size(), SendBatch::kSlotSize);
    slot[0] = i;
    batch.commit(i, {.to = {}, .socket = 0, .transport = TransportId(i), .bytes = {}});
  }
  (void)batch.reserve();  // never committed
  ASSERT_EQ(batch.datagrams().size(), 3U);
  for (std::uint8_t i = 1; i <= 3; ++i) {
    const OutboundDatagram& datagram = batch.datagrams()[i - 1U];
    EXPECT_EQ(datagram.bytes.size(), i);
    EXPECT_EQ(datagram.bytes[0], i);
    EXPECT_EQ(datagram.transport, TransportId(i));
    EXPECT_TRUE(datagram.received.is_never());
  }
}

TEST(SendBatch, flushes_when_it_is_full) {
  SendBatch batch;
  std::size_t flushed = 0;
  batch.set_flush(
      [](void* context, SendBatch& full) {
        *static_cast<std::size_t*>(context) += full.datagrams().size();
      },
      &flushed);
  for (std::size_t i = 0; i < SendBatch::kMaxDatagrams + 1; ++i) {
    (void)batch.reserve();
    batch.commit(1, {});
  }
  EXPECT_EQ(flushed, SendBatch::kMaxDatagrams);
  EXPECT_EQ(batch.datagrams().size(), 1U);
  batch.flush();
  EXPECT_EQ(flushed, SendBatch::kMaxDatagrams + 1);
}

}  // namespace
}  // namespace meridian::transport
