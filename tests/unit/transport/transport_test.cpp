#include "transport/transport.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/transport/harness.hpp"

namespace meridian::transport {
namespace {

using testing::ElementsAre;

constexpr StateChange kIceUp{TransportState::kIceConnected, TransportFailure::kNone};
constexpr StateChange kUp{TransportState::kConnected, TransportFailure::kNone};
constexpr StateChange failed(TransportFailure reason) {
  return {TransportState::kFailed, reason};
}

class TransportTest : public testing::Test {
 protected:
  SendBatch batch_;
  Demultiplexer demultiplexer_{16};
  Call call_{demultiplexer_, batch_};
};

TEST_F(TransportTest, connects_and_says_so_in_order) {
  call_.connect();
  EXPECT_TRUE(call_.peer_->is_connected());
  EXPECT_TRUE(call_.transport_->is_connected());
  EXPECT_TRUE(call_.transport_->can_send());
  EXPECT_THAT(call_.events(), ElementsAre(kIceUp, kUp));
  EXPECT_EQ(call_.peer_->mapped_address(), call_.path_.remote);
  EXPECT_EQ(call_.last_error_, std::nullopt);
  EXPECT_TRUE(call_.transport_->handshake_round_trip());
}

class TransportProfileTest : public testing::TestWithParam<const char*> {};

TEST_P(TransportProfileTest, carries_rtp_and_rtcp_both_ways) {
  SendBatch batch;
  Demultiplexer demultiplexer(16);
  Call call(demultiplexer, batch, 1, {.srtp_profiles = GetParam()});
  ASSERT_TRUE(call.transport_->add_send_stream(Ssrc(77)));  // early: kept until the keys are there
  call.connect();
  for (std::uint16_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(call.peer_->send_rtp(rtp(5, i)));
    ASSERT_TRUE(call.peer_->send_rtcp(receiver_report(5)));
    ASSERT_TRUE(call.send_rtp(rtp(77, static_cast<std::uint16_t>(65'500 + i))));
    ASSERT_TRUE(call.send_rtcp(receiver_report(77)));
    call.exchange();
    EXPECT_THAT(call.received_, ElementsAre(rtp(5, i), receiver_report(5)));
    call.received_.clear();
    EXPECT_EQ(call.peer_->poll_rtp(), rtp(77, static_cast<std::uint16_t>(65'500 + i)));
    EXPECT_EQ(call.peer_->poll_rtcp(), receiver_report(77));
  }
  EXPECT_EQ(call.peer_->srtp_refused(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Profiles, TransportProfileTest,
                         testing::Values("SRTP_AEAD_AES_256_GCM", "SRTP_AEAD_AES_128_GCM",
                                         "SRTP_AES128_CM_SHA1_80"));

TEST_F(TransportTest, marks_what_it_sends) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  call_.now_ = at(3s);
  ASSERT_TRUE(call_.send_rtp(rtp(1, 1)));
  ASSERT_EQ(batch_.datagrams().size(), 1U);
  const OutboundDatagram& datagram = batch_.datagrams()[0];
  EXPECT_EQ(datagram.to, call_.path_.remote);
  EXPECT_EQ(datagram.socket, call_.path_.socket);
  EXPECT_EQ(datagram.transport, call_.id_);
  EXPECT_EQ(datagram.received, at(3s));
  EXPECT_EQ(datagram.bytes.size(), rtp(1, 1).size() + 16);
}

TEST_F(TransportTest, dtls_from_an_unvalidated_tuple_is_dropped_without_a_word) {
  const Packet hello(200, 22);
  EXPECT_EQ(call_.to_server(hello, tuple(66)).error(), DropReason::kDtlsBeforeIce);
  EXPECT_TRUE(batch_.empty());
  call_.connect();
  EXPECT_EQ(call_.to_server(hello, tuple(66)).error(), DropReason::kDtlsBeforeIce);
  EXPECT_TRUE(batch_.empty());
  EXPECT_TRUE(call_.transport_->is_connected());
}

TEST_F(TransportTest, media_before_dtls_or_from_a_stranger_is_dropped) {
  EXPECT_EQ(call_.to_server(rtp(1, 1), call_.path_).error(), DropReason::kUnknownTuple);
  call_.peer_->start(call_.now_);
  ASSERT_TRUE(call_.to_server(*call_.peer_->poll_datagram(), call_.path_));
  EXPECT_EQ(call_.to_server(rtp(1, 1), call_.path_).error(), DropReason::kMediaBeforeDtls);
  EXPECT_EQ(call_.to_server(receiver_report(1), call_.path_).error(), DropReason::kMediaBeforeDtls);
  call_.exchange();
  ASSERT_TRUE(call_.peer_->send_rtp(rtp(1, 1)));
  auto sealed = *call_.peer_->poll_datagram();
  EXPECT_EQ(call_.to_server(sealed, tuple(66)).error(), DropReason::kUnknownTuple);
  EXPECT_TRUE(call_.to_server(sealed, call_.path_));
  EXPECT_EQ(call_.to_server(sealed, call_.path_).error(), DropReason::kSrtpReplayed);
  sealed.back() ^= 1U;
  store_u16(sealed.data() + 2, 2);
  EXPECT_EQ(call_.to_server(sealed, call_.path_).error(), DropReason::kSrtpAuthFailed);
  EXPECT_EQ(call_.to_server(Packet{0x80, 96, 1}, call_.path_).error(), DropReason::kMalformedRtp);
  EXPECT_EQ(call_.to_server(Packet{0x80, 200, 1}, call_.path_).error(), DropReason::kMalformedRtcp);
  EXPECT_EQ(call_.to_server(Packet(1501, 0x80), call_.path_).error(), DropReason::kOversized);
  EXPECT_EQ(call_.to_server(Packet(1501, 22), call_.path_).error(), DropReason::kOversized);
}

TEST_F(TransportTest, sending_says_why_not) {
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  EXPECT_EQ(call_.send_rtp(rtp(1, 1)).error(), DropReason::kNoSelectedPair);
  EXPECT_EQ(call_.transport_->send_sctp(batch_, as_bytes("x")).error(),
            DropReason::kNoSelectedPair);
  call_.peer_->start(call_.now_);
  ASSERT_TRUE(call_.to_server(*call_.peer_->poll_datagram(), call_.path_));
  EXPECT_EQ(call_.send_rtp(rtp(1, 1)).error(), DropReason::kMediaBeforeDtls);
  EXPECT_EQ(call_.send_rtcp(receiver_report(1)).error(), DropReason::kMediaBeforeDtls);
  call_.exchange();
  EXPECT_TRUE(call_.send_rtp(rtp(1, 1)));
  const std::size_t queued = batch_.datagrams().size();
  EXPECT_EQ(call_.send_rtp(rtp(1, 1)).error(), DropReason::kSrtpIndexReused);
  EXPECT_EQ(call_.send_rtp(rtp(2, 1)).error(), DropReason::kSrtpUnknownStream);
  EXPECT_EQ(call_.send_rtp(Packet(5)).error(), DropReason::kMalformedRtp);
  EXPECT_EQ(call_.send_rtcp(Packet(5)).error(), DropReason::kMalformedRtcp);
  EXPECT_EQ(call_.transport_->send_sctp(batch_, Packet(1351)).error(), DropReason::kOversized);
  EXPECT_EQ(batch_.datagrams().size(), queued);
}

TEST_F(TransportTest, what_was_sent_is_sent_again_byte_for_byte) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  batch_.clear();
  const auto size = call_.send_rtp(rtp(1, 1));
  ASSERT_TRUE(size);
  const MutableBytes first = batch_.datagrams()[0].bytes;
  ASSERT_EQ(first.size(), *size);
  const Packet kept(first.begin(), first.end());
  const MutableBytes slot = batch_.reserve();
  std::ranges::copy(kept, slot.begin());
  ASSERT_TRUE(call_.transport_->resend_rtp(batch_, slot, kept.size()));
  ASSERT_EQ(batch_.datagrams().size(), 2U);
  EXPECT_TRUE(std::ranges::equal(batch_.datagrams()[1].bytes, kept));
  EXPECT_EQ(batch_.datagrams()[1].to, call_.path_.remote);
  EXPECT_EQ(call_.transport_->resend_rtp(batch_, slot, slot.size() + 1).error(),
            DropReason::kOversized);
  call_.transport_->revoke();
  EXPECT_EQ(call_.transport_->resend_rtp(batch_, batch_.reserve(), kept.size()).error(),
            DropReason::kPermitStale);
}

TEST_F(TransportTest, a_revoked_permit_stops_every_byte_both_ways) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  ASSERT_TRUE(call_.peer_->send_rtp(rtp(5, 1)));
  const auto sealed = *call_.peer_->poll_datagram();
  (void)call_.events();

  call_.transport_->revoke();
  call_.transport_->revoke();
  EXPECT_THAT(call_.events(), ElementsAre(failed(TransportFailure::kNotPermitted)));
  EXPECT_FALSE(call_.transport_->is_permitted());
  EXPECT_FALSE(call_.transport_->can_send());
  EXPECT_EQ(call_.to_server(sealed, call_.path_).error(), DropReason::kPermitStale);
  EXPECT_EQ(call_.to_server(receiver_report(5), call_.path_).error(), DropReason::kPermitStale);
  EXPECT_EQ(call_.to_server(Packet(50, 22), call_.path_).error(), DropReason::kPermitStale);
  call_.peer_->check_now(call_.now_);
  EXPECT_EQ(call_.to_server(*call_.peer_->poll_datagram(), call_.path_).error(),
            DropReason::kPermitStale);
  EXPECT_EQ(call_.send_rtp(rtp(1, 1)).error(), DropReason::kPermitStale);
  EXPECT_EQ(call_.send_rtcp(receiver_report(1)).error(), DropReason::kPermitStale);
  EXPECT_EQ(call_.transport_->send_sctp(batch_, as_bytes("x")).error(), DropReason::kPermitStale);
  call_.transport_->close(batch_);
  call_.transport_->handle_timeout(at(60s), batch_);
  EXPECT_TRUE(batch_.empty());
  call_.transport_->renew(call_.office_.client(2));  // final: nothing comes back
  EXPECT_EQ(call_.to_server(sealed, call_.path_).error(), DropReason::kPermitStale);
}

TEST_F(TransportTest, a_renewed_permit_carries_the_newer_epoch) {
  EXPECT_EQ(call_.transport_->permit().epoch(), PolicyEpoch(1));
  call_.transport_->renew(call_.office_.client(2));
  EXPECT_EQ(call_.transport_->permit().epoch(), PolicyEpoch(2));
  call_.connect();
  EXPECT_TRUE(call_.transport_->is_connected());
}

TEST_F(TransportTest, another_certificate_than_signalled_fails_closed) {
  call_.open(dtls::Fingerprint{});
  call_.connect();
  EXPECT_THAT(call_.events(), ElementsAre(kIceUp, failed(TransportFailure::kFingerprintMismatch)));
  EXPECT_TRUE(call_.peer_->is_failed());
  EXPECT_FALSE(call_.transport_->can_send());
  EXPECT_EQ(call_.to_server(rtp(1, 1), call_.path_).error(), DropReason::kTransportClosed);
  EXPECT_TRUE(call_.transport_->next_timeout().is_never());
}

TEST_F(TransportTest, no_common_srtp_profile_fails_closed) {
  Call call(demultiplexer_, batch_, 2, {.srtp_profiles = ""});
  call.connect();
  EXPECT_THAT(call.events(), ElementsAre(kIceUp, failed(TransportFailure::kNoSrtpProfile)));
}

TEST_F(TransportTest, gives_up_when_no_check_comes) {
  EXPECT_EQ(call_.transport_->next_timeout(), at(30s));
  call_.run_until(at(31s));
  EXPECT_THAT(call_.events(), ElementsAre(failed(TransportFailure::kIceTimeout)));
}

TEST_F(TransportTest, gives_up_when_no_handshake_comes) {
  call_.peer_->start(call_.now_);
  ASSERT_TRUE(call_.to_server(*call_.peer_->poll_datagram(), call_.path_));
  batch_.clear();
  call_.transport_->handle_timeout(at(14s), batch_);
  EXPECT_FALSE(call_.transport_->is_over());
  call_.transport_->handle_timeout(at(15s), batch_);
  EXPECT_THAT(call_.events(), ElementsAre(kIceUp, failed(TransportFailure::kDtlsTimeout)));
}

TEST_F(TransportTest, falls_silent_when_the_client_does_and_returns_with_it) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  (void)call_.events();
  call_.run_until(at(20s));
  EXPECT_TRUE(call_.send_rtp(rtp(1, 1)));
  call_.peer_->set_checks(test::Peer::Checks::kOff, call_.now_);
  call_.run_until(at(40s));
  EXPECT_EQ(call_.send_rtp(rtp(1, 2)).error(), DropReason::kNoSelectedPair);
  EXPECT_EQ(call_.transport_->send_sctp(batch_, as_bytes("x")).error(),
            DropReason::kNoSelectedPair);
  EXPECT_TRUE(call_.events().empty());
  call_.run_until(at(60s));
  EXPECT_THAT(call_.events(), ElementsAre(StateChange{TransportState::kDisconnected,
                                                      TransportFailure::kConsentExpired}));
  EXPECT_TRUE(call_.transport_->next_timeout().is_never());
  call_.peer_->set_checks(test::Peer::Checks::kOn, call_.now_);
  call_.exchange();
  EXPECT_THAT(call_.events(), ElementsAre(kUp));
  EXPECT_TRUE(call_.send_rtp(rtp(1, 3)));
}

TEST_F(TransportTest, media_follows_a_client_that_roams) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  call_.path_ = tuple(4321);
  call_.peer_->check_now(call_.now_);
  call_.exchange();
  ASSERT_TRUE(call_.send_rtp(rtp(1, 1)));
  call_.exchange();
  EXPECT_EQ(call_.peer_->poll_rtp(), rtp(1, 1));
  EXPECT_EQ(call_.sent_elsewhere_, 0U);
}

TEST_F(TransportTest, an_ice_restart_keeps_keys_and_moves_the_path) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  ASSERT_TRUE(call_.send_rtp(rtp(1, 65'535)));
  const ice::Credentials server{"server-again", "another-password-here"};
  const ice::Credentials client{"client-again", "yet-another-password"};
  ASSERT_EQ(demultiplexer_.restart_ice(*call_.transport_, server, client),
            Demultiplexer::Add::kAdded);
  ASSERT_TRUE(call_.send_rtp(rtp(1, 0)));
  call_.exchange();
  EXPECT_EQ(call_.peer_->poll_rtp(), rtp(1, 65'535));
  EXPECT_EQ(call_.peer_->poll_rtp(), rtp(1, 0));  // over the old pair

  call_.path_ = tuple(5555);
  call_.peer_->restart_ice(client, server, call_.now_);
  call_.exchange();
  EXPECT_EQ(call_.send_rtp(rtp(1, 0)).error(), DropReason::kSrtpIndexReused);
  ASSERT_TRUE(call_.send_rtp(rtp(1, 1)));
  call_.exchange();
  EXPECT_EQ(call_.peer_->poll_rtp(), rtp(1, 1));
  EXPECT_EQ(call_.sent_elsewhere_, 0U);
}

TEST_F(TransportTest, carries_sctp_both_ways) {
  call_.connect();
  ASSERT_TRUE(call_.transport_->send_sctp(batch_, as_bytes("down")));
  ASSERT_TRUE(call_.peer_->send_sctp(as_bytes("up")));
  call_.exchange();
  EXPECT_EQ(as_text(*call_.peer_->poll_sctp()), "down");
  EXPECT_EQ(as_text(*call_.transport_->poll_sctp()), "up");
  EXPECT_FALSE(call_.transport_->poll_sctp());
}

TEST_F(TransportTest, a_handshake_of_garbage_is_refused_and_counted) {
  call_.peer_->start(call_.now_);
  ASSERT_TRUE(call_.to_server(*call_.peer_->poll_datagram(), call_.path_));
  const Packet garbage(1200, 0x16);
  std::optional<DropReason> reason;
  for (std::size_t sent = 0; sent <= 2 * 64 * 1024 && !reason; sent += garbage.size()) {
    const auto taken = call_.transport_->handle_dtls(garbage, call_.path_, call_.now_, batch_);
    reason = taken ? std::nullopt : std::optional(taken.error());
  }
  EXPECT_EQ(reason, DropReason::kDtlsRefused);
}

TEST_F(TransportTest, what_nobody_takes_is_dropped_at_the_queues_limit) {
  call_.connect();
  for (std::size_t i = 0; i <= dtls::Session::kMaxQueued; ++i) {
    ASSERT_TRUE(call_.peer_->send_sctp(as_bytes("up")));
    call_.exchange();
  }
  EXPECT_EQ(call_.last_error_, DropReason::kDtlsQueueFull);
}

TEST_F(TransportTest, a_client_that_says_goodbye_is_gone) {
  call_.connect();
  (void)call_.events();
  call_.peer_->close();
  call_.exchange();
  EXPECT_THAT(call_.events(), ElementsAre(failed(TransportFailure::kClosedByPeer)));
}

TEST_F(TransportTest, closing_tells_the_client_and_ends_everything) {
  call_.connect();
  call_.transport_->close(batch_);
  call_.deliver_to_client();
  EXPECT_TRUE(call_.peer_->is_failed());
  EXPECT_TRUE(call_.transport_->is_over());
  EXPECT_EQ(call_.to_server(rtp(1, 1), call_.path_).error(), DropReason::kTransportClosed);
  EXPECT_EQ(call_.transport_->send_sctp(batch_, as_bytes("x")).error(),
            DropReason::kTransportClosed);
}

TEST_F(TransportTest, repeats_its_last_flight_until_media_shows_that_it_came) {
  call_.connect();
  const Instant repeats = call_.now_ + dtls::Session::kFirstRetransmission;
  EXPECT_EQ(call_.transport_->next_timeout(), repeats);
  ASSERT_TRUE(call_.peer_->send_rtcp(receiver_report(5)));
  call_.exchange();
  EXPECT_GT(call_.transport_->next_timeout(), repeats);
}

TEST_F(TransportTest, counts_what_passes) {
  call_.connect();
  const auto before = call_.transport_->counters();
  ASSERT_TRUE(call_.peer_->send_rtp(rtp(5, 1, 100)));
  call_.exchange();
  (void)call_.to_server(rtp(5, 1, 100), call_.path_);  // refused: not counted
  ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(1)));
  ASSERT_TRUE(call_.send_rtp(rtp(1, 1, 200)));
  const auto& after = call_.transport_->counters();
  EXPECT_EQ(after.datagrams_received - before.datagrams_received, 1U);
  EXPECT_EQ(after.bytes_received - before.bytes_received, 12U + 100 + 16);
  EXPECT_EQ(after.datagrams_sent - before.datagrams_sent, 1U);
  EXPECT_EQ(after.bytes_sent - before.bytes_sent, 12U + 200 + 16);
}

TEST_F(TransportTest, a_flood_of_bad_tags_ends_nothing) {
  call_.connect();
  Packet forged = rtp(5, 1, 100);
  for (int i = 0; i < 100'000; ++i) {
    store_u16(forged.data() + 2, static_cast<std::uint16_t>(i));
    EXPECT_EQ(call_.to_server(forged, call_.path_).error(), DropReason::kSrtpAuthFailed);
  }
  ASSERT_TRUE(call_.peer_->send_rtp(rtp(5, 1)));
  call_.exchange();
  EXPECT_THAT(call_.received_, ElementsAre(rtp(5, 1)));
}

TEST_F(TransportTest, queues_up_early_streams_to_a_limit) {
  for (std::uint32_t i = 0; i < srtp::ProtectSession::kMaxStreams; ++i) {
    ASSERT_TRUE(call_.transport_->add_send_stream(Ssrc(i)));
  }
  EXPECT_EQ(call_.transport_->add_send_stream(Ssrc(1'000'000)).error(),
            DropReason::kSrtpTooManyStreams);
  call_.connect();
  EXPECT_EQ(call_.transport_->add_send_stream(Ssrc(1'000'000)).error(),
            DropReason::kSrtpTooManyStreams);
}

}  // namespace
}  // namespace meridian::transport
