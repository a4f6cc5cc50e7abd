#include "signalling/session.hpp"

#include <gtest/gtest.h>

namespace meridian::signalling {
namespace {

constexpr Instant kStart = Instant::from_origin(100s);
constexpr std::size_t kLimit = 64 * 1024;

std::string ping() {
  livekit::SignalRequest request;
  request.set_ping(1);
  return request.SerializeAsString();
}

livekit::RequestResponse rejection(Session::Outcome outcome) {
  const auto* rejected = std::get_if<Session::Rejected>(&outcome);
  EXPECT_NE(rejected, nullptr);
  return rejected == nullptr ? livekit::RequestResponse() : rejected->answer.request_response();
}

TEST(Session, answers_in_the_kind_that_was_used_last) {
  Session session(kStart);
  EXPECT_EQ(session.kind(), FrameKind::kBinary);
  (void)session.read(as_bytes(R"({"ping":"1"})"), FrameKind::kText, kLimit, kStart);
  EXPECT_EQ(session.kind(), FrameKind::kText);
  const auto outcome = session.read(as_bytes(ping()), FrameKind::kBinary, kLimit, kStart);
  EXPECT_TRUE(std::holds_alternative<livekit::SignalRequest>(outcome));
  EXPECT_EQ(session.kind(), FrameKind::kBinary);
}

TEST(Session, explains_what_it_can_not_use) {
  Session session(kStart);
  EXPECT_EQ(rejection(session.read(as_bytes("\xff"), FrameKind::kBinary, kLimit, kStart)).reason(),
            livekit::RequestResponse::INVALID_REQUEST);
  EXPECT_EQ(rejection(session.read({}, FrameKind::kBinary, kLimit, kStart)).message(),
            "unknown request");
  const std::string large(kLimit + 1, 'x');
  EXPECT_EQ(rejection(session.read(as_bytes(large), FrameKind::kBinary, kLimit, kStart)).reason(),
            livekit::RequestResponse::LIMIT_EXCEEDED);
  EXPECT_EQ(session.bad_messages(), 3U);
}

TEST(Session, checks_candidates) {
  Session session(kStart);
  livekit::SignalRequest request;
  const auto read = [&](const std::string& candidate) {
    request.mutable_trickle()->set_candidateinit(candidate);
    const std::string message = request.SerializeAsString();
    return session.read(as_bytes(message), FrameKind::kBinary, kLimit, kStart);
  };
  EXPECT_TRUE(std::holds_alternative<livekit::SignalRequest>(
      read(R"({"candidate":"candidate:1 1 udp 1 192.0.2.1 9 typ host","sdpMid":"0"})")));
  EXPECT_TRUE(std::holds_alternative<livekit::SignalRequest>(read("")));
  for (const auto* bad : {"{", "[]", "{}", R"({"candidate":5})"}) {
    const auto response = rejection(read(bad));
    EXPECT_EQ(response.reason(), livekit::RequestResponse::UNCLASSIFIED_ERROR) << bad;
    EXPECT_TRUE(response.has_trickle());
  }
}

TEST(Session, shows_out_who_does_not_stop) {
  Session session(kStart);
  for (std::uint32_t i = 0; i < kMaxBadMessages; ++i) {
    EXPECT_TRUE(std::holds_alternative<Session::Rejected>(
        session.read(as_bytes("\xff"), FrameKind::kBinary, kLimit, kStart)));
  }
  EXPECT_TRUE(std::holds_alternative<Session::Abusive>(
      session.read(as_bytes("\xff"), FrameKind::kBinary, kLimit, kStart)));
}

TEST(Session, bounds_the_rate_of_requests) {
  Session session(kStart);
  const std::string message = ping();
  const auto read = [&](Instant at) {
    return session.read(as_bytes(message), FrameKind::kBinary, kLimit, at);
  };
  for (std::uint32_t i = 0; i < kMaxRequestBurst; ++i) {
    ASSERT_TRUE(std::holds_alternative<livekit::SignalRequest>(read(kStart)));
  }
  EXPECT_EQ(rejection(read(kStart)).reason(), livekit::RequestResponse::LIMIT_EXCEEDED);
  for (std::uint32_t i = 0; i < kMaxRequestsPerSecond; ++i) {
    ASSERT_TRUE(std::holds_alternative<livekit::SignalRequest>(read(kStart + 1s)));
  }
  EXPECT_EQ(rejection(read(kStart + 1s)).message(), "too many requests");
}

}  // namespace
}  // namespace meridian::signalling
