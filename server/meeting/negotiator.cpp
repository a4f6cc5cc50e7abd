#include "meeting/negotiator.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "meeting/negotiation_answer.hpp"
#include "meeting/negotiation_offer.hpp"

namespace meridian::meeting {
namespace {

bool is_rtp(sdp::Kind kind) {
  return kind == sdp::Kind::kAudio || kind == sdp::Kind::kVideo;
}

rtp::MediaKind media_kind(sdp::Kind kind) {
  return kind == sdp::Kind::kAudio ? rtp::MediaKind::kAudio : rtp::MediaKind::kVideo;
}

}  // namespace

/// The making of one answer, from an offer that was found valid: nothing here can fail.
class Negotiator::Answering {
 public:
  Answering(Negotiator& owner, const CheckedDescription& offer, const LocalDescription& local,
            const PublishLookup& lookup)
      : owner_(owner), offer_(offer), local_(local), lookup_(lookup) {}

  Negotiated run() {
    agree_on_transport();
    read_sections();
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      keep_sender(i);
    }
    for (Sender& sender : owner_.senders_) {
      if (!sender.binding && !sender.is_unsupported) {
        find_section(sender);
      }
    }
    write_answer();
    return std::move(out_);
  }

 private:
  /// What is decided for one section of the offer.
  struct Plan {
    std::vector<sdp::OfferedCodec> offered;
    /// What the client may send; empty where it sends nothing that is wanted.
    std::vector<sdp::OfferedCodec> receive;
    std::vector<rtp::Token> rids;  // in the order of the offer
    PublishPolicy policy;
    bool is_accepted = false;
  };

  void agree_on_transport() {
    out_.is_ice_restart = owner_.answers_ > 0 && owner_.remote_ != offer_.credentials;
    if (owner_.answers_ == 0 || out_.is_ice_restart) {
      owner_.local_ = local_.make_credentials();
    }
    owner_.remote_ = offer_.credentials;
    owner_.remote_fingerprint_ = offer_.fingerprint;
    out_.local = owner_.local_;
    out_.remote = offer_.credentials;
    out_.remote_fingerprint = offer_.fingerprint;
    out_.data = offer_.data;
  }

