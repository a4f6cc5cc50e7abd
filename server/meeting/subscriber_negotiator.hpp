#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/expected.hpp"
#include "base/random.hpp"
#include "meeting/negotiator.hpp"
#include "sdp/session.hpp"

namespace meridian::meeting {

/// What is offered to a client on its subscriber connection.
struct SubscriberTerms {
  /// The first section is for data channels that this side opens.
  bool has_data = true;
  /// The client can play RED.
  bool takes_red = true;
  /// A section whose track is gone may carry another; some browsers then play neither.
  bool reuses_sections = true;
  PlayoutDelayUse playout_delay = PlayoutDelayUse::kNone;
};

struct ServerOffer {
  std::string sdp;
  /// Grows by one with each offer, from a random start (wire convention of LiveKit).
  std::uint32_t id = 0;
  /// mid -> `TR_…` for every section that sends.
  std::map<std::string, std::string> mid_to_track_id;
};

/// What an answer of the client came to.
struct Answered : SenderChanges {
  ice::Credentials local;
  ice::Credentials remote;
  dtls::Fingerprint remote_fingerprint;
  /// The first answer: the transport can be opened.
  bool is_first = false;
  /// Credentials differ from those of the answer before.
  bool is_ice_restart = false;
  bool has_data = false;
};

/// The offers and answers of a connection on which this side offers and only sends: the
/// subscriber's of dual-connection mode (RFC 8829, RFC 9429). A section is kept for as long as the
/// connection lives and reused when its track is gone. Lives on a control thread; reads no clock.
class SubscriberNegotiator {
 public:
  /// `random` gives session id, offer ids and SSRCs, and outlives this.
  SubscriberNegotiator(SubscriberTerms terms, RandomSource& random);

  /// The sender gets a section with the next offer, and is bound by the answer to it.
  AddSender add_sender(SenderSpec spec);
  /// Its section falls silent with the next offer; unknown ids do nothing.
  void remove_sender(SubscriptionId subscription);

  /// The next offer; one that has no answer yet is superseded by it.
  [[nodiscard]] base::Expected<ServerOffer, NegotiationError> make_offer(
      const LocalDescription& local);
  /// The next offer has new ICE credentials.
  void restart_ice() { wants_restart_ = true; }
  [[nodiscard]] bool is_restarting() const { return wants_restart_; }

  /// Whether an answer of that id is for the latest offer. Some clients send 0 for any.
  [[nodiscard]] bool is_current(std::uint32_t id) const;
  /// On an error nothing has changed, and the client is to be told to reconnect.
  [[nodiscard]] base::Expected<Answered, NegotiationError> handle_answer(std::string_view sdp);

  /// Whether another offer is wanted: a sender waits that a section can be had for, or a section
  /// carries something else than was offered last.
  [[nodiscard]] bool needs_negotiation() const;
  [[nodiscard]] bool has_offered() const { return offers_ > 0; }
  [[nodiscard]] bool has_answered() const { return answered_local_.has_value(); }
  [[nodiscard]] std::size_t sections() const { return sections_.size(); }

 private:
  struct Section {
    rtp::Token mid;
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    std::optional<SubscriptionId> sender{};
    /// What the latest offer says of it. A browser announces a new track only on a section that
    /// was silent in between.
    std::optional<SubscriptionId> offered{};
    /// The client refused it, or has it no more.
    bool is_rejected = false;
    bool was_used = false;
  };
  struct Sender {
    SenderSpec spec;
    Ssrc ssrc{};
    Ssrc rtx_ssrc{};
    bool has_section = false;
    bool is_bound = false;
    bool is_unsupported = false;
  };

  [[nodiscard]] Sender* find_sender(SubscriptionId subscription);
  [[nodiscard]] bool is_free(const Section& section, rtp::MediaKind kind) const;
  [[nodiscard]] bool can_place(rtp::MediaKind kind) const;
  void place(Sender& sender);
  Ssrc new_ssrc();
  [[nodiscard]] std::optional<NegotiationError> check_sections(const sdp::Session& answer) const;
  /// What the answer makes of the section's sender.
  void settle(Section& section, const sdp::MediaSection& answer, bool allows_mixed,
              SenderChanges& changes);

  SubscriberTerms terms_;
  RandomSource& random_;
  std::uint64_t session_id_;
  std::uint32_t last_offer_id_;
  std::uint64_t offers_ = 0;
  bool wants_restart_ = false;
  ice::Credentials local_;
  std::optional<ice::Credentials> answered_local_;
  ice::Credentials remote_;
  std::optional<dtls::Fingerprint> remote_fingerprint_;
  std::vector<Section> sections_;
  std::vector<Sender> senders_;  // in the order in which they were added
  std::unordered_set<std::uint32_t> used_ssrcs_;
};

}  // namespace meridian::meeting
