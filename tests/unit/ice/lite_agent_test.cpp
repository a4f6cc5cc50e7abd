#include "ice/lite_agent.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace meridian::ice {
namespace {

const Credentials kServer{"serverufrag", "server-password-of-22c"};
const Credentials kClient{"clientufrag", "client-password-of-22c"};
const Credentials kServer2{"serverufra2", "server-password-of-22d"};
const Credentials kClient2{"clientufra2", "client-password-of-22d"};

Instant at(Duration since_start) {
  return Instant::from_origin(since_start);
}

Tuple tuple(std::uint16_t port) {
  return {{IpAddress::v4({192, 0, 2, 1}), port}, 0};
}

enum class Nominate { kYes, kNo };

class LiteAgentTest : public testing::Test {
 protected:
  base::Expected<Check, CheckError> check(const Tuple& from, Instant now,
                                          Nominate nominate = Nominate::kNo) {
    return check_as(kServer, kClient, from, now, nominate);
  }

  base::Expected<Check, CheckError> check_as(const Credentials& server, const Credentials& client,
                                             const Tuple& from, Instant now, Nominate nominate) {
    std::array<std::uint8_t, 256> request;
    StunBuilder builder(request, StunClass::kRequest, transaction_);
    builder.username(server.ufrag + ":" + client.ufrag).priority(1).ice_controlling(2);
    if (nominate == Nominate::kYes) {
      builder.use_candidate();
    }
    const std::size_t size = builder.finish(IntegrityKey(server.password));
    const auto message = parse_stun(Bytes(request).first(size));
    EXPECT_TRUE(message);
    return agent_.handle_check(*message, from, now, response_);
  }

  TransactionId transaction_{1, 2, 3};
  std::array<std::uint8_t, LiteAgent::kMaxResponseSize> response_{};
  LiteAgent agent_{kServer, kClient};
};

TEST_F(LiteAgentTest, answers_an_authentic_check_with_the_address_it_came_from) {
  const auto result = check(tuple(1), at(0s));
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->is_new_tuple);
  const auto response = parse_stun(Bytes(response_).first(result->response_length));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->message_class, StunClass::kSuccess);
  EXPECT_EQ(response->transaction, transaction_);
  EXPECT_EQ(response->xor_mapped_address, tuple(1).remote);
  EXPECT_TRUE(response->verify(IntegrityKey(kServer.password)));
  EXPECT_TRUE(agent_.is_validated(tuple(1)));
}

TEST_F(LiteAgentTest, answers_ipv6_within_the_response_size) {
  const Tuple from{{*IpAddress::parse("2001:db8::77"), 9}, 1};
  EXPECT_TRUE(check(from, at(0s)));
}

TEST_F(LiteAgentTest, refuses_wrong_passwords_and_names_and_changes_nothing) {
  const Credentials wrong_password{kServer.ufrag, "guessed"};
  EXPECT_EQ(check_as(wrong_password, kClient, tuple(1), at(0s), Nominate::kYes).error(),
            CheckError::kBadIntegrity);
  EXPECT_EQ(check_as(kServer, kClient2, tuple(1), at(0s), Nominate::kYes).error(),
            CheckError::kBadUsername);
  EXPECT_EQ(check_as(kServer2, kClient, tuple(1), at(0s), Nominate::kYes).error(),
            CheckError::kBadUsername);
  EXPECT_FALSE(agent_.selected());
  EXPECT_EQ(agent_.tuple_count(), 0U);
  EXPECT_EQ(agent_.consent(at(0s)), Consent::kNone);
}

TEST_F(LiteAgentTest, refuses_a_message_without_integrity) {
  std::array<std::uint8_t, 256> request;
  StunBuilder builder(request, StunClass::kRequest, transaction_);
  builder.username(kServer.ufrag + ":" + kClient.ufrag);
  const std::size_t size = builder.finish(IntegrityKey(kServer.password));
  auto message = parse_stun(Bytes(request).first(size));
  ASSERT_TRUE(message);
  message->integrity_offset = 0;
  EXPECT_EQ(agent_.handle_check(*message, tuple(1), at(0s), response_).error(),
            CheckError::kBadIntegrity);
}

TEST_F(LiteAgentTest, refuses_responses_and_indications) {
  for (const auto kind : {StunClass::kSuccess, StunClass::kIndication, StunClass::kError}) {
    std::array<std::uint8_t, 256> buffer;
    StunBuilder builder(buffer, kind, transaction_);
    builder.username(kServer.ufrag + ":" + kClient.ufrag);
    const std::size_t size = builder.finish(IntegrityKey(kServer.password));
    const auto message = parse_stun(Bytes(buffer).first(size));
    ASSERT_TRUE(message);
    EXPECT_EQ(agent_.handle_check(*message, tuple(1), at(0s), response_).error(),
              CheckError::kNotRequest);
  }
}

TEST_F(LiteAgentTest, aggressive_nomination_switches_with_each_check) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  EXPECT_EQ(*agent_.selected(), tuple(1));
  const auto second = check(tuple(2), at(1s), Nominate::kYes);
  EXPECT_TRUE(second->is_selection_changed);
  EXPECT_EQ(*agent_.selected(), tuple(2));
}

