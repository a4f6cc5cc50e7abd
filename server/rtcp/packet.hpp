#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>
#include <variant>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"

/// RTCP as views into a received datagram (RFC 3550, 4585, 5104, 5506, TWCC draft-holmer-01,
/// draft-alvestrand-rmcat-remb-03). Nothing here allocates. RTCP is never forwarded: what a
/// compound says is read, and what the other side needs is written anew by CompoundWriter.
namespace meridian::rtcp {

/// Version, count, packet type and length, in bytes (RFC 3550 section 6.4.1).
inline constexpr std::size_t kHeaderSize = 4;

/// Why a compound was refused as a whole.
enum class ParseError : std::uint8_t {
  kTruncated,          // shorter than one header
  kTooLong,            // more than kMaxCompoundSize
  kVersion,            // not version 2
  kLength,             // a length field that runs past the end, or bytes left over
  kPadding,            // none where the bit says so, or more than the packet holds
  kReport,             // report count past the end
  kSourceDescription,  // a chunk or item past the end
  kBye,                // source count or reason past the end
  kFeedback,           // feedback whose fields do not fit
  kCount,
};

/// Largest datagram that is looked at; larger ones cannot come through the receive path.
inline constexpr std::size_t kMaxCompoundSize = 1500;

/// 32.32 fixed-point seconds (RFC 3550 section 4), on the clock of whoever wrote it.
class NtpTime {
 public:
  constexpr NtpTime() = default;
  constexpr explicit NtpTime(std::uint64_t value) : value_(value) {}
  [[nodiscard]] constexpr std::uint64_t value() const { return value_; }
  /// The middle 32 bits: what LSR fields carry.
  [[nodiscard]] constexpr std::uint32_t compact() const {
    return static_cast<std::uint32_t>(value_ >> 16U);
  }
  /// `delta` must be within ±68 years.
  [[nodiscard]] NtpTime plus(Duration delta) const;
  friend constexpr bool operator==(NtpTime, NtpTime) = default;

 private:
  std::uint64_t value_ = 0;
};

/// RFC 3550 section 6.4.1.
struct ReportBlock {
  Ssrc ssrc;
  std::uint8_t fraction_lost = 0;    // 1/256 since the last report
  std::int32_t cumulative_lost = 0;  // 24-bit signed on the wire
  std::uint32_t highest_sequence = 0;
  std::uint32_t jitter = 0;              // RTP timestamp units
  std::uint32_t last_sender_report = 0;  // NtpTime::compact(), 0 = none received
  std::uint32_t delay_since_last = 0;    // 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

/// The report blocks of one SR or RR, decoded one at a time.
class ReportBlocks {
 public:
  static constexpr std::size_t kBlockSize = 24;
  ReportBlocks() = default;
  explicit ReportBlocks(Bytes raw) : raw_(raw) {}
  [[nodiscard]] std::size_t size() const { return raw_.size() / kBlockSize; }
  [[nodiscard]] ReportBlock operator[](std::size_t index) const;

 private:
  Bytes raw_;
};

/// SSRCs in network order, as REMB and BYE list them.
class SsrcList {
 public:
  SsrcList() = default;
  explicit SsrcList(Bytes raw) : raw_(raw) {}
  [[nodiscard]] std::size_t size() const { return raw_.size() / 4; }
  [[nodiscard]] Ssrc operator[](std::size_t index) const {
    return Ssrc(load_u32(raw_.subspan(index * 4, 4).data()));
  }

 private:
  Bytes raw_;
};

struct SenderReport {
  Ssrc sender;
  NtpTime ntp;
  RtpTimestamp rtp;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  ReportBlocks blocks;
};

struct ReceiverReport {
  Ssrc sender;
  ReportBlocks blocks;
};

/// The first chunk that has a CNAME; empty when none has.
struct SourceDescription {
  Ssrc source;
  std::string_view cname;
};

struct Bye {
  SsrcList sources;
  std::string_view reason;
};

/// Sequence numbers of a generic NACK, in wire order. Yields at most kMaxSequences, whatever the
/// packet asks for.
class NackCursor {
 public:
  static constexpr std::size_t kMaxSequences = 1000;
  explicit NackCursor(Bytes items) : reader_(items) {}
  [[nodiscard]] std::optional<SequenceNumber> next();

