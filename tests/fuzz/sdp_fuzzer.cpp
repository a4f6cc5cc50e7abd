// Descriptions from anybody. Beyond not crashing: what parses is written and read back as the same
// value, and whatever the negotiator answers is itself a description with the same sections.
// Covers: server/sdp/session_parser.cpp server/sdp/session.cpp server/sdp/attributes.cpp
// Covers: server/sdp/codecs.cpp server/sdp/text.hpp server/meeting/negotiation_offer.cpp
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.hpp"
#include "meeting/negotiator.hpp"
#include "meeting/subscriber_negotiator.hpp"
#include "sdp/codecs.hpp"
#include "sdp/session.hpp"

using namespace meridian;

namespace {

meeting::LocalDescription local_description() {
  meeting::LocalDescription local;
  local.make_credentials = [] {
    return ice::Credentials{.ufrag = "abcd", .password = "0123456789012345678901"};
  };
  local.candidates = {*SocketAddress::parse("192.0.2.1:7882")};
  return local;
}

meeting::SenderSpec sender(std::uint32_t id) {
  meeting::SenderSpec spec;
  spec.subscription = SubscriptionId(id);
  spec.kind = id == 1 ? rtp::MediaKind::kAudio : rtp::MediaKind::kVideo;
  spec.participant_sid = "PA_a";
  spec.track_sid = "TR_a";
  return spec;
}

/// The same text as an answer to offers of ours, which are descriptions whatever was answered.
void check_own_offers(std::string_view answer) {
  SeededRandomSource random(1);
  meeting::SubscriberNegotiator negotiator({}, random);
  const meeting::LocalDescription local = local_description();
  for (std::uint32_t id = 1; id <= 2; ++id) {
    (void)negotiator.add_sender(sender(id));
    const auto offer = negotiator.make_offer(local);
    MERIDIAN_CHECK(offer && sdp::parse(offer->sdp));
    (void)negotiator.handle_answer(answer);
  }
  negotiator.remove_sender(SubscriptionId(1));
  const auto offer = negotiator.make_offer(local);
  MERIDIAN_CHECK(offer && sdp::parse(offer->sdp));
}

void check_answer(meeting::Negotiator& negotiator, std::string_view offer) {
  const meeting::LocalDescription local = local_description();
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
    negotiator.add_sender(sender(id));
  }
  check_answer(negotiator, text);
  negotiator.remove_sender(SubscriptionId(1));
  check_answer(negotiator, text);
  check_own_offers(text);
  return 0;
}