  void read_sections() {
    owner_.sections_.resize(offer_.mids.size());
    plans_.resize(offer_.mids.size());
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      read_section(i);
    }
  }

  void read_section(std::size_t index) {
    const sdp::MediaSection& media = offer_.session.media[index];
    Section& section = owner_.sections_[index];
    Plan& plan = plans_[index];
    const std::optional<forward::ReceiveSection> previous = std::move(section.receive);
    const PublishedSection previous_track = std::move(section.published);
    section.receive.reset();
    section.published = {};
    section.mid = offer_.mids[index];
    section.kind = media.kind;
    plan.is_accepted = offer_.is_live[index];
    if (plan.is_accepted && is_rtp(media.kind)) {
      plan.offered = sdp::forwardable_codecs(media);
      section.plays_stereo = offers_stereo(media);
      if (sdp::sends(media.direction)) {
        read_track(media, section, plan);
      }
      plan.is_accepted = section.receive ||
                         (!plan.offered.empty() && media.direction != sdp::Direction::kSendOnly);
    }
    section.is_rejected = !plan.is_accepted;
    section.can_send_to = plan.is_accepted && is_rtp(media.kind) && sdp::receives(media.direction);

    const bool is_same = previous && section.receive && previous->mid == section.mid &&
                         previous_track.track_id == section.published.track_id;
    if (previous && !is_same) {
      out_.removed.push_back(previous->mid);
    }
    if (section.receive && !is_same) {
      out_.added.push_back(section.published);
    }
  }

  void read_track(const sdp::MediaSection& media, Section& section, Plan& plan) {
    plan.rids = offered_rids(media);
    PublishedSection& track = section.published;
    track.mid = section.mid;
    track.kind = media_kind(media.kind);
    const sdp::Msid msid = offered_msid(media);
    track.track_id = msid.track;
    track.stream_id = msid.stream;
    track.rids = lowest_first(plan.rids);
    const PublishPolicy anything{.disable_red = false};
    track.codecs = bindings_of(codecs_to_receive(plan.offered, owner_.publish_codecs_, anything));
    const PublishTerms terms = lookup_(track);
    plan.policy = terms.policy;
    plan.receive = codecs_to_receive(plan.offered, owner_.publish_codecs_, terms.policy);
    track.codecs = bindings_of(plan.receive);
    if (plan.receive.empty()) {
      return;
    }
    forward::ReceiveSection receive;
    receive.mid = section.mid;
    receive.kind = track.kind;
    receive.publication = terms.publication;
    receive.codecs = track.codecs;
    receive.rids = track.rids;
    if (receive.rids.empty()) {
      receive.sources = signalled_sources(media);
    }
    section.receive = std::move(receive);
  }

  rtp::ExtensionMap agreed_extensions(const sdp::MediaSection& media) const {
    return accepted_extensions(media, offer_.allows_mixed_extensions, owner_.playout_delay_);
  }

  /// What a sender in this section would have; its SSRCs are not chosen yet.
  SendBinding describe(std::size_t index, const SenderSpec& spec) const {
    const Plan& plan = plans_[index];
    SendBinding binding;
    binding.subscription = spec.subscription;
    binding.mid = owner_.sections_[index].mid;
    // One m= line has one list of formats, so both directions of a sendrecv section share it.
    binding.codecs = bindings_of(
        codecs_to_send(plan.receive.empty() ? plan.offered : plan.receive, spec.codecs));
    const sdp::MediaSection& media = offer_.session.media[index];
    binding.extensions = extensions_to_send(media, agreed_extensions(media));
    return binding;
  }

  static bool can_receive(const SendBinding& binding, const SenderSpec& spec) {
    if (spec.codecs.empty()) {
      return !binding.codecs.empty();
    }
    return std::ranges::any_of(binding.codecs, [&](const rtp::CodecBinding& codec) {
      return std::ranges::count(spec.codecs, codec.codec) > 0;
    });
  }

  /// A sender keeps its section while that still receives, under new SSRCs if its payload types or
  /// extensions moved.
  void keep_sender(std::size_t index) {
    Section& section = owner_.sections_[index];
    if (!section.sender) {
      return;
    }
    const auto sender = std::ranges::find(owner_.senders_, *section.sender,
                                          [](const Sender& s) { return s.spec.subscription; });
    MERIDIAN_CHECK(sender != owner_.senders_.end() && sender->binding);
    SendBinding binding = describe(index, sender->spec);
    const bool fits = section.can_send_to && can_receive(binding, sender->spec);
    if (fits && binding.mid == sender->binding->mid && binding.codecs == sender->binding->codecs &&
        binding.extensions == sender->binding->extensions) {
      return;
    }
    out_.unbound.push_back(*section.sender);
    section.sender.reset();
    sender->binding.reset();
    if (fits) {
      bind(index, *sender, std::move(binding));
    }
  }

  void find_section(Sender& sender) {
    bool was_refused = false;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      const Section& section = owner_.sections_[i];
      const bool is_free = section.can_send_to && !section.sender && !section.was_sending;
      if (!is_free || media_kind(section.kind) != sender.spec.kind) {
        continue;
      }
      SendBinding binding = describe(i, sender.spec);
      if (can_receive(binding, sender.spec)) {
        bind(i, sender, std::move(binding));
        return;
      }
      was_refused = true;
    }
    if (was_refused) {
      sender.is_unsupported = true;
      out_.unsupported.push_back(sender.spec.subscription);
    }
  }

  void bind(std::size_t index, Sender& sender, SendBinding binding) {
    binding.ssrc = new_ssrc();
    const auto has_rtx = [](const rtp::CodecBinding& codec) { return codec.rtx.has_value(); };
    if (std::ranges::any_of(binding.codecs, has_rtx)) {
      binding.rtx_ssrc = new_ssrc();
    }
    owner_.sections_[index].sender = sender.spec.subscription;
    out_.bound.push_back(binding);
    sender.binding = std::move(binding);
  }

  Ssrc new_ssrc() {
    while (true) {
      const std::uint32_t value = owner_.random_.u32();
      if (value != 0 && !is_signalled(Ssrc(value)) && owner_.used_ssrcs_.insert(value).second) {
        return Ssrc(value);
      }
    }
  }

  bool is_signalled(Ssrc ssrc) const {
    return std::ranges::any_of(offer_.session.media, [&](const sdp::MediaSection& media) {
      return std::ranges::count(media.ssrcs, ssrc, &sdp::SsrcAttribute::ssrc) > 0;
    });
  }

  void write_answer() {
    owner_.extensions_ = {};
    sdp::Session answer;
    answer.id = owner_.session_id_;
    answer.version = ++owner_.answers_;
    answer.ice_lite = true;
    answer.extmap_allow_mixed = offer_.session.extmap_allow_mixed;
    answer.msid_semantic = "WMS *";
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      answer.media.push_back(write_section(i));
    }
    auto& mids = answer.bundles.emplace_back();
    for (const std::string& mid : offer_.session.bundles.front()) {
      const auto media = std::ranges::find(answer.media, mid, &sdp::MediaSection::mid);
      if (media == answer.media.end() || media->is_rejected()) {
        continue;  // a refused section leaves the group (RFC 8843 section 7.3.3)
      }
      if (mids.empty()) {
        write_candidates(*media, local_);
      }
      mids.push_back(mid);
    }
    out_.extensions = owner_.extensions_;
    out_.answer = answer.to_string();
  }

  sdp::MediaSection write_section(std::size_t index) {
    const sdp::MediaSection& media = offer_.session.media[index];
    Section& section = owner_.sections_[index];
    const Plan& plan = plans_[index];
    section.was_sending = section.sender.has_value();
    if (!plan.is_accepted) {
      return rejected(media);
    }
    sdp::MediaSection answer = accepted(media, owner_.local_, local_.fingerprint);
    if (media.kind == sdp::Kind::kApplication) {
      write_data(answer);
      return answer;
    }
    answer.direction = direction_of(section);
    const rtp::ExtensionMap extensions = agreed_extensions(media);
    write_extensions(answer, media, extensions);
    remember(extensions);
    if (section.receive) {
      write_codecs(answer, plan.receive);
      write_publish_policy(answer, plan.receive, plan.policy);
      write_simulcast(answer, plan.rids);
      out_.receive.push_back(*section.receive);
    }
    if (section.sender) {
      write_track(answer, index);
    } else if (!section.receive) {
      write_codecs(answer, plan.offered);
    }
    return answer;
  }

  static sdp::Direction direction_of(const Section& section) {
    if (section.receive) {
      return section.sender ? sdp::Direction::kSendRecv : sdp::Direction::kRecvOnly;
    }
    return section.sender ? sdp::Direction::kSendOnly : sdp::Direction::kInactive;
  }

  void write_track(sdp::MediaSection& answer, std::size_t index) {
    const Section& section = owner_.sections_[index];
    for (const Sender& sender : owner_.senders_) {
      if (sender.spec.subscription == *section.sender) {
        if (!section.receive) {
          write_codecs(answer, codecs_to_send(plans_[index].offered, sender.spec.codecs));
        }
        write_sender(answer, sender.spec, *sender.binding);
        out_.mid_to_track_id.emplace(section.mid.view(), sender.spec.track_sid);
      }
    }
  }

  void remember(const rtp::ExtensionMap& extensions) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(rtp::Extension::kCount); ++i) {
      const auto extension = static_cast<rtp::Extension>(i);
      if (extensions.has(extension)) {
        owner_.extensions_.set(extension, extensions.id(extension));
      }
    }
  }

  Negotiator& owner_;
  const CheckedDescription& offer_;
  const LocalDescription& local_;
  const PublishLookup& lookup_;
  std::vector<Plan> plans_;
  Negotiated out_;
};

