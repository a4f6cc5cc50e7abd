// What strangers send, and media of streams that exist, must not allocate: neither by `new` nor in
// OpenSSL. Both are counted here.
#include <cstdlib>

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include "support/counting_new.hpp"
#include "unit/transport/harness.hpp"

namespace {

void* counted_malloc(std::size_t size, const char* /*file*/, int /*line*/) {
  ++g_allocations;
  return std::malloc(size);
}
void* counted_realloc(void* memory, std::size_t size, const char* /*file*/, int /*line*/) {
  ++g_allocations;
  return std::realloc(memory, size);
}
void counted_free(void* memory, const char* /*file*/, int /*line*/) {
  std::free(memory);
}

// Before anything of OpenSSL runs, as it demands.
const bool g_is_counting =
    CRYPTO_set_mem_functions(counted_malloc, counted_realloc, counted_free) == 1;

}  // namespace

namespace meridian::transport {
namespace {

class AllocationTest : public testing::Test {
 protected:
  template <class Action>
  std::size_t count(Action action) {
    action();  // once, for what is made on first use
    const std::size_t before = g_allocations;
    for (int i = 0; i < 100; ++i) {
      action();
    }
    return g_allocations - before;
  }

  SendBatch batch_;
  Demultiplexer demultiplexer_{16};
  Call call_{demultiplexer_, batch_};
};

TEST_F(AllocationTest, sees_openssl) {
  ASSERT_TRUE(g_is_counting);
}

TEST_F(AllocationTest, strangers_cost_no_memory) {
  call_.connect();
  std::array<std::uint8_t, 256> buffer;
  ice::StunBuilder builder(buffer, ice::StunClass::kRequest, {});
  builder.username("server1:client1");
  const std::size_t size = builder.finish(ice::IntegrityKey("guessed"));
  const Bytes forged = Bytes(buffer).first(size);
  const Packet hello(300, 22);
  Packet media(100, 0x80);
  EXPECT_EQ(count([&] {
              EXPECT_EQ(demultiplexer_.handle_stun(forged, tuple(66), at(1s), batch_).error(),
                        DropReason::kStunBadIntegrity);
              EXPECT_EQ(demultiplexer_.find(tuple(66)), nullptr);
              EXPECT_FALSE(call_.transport_->handle_dtls(hello, tuple(66), at(1s), batch_));
              EXPECT_FALSE(call_.transport_->unprotect_rtp(media, tuple(66)));
              EXPECT_FALSE(call_.transport_->unprotect_rtp(media, call_.path_));
            }),
            0U);
}

TEST_F(AllocationTest, a_clients_checks_cost_no_memory) {
  call_.connect();
  std::array<std::uint8_t, 256> buffer;
  ice::StunBuilder builder(buffer, ice::StunClass::kRequest, {});
  builder.username("server1:client1");
  const std::size_t size = builder.finish(ice::IntegrityKey("server-password-1"));
  EXPECT_EQ(count([&] {
              EXPECT_TRUE(demultiplexer_.handle_stun(Bytes(buffer).first(size), call_.path_, at(1s),
                                                     batch_));
              batch_.clear();
            }),
            0U);
}

TEST_F(AllocationTest, media_costs_no_memory) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  std::vector<Packet> sealed;
  for (std::uint16_t i = 0; i < 101; ++i) {
    ASSERT_TRUE(call_.peer_->send_rtp(rtp(5, i)));
    sealed.push_back(*call_.peer_->poll_datagram());
    ASSERT_TRUE(call_.peer_->send_rtcp(receiver_report(5)));
    sealed.push_back(*call_.peer_->poll_datagram());
  }
  std::size_t next = 0;
  Packet plain = rtp(1, 0);
  const Packet report = receiver_report(1);
  EXPECT_EQ(count([&] {
              EXPECT_TRUE(call_.transport_->unprotect_rtp(sealed[next], call_.path_));
              EXPECT_TRUE(call_.transport_->unprotect_rtcp(sealed[next + 1], call_.path_));
              next += 2;
              store_u16(plain.data() + 2, static_cast<std::uint16_t>(next));
              EXPECT_TRUE(call_.send_rtp(plain));
              EXPECT_TRUE(call_.send_rtcp(report));
              batch_.clear();
            }),
            0U);
}

}  // namespace
}  // namespace meridian::transport
