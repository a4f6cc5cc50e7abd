#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/rtp_types.hpp"
#include "dtls/fingerprint.hpp"
#include "ice/credentials.hpp"
#include "rtp/media.hpp"

namespace meridian::test {

/// What a client can do about lost sound.
struct SoundRepair {
  bool has_red = false;   // RFC 2198
  bool has_nack = false;  // and no RTX, as in browsers
};

/// The client's side of the session description, in single-connection mode: one data section, then
/// sections in the order in which they were added; none ever goes away.
class OfferBuilder {
 public:
  OfferBuilder(ice::Credentials credentials, const dtls::Fingerprint& fingerprint,
               SoundRepair repair = {});

  /// For servers other than LiveKit's: no data section, and no trickling but the one address that
  /// datagrams come from.
  void make_plain(const SocketAddress& local) { plain_ = local; }
  void set_credentials(ice::Credentials credentials) { credentials_ = std::move(credentials); }
  void add_receiving(rtp::MediaKind kind, unsigned count);
  /// Returns the mid. `rids` is empty without simulcast.
  std::string add_sending(rtp::MediaKind kind, std::string cid, std::vector<std::string> rids);
  /// What a section without rids sends under, for servers that don't learn it from packets.
  /// `rtx` is Ssrc{} without retransmissions.
  void name_sources(std::string_view mid, std::string_view cname, Ssrc primary, Ssrc rtx);
  void stop_sending(std::string_view mid);
  /// The next offer.
  [[nodiscard]] std::string text();

 private:
  struct Section {
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    bool sends = false;
    std::string cid;  // empty: receives, or has stopped
    std::vector<std::string> rids;
    std::string source_lines = {};
  };
  [[nodiscard]] std::string transport_lines(std::size_t mid) const;
  [[nodiscard]] std::string section_lines(const Section& section) const;

  ice::Credentials credentials_;
  std::string fingerprint_;
  SoundRepair repair_;
  std::optional<SocketAddress> plain_;
  std::vector<Section> sections_;
  unsigned version_ = 0;
};

/// What a client answers when the server makes the offer: takes all of Opus, VP8 and its
/// retransmissions under the numbers of `offered`, of the extensions the transport-wide number, and
/// what there is of data channels. This side begins DTLS. `local` is where datagrams come from, for
/// servers that want it in the description.
[[nodiscard]] std::string answer_to(std::string_view offer, const ice::Credentials& credentials,
                                    const dtls::Fingerprint& fingerprint,
                                    const std::optional<SocketAddress>& local = std::nullopt);

/// The lines that name the one address of a side that gathers no others.
[[nodiscard]] std::string host_candidate(const SocketAddress& address);

/// What a client reads of the server's answer, or of its offer where the server makes that.
struct Answer {
  struct Section {
    std::string mid;
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    bool is_accepted = false;
    bool server_receives = false;
    bool server_sends = false;
    std::string track_sid;  // of what the server sends
    Ssrc ssrc;
    Ssrc rtx_ssrc;
  };
  ice::Credentials remote;
  std::optional<dtls::Fingerprint> fingerprint;
  std::vector<SocketAddress> candidates;
  std::vector<Section> sections;  // media only
  /// Of the transport-wide number (RFC 8285); 0 when the server has none.
  std::uint8_t transport_sequence_id = 0;

  [[nodiscard]] static Answer parse(std::string_view sdp);
};

/// The address in `candidate:…` (RFC 8839 section 5.1), with what may stand before it; nothing when
/// it isn't one of UDP.
[[nodiscard]] std::optional<SocketAddress> candidate_address(std::string_view text);

}  // namespace meridian::test