TEST_F(LiteAgentTest, a_replayed_check_without_nomination_moves_no_media) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  (void)check(tuple(66), at(1s), Nominate::kNo);
  EXPECT_EQ(*agent_.selected(), tuple(1));
}

TEST_F(LiteAgentTest, before_a_nomination_answers_follow_the_tuple_in_use) {
  (void)check(tuple(1), at(0s));
  (void)check(tuple(2), at(0s));
  EXPECT_EQ(*agent_.selected(), tuple(1));
  EXPECT_FALSE(agent_.is_nominated());
  agent_.select_provisionally(tuple(2));
  EXPECT_EQ(*agent_.selected(), tuple(2));
  agent_.select_provisionally(tuple(3));  // never validated
  EXPECT_EQ(*agent_.selected(), tuple(2));
  (void)check(tuple(1), at(0s), Nominate::kYes);
  agent_.select_provisionally(tuple(2));
  EXPECT_EQ(*agent_.selected(), tuple(1));
}

TEST_F(LiteAgentTest, keeps_eight_tuples_and_never_evicts_the_selected_one) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  for (std::uint16_t port = 2; port <= 10000; ++port) {
    const auto result = check(tuple(port), at(1ms * port));
    ASSERT_TRUE(result);
    if (port > LiteAgent::kMaxTuples) {
      EXPECT_TRUE(result->evicted);
      EXPECT_NE(result->evicted, tuple(1));
    }
  }
  EXPECT_EQ(agent_.tuple_count(), LiteAgent::kMaxTuples);
  EXPECT_EQ(*agent_.selected(), tuple(1));
  EXPECT_TRUE(agent_.is_validated(tuple(1)));
  EXPECT_TRUE(agent_.is_validated(tuple(10000)));
  EXPECT_FALSE(agent_.is_validated(tuple(2)));
}

TEST_F(LiteAgentTest, evicts_the_least_recently_checked) {
  for (std::uint16_t port = 1; port <= 8; ++port) {
    (void)check(tuple(port), at(1s * port), Nominate::kYes);
  }
  (void)check(tuple(1), at(9s));
  EXPECT_EQ(check(tuple(9), at(10s))->evicted, tuple(2));
}

TEST_F(LiteAgentTest, consent_goes_quiet_then_expires_and_returns_with_a_check) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  EXPECT_EQ(agent_.consent(at(14s)), Consent::kFresh);
  EXPECT_EQ(agent_.next_timeout(at(14s)), at(15s));
  EXPECT_EQ(agent_.consent(at(15s)), Consent::kQuiet);
  EXPECT_EQ(agent_.next_timeout(at(15s)), at(30s));
  EXPECT_EQ(agent_.consent(at(30s)), Consent::kExpired);
  EXPECT_TRUE(agent_.next_timeout(at(30s)).is_never());
  (void)check(tuple(1), at(40s));
  EXPECT_EQ(agent_.consent(at(40s)), Consent::kFresh);
}

TEST_F(LiteAgentTest, checks_on_another_tuple_do_not_renew_consent_for_the_selected_one) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  (void)check(tuple(2), at(29s));
  EXPECT_EQ(agent_.consent(at(30s)), Consent::kExpired);
}

TEST_F(LiteAgentTest, a_restart_keeps_the_old_pair_until_the_first_new_check) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  agent_.restart(kServer2, kClient2);
  EXPECT_EQ(agent_.local_ufrag(), kServer2.ufrag);
  EXPECT_EQ(*agent_.selected(), tuple(1));
  EXPECT_TRUE(check(tuple(1), at(1s), Nominate::kYes));  // old credentials still count

  const auto renewed = check_as(kServer2, kClient2, tuple(2), at(2s), Nominate::kNo);
  ASSERT_TRUE(renewed);
  EXPECT_TRUE(renewed->is_restart_complete);
  EXPECT_EQ(*agent_.selected(), tuple(1));
  EXPECT_EQ(check(tuple(1), at(3s), Nominate::kYes).error(), CheckError::kBadUsername);
  EXPECT_TRUE(check_as(kServer2, kClient2, tuple(2), at(3s), Nominate::kYes));
  EXPECT_EQ(*agent_.selected(), tuple(2));
}

TEST_F(LiteAgentTest, forgets_a_tuple_that_another_transport_has) {
  (void)check(tuple(1), at(0s), Nominate::kYes);
  (void)check(tuple(2), at(0s));
  agent_.forget(tuple(3));
  agent_.forget(tuple(1));
  EXPECT_FALSE(agent_.is_validated(tuple(1)));
  EXPECT_FALSE(agent_.selected());
  EXPECT_EQ(agent_.consent(at(30s)), Consent::kExpired);
  (void)check(tuple(2), at(31s));
  EXPECT_EQ(*agent_.selected(), tuple(2));
}

}  // namespace
}  // namespace meridian::ice
