#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/expected.hpp"
#include "base/ids.hpp"
#include "base/rtp_types.hpp"
#include "base/time.hpp"
#include "bwe/arrival_recorder.hpp"
#include "forward/commands.hpp"
#include "forward/media_packet.hpp"
#include "forward/receive_stream.hpp"
#include "forward/rtcp_output.hpp"
#include "forward/ssrc_table.hpp"
#include "metrics/drop_reason.hpp"
#include "rtcp/packet.hpp"
#include "rtp/packet.hpp"

namespace meridian::forward {

class Publication;

/// A packet that arrived on a transport, told what it is.
struct ReceivedPacket {
  Publication* publication = nullptr;
  std::uint8_t layer = 0;
  Ssrc ssrc;
  std::uint32_t clock_rate = 0;
  bool is_retransmission = false;
  Source source = {};
  MediaPacket packet;
};

/// Receiving half of one transport: which SSRC is which layer of which track, the receive stream of
/// each, and the feedback to the publisher (NACK, transport-wide, receiver reports, key frame
/// requests). Memory is taken when sections are configured, never for a packet.
class Receiver {
 public:
  static constexpr std::size_t kMaxSections = 128;
  static constexpr Duration kReportInterval = 1s;

  /// Negotiation is trusted to be consistent; sections over kMaxSections are left out.
  void configure(const ConfigureReceive& command);
  /// Packets of sections with this publication go there from now on; null: nowhere. Returns the
  /// number of layers of the section, 0 when there is none.
  std::size_t bind(PublicationId id, Publication* publication);
  /// Publications that the configured sections name, in no order.
  [[nodiscard]] std::vector<PublicationId> publications() const;

  /// A plain RTP packet. Nothing: harmless and without media (padding of the RTX stream). The
  /// views of the result point into `packet`.
  [[nodiscard]] base::Expected<std::optional<ReceivedPacket>, metrics::DropReason> take(
      Bytes packet, Instant arrival);

  /// Redundant frames of one packet that are looked at.
  static constexpr std::size_t kMaxRecovered = 8;
  /// To be called for what take() has just given: packets of sound that were lost before it and
  /// that it carries once more (RFC 2198), oldest first, each under its own sequence number, and
  /// only once. Nothing of packets that are encrypted end to end. The views are those of
  /// `carrier`, the span is valid until the next call.
  [[nodiscard]] std::span<const MediaPacket> recover(const ReceivedPacket& carrier);

  struct ClockUpdate {
    Publication* publication = nullptr;
    std::uint8_t layer = 0;
    rtcp::SourceClock clock;
  };
  /// A publisher's sender report; whose clock it sets.
  std::optional<ClockUpdate> handle_sender_report(const rtcp::SenderReport& report,
                                                  Instant arrival);

  /// Sends what feedback is due. Cheap when nothing is.
  void send_feedback(RtcpOutput& output, Instant now);
  [[nodiscard]] bool is_feedback_due(Instant now) const { return now >= next_feedback_; }
  [[nodiscard]] Instant next_feedback() const { return next_feedback_; }
  [[nodiscard]] bool has_sections() const { return !sections_.empty(); }
  /// Asks for a key frame of a layer of `publication`. False: its source isn't known yet.
  bool send_key_frame_request(const Publication& publication, std::uint8_t layer,
                              RtcpOutput& output);
  /// Loss over all streams since the last call.
  [[nodiscard]] ReceiveStream::Loss take_loss();
  void set_round_trip(Duration round_trip);

 private:
  /// One media section with its streams, one a layer.
  struct Section {
    rtp::Token mid;
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    PublicationId publication_id;
    Publication* publication = nullptr;
    std::vector<rtp::CodecBinding> codecs;
    std::vector<rtp::Token> rids;
    std::vector<rtp::SignalledSource> sources;
    std::vector<std::unique_ptr<ReceiveStream>> streams;
    /// By payload type: 0 = not negotiated, else 1 + index of the codec, kRtx added for its RTX.
    std::array<std::uint8_t, 128> payload_types{};
    std::uint8_t next_full_intra = 0;
    bool uses_nack = false;

    [[nodiscard]] std::uint8_t type_of(PayloadType type) const {
      return payload_types[type.value() & 0x7fU];
    }
    [[nodiscard]] std::size_t layer_count() const { return streams.size(); }
  };
  static constexpr std::uint8_t kRtx = 0x80;

  [[nodiscard]] Section make_section(const ReceiveSection& described);
  [[nodiscard]] std::uint32_t next_generation(const std::vector<Section>& sections);
  void add_signalled_sources(std::uint8_t index);
  [[nodiscard]] base::Expected<Source, metrics::DropReason> resolve(const rtp::PacketView& view);
  [[nodiscard]] std::optional<Source> learn(const rtp::PacketView& view) const;
  [[nodiscard]] std::optional<Source> learn_in_section(const rtp::PacketView& view,
                                                       std::uint8_t index) const;
  [[nodiscard]] std::optional<std::uint8_t> section_of_mid(std::string_view mid) const;
  [[nodiscard]] std::optional<std::uint8_t> section_of_type(PayloadType type) const;
  [[nodiscard]] base::Expected<std::optional<ReceivedPacket>, metrics::DropReason> accept(
      const rtp::PacketView& view, Source source, Instant arrival);
  void send_nacks(RtcpOutput& output, Instant now);
  void send_transport_feedback(RtcpOutput& output, Instant now);
  void send_receiver_reports(RtcpOutput& output, Instant now);

  rtp::ExtensionMap extensions_;
  std::vector<Section> sections_;
  std::uint32_t highest_generation_ = 0;  // of the streams of sections that are gone
  SsrcTable sources_;
  /// Of 16 KiB, from the first section on: who only listens has none.
  std::unique_ptr<bwe::ArrivalRecorder> arrivals_;
  Ssrc newest_media_;  // what transport-wide feedback names as its media source
  Instant next_nack_ = Instant::never();
  Instant next_report_ = Instant::never();
  Instant next_feedback_ = Instant::never();
  Duration round_trip_ = 100ms;
  std::array<MediaPacket, kMaxRecovered> recovered_;
};

}  // namespace meridian::forward