Negotiator::Negotiator(std::vector<rtp::Codec> publish_codecs, RandomSource& random,
                       PlayoutDelayUse playout_delay)
    : publish_codecs_(std::move(publish_codecs)),
      playout_delay_(playout_delay),
      random_(random),
      // Below 2^63, since some clients read it as signed (RFC 9429 section 5.2.1).
      session_id_((static_cast<std::uint64_t>(random.u32() >> 1U) << 32U) | random.u32()) {}

base::Expected<Negotiated, NegotiationError> Negotiator::handle_offer(std::string_view sdp,
                                                                      const LocalDescription& local,
                                                                      const PublishLookup& lookup) {
  auto offer = check_description(sdp);
  if (!offer) {
    return std::unexpected(offer.error());
  }
  if (offer->mids.size() < sections_.size()) {
    return std::unexpected(NegotiationError::kSectionsChanged);
  }
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const sdp::MediaSection& media = offer->session.media[i];
    const bool is_known = offer->mids[i] == sections_[i].mid && media.kind == sections_[i].kind;
    if (!is_known && !sections_[i].is_rejected && !media.is_rejected()) {
      return std::unexpected(NegotiationError::kSectionsChanged);
    }
  }
  if (remote_fingerprint_ && *remote_fingerprint_ != offer->fingerprint) {
    return std::unexpected(NegotiationError::kFingerprintChanged);
  }
  if (used_ssrcs_.size() + 2 * senders_.size() > kMaxSsrcsPerTransport) {
    return std::unexpected(NegotiationError::kExhausted);
  }
  return Answering(*this, *offer, local, lookup).run();
}

