#include "transport/demultiplexer.hpp"

#include <deque>
#include <map>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "unit/transport/harness.hpp"

namespace meridian::transport {
namespace {

class DemultiplexerTest : public testing::Test {
 protected:
  /// What a client that knows these passwords would send.
  static Packet check(const ice::Credentials& server, const ice::Credentials& client) {
    Packet packet(256);
    ice::StunBuilder builder(packet, ice::StunClass::kRequest, {1, 2, 3});
    builder.username(server.ufrag + ":" + client.ufrag).use_candidate();
    packet.resize(builder.finish(ice::IntegrityKey(server.password)));
    return packet;
  }
  static Packet check(const Call& call) {
    return check(call.server_credentials_, call.client_credentials_);
  }
  Taken<Transport*> stun(const Packet& packet, const ice::Tuple& from, Instant now = at(0s)) {
    return demultiplexer_.handle_stun(packet, from, now, batch_);
  }

  SendBatch batch_;
  Demultiplexer demultiplexer_{16};
  Call first_{demultiplexer_, batch_, 1};
  Call second_{demultiplexer_, batch_, 2};
};

TEST_F(DemultiplexerTest, finds_by_ufrag_first_and_by_tuple_then) {
  EXPECT_EQ(demultiplexer_.find(tuple(1)), nullptr);
  EXPECT_EQ(stun(check(second_), tuple(1)), &*second_.transport_);
  EXPECT_EQ(stun(check(first_), tuple(2)), &*first_.transport_);
  EXPECT_EQ(demultiplexer_.find(tuple(1)), &*second_.transport_);
  EXPECT_EQ(demultiplexer_.find(tuple(2)), &*first_.transport_);
  EXPECT_EQ(demultiplexer_.find({tuple(2).remote, 1}), nullptr);  // another socket
  EXPECT_EQ(demultiplexer_.tuple_count(), 2U);
}

TEST_F(DemultiplexerTest, strangers_get_no_answer_and_leave_no_trace) {
  const ice::Credentials nobody{"nobody", "knows"};
  EXPECT_EQ(stun(check(nobody, nobody), tuple(66)).error(), DropReason::kStunUnknownUfrag);
  const ice::Credentials guessed{first_.server_credentials_.ufrag, "guessed"};
  EXPECT_EQ(stun(check(guessed, first_.client_credentials_), tuple(66)).error(),
            DropReason::kStunBadIntegrity);
  EXPECT_EQ(stun(check(first_.server_credentials_, nobody), tuple(66)).error(),
            DropReason::kStunUnknownUfrag);
  Packet damaged = check(first_);
  damaged.back() ^= 1U;
  EXPECT_EQ(stun(damaged, tuple(66)).error(), DropReason::kStunMalformed);
  Packet response(256);
  ice::StunBuilder builder(response, ice::StunClass::kSuccess, {});
  builder.username("server1:client1");
  response.resize(builder.finish(ice::IntegrityKey("x")));
  EXPECT_EQ(stun(response, tuple(66)).error(), DropReason::kStunNotRequest);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(demultiplexer_.tuple_count(), 0U);
}

TEST_F(DemultiplexerTest, a_member_cannot_take_anothers_tuple_by_forging_its_address) {
  ASSERT_TRUE(stun(check(first_), tuple(1)));
  EXPECT_EQ(stun(check(second_), tuple(1), at(1s)).error(), DropReason::kStunTupleTaken);
  EXPECT_EQ(demultiplexer_.find(tuple(1)), &*first_.transport_);
}

TEST_F(DemultiplexerTest, a_tuple_that_fell_quiet_may_serve_another_transport) {
  ASSERT_TRUE(stun(check(first_), tuple(1)));
  EXPECT_EQ(stun(check(second_), tuple(1), at(16s)), &*second_.transport_);
  EXPECT_EQ(demultiplexer_.find(tuple(1)), &*second_.transport_);
  EXPECT_FALSE(first_.transport_->ice().is_validated(tuple(1)));
  EXPECT_EQ(demultiplexer_.tuple_count(), 1U);
}

TEST_F(DemultiplexerTest, an_evicted_tuple_is_forgotten) {
  for (std::uint16_t port = 1; port <= 100; ++port) {
    ASSERT_TRUE(stun(check(first_), tuple(port), at(1ms * port)));
  }
  EXPECT_EQ(demultiplexer_.tuple_count(), ice::LiteAgent::kMaxTuples);
  EXPECT_EQ(demultiplexer_.find(tuple(50)), nullptr);
  EXPECT_EQ(demultiplexer_.find(tuple(100)), &*first_.transport_);
}

TEST_F(DemultiplexerTest, removing_a_transport_removes_its_ways_in) {
  ASSERT_TRUE(stun(check(first_), tuple(1)));
  ASSERT_TRUE(stun(check(second_), tuple(2)));
  demultiplexer_.remove(*first_.transport_);
  demultiplexer_.remove(*first_.transport_);
  EXPECT_EQ(demultiplexer_.find(tuple(1)), nullptr);
  EXPECT_EQ(stun(check(first_), tuple(1)).error(), DropReason::kStunUnknownUfrag);
  EXPECT_EQ(demultiplexer_.find(tuple(2)), &*second_.transport_);
  EXPECT_EQ(demultiplexer_.transport_count(), 1U);
  EXPECT_EQ(demultiplexer_.tuple_count(), 1U);
}

TEST_F(DemultiplexerTest, after_a_restart_both_ufrags_lead_there_until_the_new_one_is_used) {
  const ice::Credentials server{"fresh", "fresh-password"};
  const ice::Credentials client{"fresh-client", "fresh-client-password"};
  ASSERT_TRUE(stun(check(first_), tuple(1)));
  ASSERT_EQ(demultiplexer_.restart_ice(*first_.transport_, server, client),
            Demultiplexer::Add::kAdded);
  EXPECT_TRUE(stun(check(first_), tuple(1)));
  EXPECT_EQ(stun(check(server, client), tuple(3)), &*first_.transport_);
  EXPECT_EQ(stun(check(first_), tuple(1)).error(), DropReason::kStunUnknownUfrag);
  EXPECT_EQ(demultiplexer_.restart_ice(*second_.transport_, server, client),
            Demultiplexer::Add::kDuplicateUfrag);
}

TEST_F(DemultiplexerTest, a_restart_that_never_completed_leaves_no_ufrag_behind) {
  const ice::Credentials client{"c", "p"};
  for (const char* ufrag : {"one", "two", "three"}) {
    ASSERT_EQ(demultiplexer_.restart_ice(*first_.transport_, {ufrag, "password"}, client),
              Demultiplexer::Add::kAdded);
  }
  EXPECT_EQ(stun(check({"one", "password"}, client), tuple(1)).error(),
            DropReason::kStunUnknownUfrag);
  EXPECT_TRUE(stun(check(first_), tuple(1)));
  EXPECT_TRUE(stun(check({"three", "password"}, client), tuple(1)));
}

TEST_F(DemultiplexerTest, refuses_a_second_owner_of_a_ufrag_and_more_than_it_has_room_for) {
  Call same(demultiplexer_, batch_, 1);
  EXPECT_EQ(same.added_, Demultiplexer::Add::kDuplicateUfrag);
  std::deque<Call> calls;
  for (std::uint32_t i = 3; i <= 16; ++i) {
    EXPECT_EQ(calls.emplace_back(demultiplexer_, batch_, i).added_, Demultiplexer::Add::kAdded);
  }
  EXPECT_EQ(calls.emplace_back(demultiplexer_, batch_, 17).added_, Demultiplexer::Add::kFull);
}

TEST_F(DemultiplexerTest, a_revoked_transport_answers_no_check) {
  first_.transport_->revoke();
  EXPECT_EQ(stun(check(first_), tuple(1)).error(), DropReason::kPermitStale);
  EXPECT_TRUE(batch_.empty());
  EXPECT_EQ(demultiplexer_.find(tuple(1)), nullptr);
}

TEST_F(DemultiplexerTest, agrees_with_a_map_through_random_arrivals_and_departures) {
  Demultiplexer demultiplexer(8);
  SendBatch batch;
  std::map<std::uint32_t, std::unique_ptr<Call>> calls;
  Rng rng(9);
  Instant now = at(0s);
  for (int step = 0; step < 3000; ++step) {
    now = now + 10ms;
    const auto number = static_cast<std::uint32_t>(1 + rng.below(8));
    if (!calls.contains(number)) {
      calls[number] = std::make_unique<Call>(demultiplexer, batch, number);
    } else if (rng.chance(0.03)) {
      calls.erase(number);
      continue;
    }
    const auto port = static_cast<std::uint16_t>(1 + rng.below(100));
    (void)demultiplexer.handle_stun(check(*calls[number]), tuple(port), now, batch);
    batch.clear();
    std::size_t total = 0;
    for (std::uint16_t i = 1; i <= 100; ++i) {
      Transport* owner = nullptr;
      for (const auto& [key, call] : calls) {
        owner = call->transport_->ice().is_validated(tuple(i)) ? &*call->transport_ : owner;
      }
      total += owner != nullptr ? 1 : 0;
      ASSERT_EQ(demultiplexer.find(tuple(i)), owner) << step;
    }
    ASSERT_EQ(demultiplexer.tuple_count(), total);
  }
}

}  // namespace
}  // namespace meridian::transport
