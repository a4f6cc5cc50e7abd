// Goal: the state of offers and answers over a client's life. Method: the offers that Chromium 156
// made against this negotiator, in their order, and variations of them.

#include <algorithm>
#include <set>

#include <gmock/gmock.h>

#include "sdp/codecs.hpp"
#include "unit/meeting/negotiator_fixture.hpp"

namespace meridian::meeting {
namespace {

using rtp::Codec;
using rtp::MediaKind;
using testing::ElementsAre;
using testing::Pair;

TEST_F(NegotiatorTest, answers_the_join_offer_with_every_section_inactive_and_the_data_channel) {
  const Negotiated result = offer("chromium_join");
  const sdp::Session answer = parsed(result.answer);
  EXPECT_TRUE(answer.ice_lite);
  EXPECT_TRUE(answer.extmap_allow_mixed);
  EXPECT_EQ(answer.msid_semantic, "WMS *");
  ASSERT_EQ(answer.bundles.size(), 1U);
  EXPECT_THAT(answer.bundles[0], ElementsAre("0", "1", "2", "3", "4", "5", "6"));
  ASSERT_EQ(answer.media.size(), 7U);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(answer.media[i].direction, sdp::Direction::kInactive);
    EXPECT_TRUE(answer.media[i].rtcp_mux);
    EXPECT_TRUE(answer.media[i].rtcp_rsize);
    EXPECT_TRUE(answer.media[i].msids.empty());
  }
  for (const sdp::MediaSection& media : answer.media) {
    EXPECT_EQ(media.transport.setup, sdp::Setup::kPassive);
    EXPECT_EQ(media.transport.ice_ufrag, "ufrag1");
    EXPECT_EQ(media.transport.ice_options, std::vector<std::string>{"trickle"});
    EXPECT_EQ(media.transport.fingerprints,
              std::vector<std::string>{local_.fingerprint.to_string()});
  }
  EXPECT_EQ(answer.media[6].sctp_port, kSctpPort);
  EXPECT_EQ(answer.media[6].max_message_size, kMaxDataMessageSize);
  ASSERT_TRUE(result.data.has_value());
  EXPECT_EQ(result.data->mid.view(), "6");
  EXPECT_EQ(result.data->remote_max_message_size, 262144U);
  EXPECT_TRUE(result.mid_to_track_id.empty());
  EXPECT_TRUE(result.receive.empty());
  EXPECT_FALSE(result.is_ice_restart);
  EXPECT_FALSE(negotiator_.needs_negotiation());
}

TEST_F(NegotiatorTest, lists_the_candidates_once_in_the_first_section) {
  const sdp::Session answer = answer_to("chromium_join");
  ASSERT_EQ(answer.media[0].candidates.size(), 2U);
  const sdp::Candidate& first = answer.media[0].candidates[0];
  EXPECT_EQ(first.address, "192.0.2.1");
  EXPECT_EQ(first.port, 7882);
  EXPECT_EQ(first.priority, 2130706431U);  // RFC 8445: the highest of a host candidate
  EXPECT_EQ(answer.media[0].candidates[1].address, "2001:db8::1");
  EXPECT_LT(answer.media[0].candidates[1].priority, first.priority);
  EXPECT_TRUE(answer.media[0].end_of_candidates);
  EXPECT_TRUE(answer.media[1].candidates.empty());
}

TEST_F(NegotiatorTest, candidates_over_tcp_come_last_and_are_passive) {
  local_.tcp_candidates = {*SocketAddress::parse("192.0.2.1:7881")};
  const sdp::Session answer = answer_to("chromium_join");
  ASSERT_EQ(answer.media[0].candidates.size(), 3U);
  const sdp::Candidate& tcp = answer.media[0].candidates[2];
  EXPECT_EQ(tcp.transport, "tcp");
  EXPECT_EQ(tcp.port, 7881);
  EXPECT_EQ(tcp.type, "host");
  EXPECT_EQ(tcp.rest, "tcptype passive");
  EXPECT_LT(tcp.priority, answer.media[0].candidates[1].priority);
  EXPECT_NE(tcp.foundation, answer.media[0].candidates[0].foundation);
}

TEST_F(NegotiatorTest, takes_the_published_tracks_with_layers_codecs_and_extensions) {
  offer("chromium_join");
  const Negotiated result = offer("chromium_publish");
  ASSERT_EQ(result.added.size(), 2U);
  EXPECT_EQ(result.added[0].kind, MediaKind::kAudio);
  EXPECT_EQ(result.added[0].mid.view(), "7");
  EXPECT_EQ(result.added[0].track_id.size(), 36U);
  EXPECT_EQ(result.added[0].stream_id.size(), 36U);

  ASSERT_EQ(result.receive.size(), 2U);
  const forward::ReceiveSection& microphone = result.receive[0];
  EXPECT_EQ(microphone.publication, PublicationId(5));
  EXPECT_EQ(microphone.codecs.front().codec, Codec::kRed);
  EXPECT_EQ(microphone.codecs.back().codec, Codec::kOpus);
  const forward::ReceiveSection& camera = result.receive[1];
  ASSERT_EQ(camera.rids.size(), 3U);
  EXPECT_EQ(camera.rids[0].view(), "q");
  EXPECT_EQ(camera.rids[2].view(), "f");
  EXPECT_EQ(camera.codecs.front().codec, Codec::kVp8);
  EXPECT_EQ(camera.codecs.front().rtx, PayloadType(97));
  for (const rtp::Extension extension :
       {rtp::Extension::kMid, rtp::Extension::kRid, rtp::Extension::kRepairedRid,
        rtp::Extension::kAudioLevel, rtp::Extension::kTransportSequence,
        rtp::Extension::kAbsSendTime, rtp::Extension::kDependencyDescriptor,
        rtp::Extension::kVideoLayersAllocation}) {
    EXPECT_TRUE(result.extensions.has(extension)) << static_cast<int>(extension);
  }
  EXPECT_FALSE(result.extensions.has(rtp::Extension::kVideoOrientation));
  EXPECT_FALSE(result.extensions.has(rtp::Extension::kPlayoutDelay));
  EXPECT_EQ(result.extensions, negotiator_.extensions());

  const sdp::Session answer = parsed(result.answer);
  EXPECT_EQ(answer.media[7].direction, sdp::Direction::kRecvOnly);
  EXPECT_EQ(answer.media[7].formats.front(), "63");
  EXPECT_EQ(answer.media[8].direction, sdp::Direction::kRecvOnly);
  ASSERT_EQ(answer.media[8].simulcast.recv.size(), 3U);
  EXPECT_EQ(answer.media[8].simulcast.recv[0][0].id, "q");
  EXPECT_EQ(answer.media[8].rids.front(), (sdp::Rid{"q", sdp::RidDirection::kRecv, ""}));
}

TEST_F(NegotiatorTest, tells_a_published_track_once_and_then_keeps_it) {
  offer("chromium_join");
  offer("chromium_publish");
  const Negotiated result = offer("chromium_subscribe");
  EXPECT_TRUE(result.added.empty());
  EXPECT_TRUE(result.removed.empty());
  EXPECT_EQ(result.receive.size(), 2U);
}

TEST_F(NegotiatorTest, binds_receive_sections_again_when_a_track_is_announced_late) {
  terms_.publication = PublicationId{};
  offer("chromium_join");
  EXPECT_EQ(offer("chromium_publish").receive.at(0).publication, PublicationId{});
  const auto sections = negotiator_.receive_sections([](const PublishedSection& track) {
    return PublishTerms{
        .publication = track.kind == MediaKind::kAudio ? PublicationId(8) : PublicationId{},
        .policy = {}};
  });
  ASSERT_EQ(sections.size(), 2U);
  EXPECT_EQ(sections[0].publication, PublicationId(8));
  EXPECT_EQ(sections[1].publication, PublicationId{});
}

TEST_F(NegotiatorTest, attaches_senders_to_free_sections_of_their_kind_in_order) {
  offer("chromium_join");
  add(1, MediaKind::kVideo, {Codec::kVp8});
  add(2, MediaKind::kAudio, {Codec::kOpus});
  add(3, MediaKind::kVideo, {Codec::kH264});
  EXPECT_TRUE(negotiator_.needs_negotiation());
  EXPECT_EQ(negotiator_.required_sections(), Negotiator::RequiredSections{});
  const Negotiated result = offer("chromium_join");
  EXPECT_FALSE(negotiator_.needs_negotiation());
  EXPECT_THAT(result.mid_to_track_id,
              ElementsAre(Pair("0", "TR_2"), Pair("3", "TR_1"), Pair("4", "TR_3")));
  ASSERT_EQ(result.bound.size(), 3U);
  const SendBinding& camera = result.bound[0];
  EXPECT_EQ(camera.mid.view(), "3");
  EXPECT_NE(camera.rtx_ssrc, Ssrc{});
  EXPECT_EQ(camera.codecs.front().codec, Codec::kVp8);
  EXPECT_FALSE(camera.extensions.has(rtp::Extension::kRid));
  EXPECT_TRUE(camera.extensions.has(rtp::Extension::kTransportSequence));
  EXPECT_EQ(result.bound[1].rtx_ssrc, Ssrc{});  // audio
  EXPECT_EQ(result.bound[2].codecs.front().codec, Codec::kH264);
  EXPECT_EQ(result.bound[2].codecs.front().payload_type, PayloadType(108));  // 42e01f

  const sdp::Session answer = parsed(result.answer);
  EXPECT_EQ(answer.media[3].direction, sdp::Direction::kSendOnly);
  EXPECT_EQ(answer.media[3].msids, (std::vector<sdp::Msid>{{"PA_alice|TR_1", "TR_1"}}));
  ASSERT_EQ(answer.media[3].ssrc_groups.size(), 1U);
  EXPECT_EQ(answer.media[3].ssrc_groups[0].ssrcs,
            (std::vector<Ssrc>{camera.ssrc, camera.rtx_ssrc}));
  EXPECT_EQ(answer.media[1].direction, sdp::Direction::kInactive);
}

TEST_F(NegotiatorTest, takes_a_playout_delay_for_pictures_where_the_room_has_one) {
  Negotiator delayed({Codec::kOpus, Codec::kVp8}, random_, PlayoutDelayUse::kSent);
  ASSERT_EQ(delayed.add_sender({.subscription = SubscriptionId(1),
                                .kind = MediaKind::kVideo,
                                .participant_sid = "PA_alice",
                                .track_sid = "TR_1",
                                .stream = "",
                                .codecs = {Codec::kVp8}}),
            AddSender::kAdded);
  const auto result = delayed.handle_offer(tests::offer_fixture("chromium_join"), local_,
                                           [](const PublishedSection&) { return PublishTerms{}; });
  ASSERT_TRUE(result);
  ASSERT_EQ(result->bound.size(), 1U);
  EXPECT_TRUE(result->bound[0].extensions.has(rtp::Extension::kPlayoutDelay));
  const std::string_view uri = sdp::extension_uri(rtp::Extension::kPlayoutDelay);
  for (const sdp::MediaSection& media : parsed(result->answer).media) {
    EXPECT_EQ(std::ranges::count(media.extensions, uri, &sdp::ExtensionMapping::uri),
              media.kind == sdp::Kind::kVideo ? 1 : 0);
  }
}

TEST_F(NegotiatorTest, keeps_ssrcs_over_offers_and_never_repeats_one) {
  offer("chromium_join");
  std::set<Ssrc> seen;
  for (std::uint32_t id = 1; id <= 8; ++id) {
    add(id, MediaKind::kVideo);
    const Negotiated first = offer("chromium_join");
    ASSERT_EQ(first.bound.size(), 1U);
    EXPECT_TRUE(seen.insert(first.bound[0].ssrc).second);
    EXPECT_TRUE(seen.insert(first.bound[0].rtx_ssrc).second);
    EXPECT_TRUE(offer("chromium_join").bound.empty());
    negotiator_.remove_sender(SubscriptionId(id));
    offer("chromium_join");
  }
}

TEST_F(NegotiatorTest, frees_a_section_with_one_answer_and_gives_it_away_with_the_next) {
  offer("chromium_join");
  add(1, MediaKind::kAudio);
  add(2, MediaKind::kAudio);
  add(3, MediaKind::kAudio);
  offer("chromium_join");
  negotiator_.remove_sender(SubscriptionId(1));
  add(4, MediaKind::kAudio);
  EXPECT_EQ(negotiator_.required_sections(), Negotiator::RequiredSections{});

  const Negotiated freeing = offer("chromium_join");
  EXPECT_TRUE(freeing.bound.empty());
  EXPECT_EQ(parsed(freeing.answer).media[0].direction, sdp::Direction::kInactive);
  EXPECT_TRUE(negotiator_.needs_negotiation());

  const Negotiated reusing = offer("chromium_join");
  ASSERT_EQ(reusing.bound.size(), 1U);
  EXPECT_EQ(reusing.bound[0].mid.view(), "0");
  EXPECT_FALSE(negotiator_.needs_negotiation());
}

TEST_F(NegotiatorTest, asks_for_as_many_sections_as_are_missing) {
  offer("chromium_join");
  for (std::uint32_t id = 1; id <= 5; ++id) {
    add(id, MediaKind::kAudio);
  }
  add(6, MediaKind::kVideo);
  EXPECT_EQ(negotiator_.required_sections(),
            (Negotiator::RequiredSections{.num_audios = 2, .num_videos = 0}));
  offer("chromium_join");
  EXPECT_TRUE(negotiator_.needs_negotiation());
  EXPECT_EQ(negotiator_.required_sections(),
            (Negotiator::RequiredSections{.num_audios = 2, .num_videos = 0}));
}

TEST_F(NegotiatorTest, names_a_sender_whose_codecs_the_client_lacks_once) {
  offer("chromium_join");
  add(1, MediaKind::kVideo, {Codec::kAv1});
  std::string without_av1 = tests::offer_fixture("chromium_join");
  for (std::size_t at; (at = without_av1.find("AV1/90000")) != std::string::npos;) {
    without_av1.replace(at, 3, "AVX");
  }
  EXPECT_THAT(offer_text(without_av1)->unsupported, ElementsAre(SubscriptionId(1)));
  EXPECT_TRUE(offer_text(without_av1)->unsupported.empty());
  EXPECT_FALSE(negotiator_.needs_negotiation());
  EXPECT_EQ(negotiator_.required_sections(), Negotiator::RequiredSections{});
}

TEST_F(NegotiatorTest, moves_a_sender_whose_section_the_client_stopped) {
  offer("chromium_join");
  add(1, MediaKind::kAudio);
  const Negotiated before = offer("chromium_join");
  std::string stopped = tests::offer_fixture("chromium_join");
  stopped = tests::replaced(stopped, "m=audio 9 ", "m=audio 0 ");
  const auto result = offer_text(stopped);
  ASSERT_TRUE(result.has_value());
  EXPECT_THAT(result->unbound, ElementsAre(SubscriptionId(1)));
  ASSERT_EQ(result->bound.size(), 1U);
  EXPECT_EQ(result->bound[0].mid.view(), "1");
  EXPECT_NE(result->bound[0].ssrc, before.bound[0].ssrc);
  const sdp::Session answer = parsed(result->answer);
  EXPECT_TRUE(answer.media[0].is_rejected());
  EXPECT_EQ(std::ranges::count(answer.bundles[0], "0"), 0);
  EXPECT_FALSE(answer.media[1].candidates.empty());  // now the first of the group
}

TEST_F(NegotiatorTest, rebinds_a_sender_under_new_ssrcs_when_payload_types_move) {
  offer("chromium_join");
  add(1, MediaKind::kAudio, {Codec::kOpus});
  const Negotiated before = offer("chromium_join");
  std::string moved = tests::offer_fixture("chromium_join");
  moved = tests::replaced(moved, "SAVPF 111 63", "SAVPF 112 63");
  moved = tests::replaced(moved, "rtpmap:111", "rtpmap:112");
  moved = tests::replaced(moved, "63 111/111", "63 112/112");
  const auto result = offer_text(moved);
  ASSERT_TRUE(result.has_value());
  EXPECT_THAT(result->unbound, ElementsAre(SubscriptionId(1)));
  ASSERT_EQ(result->bound.size(), 1U);
  EXPECT_EQ(result->bound[0].codecs.front().payload_type, PayloadType(112));
  EXPECT_NE(result->bound[0].ssrc, before.bound[0].ssrc);
}

TEST_F(NegotiatorTest, notices_a_track_that_is_no_longer_published) {
  for (const char* name : {"chromium_join", "chromium_publish", "chromium_subscribe"}) {
    offer(name);
  }
  const Negotiated result = offer("chromium_unpublish");
  ASSERT_EQ(result.removed.size(), 1U);
  EXPECT_EQ(result.removed[0].view(), "8");
  EXPECT_EQ(result.receive.size(), 1U);
  EXPECT_EQ(parsed(result.answer).media[8].direction, sdp::Direction::kInactive);
}

TEST_F(NegotiatorTest, follows_chromium_through_restart_a_second_codec_and_a_stopped_transceiver) {
  for (const char* name :
       {"chromium_join", "chromium_publish", "chromium_subscribe", "chromium_unpublish"}) {
    EXPECT_FALSE(offer(name).is_ice_restart);
  }
  const Negotiated restart = offer("chromium_restart");
  EXPECT_TRUE(restart.is_ice_restart);
  EXPECT_EQ(restart.local.ufrag, "ufrag2");
  EXPECT_EQ(parsed(restart.answer).media[0].transport.ice_ufrag, "ufrag2");
  EXPECT_TRUE(restart.added.empty());

  const Negotiated vp9 = offer("chromium_vp9");
  EXPECT_FALSE(vp9.is_ice_restart);
  EXPECT_EQ(vp9.local.ufrag, "ufrag2");
  ASSERT_EQ(vp9.added.size(), 1U);
  EXPECT_EQ(vp9.added[0].codecs.front().codec, Codec::kVp9);
  EXPECT_TRUE(vp9.added[0].rids.empty());
  ASSERT_EQ(vp9.receive.back().sources.size(), 1U);  // one SSRC, signalled
  EXPECT_TRUE(vp9.receive.back().sources[0].rtx.has_value());

  const Negotiated stopped = offer("chromium_stopped");
  ASSERT_EQ(stopped.removed.size(), 1U);
  EXPECT_EQ(stopped.removed[0], vp9.added[0].mid);
  EXPECT_EQ(credentials_made_, 2);
}

TEST_F(NegotiatorTest, answers_sendrecv_sections_in_both_directions) {
  add(1, MediaKind::kVideo);
  const Negotiated result = offer("chromium_sendrecv");
  ASSERT_EQ(result.bound.size(), 1U);
  EXPECT_EQ(result.receive.size(), 2U);
  EXPECT_FALSE(result.bound[0].extensions.has(rtp::Extension::kVideoLayersAllocation));
  const sdp::Session answer = parsed(result.answer);
  EXPECT_EQ(answer.media[0].direction, sdp::Direction::kRecvOnly);
  EXPECT_EQ(answer.media[1].direction, sdp::Direction::kSendRecv);
}

TEST_F(NegotiatorTest, answers_firefox_with_its_numbers_and_reversed_extension_directions) {
  add(1, MediaKind::kAudio);
  const Negotiated result = offer("firefox_publish");
  ASSERT_EQ(result.bound.size(), 1U);
  EXPECT_EQ(result.bound[0].codecs.front().payload_type, PayloadType(109));
  const sdp::MediaSection camera = parsed(result.answer).media.at(3);
  EXPECT_EQ(camera.extensions.back(),
            (sdp::ExtensionMapping{9, sdp::Direction::kRecvOnly,
                                   "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"}));
  ASSERT_EQ(result.receive.size(), 1U);
  // Firefox lists its layers highest first; ours are lowest first.
  EXPECT_EQ(result.receive[0].rids[0].view(), "q");
  EXPECT_EQ(result.receive[0].rids[2].view(), "f");
  EXPECT_EQ(result.added.at(0).track_id, "{0a0b0c0d-aaaa-bbbb-cccc-ddddeeeeffff}");
}

TEST_F(NegotiatorTest, does_not_change_anything_on_an_error) {
  offer("chromium_join");
  add(1, MediaKind::kAudio);
  const std::string good = tests::offer_fixture("chromium_publish");
  EXPECT_EQ(error_of(tests::replaced(good, "a=mid:7", "a=mid:6")), NegotiationError::kDuplicateMid);
  EXPECT_TRUE(negotiator_.needs_negotiation());
  EXPECT_EQ(credentials_made_, 1);
  const Negotiated result = offer("chromium_publish");
  EXPECT_EQ(result.bound.size(), 1U);
  EXPECT_EQ(parsed(result.answer).version, 2U);
}

TEST_F(NegotiatorTest, refuses_an_offer_that_lost_or_exchanged_sections) {
  offer("chromium_publish");
  EXPECT_EQ(error_of(tests::offer_fixture("chromium_join")), NegotiationError::kSectionsChanged);
  std::string renamed = tests::offer_fixture("chromium_publish");
  renamed = tests::replaced(renamed, "a=mid:2", "a=mid:99");
  renamed = tests::replaced(renamed, "BUNDLE 0 1 2", "BUNDLE 0 1 99");
  EXPECT_EQ(error_of(renamed), NegotiationError::kSectionsChanged);
}

TEST_F(NegotiatorTest, refuses_another_certificate_on_a_living_transport) {
  offer("chromium_join");
  std::string other = tests::offer_fixture("chromium_join");
  const std::string line = "a=fingerprint:sha-256 ";
  for (std::size_t at = 0; (at = other.find(line, at)) != std::string::npos; at += line.size()) {
    other.replace(at + line.size(), 2, "00");
  }
  EXPECT_EQ(error_of(other), NegotiationError::kFingerprintChanged);
}

TEST_F(NegotiatorTest, lets_a_stopped_section_be_used_again_under_another_mid) {
  std::string stopped = tests::offer_fixture("chromium_join");
  stopped = tests::replaced(stopped, "m=audio 9 ", "m=audio 0 ");
  ASSERT_TRUE(offer_text(stopped).has_value());
  std::string recycled = tests::offer_fixture("chromium_join");
  recycled = tests::replaced(recycled, "a=mid:0", "a=mid:new");
  recycled = tests::replaced(recycled, "BUNDLE 0 ", "BUNDLE new ");
  add(1, MediaKind::kAudio);
  const auto result = offer_text(recycled);
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->bound.at(0).mid.view(), "new");
}

