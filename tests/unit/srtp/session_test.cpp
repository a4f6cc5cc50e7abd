#include "srtp/session.hpp"

#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "srtp/packet_layout.hpp"
#include "support/peer_srtp.hpp"

namespace meridian::srtp {
namespace {

using Packet = std::vector<std::uint8_t>;
using test::PeerSrtp;

/// A profile, and the library that our implementation of it uses.
struct Setup {
  Profile profile;
  GcmLibrary library = GcmLibrary::kOpenSsl;
};

/// Both implementations with the same keys: ours, and libsrtp2 as the oracle.
class SrtpTest : public testing::TestWithParam<Setup> {
 protected:
  SrtpTest() {
    material_.profile = profile();
    for (std::size_t i = 0; i < key_size(profile()); ++i) {
      material_.key[i] = static_cast<std::uint8_t>(rng_.next());
    }
    for (std::size_t i = 0; i < salt_size(profile()); ++i) {
      material_.salt[i] = static_cast<std::uint8_t>(rng_.next());
    }
    side_.key = material_.key;
    side_.salt = material_.salt;
    if (!is_available(library())) {
      return;
    }
    protect_.emplace(material_, library());
    unprotect_.emplace(material_, library());
    oracle_protect_.emplace(PeerSrtp::Direction::kSend, iana(), side_);
    oracle_unprotect_.emplace(PeerSrtp::Direction::kReceive, iana(), side_);
  }

  void SetUp() override {
    if (!is_available(library())) {
      GTEST_SKIP() << "this processor has no use for " << to_string(library());
    }
  }

  [[nodiscard]] static Profile profile() { return GetParam().profile; }
  [[nodiscard]] static GcmLibrary library() { return GetParam().library; }
  [[nodiscard]] static std::uint16_t iana() { return static_cast<std::uint16_t>(profile()); }

  Packet rtp(std::uint32_t ssrc, std::uint16_t sequence, std::size_t payload = 100) {
    Packet packet = {0x80, 0x60};
    const auto csrcs = rng_.below(4);
    const bool has_extension = rng_.chance(0.5);
    packet[0] |= static_cast<std::uint8_t>(csrcs | (has_extension ? 0x10U : 0));
    packet.resize(12 + 4 * csrcs);
    store_u16(packet.data() + 2, sequence);
    store_u32(packet.data() + 8, ssrc);
    if (has_extension) {
      const auto words = rng_.below(5);
      packet.insert(packet.end(), {0xbe, 0xde, 0, static_cast<std::uint8_t>(words)});
      packet.resize(packet.size() + 4 * words, 0x11);
    }
    append_noise(packet, payload);
    return packet;
  }

  Packet rtcp(std::uint32_t ssrc, std::size_t words) {
    Packet packet = {0x81, 0xc9, 0, static_cast<std::uint8_t>(words + 1), 0, 0, 0, 0};
    store_u32(packet.data() + 4, ssrc);
    append_noise(packet, 4 * words);
    return packet;
  }

  void append_noise(Packet& packet, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      packet.push_back(static_cast<std::uint8_t>(rng_.next()));
    }
  }

  base::Expected<Packet, SrtpError> protect_rtp(Packet packet) {
    const std::size_t length = packet.size();
    packet.resize(length + tag_size(profile()));  // exact, so that a sanitizer sees one byte more
    const auto size = protect_->protect_rtp(packet, length);
    if (!size) {
      return std::unexpected(size.error());
    }
    packet.resize(*size);
    return packet;
  }
  base::Expected<Packet, SrtpError> protect_rtcp(Packet packet) {
    const std::size_t length = packet.size();
    packet.resize(length + tag_size(profile()) + kRtcpTrailerSize);
    const auto size = protect_->protect_rtcp(packet, length);
    if (!size) {
      return std::unexpected(size.error());
    }
    packet.resize(*size);
    return packet;
  }
  base::Expected<Packet, SrtpError> unprotect_rtp(Packet packet) {
    const auto size = unprotect_->unprotect_rtp(packet);
    if (!size) {
      return std::unexpected(size.error());
    }
    packet.resize(*size);
    return packet;
  }
  base::Expected<Packet, SrtpError> unprotect_rtcp(Packet packet) {
    const auto size = unprotect_->unprotect_rtcp(packet);
    if (!size) {
      return std::unexpected(size.error());
    }
    packet.resize(*size);
    return packet;
  }

