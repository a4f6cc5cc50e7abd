#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/rtp_types.hpp"

/// What a negotiation agrees on, in the form that the packet path uses.
namespace meridian::rtp {

enum class MediaKind : std::uint8_t { kAudio, kVideo };

enum class Codec : std::uint8_t { kUnknown, kOpus, kRed, kPcmu, kPcma, kVp8, kVp9, kH264, kAv1 };

/// Header extensions that Meridian reads or writes (URIs in sdp). kCount is not an extension.
enum class Extension : std::uint8_t {
  kMid,
  kRid,
  kRepairedRid,
  kAudioLevel,
  kTransportSequence,  // transport-wide congestion control
  kAbsSendTime,
  kAbsCaptureTime,
  kPlayoutDelay,
  kDependencyDescriptor,
  kVideoLayersAllocation,
  kVideoOrientation,
  kCount,
};

/// Extension ids of one transport; both directions share them, since BUNDLE does. Id 0 = absent.
class ExtensionMap {
 public:
  static constexpr std::uint8_t kMaxId = 255;
  void set(Extension extension, std::uint8_t id) { ids_[static_cast<std::size_t>(extension)] = id; }
  [[nodiscard]] std::uint8_t id(Extension extension) const {
    return ids_[static_cast<std::size_t>(extension)];
  }
  [[nodiscard]] bool has(Extension extension) const { return id(extension) != 0; }
  [[nodiscard]] std::optional<Extension> find(std::uint8_t id) const {
    for (std::size_t i = 0; id != 0 && i < ids_.size(); ++i) {
      if (ids_[i] == id) {
        return static_cast<Extension>(i);
      }
    }
    return std::nullopt;
  }
  friend bool operator==(const ExtensionMap&, const ExtensionMap&) = default;

 private:
  std::array<std::uint8_t, static_cast<std::size_t>(Extension::kCount)> ids_{};
};

/// A short token of SDP (mid, rid): at most 16 characters (RFC 8851, RFC 8843), kept inline so that
/// the packet path compares it without allocation.
class Token {
 public:
  static constexpr std::size_t kMaxSize = 16;
  constexpr Token() = default;
  /// Nothing when longer than kMaxSize or not made of token characters (RFC 4566 token-char).
  static std::optional<Token> parse(std::string_view text) {
    if (text.empty() || text.size() > kMaxSize) {
      return std::nullopt;
    }
    Token token;
    for (const char c : text) {
      const auto u = static_cast<unsigned char>(c);
      if (u <= 0x20 || u >= 0x7f || std::string_view("\"(),/:;<=>?@[\\]").contains(c)) {
        return std::nullopt;
      }
      token.text_[token.size_++] = c;
    }
    return token;
  }
  [[nodiscard]] constexpr std::string_view view() const { return {text_.data(), size_}; }
  [[nodiscard]] constexpr bool empty() const { return size_ == 0; }
  friend constexpr bool operator==(const Token& a, const Token& b) { return a.view() == b.view(); }

 private:
  std::array<char, kMaxSize> text_{};
  std::uint8_t size_ = 0;
};

/// One codec of a media section, under the payload type numbers of the client's offer.
struct CodecBinding {
  Codec codec = Codec::kUnknown;
  PayloadType payload_type;
  /// Payload type of its RFC 4588 retransmissions; absent when not negotiated.
  std::optional<PayloadType> rtx;
  std::uint32_t clock_rate = 90000;
  bool nack = false;
  bool pli = false;
  bool fir = false;
  bool transport_cc = false;
  bool remb = false;
  friend bool operator==(const CodecBinding&, const CodecBinding&) = default;
};

/// Sources announced by a=ssrc lines (no rids in that section).
struct SignalledSource {
  Ssrc ssrc;
  std::optional<Ssrc> rtx;
};

}  // namespace meridian::rtp
