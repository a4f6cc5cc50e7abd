// What is forwarded, in which form and when, follows from what end-to-end encryption leaves clear:
// a camera is forwarded twice through the same bad times, once with every byte behind that
// replaced, and the two subscribers must get the same packets at the same times.
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "unit/forward/shard_bed.hpp"
#include "unit/rtp/hex.hpp"

namespace meridian::forward {
namespace {

using rtp::Codec;
using test::Client;
using test::PacketBytes;
using test::text;
using test::token;
using test::view;

struct Stream {
  std::string_view name;
  Codec codec = Codec::kVp8;
  /// One stream with three spatial layers, instead of three streams.
  bool is_layered = false;
  bool has_descriptor = false;
  bool is_encrypted = false;
};

constexpr std::array kStreams = {
    Stream{.name = "vp8"},
    Stream{.name = "vp8_encrypted", .is_encrypted = true},
    Stream{.name = "vp8_with_descriptor", .has_descriptor = true, .is_encrypted = true},
    Stream{.name = "h264", .codec = Codec::kH264, .is_encrypted = true},
    Stream{.name = "vp9", .codec = Codec::kVp9, .is_layered = true},
    Stream{.name = "vp9_with_descriptor",
           .codec = Codec::kVp9,
           .is_layered = true,
           .has_descriptor = true,
           .is_encrypted = true},
    Stream{.name = "av1_with_descriptor",
           .codec = Codec::kAv1,
           .is_layered = true,
           .has_descriptor = true,
           .is_encrypted = true},
};

enum class Hidden : std::uint8_t { kNoise, kZero };

/// Bytes of payload of each packet, by layer: that is how they are told apart in what arrives.
constexpr std::array<std::size_t, 3> kSizes = {220, 500, 1000};
constexpr std::size_t kPacketsOfFrame = 2;
constexpr std::array<std::uint8_t, 4> kTemporal = {0, 2, 1, 2};
/// Appendix A.10.2 of the AV1 RTP specification: L1T3 with template offset 10, L3T3 with 62.
constexpr std::string_view kL1T3 = "ca0190814214eaaa44104d141020842704ff02cf";
constexpr std::string_view kL3T3 =
    "fe0007c7c81485214eaaaafffabcf24c30430c10aaa03fa80f24030400c1002a000a8002"
    "40004000100006d549241b82b04a094106e0ac1282503fea0001974ca864330e222222ec"
    "a8655304224230eca87753013f00b3027f016704ff02cf1f80";

/// Makes the packets of a camera.
class Camera {
 public:
  Camera(const Stream& stream, Hidden hidden) : stream_(stream), hidden_(hidden) {}

  void want_key_frame(Ssrc ssrc) {
    const std::size_t layer = stream_.is_layered ? 0 : ssrc.value() - kFirstSsrc;
    if (layer < needs_key_.size()) {
      needs_key_[layer] = true;
    }
  }

  std::vector<PacketBytes> next_picture() {
    std::vector<PacketBytes> packets;
    for (std::uint8_t layer = 0; layer < kSizes.size(); ++layer) {
      const std::size_t stream = stream_.is_layered ? 0 : layer;
      if (layer == 0 || !stream_.is_layered) {
        is_key_ = std::exchange(needs_key_[stream], false);
        pattern_[stream] = is_key_ ? 0 : (pattern_[stream] + 1) % kTemporal.size();
        tl0_[stream] += kTemporal[pattern_[stream]] == 0 ? 1 : 0;
      }
      for (std::size_t i = 0; i < kPacketsOfFrame; ++i) {
        packets.push_back(packet(layer, stream, i));
      }
      ++frame_number_[stream];
    }
    ++picture_;
    return packets;
  }

 private:
  static constexpr std::uint32_t kFirstSsrc = 300;

