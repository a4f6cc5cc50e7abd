#include "meeting/subscriber_negotiator.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "unit/meeting/fake_answer.hpp"

namespace meridian::meeting {
namespace {

constexpr rtp::MediaKind kAudio = rtp::MediaKind::kAudio;
constexpr rtp::MediaKind kVideo = rtp::MediaKind::kVideo;

class SubscriberNegotiatorTest : public testing::Test {
 protected:
  SubscriberNegotiatorTest() {
    local_.make_credentials = [this] {
      return ice::Credentials{.ufrag = "ufrag" + std::to_string(++credentials_made_),
                              .password = "0123456789012345678901"};
    };
    local_.fingerprint.sha256.fill(0xab);
    local_.candidates = {*SocketAddress::parse("192.0.2.1:7882")};
  }
  static SenderSpec spec(std::uint32_t id, rtp::MediaKind kind,
                         std::vector<rtp::Codec> codecs = {}) {
    return {.subscription = SubscriptionId(id),
            .kind = kind,
            .participant_sid = "PA_alice",
            .track_sid = "TR_" + std::to_string(id),
            .stream = "",
            .codecs = std::move(codecs),
            .stereo = false};
  }
  void add(std::uint32_t id, rtp::MediaKind kind, std::vector<rtp::Codec> codecs = {}) {
    EXPECT_EQ(negotiator_.add_sender(spec(id, kind, std::move(codecs))), AddSender::kAdded);
  }
  ServerOffer offer() {
    auto made = negotiator_.make_offer(local_);
    EXPECT_TRUE(made.has_value());
    return *std::move(made);
  }
  static sdp::Session parsed(const ServerOffer& offer) {
    auto session = sdp::parse(offer.sdp);
    EXPECT_TRUE(session.has_value());
    return *std::move(session);
  }
  Answered answer(const ServerOffer& offer, const std::string& ufrag = "clnt",
                  const std::function<void(sdp::MediaSection&)>& change = {}) {
    auto result = negotiator_.handle_answer(fake_answer(offer.sdp, ufrag, change));
    EXPECT_TRUE(result.has_value()) << to_string(result.error());
    return result ? *std::move(result) : Answered{};
  }
  Answered exchange() { return answer(offer()); }