 private:
  ByteReader reader_;
  SequenceNumber packet_id_;
  std::uint16_t bitmask_ = 0;
  std::size_t yielded_ = 0;
};

/// RFC 4585 section 6.2.1.
struct Nack {
  Ssrc sender;
  Ssrc media;
  Bytes items;
  [[nodiscard]] NackCursor sequences() const { return NackCursor(items); }
};

struct PacketStatus {
  SequenceNumber sequence;
  /// When it arrived on the receiver's clock, whose origin is arbitrary and which wraps after 12.4
  /// days; nothing when it did not.
  std::optional<Duration> arrival;
};

/// Statuses of a transport-wide feedback, in sequence order. Yields at most kMaxStatuses, whatever
/// count the packet claims.
class StatusCursor {
 public:
  static constexpr std::size_t kMaxStatuses = 2048;
  StatusCursor(SequenceNumber base, std::uint16_t count, Duration reference, Bytes chunks,
               Bytes deltas);
  [[nodiscard]] std::optional<PacketStatus> next();

 private:
  void load_chunk();

  SequenceNumber sequence_;
  std::size_t left_;
  Duration time_;
  ByteReader chunks_;
  ByteReader deltas_;
  // Of the current chunk: symbols left, and the symbols themselves (bits, or one repeated).
  std::uint32_t symbols_left_ = 0;
  std::uint32_t symbol_bits_ = 0;
  std::uint8_t symbol_width_ = 0;  // 0: run of run_symbol_
  std::uint8_t run_symbol_ = 0;
};

/// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1.
struct TransportFeedback {
  Ssrc sender;
  Ssrc media;
  SequenceNumber base;
  std::uint16_t status_count = 0;    // as claimed
  std::uint32_t reference_time = 0;  // 24 bits, 64 ms units
  std::uint8_t feedback_count = 0;
  Bytes chunks;
  Bytes deltas;
  [[nodiscard]] StatusCursor statuses() const {
    return {base, status_count, std::chrono::milliseconds(64) * reference_time, chunks, deltas};
  }
};

struct PictureLoss {
  Ssrc sender;
  Ssrc media;
};

struct FullIntraItem {
  Ssrc media;
  std::uint8_t sequence = 0;
};

/// RFC 5104 section 4.3.1.
struct FullIntra {
  static constexpr std::size_t kItemSize = 8;
  Ssrc sender;
  Bytes items;
  [[nodiscard]] std::size_t size() const { return items.size() / kItemSize; }
  [[nodiscard]] FullIntraItem operator[](std::size_t index) const {
    const Bytes raw = items.subspan(index * kItemSize, kItemSize);
    return {Ssrc(load_u32(raw.data())), raw[4]};
  }
};

/// Receiver estimated maximum bitrate. The bitrate is as claimed: clamp before use.
struct Remb {
  Ssrc sender;
  Bitrate bitrate;
  SsrcList sources;
};

/// A well-formed packet that Meridian has no use for (APP, XR, unknown types and formats).
struct Skipped {
  std::uint8_t packet_type = 0;
};

using Packet = std::variant<Skipped, SenderReport, ReceiverReport, SourceDescription, Bye, Nack,
                            TransportFeedback, PictureLoss, FullIntra, Remb>;

/// A datagram of which every packet has been checked. Views point into the datagram.
class Compound {
 public:
  /// Checks all packets; any inconsistency refuses the whole. Reduced-size RTCP (RFC 5506) is
  /// accepted: a compound may start with any packet.
  [[nodiscard]] static base::Expected<Compound, ParseError> parse(Bytes datagram);

  class Iterator {
   public:
    using value_type = Packet;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    explicit Iterator(Bytes rest) : rest_(rest) {}
    [[nodiscard]] Packet operator*() const;
    Iterator& operator++();
    Iterator operator++(int) {
      const Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, std::default_sentinel_t) { return a.rest_.empty(); }

   private:
    Bytes rest_;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(bytes_); }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }

 private:
  explicit Compound(Bytes bytes) : bytes_(bytes) {}
  Bytes bytes_;
};

}  // namespace meridian::rtcp