  PacketBytes packet(std::uint8_t layer, std::size_t stream, std::size_t index) {
    const bool is_last = index + 1 == kPacketsOfFrame;
    test::RtpFields fields{.ssrc = kFirstSsrc + static_cast<std::uint32_t>(stream),
                           .sequence = sequence_[stream]++,
                           .timestamp = picture_ * 3000U,
                           .payload_type = 96,
                           .marker = is_last && (!stream_.is_layered || layer == 2),
                           .extensions = {{1, text("0")}}};
    if (!stream_.is_layered) {
      fields.extensions.emplace_back(2, text(std::array{"q", "h", "f"}[layer]));
    }
    if (stream_.has_descriptor) {
      fields.extensions.emplace_back(7, descriptor(layer, stream, index == 0, is_last));
    }
    std::vector<std::uint8_t> payload = clear_part(layer, stream, index == 0, is_last);
    while (payload.size() < kSizes[layer]) {
      noise_ = noise_ * 1'664'525U + 1'013'904'223U;
      payload.push_back(hidden_ == Hidden::kZero ? std::uint8_t{0}
                                                 : static_cast<std::uint8_t>(noise_ >> 24U));
    }
    return test::rtp_packet(fields, payload);
  }

  std::vector<std::uint8_t> descriptor(std::uint8_t layer, std::size_t stream, bool is_first,
                                       bool is_last) const {
    const std::size_t pattern = pattern_[stream];
    // In both tables: a key frame, then T0, T1 and the two frames of T2, for each spatial layer.
    constexpr std::array<std::uint8_t, 4> kTemplate = {1, 3, 2, 4};
    const std::size_t of_layer = is_key_ ? 0 : kTemplate[pattern];
    const std::size_t index = stream_.is_layered ? 5U * layer + of_layer : of_layer;
    const std::size_t offset = stream_.is_layered ? 62 : 10;
    const bool has_structure = is_key_ && is_first && (layer == 0 || !stream_.is_layered);
    std::vector<std::uint8_t> bytes = {0, 0, 0};
    if (has_structure) {
      bytes = rtp::hex(stream_.is_layered ? kL3T3 : kL1T3);
    }
    bytes[0] = static_cast<std::uint8_t>((is_first ? 0x80U : 0U) | (is_last ? 0x40U : 0U) |
                                         ((offset + index) % 64));
    bytes[1] = static_cast<std::uint8_t>(frame_number_[stream] >> 8U);
    bytes[2] = static_cast<std::uint8_t>(frame_number_[stream]);
    return bytes;
  }

  /// What the server may look at: the payload descriptor, and where no dependency descriptor says
  /// more, what LiveKit's end-to-end encryption leaves clear of the frame.
  std::vector<std::uint8_t> clear_part(std::uint8_t layer, std::size_t stream, bool is_first,
                                       bool is_last) const {
    const std::uint8_t temporal = kTemporal[pattern_[stream]];
    switch (stream_.codec) {
      case Codec::kVp8: {
        std::vector<std::uint8_t> bytes =
            test::vp8_payload({.is_key = is_key_,
                               .starts = is_first,
                               .picture_id = static_cast<std::uint16_t>(picture_ & 0x7fffU),
                               .tl0 = tl0_[stream],
                               .temporal = temporal,
                               .is_sync = temporal > 0,
                               .size = 0});
        if (stream_.has_descriptor) {
          bytes.pop_back();  // the first byte of the frame
        } else {
          bytes.resize(bytes.size() + (is_key_ ? 9U : 2U), 0x33);
        }
        return bytes;
      }
      case Codec::kVp9: {
        const bool is_predicted = !is_key_;
        const auto flags = static_cast<std::uint8_t>(
            0xa0U | (is_predicted ? 0x40U : 0U) | (is_first ? 0x08U : 0U) | (is_last ? 0x04U : 0U));
        return {flags, static_cast<std::uint8_t>(0x80U | ((picture_ >> 8U) & 0x7fU)),
                static_cast<std::uint8_t>(picture_),
                static_cast<std::uint8_t>((unsigned{temporal} << 5U) | (temporal > 0 ? 0x10U : 0U) |
                                          (unsigned{layer} << 1U) | (layer > 0 ? 1U : 0U)),
                tl0_[stream]};
      }
      case Codec::kAv1:
        // Aggregation header: one element; N where a coded video sequence begins.
        return {
            static_cast<std::uint8_t>(0x10U | (is_key_ && is_first && layer == 0 ? 0x08U : 0U))};
      default: {
        const std::uint8_t type = is_key_ ? 5 : 1;
        const auto fragment = static_cast<std::uint8_t>((is_first ? 0x80U : 0U) |
                                                        (is_last ? 0x40U : 0U) | unsigned{type});
        // The slice header says that it is the first of the picture.
        return {0x7c, fragment, 0x88, 0x84, 0x21, 0x40};
      }
    }
  }