  Rng rng_{11};
  KeyMaterial material_;
  dtls::ExportedKeys::Side side_;
  std::optional<ProtectSession> protect_;
  std::optional<UnprotectSession> unprotect_;
  std::optional<PeerSrtp> oracle_protect_;
  std::optional<PeerSrtp> oracle_unprotect_;
};

TEST_P(SrtpTest, writes_the_same_bytes_as_libsrtp) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(7)));
  for (std::uint16_t i = 0; i < 2000; ++i) {
    const Packet plain = rtp(7, static_cast<std::uint16_t>(65000 + i), rng_.below(1200));
    const auto ours = protect_rtp(plain);
    const auto theirs = oracle_protect_->rtp(plain);
    ASSERT_TRUE(ours && theirs);
    ASSERT_EQ(*ours, *theirs) << i;
  }
}

TEST_P(SrtpTest, libsrtp_reads_what_we_write_and_we_read_what_it_writes) {
  for (std::uint32_t ssrc = 1; ssrc <= 20; ++ssrc) {
    ASSERT_TRUE(protect_->add_stream(Ssrc(ssrc)));
    for (std::uint16_t sequence = 0; sequence < 50; ++sequence) {
      const Packet plain = rtp(ssrc, sequence, rng_.below(300));
      EXPECT_EQ(oracle_unprotect_->rtp(*protect_rtp(plain)), plain);
      EXPECT_EQ(unprotect_rtp(*oracle_protect_->rtp(plain)), plain);
    }
  }
}

TEST_P(SrtpTest, rtcp_agrees_with_libsrtp_both_ways) {
  for (std::uint32_t ssrc = 1; ssrc <= 5; ++ssrc) {
    ASSERT_TRUE(protect_->add_stream(Ssrc(ssrc)));
    for (int i = 0; i < 200; ++i) {
      const Packet plain = rtcp(ssrc, rng_.below(60));
      EXPECT_EQ(oracle_unprotect_->rtcp(*protect_rtcp(plain)), plain);
      EXPECT_EQ(unprotect_rtcp(*oracle_protect_->rtcp(plain)), plain);
    }
  }
}