  SeededRandomSource random_{3};
  SubscriberNegotiator negotiator_{{}, random_};
  LocalDescription local_;
  int credentials_made_ = 0;
};

TEST_F(SubscriberNegotiatorTest, begins_with_data_alone) {
  const ServerOffer first = offer();
  const sdp::Session session = parsed(first);
  ASSERT_EQ(session.media.size(), 1U);
  EXPECT_EQ(session.media[0].kind, sdp::Kind::kApplication);
  EXPECT_EQ(session.media[0].sctp_port, 5000);
  EXPECT_EQ(session.media[0].transport.setup, sdp::Setup::kPassive);
  EXPECT_EQ(session.media[0].candidates.size(), 1U);
  EXPECT_TRUE(session.ice_lite);
  EXPECT_LE(first.id, 256U);
  EXPECT_GE(first.id, 1U);
  const Answered answered = answer(first);
  EXPECT_TRUE(answered.is_first);
  EXPECT_TRUE(answered.has_data);
  EXPECT_EQ(answered.local.ufrag, "ufrag1");
  EXPECT_EQ(answered.remote.ufrag, "clnt");
  EXPECT_FALSE(negotiator_.needs_negotiation());
}

TEST_F(SubscriberNegotiatorTest, offers_what_waits_and_binds_what_is_answered) {
  add(1, kAudio, {rtp::Codec::kOpus});
  add(2, kVideo, {rtp::Codec::kVp8});
  const ServerOffer made = offer();
  const sdp::Session session = parsed(made);
  ASSERT_EQ(session.media.size(), 3U);
  const sdp::MediaSection& video = session.media[2];
  EXPECT_EQ(video.direction, sdp::Direction::kSendOnly);
  EXPECT_EQ(video.msids.front(), (sdp::Msid{"PA_alice|TR_2", "TR_2"}));
  EXPECT_EQ(video.formats.front(), "96");
  ASSERT_EQ(video.ssrc_groups.size(), 1U);
  EXPECT_FALSE(made.sdp.contains("profile-level-id=6400")) << "H264 High is not for everybody";
  EXPECT_FALSE(made.sdp.contains("sdes:mid")) << "every SSRC is signalled";
  EXPECT_EQ(made.mid_to_track_id.at("2"), "TR_2");
  const Answered answered = answer(made);
  ASSERT_EQ(answered.bound.size(), 2U);
  const SendBinding& bound = answered.bound[1];
  EXPECT_EQ(bound.subscription, SubscriptionId(2));
  EXPECT_EQ(bound.ssrc, video.ssrc_groups[0].ssrcs[0]);
  EXPECT_EQ(bound.rtx_ssrc, video.ssrc_groups[0].ssrcs[1]);
  EXPECT_EQ(bound.codecs.front().codec, rtp::Codec::kVp8);
  EXPECT_EQ(bound.codecs.front().payload_type, PayloadType(96));
  EXPECT_EQ(bound.codecs.front().rtx, PayloadType(97));
  EXPECT_TRUE(bound.extensions.has(rtp::Extension::kTransportSequence));
  EXPECT_TRUE(bound.extensions.has(rtp::Extension::kDependencyDescriptor));
  EXPECT_FALSE(answered.bound[0].extensions.has(rtp::Extension::kDependencyDescriptor));
  EXPECT_TRUE(exchange().bound.empty()) << "bound once";
}

TEST_F(SubscriberNegotiatorTest, numbers_its_offers) {
  const std::uint32_t first = offer().id;
  EXPECT_FALSE(negotiator_.is_current(first + 1));
  EXPECT_TRUE(negotiator_.is_current(first));
  EXPECT_TRUE(negotiator_.is_current(0)) << "some clients give no number";
  EXPECT_EQ(offer().id, first + 1);
  EXPECT_FALSE(negotiator_.is_current(first)) << "superseded";
}

TEST_F(SubscriberNegotiatorTest, knows_no_answer_before_its_first_offer) {
  EXPECT_FALSE(negotiator_.is_current(0));
}

TEST_F(SubscriberNegotiatorTest, lets_a_section_fall_silent_before_it_is_used_again) {
  add(1, kAudio);
  const sdp::Session before = parsed(offer());
  (void)exchange();
  negotiator_.remove_sender(SubscriptionId(1));
  add(2, kAudio);
  ASSERT_TRUE(negotiator_.needs_negotiation());
  const sdp::Session silent = parsed(offer());
  ASSERT_EQ(silent.media.size(), 3U) << "not exchanged in place";
  EXPECT_EQ(silent.media[1].direction, sdp::Direction::kInactive);
  EXPECT_TRUE(silent.media[1].msids.empty());
  EXPECT_EQ(silent.media[2].direction, sdp::Direction::kSendOnly);
  (void)exchange();
  EXPECT_FALSE(negotiator_.needs_negotiation());
  add(3, kAudio);
  const sdp::Session again = parsed(offer());
  ASSERT_EQ(again.media.size(), 3U);
  EXPECT_EQ(again.media[1].direction, sdp::Direction::kSendOnly);
  EXPECT_NE(again.media[1].ssrcs[0].ssrc, before.media[1].ssrcs[0].ssrc);
}

TEST_F(SubscriberNegotiatorTest, keeps_the_kinds_of_sections_apart) {
  add(1, kAudio);
  (void)exchange();
  negotiator_.remove_sender(SubscriptionId(1));
  (void)exchange();
  add(2, kVideo);
  EXPECT_EQ(parsed(offer()).media.size(), 3U);
}

TEST_F(SubscriberNegotiatorTest, never_reuses_sections_of_clients_that_cannot) {
  SubscriberNegotiator cautious({.reuses_sections = false}, random_);
  const auto exchange = [&] {
    const auto made = cautious.make_offer(local_);
    EXPECT_TRUE(cautious.handle_answer(fake_answer(made->sdp)).has_value());
  };
  EXPECT_EQ(cautious.add_sender(spec(1, kAudio)), AddSender::kAdded);
  exchange();
  cautious.remove_sender(SubscriptionId(1));
  exchange();
  EXPECT_EQ(cautious.add_sender(spec(2, kAudio)), AddSender::kAdded);
  exchange();
  EXPECT_EQ(cautious.sections(), 2U);
}

TEST_F(SubscriberNegotiatorTest, a_track_that_goes_while_it_is_offered_is_not_bound) {
  add(1, kAudio);
  const ServerOffer made = offer();
  negotiator_.remove_sender(SubscriptionId(1));
  const Answered answered = answer(made);
  EXPECT_TRUE(answered.bound.empty());
  EXPECT_TRUE(negotiator_.needs_negotiation()) << "the client still expects it";
  EXPECT_EQ(parsed(offer()).media[1].direction, sdp::Direction::kInactive);
}

TEST_F(SubscriberNegotiatorTest, says_once_which_tracks_the_client_cannot_play) {
  add(1, kVideo, {rtp::Codec::kAv1});
  const auto without_av1 = [](sdp::MediaSection& media) {
    std::erase(media.formats, "35");
    std::erase(media.formats, "36");
  };
  const Answered answered = answer(offer(), "clnt", without_av1);
  EXPECT_TRUE(answered.bound.empty());
  EXPECT_EQ(answered.unsupported, std::vector{SubscriptionId(1)});
  const ServerOffer next = offer();
  EXPECT_EQ(parsed(next).media[1].direction, sdp::Direction::kInactive);
  EXPECT_TRUE(answer(next, "clnt", without_av1).unsupported.empty());
  EXPECT_FALSE(negotiator_.needs_negotiation());
}

TEST_F(SubscriberNegotiatorTest, takes_back_what_the_client_refuses_later) {
  add(1, kAudio);
  (void)exchange();
  const Answered refused = answer(offer(), "clnt", [](sdp::MediaSection& media) {
    media.port = media.kind == sdp::Kind::kAudio ? 0 : media.port;
  });
  EXPECT_EQ(refused.unbound, std::vector{SubscriptionId(1)});
  add(2, kAudio);
  const sdp::Session next = parsed(offer());
  ASSERT_EQ(next.media.size(), 3U) << "a refused section is not used again";
  EXPECT_TRUE(next.media[1].is_rejected());
  EXPECT_EQ(std::ranges::count(next.bundles[0], "1"), 0);
}

TEST_F(SubscriberNegotiatorTest, restarts_ice_with_new_credentials) {
  (void)exchange();
  negotiator_.restart_ice();
  const ServerOffer made = offer();
  EXPECT_TRUE(made.sdp.contains("a=ice-ufrag:ufrag2"));
  const Answered answered = answer(made, "clnt2");
  EXPECT_TRUE(answered.is_ice_restart);
  EXPECT_FALSE(answered.is_first);
  EXPECT_EQ(answered.local.ufrag, "ufrag2");
  EXPECT_EQ(answered.remote.ufrag, "clnt2");
  EXPECT_FALSE(answer(offer(), "clnt2").is_ice_restart);
}

TEST_F(SubscriberNegotiatorTest, a_superseded_offer_leaves_nothing_behind) {
  add(1, kVideo);
  const ServerOffer lost = offer();
  negotiator_.restart_ice();
  const ServerOffer made = offer();
  EXPECT_EQ(parsed(made).media.size(), parsed(lost).media.size());
  EXPECT_EQ(parsed(made).media[1].ssrcs, parsed(lost).media[1].ssrcs);
  const Answered answered = answer(made);
  EXPECT_TRUE(answered.is_first);
  EXPECT_FALSE(answered.is_ice_restart) << "no transport was ever opened";
  EXPECT_EQ(answered.local.ufrag, "ufrag2");
  EXPECT_EQ(answered.bound.size(), 1U);
}

TEST_F(SubscriberNegotiatorTest, red_is_for_those_who_play_it) {
  add(1, kAudio, {rtp::Codec::kRed, rtp::Codec::kOpus});
  const Answered answered = exchange();
  ASSERT_EQ(answered.bound.size(), 1U);
  EXPECT_EQ(answered.bound[0].codecs[0].codec, rtp::Codec::kRed);
  EXPECT_FALSE(answered.bound[0].codecs[1].nack) << "RED repairs the loss";
  SubscriberNegotiator without({.takes_red = false}, random_);
  EXPECT_EQ(without.add_sender(spec(1, kAudio, {rtp::Codec::kRed, rtp::Codec::kOpus})),
            AddSender::kAdded);
  const auto made = without.make_offer(local_);
  EXPECT_FALSE(made->sdp.contains("red/48000"));
  const auto plain = without.handle_answer(fake_answer(made->sdp));
  ASSERT_EQ(plain->bound.size(), 1U);
  EXPECT_EQ(plain->bound[0].codecs[0].codec, rtp::Codec::kOpus);
}

TEST_F(SubscriberNegotiatorTest, refuses_answers_that_do_not_fit_and_stays_as_it_was) {
  add(1, kAudio);
  const ServerOffer made = offer();
  const auto error = [&](const std::string& text) {
    const auto result = negotiator_.handle_answer(text);
    return result ? NegotiationError::kExhausted : result.error();
  };
  EXPECT_EQ(error("v=0\r\nm=audio x\r\n"), NegotiationError::kMalformed);
  sdp::Session shorter = parsed(made);
  shorter.media.pop_back();
  shorter.bundles[0].pop_back();
  EXPECT_EQ(error(fake_answer(shorter.to_string())), NegotiationError::kSectionsChanged);
  EXPECT_EQ(answer(made).bound.size(), 1U);
  EXPECT_EQ(error(fake_answer(
                made.sdp, "clnt",
                [](sdp::MediaSection& media) { media.transport.fingerprints[0][9] = 'D'; })),
            NegotiationError::kFingerprintChanged);
}

TEST_F(SubscriberNegotiatorTest, takes_pion_s_answer_that_it_were_the_dtls_server) {
  const Answered answered = answer(offer(), "clnt", [](sdp::MediaSection& media) {
    media.transport.setup = sdp::Setup::kPassive;
  });
  EXPECT_TRUE(answered.is_first);
}

TEST_F(SubscriberNegotiatorTest, has_room_for_a_meeting_of_hundreds) {
  for (std::uint32_t id = 1; id <= kMaxSenders; ++id) {
    add(id, id % 2 == 0 ? kVideo : kAudio);
  }
  EXPECT_EQ(negotiator_.add_sender(spec(kMaxSenders + 1, kAudio)), AddSender::kFull);
  const Answered answered = exchange();
  EXPECT_EQ(answered.bound.size(), kMaxSenders);
  std::set<std::uint32_t> ssrcs;
  for (const SendBinding& binding : answered.bound) {
    EXPECT_TRUE(ssrcs.insert(binding.ssrc.value()).second);
  }
  // All go, and as many come: the same sections serve.
  for (std::uint32_t id = 1; id <= kMaxSenders; ++id) {
    negotiator_.remove_sender(SubscriptionId(id));
  }
  (void)exchange();
  for (std::uint32_t id = 1; id <= kMaxSenders; ++id) {
    add(10000 + id, id % 2 == 0 ? kVideo : kAudio);
  }
  EXPECT_EQ(exchange().bound.size(), kMaxSenders);
  EXPECT_EQ(negotiator_.sections(), kMaxSenders);
}

TEST_F(SubscriberNegotiatorTest, waits_without_asking_when_no_section_is_left) {
  for (std::uint32_t id = 1; id <= 900; ++id) {
    add(id, kAudio);
  }
  (void)exchange();
  for (std::uint32_t id = 1; id <= 900; ++id) {
    negotiator_.remove_sender(SubscriptionId(id));
  }
  (void)exchange();
  for (std::uint32_t id = 1; id <= 200; ++id) {
    add(2000 + id, kVideo);
  }
  EXPECT_EQ(exchange().bound.size(), sdp::kMaxSections - 901);
  EXPECT_FALSE(negotiator_.needs_negotiation()) << "nothing would come of it";
  negotiator_.remove_sender(SubscriptionId(2001));
  EXPECT_TRUE(negotiator_.needs_negotiation());
}

}  // namespace
}  // namespace meridian::meeting