  const Stream& stream_;
  Hidden hidden_;
  std::uint32_t picture_ = 1;
  bool is_key_ = false;
  std::array<bool, 3> needs_key_ = {true, true, true};
  std::array<std::size_t, 3> pattern_{};
  std::array<std::uint8_t, 3> tl0_{};
  std::array<std::uint16_t, 3> frame_number_{};
  std::array<std::uint16_t, 3> sequence_ = {100, 200, 300};
  std::uint32_t noise_ = 7;
};

/// A packet as it came, without what was hidden in it.
struct Arrived {
  Duration at{};
  std::vector<std::uint8_t> clear;
  std::size_t payload = 0;
};

class PayloadBlindnessTest : public testing::TestWithParam<Stream> {
 protected:
  static constexpr Ssrc kRtx{2001};

  static rtp::CodecBinding binding(std::uint8_t type) {
    rtp::CodecBinding binding = test::vp8(type);
    binding.codec = GetParam().codec;
    return binding;
  }

  static void connect(test::ShardBed& bed, Client& alice, Client& bob) {
    const Stream& stream = GetParam();
    std::vector<rtp::Token> rids;
    if (!stream.is_layered) {
      rids = {token("q"), token("h"), token("f")};
    }
    bed.shard.publish({.publication = PublicationId(1),
                       .transport = alice.id,
                       .room = RoomNumber(1),
                       .kind = rtp::MediaKind::kVideo,
                       .is_screen_share = false,
                       .is_encrypted = stream.is_encrypted});
    bed.shard.configure({.transport = alice.id,
                         .extensions = test::extension_ids(),
                         .sections = {{.mid = token("0"),
                                       .kind = rtp::MediaKind::kVideo,
                                       .publication = PublicationId(1),
                                       .codecs = {binding(96)},
                                       .rids = std::move(rids),
                                       .sources = {}}}});
    rtp::ExtensionMap extensions;
    extensions.set(rtp::Extension::kDependencyDescriptor, 7);
    bed.shard.subscribe({.subscription = SubscriptionId(1),
                         .publication = PublicationId(1),
                         .transport = bob.id,
                         .mid = token("9"),
                         .ssrc = Ssrc(1001),
                         .rtx_ssrc = kRtx,
                         .codecs = {binding(102)},
                         .extensions = extensions,
                         .target = {}},
                        bed.now);
  }

  /// Of the payload, what the server rewrites, or looks at.
  static std::size_t clear_size() {
    switch (GetParam().codec) {
      case Codec::kVp8:
        return 6;
      case Codec::kVp9:
        return 5;
      case Codec::kAv1:
        return 1;
      default:
        return 2;
    }
  }

  static Arrived arrived(const PacketBytes& packet, Duration at) {
    const rtp::PacketView parsed = view(packet);
    const std::size_t payload = parsed.payload().size();
    const std::size_t clear = clear_size() + (parsed.ssrc() == kRtx ? 2 : 0);
    const auto header = static_cast<std::size_t>(parsed.payload().data() - packet.data());
    const auto end =
        packet.begin() + static_cast<std::ptrdiff_t>(header + std::min(clear, payload));
    return {.at = at, .clear = {packet.begin(), end}, .payload = payload};
  }