std::vector<forward::ReceiveSection> Negotiator::receive_sections(
    const PublishLookup& lookup) const {
  std::vector<forward::ReceiveSection> sections;
  for (const Section& section : sections_) {
    if (section.receive) {
      sections.push_back(*section.receive);
      sections.back().publication = lookup(section.published).publication;
    }
  }
  return sections;
}

AddSender Negotiator::add_sender(SenderSpec spec) {
  for (const Sender& sender : senders_) {
    if (sender.spec.subscription == spec.subscription) {
      return AddSender::kDuplicate;
    }
  }
  if (senders_.size() >= kMaxSenders) {
    return AddSender::kFull;
  }
  senders_.push_back({.spec = std::move(spec), .binding = std::nullopt, .is_unsupported = false});
  return AddSender::kAdded;
}

void Negotiator::remove_sender(SubscriptionId subscription) {
  std::erase_if(senders_, [subscription](const Sender& sender) {
    return sender.spec.subscription == subscription;
  });
  for (Section& section : sections_) {
    if (section.sender == subscription) {
      section.sender.reset();
    }
  }
}

Negotiator::RequiredSections Negotiator::required_sections() const {
  std::uint32_t waiting[2] = {};
  std::uint32_t free[2] = {};
  for (const Sender& sender : senders_) {
    if (!sender.binding && !sender.is_unsupported) {
      ++waiting[static_cast<std::size_t>(sender.spec.kind)];
    }
  }
  for (const Section& section : sections_) {
    if (section.can_send_to && !section.sender) {
      ++free[static_cast<std::size_t>(media_kind(section.kind))];
    }
  }
  const auto missing = [&](rtp::MediaKind kind) {
    const auto i = static_cast<std::size_t>(kind);
    return waiting[i] > free[i] ? waiting[i] - free[i] : 0;
  };
  return {.num_audios = missing(rtp::MediaKind::kAudio),
          .num_videos = missing(rtp::MediaKind::kVideo)};
}

bool Negotiator::plays_as_mono(const Sender& sender) const {
  return sender.spec.stereo && std::ranges::any_of(sections_, [&](const Section& section) {
           return section.sender == sender.spec.subscription && !section.plays_stereo;
         });
}

bool Negotiator::needs_negotiation() const {
  const bool has_waiting = std::ranges::any_of(
      senders_, [](const Sender& sender) { return !sender.binding && !sender.is_unsupported; });
  // A browser decodes two channels only where its own description says so. livekit-client writes
  // that into every offer but the first, the one in the URL of the join.
  const bool has_mono =
      answers_ == 1 &&
      std::ranges::any_of(senders_, [this](const Sender& sender) { return plays_as_mono(sender); });
  const bool has_freed = std::ranges::any_of(
      sections_, [](const Section& section) { return section.was_sending && !section.sender; });
  return has_waiting || has_mono || has_freed;
}

std::string_view to_string(NegotiationError error) {
  switch (error) {
    case NegotiationError::kMalformed:
      return "malformed";
    case NegotiationError::kNoMedia:
      return "no usable media section";
    case NegotiationError::kMissingMid:
      return "missing mid";
    case NegotiationError::kDuplicateMid:
      return "duplicate mid";
    case NegotiationError::kSectionsChanged:
      return "sections changed against the previous offer";
    case NegotiationError::kNotBundled:
      return "not bundled";
    case NegotiationError::kNoRtcpMux:
      return "no rtcp-mux";
    case NegotiationError::kNoCredentials:
      return "no ICE credentials";
    case NegotiationError::kNoFingerprint:
      return "no sha-256 fingerprint";
    case NegotiationError::kFingerprintMismatch:
      return "fingerprints of sections differ";
    case NegotiationError::kFingerprintChanged:
      return "fingerprint changed";
    case NegotiationError::kBadSetup:
      return "client insists on the passive DTLS role";
    case NegotiationError::kExtensionConflict:
      return "header extension id used twice";
    case NegotiationError::kExhausted:
      return "no SSRC left";
  }
  return "unknown";
}

}  // namespace meridian::meeting
