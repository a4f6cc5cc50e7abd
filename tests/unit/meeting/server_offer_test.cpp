#include "meeting/server_offer.hpp"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "meeting/negotiation_answer.hpp"

namespace meridian::meeting {
namespace {

TEST(ServerOffer, uses_each_payload_type_once) {
  std::set<unsigned> types;
  for (const auto kind : {rtp::MediaKind::kAudio, rtp::MediaKind::kVideo}) {
    for (const sdp::OfferedCodec& codec : offerable_codecs(kind, true)) {
      EXPECT_TRUE(types.insert(codec.binding.payload_type.value()).second);
      EXPECT_TRUE(!codec.binding.rtx || types.insert(codec.binding.rtx->value()).second);
    }
  }
  EXPECT_TRUE(types.contains(111));
  EXPECT_TRUE(types.contains(63));
}

TEST(ServerOffer, is_read_back_as_what_was_offered) {
  for (const auto kind : {rtp::MediaKind::kAudio, rtp::MediaKind::kVideo}) {
    sdp::MediaSection section =
        offered_section(*rtp::Token::parse("1"),
                        kind == rtp::MediaKind::kAudio ? sdp::Kind::kAudio : sdp::Kind::kVideo,
                        {"abcd", "0123456789012345678901"}, {});
    const auto offered = offerable_codecs(kind, true);
    write_codecs(section, offered);
    EXPECT_EQ(bindings_of(answered_codecs(section, kind, true)), bindings_of(offered));
  }
}

TEST(ServerOffer, takes_no_payload_type_for_another_codec_than_it_offered) {
  sdp::MediaSection section;
  section.formats = {"111", "100"};
  section.rtpmaps = {{PayloadType(111), "PCMU", 8000, 1}, {PayloadType(100), "opus", 48000, 2}};
  EXPECT_TRUE(answered_codecs(section, rtp::MediaKind::kAudio, true).empty());
}

TEST(ServerOffer, gives_an_extension_one_id_in_all_sections) {
  sdp::MediaSection audio;
  sdp::MediaSection video;
  write_offered_extensions(audio, rtp::MediaKind::kAudio);
  write_offered_extensions(video, rtp::MediaKind::kVideo);
  EXPECT_LT(audio.extensions.size(), video.extensions.size());
  sdp::MediaSection delayed;
  write_offered_extensions(delayed, rtp::MediaKind::kVideo, PlayoutDelayUse::kSent);
  ASSERT_EQ(delayed.extensions.size(), video.extensions.size() + 1);
  EXPECT_EQ(delayed.extensions.back().uri, sdp::extension_uri(rtp::Extension::kPlayoutDelay));
  delayed.extensions.pop_back();
  EXPECT_EQ(delayed.extensions, video.extensions);
  for (const sdp::ExtensionMapping& mapping : audio.extensions) {
    EXPECT_EQ(std::ranges::count(video.extensions, mapping), 1);
  }
}

}  // namespace
}  // namespace meridian::meeting
