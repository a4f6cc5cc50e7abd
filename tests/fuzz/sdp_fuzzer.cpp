// Descriptions from anybody. Beyond not crashing: what parses is written and read back as the same
// value, and whatever the negotiator answers is itself a description with the same sections.
// Covers: server/sdp/session_parser.cpp server/sdp/session.cpp server/sdp/attributes.cpp
// Covers: server/sdp/codecs.cpp server/sdp/text.hpp server/meeting/negotiation_offer.cpp
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "meeting/negotiator.hpp"
#include "sdp/codecs.hpp"
#include "sdp/session.hpp"

using namespace meridian;

namespace {

void check_answer(meeting::Negotiator& negotiator, std::string_view offer) {
  meeting::LocalDescription local;
  local.make_credentials = [] {
    return ice::Credentials{.ufrag = "abcd", .password = "0123456789012345678901"};
  };
  local.candidates = {*SocketAddress::parse("192.0.2.1:7882")};
  const auto result = negotiator.handle_offer(offer, local, [](const meeting::PublishedSection&) {
    return meeting::PublishTerms{.publication = PublicationId(1), .policy = {.disable_red = false}};
  });
  if (!result) {
    return;
  }
  const auto answer = sdp::parse(result->answer);
  MERIDIAN_CHECK(answer.has_value());
  const auto offered = sdp::parse(offer);
  MERIDIAN_CHECK(answer->media.size() == offered->media.size());
  for (std::size_t i = 0; i < answer->media.size(); ++i) {
    MERIDIAN_CHECK(answer->media[i].mid == offered->media[i].mid);
    MERIDIAN_CHECK(answer->media[i].kind == offered->media[i].kind);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto session = sdp::parse(text);
  if (!session) {
    return 0;
  }
  const auto again = sdp::parse(session->to_string());
  MERIDIAN_CHECK(again && *again == *session);

  SeededRandomSource random(1);
  meeting::Negotiator negotiator({rtp::Codec::kOpus, rtp::Codec::kRed, rtp::Codec::kVp8,
                                  rtp::Codec::kVp9, rtp::Codec::kH264, rtp::Codec::kAv1},
                                 random);
  for (std::uint32_t id = 1; id <= 2; ++id) {
    meeting::SenderSpec spec;
    spec.subscription = SubscriptionId(id);
    spec.kind = id == 1 ? rtp::MediaKind::kAudio : rtp::MediaKind::kVideo;
    spec.participant_sid = "PA_a";
    spec.track_sid = "TR_a";
    negotiator.add_sender(spec);
  }
  check_answer(negotiator, text);
  negotiator.remove_sender(SubscriptionId(1));
  check_answer(negotiator, text);
  return 0;
}
