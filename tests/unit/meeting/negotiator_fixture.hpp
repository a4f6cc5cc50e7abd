#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "meeting/negotiator.hpp"
#include "unit/sdp/fixtures.hpp"

namespace meridian::meeting {

/// One client's negotiator with a node behind it whose credentials are numbered.
class NegotiatorTest : public testing::Test {
 protected:
  NegotiatorTest() {
    local_.make_credentials = [this] {
      return ice::Credentials{.ufrag = "ufrag" + std::to_string(++credentials_made_),
                              .password = "0123456789012345678901"};
    };
    local_.fingerprint.sha256.fill(0xab);
    local_.candidates = {*SocketAddress::parse("192.0.2.1:7882"),
                         *SocketAddress::parse("[2001:db8::1]:7882")};
  }

  base::Expected<Negotiated, NegotiationError> offer_text(std::string_view sdp) {
    return negotiator_.handle_offer(sdp, local_, [this](const PublishedSection& track) {
      looked_up_.push_back(track);
      return terms_;
    });
  }
  /// Offers a fixture, which must be accepted.
  Negotiated offer(const std::string& fixture) {
    auto result = offer_text(tests::offer_fixture(fixture));
    EXPECT_TRUE(result.has_value()) << fixture << ": " << to_string(result.error());
    return result ? *std::move(result) : Negotiated{};
  }
  sdp::Session answer_to(const std::string& fixture) { return parsed(offer(fixture).answer); }
  static sdp::Session parsed(const std::string& text) {
    auto session = sdp::parse(text);
    EXPECT_TRUE(session.has_value());
    return session ? *std::move(session) : sdp::Session{};
  }
  NegotiationError error_of(std::string_view sdp) {
    const auto result = offer_text(sdp);
    EXPECT_FALSE(result.has_value());
    return result ? NegotiationError::kExhausted : result.error();
  }
  void add(std::uint32_t id, rtp::MediaKind kind, std::vector<rtp::Codec> codecs = {}) {
    EXPECT_EQ(negotiator_.add_sender({.subscription = SubscriptionId(id),
                                      .kind = kind,
                                      .participant_sid = "PA_alice",
                                      .track_sid = "TR_" + std::to_string(id),
                                      .stream = "",
                                      .codecs = std::move(codecs),
                                      .stereo = false}),
              AddSender::kAdded);
  }

  SeededRandomSource random_{1};
  Negotiator negotiator_{{rtp::Codec::kOpus, rtp::Codec::kRed, rtp::Codec::kVp8, rtp::Codec::kVp9,
                          rtp::Codec::kH264, rtp::Codec::kAv1},
                         random_};
  LocalDescription local_;
  PublishTerms terms_{.publication = PublicationId(5), .policy = {.disable_red = false}};
  int credentials_made_ = 0;
  std::vector<PublishedSection> looked_up_;
};

}  // namespace meridian::meeting
