// Goal: every way in which an offer's transport can be unsound is told apart. Method: a real offer
// with one thing wrong.

#include "meeting/negotiation_offer.hpp"

#include <gtest/gtest.h>

#include "unit/sdp/fixtures.hpp"

namespace meridian::meeting {
namespace {

using tests::replaced;

sdp::Session real_offer() {
  return *sdp::parse(tests::offer_fixture("chromium_publish"));
}

std::optional<NegotiationError> error_of(const sdp::Session& session) {
  const auto checked = check_description(session.to_string());
  return checked ? std::nullopt : std::optional(checked.error());
}

std::vector<rtp::Token> tokens(std::initializer_list<std::string_view> names) {
  std::vector<rtp::Token> result;
  for (const std::string_view name : names) {
    result.push_back(*rtp::Token::parse(name));
  }
  return result;
}

TEST(NegotiationOffer, of_chromium_is_sound) {
  const auto checked = check_description(tests::offer_fixture("chromium_publish"));
  ASSERT_TRUE(checked.has_value());
  EXPECT_EQ(checked->mids.size(), 9U);
  EXPECT_TRUE(checked->allows_mixed_extensions);
  EXPECT_EQ(checked->credentials.password.size(), 24U);
}

TEST(NegotiationOffer, must_parse_and_hold_something) {
  EXPECT_EQ(check_description("v=0\r\nm=audio x\r\n").error(), NegotiationError::kMalformed);
  EXPECT_EQ(check_description("v=0\r\n").error(), NegotiationError::kNoMedia);
  sdp::Session session = real_offer();
  for (sdp::MediaSection& media : session.media) {
    media.port = 0;
  }
  EXPECT_EQ(error_of(session), NegotiationError::kNoMedia);
}

TEST(NegotiationOffer, needs_a_proper_mid_in_every_live_section) {
  sdp::Session session = real_offer();
  session.media[2].mid.clear();
  EXPECT_EQ(error_of(session), NegotiationError::kMissingMid);
  session.media[2].port = 0;  // a rejected one may do without
  EXPECT_EQ(error_of(session), std::nullopt);
  session = real_offer();
  session.media[2].mid = std::string(17, 'x');
  EXPECT_EQ(error_of(session), NegotiationError::kMissingMid);
}

TEST(NegotiationOffer, needs_one_bundle_with_every_live_section) {
  sdp::Session session = real_offer();
  session.bundles[0].pop_back();
  EXPECT_EQ(error_of(session), NegotiationError::kNotBundled);
  session.bundles.clear();
  EXPECT_EQ(error_of(session), NegotiationError::kNotBundled);
  session = real_offer();
  session.bundles.push_back({"0"});
  EXPECT_EQ(error_of(session), NegotiationError::kNotBundled);
}

TEST(NegotiationOffer, needs_rtcp_mux) {
  sdp::Session session = real_offer();
  session.media[1].rtcp_mux = false;
  EXPECT_EQ(error_of(session), NegotiationError::kNoRtcpMux);
}

TEST(NegotiationOffer, needs_ice_credentials_of_the_right_form) {
  for (const auto& [ufrag, pwd] : {std::pair{"abc", "0123456789012345678901"},
                                   {"abcd", "012345678901234567890"},
                                   {"ab d", "0123456789012345678901"}}) {
    sdp::Session session = real_offer();
    session.media[0].transport.ice_ufrag = ufrag;
    session.media[0].transport.ice_pwd = pwd;
    EXPECT_EQ(error_of(session), NegotiationError::kNoCredentials) << ufrag;
  }
  sdp::Session session = real_offer();
  session.media[0].transport.ice_pwd = std::string(257, 'x');
  EXPECT_EQ(error_of(session), NegotiationError::kNoCredentials);
}

TEST(NegotiationOffer, may_give_its_transport_at_session_level) {
  sdp::Session session = real_offer();
  session.transport = session.media[0].transport;
  for (sdp::MediaSection& media : session.media) {
    media.transport = {};
  }
  EXPECT_EQ(error_of(session), std::nullopt);
}

TEST(NegotiationOffer, needs_one_sha_256_fingerprint_everywhere) {
  sdp::Session session = real_offer();
  for (sdp::MediaSection& media : session.media) {
    media.transport.fingerprints.clear();
  }
  EXPECT_EQ(error_of(session), NegotiationError::kNoFingerprint);
  session = real_offer();
  session.media[3].transport.fingerprints = {"sha-1 00:11"};
  EXPECT_EQ(error_of(session), NegotiationError::kNoFingerprint);
  session = real_offer();
  std::string& other = session.media[3].transport.fingerprints[0];
  other.replace(other.size() - 2, 2, other.ends_with("00") ? "01" : "00");
  EXPECT_EQ(error_of(session), NegotiationError::kFingerprintMismatch);
}

TEST(NegotiationOffer, must_leave_the_passive_role_to_this_side) {
  sdp::Session session = real_offer();
  session.media[0].transport.setup = sdp::Setup::kPassive;
  EXPECT_EQ(error_of(session), NegotiationError::kBadSetup);
  session.media[0].transport.setup = sdp::Setup::kActive;
  EXPECT_EQ(error_of(session), std::nullopt);
  session.media[0].transport.setup.reset();
  EXPECT_EQ(error_of(session), std::nullopt);
}

TEST(NegotiationOffer, must_not_use_an_extension_id_twice) {
  sdp::Session session = real_offer();
  session.media[0].extensions[0].uri = "urn:other";
  EXPECT_EQ(error_of(session), NegotiationError::kExtensionConflict);
}

TEST(NegotiationOffer, gets_one_data_section) {
  sdp::Session session = real_offer();
  session.media.push_back(session.media[6]);
  session.media.back().mid = "second";
  session.bundles[0].push_back("second");
  const auto checked = check_description(session.to_string());
  ASSERT_TRUE(checked.has_value());
  EXPECT_EQ(checked->data->mid.view(), "6");
  EXPECT_FALSE(checked->is_live.back());
}

TEST(NegotiationOffer, layers_are_ordered_by_their_names_or_else_as_offered) {
  EXPECT_EQ(lowest_first(tokens({"f", "q", "h"})), tokens({"q", "h", "f"}));
  EXPECT_EQ(lowest_first(tokens({"0", "1", "2"})), tokens({"2", "1", "0"}));
  EXPECT_EQ(lowest_first(tokens({"hi", "lo"})), tokens({"hi", "lo"}));
}

TEST(NegotiationOffer, rids_must_be_declared_and_are_bounded) {
  sdp::MediaSection media;
  for (const char* name : {"a", "b", "c", "d"}) {
    media.rids.push_back({name, sdp::RidDirection::kSend, ""});
    media.simulcast.send.push_back({{name, false}, {"alternative", false}});
  }
  media.simulcast.send.insert(media.simulcast.send.begin(), {{"undeclared", false}});
  EXPECT_EQ(offered_rids(media), tokens({"a", "b", "c"}));
  media.simulcast = {};
  EXPECT_EQ(offered_rids(media), tokens({"a", "b", "c"}));
}

TEST(NegotiationOffer, sources_are_paired_with_their_rtx_and_ordered_by_sim_groups) {
  sdp::MediaSection media;
  for (const std::uint32_t ssrc : {3U, 2U, 1U, 12U, 11U, 13U, 99U}) {
    media.ssrcs.push_back({Ssrc(ssrc), "cname", "x"});
  }
  media.ssrc_groups = {{"FID", {Ssrc(1), Ssrc(11)}},
                       {"FID", {Ssrc(2), Ssrc(12)}},
                       {"FID", {Ssrc(3), Ssrc(13)}},
                       {"FEC-FR", {Ssrc(1), Ssrc(99)}},
                       {"SIM", {Ssrc(1), Ssrc(2), Ssrc(3)}}};
  const auto sources = signalled_sources(media);
  ASSERT_EQ(sources.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sources[i].ssrc, Ssrc(i + 1));
    EXPECT_EQ(sources[i].rtx, Ssrc(i + 11));
  }
}

TEST(NegotiationOffer, track_names_may_stand_at_the_source) {
  sdp::MediaSection media;
  media.ssrcs = {{Ssrc(1), "cname", "x"}, {Ssrc(1), "msid", "stream track"}};
  EXPECT_EQ(offered_msid(media), (sdp::Msid{"stream", "track"}));
  media.msids = {{"-", "other"}};
  EXPECT_EQ(offered_msid(media), (sdp::Msid{"", "other"}));
}

}  // namespace
}  // namespace meridian::meeting