TEST_F(NegotiatorTest, refuses_a_sender_twice_and_ignores_unknown_ones) {
  add(1, MediaKind::kAudio);
  EXPECT_EQ(negotiator_.add_sender({.subscription = SubscriptionId(1),
                                    .kind = MediaKind::kAudio,
                                    .participant_sid = "",
                                    .track_sid = "",
                                    .stream = "",
                                    .codecs = {},
                                    .stereo = false}),
            AddSender::kDuplicate);
  negotiator_.remove_sender(SubscriptionId(77));
  EXPECT_TRUE(negotiator_.needs_negotiation());
  negotiator_.remove_sender(SubscriptionId(1));
  EXPECT_FALSE(negotiator_.needs_negotiation());
}

SenderSpec stereo_sender() {
  SenderSpec spec;
  spec.subscription = SubscriptionId(1);
  spec.stereo = true;
  return spec;
}

TEST_F(NegotiatorTest, wants_another_offer_when_the_first_would_play_stereo_as_mono) {
  negotiator_.add_sender(stereo_sender());
  ASSERT_EQ(offer("chromium_join").bound.size(), 1U);
  EXPECT_TRUE(negotiator_.needs_negotiation());
  EXPECT_EQ(negotiator_.required_sections(), Negotiator::RequiredSections{});
  offer("chromium_join");
  EXPECT_FALSE(negotiator_.needs_negotiation()) << "asked once, whatever the client then does";
}

