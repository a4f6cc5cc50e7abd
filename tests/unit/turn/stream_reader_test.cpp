#include "turn/stream_reader.hpp"

#include <gtest/gtest.h>

#include "support/turn_client.hpp"
#include "turn/door.hpp"

namespace meridian::turn {
namespace {

using test::TurnClient;
using Messages = std::vector<std::vector<std::uint8_t>>;

const std::vector<std::uint8_t> kPayload = {1, 2, 3, 4, 5};

std::vector<std::uint8_t> joined(const Messages& messages) {
  std::vector<std::uint8_t> stream;
  for (const auto& message : messages) {
    stream.insert(stream.end(), message.begin(), message.end());
  }
  return stream;
}

TEST(TurnStream, is_cut_into_messages_however_it_comes) {
  TurnClient client;
  const Messages messages = {client.allocate(), TurnClient::channel_data(0x4000, kPayload, 3),
                             TurnClient::channel_data(0x4fff, {}, 0), client.request(kRefresh)};
  const auto stream = joined(messages);
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    StreamReader reader;
    Messages seen;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      std::vector<std::uint8_t> part(
          stream.begin() + static_cast<std::ptrdiff_t>(at),
          stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, stream.size())));
      ASSERT_EQ(reader.take(part, [&](MutableBytes m) { seen.emplace_back(m.begin(), m.end()); }),
                StreamReader::Take::kFine);
    }
    EXPECT_EQ(seen, messages) << step;
  }
}

TEST(TurnStream, what_is_neither_stun_nor_channel_data_ends_it) {
  for (std::vector<std::uint8_t> start : {std::vector<std::uint8_t>{'G', 'E', 'T', ' '},
                                          {0x50, 0, 0, 4},
                                          {0, 3, 0, 2},
                                          {0, 3, 0xff, 0xfc},
                                          {0x40, 0, 0xff, 0xff},
                                          {0x16, 3, 1, 3}}) {
    StreamReader reader;
    const auto whole = reader.take(start, [](MutableBytes) { FAIL(); });
    EXPECT_EQ(whole, StreamReader::Take::kMalformed);
    StreamReader slow;
    auto taken = StreamReader::Take::kFine;
    for (std::uint8_t& byte : start) {
      taken = slow.take({&byte, 1}, [](MutableBytes) { FAIL(); });
    }
    EXPECT_EQ(taken, StreamReader::Take::kMalformed);
  }
}

class TurnDoor : public ::testing::Test {
 protected:
  Look look(Bytes received) { return turn::look(secret, received, from, now, reply); }

  SeededRandomSource random{1};
  Secret secret{random};
  const SocketAddress from = *SocketAddress::parse("192.0.2.9:5000");
  const Instant now = Instant::from_origin(std::chrono::hours(1));
  std::array<std::uint8_t, 256> reply{};
};

TEST_F(TurnDoor, challenges_and_then_hands_over) {
  TurnClient client(
      issue(secret, {UnixTime::from_seconds(1'900'000'000), WorkerIndex(3), TransportId(7)}));
  const auto first = client.allocate();
  for (std::size_t size = 0; size < first.size(); ++size) {
    EXPECT_EQ(look(Bytes(first).first(size)).step, Look::Step::kMore) << size;
  }
  const Look challenge = look(first);
  ASSERT_EQ(challenge.step, Look::Step::kReply);
  EXPECT_EQ(challenge.taken, first.size());
  EXPECT_EQ(client.read(Bytes(reply).first(challenge.reply_size)).code, 401);
  EXPECT_TRUE(is_good_nonce(secret, client.nonce(), from, now));
  const Look second = look(client.allocate());
  EXPECT_EQ(second.step, Look::Step::kHandOver);
  EXPECT_EQ(second.worker, WorkerIndex(3));
}

TEST_F(TurnDoor, refuses_what_no_client_begins_with) {
  TurnClient client;
  EXPECT_EQ(look(client.request(kRefresh)).step, Look::Step::kRefuse);
  EXPECT_EQ(look(client.send(from, kPayload)).step, Look::Step::kRefuse);
  EXPECT_EQ(look(TurnClient::channel_data(0x4000, kPayload)).step, Look::Step::kRefuse);
  auto broken = client.allocate();
  broken[5] ^= 1U;
  EXPECT_EQ(look(broken).step, Look::Step::kRefuse);
}

}  // namespace
}  // namespace meridian::turn