  /// What bob's network and wishes do, and what he misses.
  static void disturb(test::ShardBed& bed, Client& bob, int tick, std::uint16_t newest,
                      SeededRandomSource& random) {
    const auto carries = [&](Bitrate rate) {
      bob.send_rtcp([&](rtcp::CompoundWriter& writer) {
        const std::array<Ssrc, 1> sources = {Ssrc(1001)};
        (void)writer.add_remb(Ssrc(9), rate, sources);
      });
    };
    if (tick % 10 == 0) {
      const bool is_narrow = tick >= 60 && tick < 150;
      carries(Bitrate(is_narrow ? 100'000 : 5'000'000));
    }
    const std::array<std::pair<int, LayerTarget>, 3> wishes = {
        std::pair(240, LayerTarget{.max_spatial = 1, .max_temporal = 1}),
        std::pair(270, LayerTarget{.max_spatial = 0}), std::pair(310, LayerTarget{})};
    for (const auto& [at, target] : wishes) {
      if (tick == at) {
        bed.shard.set_subscription({.subscription = SubscriptionId(1), .target = target}, bed.now);
      }
    }
    if (tick % 7 == 3) {
      bob.send_rtcp([&](rtcp::CompoundWriter& writer) {
        const std::array<SequenceNumber, 1> list = {
            SequenceNumber(static_cast<std::uint16_t>(newest - (random.u32() % 8)))};
        std::span<const SequenceNumber> rest = list;
        (void)writer.add_nack(Ssrc(9), Ssrc(1001), rest);
      });
    }
  }

  static std::vector<Arrived> play(Hidden hidden) {
    constexpr int kTicks = 420;
    constexpr std::uint32_t kLossInThousand = 20;
    test::ShardBed bed;
    Client& alice = bed.join();
    Client& bob = bed.join();
    connect(bed, alice, bob);
    Camera camera(GetParam(), hidden);
    SeededRandomSource random(99);
    std::vector<Arrived> all;
    std::uint16_t newest = 0;
    const Instant start = bed.now;
    for (int tick = 0; tick < kTicks; ++tick) {
      for (const PacketBytes& packet : camera.next_picture()) {
        if (tick < 10 || random.u32() % 1000 >= kLossInThousand) {
          alice.peer->send_rtp(packet);
        }
      }
      bed.pump();
      bed.run_for(30ms);
      for (const PacketBytes& packet : bob.take_rtp()) {
        all.push_back(arrived(packet, bed.now - start));
        newest = view(packet).ssrc() == Ssrc(1001) ? view(packet).sequence().value() : newest;
      }
      for (const Ssrc ssrc : alice.take_picture_losses()) {
        camera.want_key_frame(ssrc);
      }
      disturb(bed, bob, tick, newest, random);
    }
    return all;
  }
};

TEST_P(PayloadBlindnessTest, what_is_hidden_changes_nothing) {
  const std::vector<Arrived> noise = play(Hidden::kNoise);
  const std::vector<Arrived> zero = play(Hidden::kZero);
  std::set<std::size_t> sizes;
  for (const Arrived& packet : noise) {
    sizes.insert(packet.payload);
  }
  for (const std::size_t size : kSizes) {
    EXPECT_TRUE(sizes.contains(size)) << "no layer of " << size << " bytes was ever forwarded";
    EXPECT_TRUE(sizes.contains(size + 2)) << "nor sent again";
  }
  ASSERT_GT(noise.size(), 500U);
  ASSERT_EQ(noise.size(), zero.size());
  for (std::size_t i = 0; i < noise.size(); ++i) {
    ASSERT_EQ(noise[i].at, zero[i].at) << i;
    ASSERT_EQ(noise[i].clear, zero[i].clear) << i;
    ASSERT_EQ(noise[i].payload, zero[i].payload) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Streams, PayloadBlindnessTest, testing::ValuesIn(kStreams),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace meridian::forward