TEST_F(NegotiatorTest, is_content_with_a_first_offer_that_takes_stereo) {
  negotiator_.add_sender(stereo_sender());
  const auto result = offer_text(tests::replaced(tests::offer_fixture("chromium_join"),
                                                 "useinbandfec=1", "useinbandfec=1;stereo=1"));
  ASSERT_TRUE(result.has_value());
  ASSERT_EQ(result->bound.size(), 1U);
  EXPECT_FALSE(negotiator_.needs_negotiation());
  EXPECT_FALSE(parsed(result->answer).media[0].format_parameters[0].parameters.contains(";stereo"));
}

TEST_F(NegotiatorTest, bounds_its_senders) {
  for (std::uint32_t id = 1; id <= kMaxSenders; ++id) {
    add(id, MediaKind::kAudio);
  }
  SenderSpec spec;
  spec.subscription = SubscriptionId(5000);
  EXPECT_EQ(negotiator_.add_sender(spec), AddSender::kFull);
}

TEST_F(NegotiatorTest, lets_no_name_write_into_the_answer) {
  SenderSpec spec;
  spec.subscription = SubscriptionId(1);
  spec.kind = MediaKind::kAudio;
  spec.participant_sid = "PA_x\r\na=candidate:9 1 udp 1 203.0.113.66 9 typ host";
  spec.track_sid = "TR_x";
  spec.stream = "camera\r\nm=audio 9";
  negotiator_.add_sender(spec);
  const std::string answer = offer("chromium_join").answer;
  EXPECT_EQ(answer.find("\na=candidate:9"), std::string::npos);
  EXPECT_EQ(parsed(answer).media.size(), 7U);
}

TEST_F(NegotiatorTest, rejects_a_section_that_has_nothing_to_forward) {
  std::string offer = tests::offer_fixture("chromium_sendrecv");
  for (std::size_t at; (at = offer.find("m=video 9 ")) != std::string::npos;) {
    offer.replace(at, 10, "m=text 9 ");
  }
  const auto result = offer_text(offer);
  ASSERT_TRUE(result.has_value());
  const sdp::Session answer = parsed(result->answer);
  EXPECT_TRUE(answer.media[1].is_rejected());
  EXPECT_EQ(answer.media[1].other_kind, "text");
  EXPECT_THAT(answer.bundles[0], ElementsAre("0"));
}

TEST_F(NegotiatorTest, every_error_has_words) {
  for (int i = 0; i <= static_cast<int>(NegotiationError::kExhausted); ++i) {
    EXPECT_NE(to_string(static_cast<NegotiationError>(i)), "unknown");
  }
}

}  // namespace
}  // namespace meridian::meeting