TEST_P(SrtpTest, rollovers_survive_loss_and_reordering) {
  // Three wraps, 10 % loss, reordering over up to 8 packets.
  std::deque<std::pair<Packet, Packet>> in_flight;
  const auto deliver = [&](std::size_t which) {
    const auto [plain, sealed] = in_flight[which];
    in_flight.erase(in_flight.begin() + static_cast<std::ptrdiff_t>(which));
    ASSERT_EQ(unprotect_rtp(sealed), plain);
  };
  for (std::uint32_t i = 0; i < 200'000; i += 7) {
    const Packet plain = rtp(9, static_cast<std::uint16_t>(10'000 + i), 10);
    const auto sealed = oracle_protect_->rtp(plain);
    ASSERT_TRUE(sealed);
    if (!rng_.chance(0.1)) {
      in_flight.emplace_back(plain, *sealed);
    }
    if (in_flight.size() >= 8) {
      deliver(rng_.below(in_flight.size()));
    }
  }
}

TEST_P(SrtpTest, sent_rollovers_are_read_by_libsrtp_with_loss) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(9)));
  for (std::uint32_t i = 0; i < 200'000; i += 5) {
    const Packet plain = rtp(9, static_cast<std::uint16_t>(30'000 + i), 10);
    const auto sealed = protect_rtp(plain);
    ASSERT_TRUE(sealed);
    if (!rng_.chance(0.1)) {
      ASSERT_EQ(oracle_unprotect_->rtp(*sealed), plain);
    }
  }
}

TEST_P(SrtpTest, refuses_replays_and_packets_older_than_the_window) {
  std::vector<Packet> sealed;
  for (std::uint16_t i = 0; i < 3000; ++i) {
    sealed.push_back(*oracle_protect_->rtp(rtp(1, static_cast<std::uint16_t>(64'000 + i))));
  }
  for (const Packet& packet : sealed) {
    ASSERT_TRUE(unprotect_rtp(packet));
  }
  for (const Packet& packet : sealed) {
    EXPECT_EQ(unprotect_rtp(packet).error(), SrtpError::kReplayed);
  }
}

TEST_P(SrtpTest, takes_late_packets_within_the_window_once) {
  std::vector<Packet> sealed;
  for (std::uint16_t i = 0; i < 1024; ++i) {
    sealed.push_back(*oracle_protect_->rtp(rtp(1, i)));
  }
  ASSERT_TRUE(unprotect_rtp(sealed[1023]));
  EXPECT_TRUE(unprotect_rtp(sealed[1]));
  EXPECT_EQ(unprotect_rtp(sealed[1]).error(), SrtpError::kReplayed);
}

TEST_P(SrtpTest, refuses_replayed_rtcp) {
  std::vector<Packet> sealed;
  for (int i = 0; i < 300; ++i) {
    sealed.push_back(*oracle_protect_->rtcp(rtcp(1, 5)));
  }
  ASSERT_TRUE(unprotect_rtcp(sealed[299]));
  EXPECT_TRUE(unprotect_rtcp(sealed[200]));
  EXPECT_EQ(unprotect_rtcp(sealed[200]).error(), SrtpError::kReplayed);
  EXPECT_EQ(unprotect_rtcp(sealed[100]).error(), SrtpError::kReplayed);
}

TEST_P(SrtpTest, a_forged_packet_changes_nothing) {
  const Packet first = *oracle_protect_->rtp(rtp(1, 100));
  const Packet second = *oracle_protect_->rtp(rtp(1, 101));
  for (std::size_t i = 0; i < first.size(); ++i) {
    Packet forged = first;
    forged[i] ^= 0x80U;
    EXPECT_FALSE(unprotect_rtp(forged)) << i;
  }
  EXPECT_TRUE(unprotect_rtp(first));
  // A leap of half the space ahead, forged, must not move the rollover counter.
  Packet leap = second;
  store_u16(leap.data() + 2, 30'000);
  EXPECT_EQ(unprotect_rtp(leap).error(), SrtpError::kAuthFailed);
  EXPECT_TRUE(unprotect_rtp(second));
}

TEST_P(SrtpTest, encrypts_no_index_twice) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  for (std::uint16_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(protect_rtp(rtp(1, static_cast<std::uint16_t>(65'500 + i))));
  }
  // The same index with another payload, with another header, and with the same bytes.
  EXPECT_EQ(protect_rtp(rtp(1, 63, 20)).error(), SrtpError::kIndexReused);
  EXPECT_EQ(protect_rtp(rtp(1, 65'500, 20)).error(), SrtpError::kIndexReused);
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));  // adding it again starts nothing anew
  EXPECT_EQ(protect_rtp(rtp(1, 63, 20)).error(), SrtpError::kIndexReused);
  EXPECT_TRUE(protect_rtp(rtp(1, 64, 20)));
}

TEST_P(SrtpTest, a_late_first_use_within_the_window_is_sent_and_an_older_one_is_not) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  ASSERT_TRUE(protect_rtp(rtp(1, 5000)));
  EXPECT_TRUE(protect_rtp(rtp(1, 4999)));
  EXPECT_EQ(protect_rtp(rtp(1, 4999)).error(), SrtpError::kIndexReused);
  EXPECT_EQ(protect_rtp(rtp(1, 5000 - 1024)).error(), SrtpError::kIndexReused);
}

TEST_P(SrtpTest, a_refused_packet_keeps_its_bytes) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  ASSERT_TRUE(protect_rtp(rtp(1, 1)));
  Packet packet = rtp(1, 1);
  const Packet before = packet;
  packet.resize(packet.size() + kMaxRtpOverhead);
  EXPECT_FALSE(protect_->protect_rtp(packet, before.size()));
  packet.resize(before.size());
  EXPECT_EQ(packet, before);
}

TEST_P(SrtpTest, sends_only_under_ssrcs_that_were_added) {
  EXPECT_EQ(protect_rtp(rtp(1, 1)).error(), SrtpError::kUnknownStream);
  EXPECT_EQ(protect_rtcp(rtcp(1, 1)).error(), SrtpError::kUnknownStream);
}

TEST_P(SrtpTest, needs_room_for_the_tag) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  Packet packet = rtp(1, 1);
  packet.resize(packet.size() + tag_size(profile()) - 1);
  EXPECT_EQ(protect_->protect_rtp(packet, packet.size() - tag_size(profile()) + 1).error(),
            SrtpError::kNoRoom);
  Packet control = rtcp(1, 1);
  control.resize(control.size() + tag_size(profile()) + 3);
  EXPECT_EQ(protect_->protect_rtcp(control, control.size() - tag_size(profile()) - 3).error(),
            SrtpError::kNoRoom);
}

TEST_P(SrtpTest, short_and_odd_lengths_are_safe) {
  const Packet whole = *oracle_protect_->rtp(rtp(1, 1, 40));
  const Packet control = *oracle_protect_->rtcp(rtcp(1, 10));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(unprotect_rtp(Packet(whole.begin(), whole.begin() + static_cast<long>(size))));
  }
  for (std::size_t size = 0; size < control.size(); ++size) {
    EXPECT_FALSE(
        unprotect_rtcp(Packet(control.begin(), control.begin() + static_cast<long>(size))));
  }
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  for (std::size_t size = 0; size < 12; ++size) {
    EXPECT_EQ(protect_rtp(Packet(size, 0x80)).error(), SrtpError::kMalformed);
  }
}

TEST_P(SrtpTest, packets_without_payload_work) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  const Packet plain = rtp(1, 1, 0);
  EXPECT_EQ(oracle_unprotect_->rtp(*protect_rtp(plain)), plain);
  EXPECT_EQ(unprotect_rtp(*oracle_protect_->rtp(plain)), plain);
  const Packet control = rtcp(1, 0);
  EXPECT_EQ(oracle_unprotect_->rtcp(*protect_rtcp(control)), control);
  EXPECT_EQ(unprotect_rtcp(*oracle_protect_->rtcp(control)), control);
}

TEST_P(SrtpTest, rtcp_with_the_encrypted_bit_clear_is_refused) {
  Packet packet = *oracle_protect_->rtcp(rtcp(1, 5));
  // AEAD: the trailer is last; CM: the tag is behind it.
  const std::size_t behind = is_aead(profile()) ? 0 : tag_size(profile());
  packet[packet.size() - behind - kRtcpTrailerSize] &= 0x7fU;
  EXPECT_EQ(unprotect_rtcp(packet).error(), SrtpError::kNotEncrypted);
}

TEST_P(SrtpTest, streams_are_made_by_authentic_packets_only_and_up_to_a_limit) {
  for (std::uint32_t ssrc = 0; ssrc < 65'536; ssrc += 64) {
    Packet forged = rtp(ssrc, 1);
    forged.resize(forged.size() + 16);
    EXPECT_EQ(unprotect_rtp(forged).error(), SrtpError::kAuthFailed);
  }
  for (std::uint32_t ssrc = 1; ssrc <= UnprotectSession::kMaxStreams; ++ssrc) {
    ASSERT_TRUE(unprotect_rtp(*oracle_protect_->rtp(rtp(ssrc, 1))));
  }
  EXPECT_EQ(unprotect_rtp(*oracle_protect_->rtp(rtp(9999, 1))).error(), SrtpError::kTooManyStreams);
  EXPECT_TRUE(unprotect_rtp(*oracle_protect_->rtp(rtp(5, 2))));
}

TEST_P(SrtpTest, sending_streams_are_limited) {
  for (std::uint32_t ssrc = 0; ssrc < ProtectSession::kMaxStreams; ++ssrc) {
    ASSERT_TRUE(protect_->add_stream(Ssrc(ssrc)));
  }
  EXPECT_EQ(protect_->add_stream(Ssrc(99'999)).error(), SrtpError::kTooManyStreams);
}

TEST_P(SrtpTest, rtcp_indexes_are_unique) {
  ASSERT_TRUE(protect_->add_stream(Ssrc(1)));
  std::vector<std::uint32_t> indexes;
  const std::size_t behind = is_aead(profile()) ? 0 : tag_size(profile());
  for (int i = 0; i < 1000; ++i) {
    const Packet packet = *protect_rtcp(rtcp(1, 3));
    indexes.push_back(load_u32(packet.data() + packet.size() - behind - kRtcpTrailerSize));
  }
  std::ranges::sort(indexes);
  EXPECT_EQ(std::ranges::adjacent_find(indexes), indexes.end());
}

INSTANTIATE_TEST_SUITE_P(Profiles, SrtpTest,
                         testing::Values(Setup{Profile::kAeadAes256Gcm, GcmLibrary::kOpenSsl},
                                         Setup{Profile::kAeadAes128Gcm, GcmLibrary::kOpenSsl},
                                         Setup{Profile::kAeadAes256Gcm, GcmLibrary::kIpsecMb},
                                         Setup{Profile::kAeadAes128Gcm, GcmLibrary::kIpsecMb},
                                         Setup{Profile::kAes128CmSha1_80, GcmLibrary::kOpenSsl}),
                         [](const testing::TestParamInfo<Setup>& tested) {
                           const Profile profile = tested.param.profile;
                           if (!is_aead(profile)) {
                             return std::string("libsrtp");
                           }
                           return std::string(profile == Profile::kAeadAes256Gcm ? "aead256"
                                                                                 : "aead128") +
                                  (tested.param.library == GcmLibrary::kIpsecMb ? "_ipsec_mb"
                                                                                : "_openssl");
                         });

TEST(SrtpSession, moves) {
  ProtectSession first{KeyMaterial{}};
  ASSERT_TRUE(first.add_stream(Ssrc(1)));
  ProtectSession second = std::move(first);
  Packet packet(12 + 16, 0);
  packet[0] = 0x80;
  packet[11] = 1;
  EXPECT_EQ(second.protect_rtp(packet, 12), 28U);
}

}  // namespace
}  // namespace meridian::srtp
