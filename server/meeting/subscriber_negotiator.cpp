#include "meeting/subscriber_negotiator.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "meeting/negotiation_answer.hpp"
#include "meeting/negotiation_offer.hpp"
#include "meeting/server_offer.hpp"

namespace meridian::meeting {
namespace {

sdp::Kind sdp_kind(rtp::MediaKind kind) {
  return kind == rtp::MediaKind::kAudio ? sdp::Kind::kAudio : sdp::Kind::kVideo;
}

rtp::Token mid_of(std::size_t index) {
  return *rtp::Token::parse(std::to_string(index));
}

bool can_play(const std::vector<rtp::CodecBinding>& codecs, const SenderSpec& spec) {
  return !codecs.empty() &&
         (spec.codecs.empty() || std::ranges::any_of(codecs, [&](const rtp::CodecBinding& codec) {
            return std::ranges::count(spec.codecs, codec.codec) > 0;
          }));
}

}  // namespace

SubscriberNegotiator::SubscriberNegotiator(SubscriberTerms terms, RandomSource& random)
    : terms_(terms),
      random_(random),
      // Below 2^63, since some clients read it as signed (RFC 9429 section 5.2.1).
      session_id_((static_cast<std::uint64_t>(random.u32() >> 1U) << 32U) | random.u32()),
      last_offer_id_(random.u32() & 0xffU) {}

SubscriberNegotiator::Sender* SubscriberNegotiator::find_sender(SubscriptionId subscription) {
  const auto found = std::ranges::find(senders_, subscription,
                                       [](const Sender& s) { return s.spec.subscription; });
  return found == senders_.end() ? nullptr : &*found;
}

AddSender SubscriberNegotiator::add_sender(SenderSpec spec) {
  if (find_sender(spec.subscription) != nullptr) {
    return AddSender::kDuplicate;
  }
  if (senders_.size() >= kMaxSenders) {
    return AddSender::kFull;
  }
  senders_.push_back({.spec = std::move(spec)});
  return AddSender::kAdded;
}

void SubscriberNegotiator::remove_sender(SubscriptionId subscription) {
  std::erase_if(senders_,
                [subscription](const Sender& s) { return s.spec.subscription == subscription; });
  for (Section& section : sections_) {
    if (section.sender == subscription) {
      section.sender.reset();
    }
  }
}

bool SubscriberNegotiator::is_free(const Section& section, rtp::MediaKind kind) const {
  return section.kind == kind && !section.sender && !section.offered && !section.is_rejected &&
         (terms_.reuses_sections || !section.was_used);
}

bool SubscriberNegotiator::can_place(rtp::MediaKind kind) const {
  return sections_.size() + (terms_.has_data ? 1 : 0) < sdp::kMaxSections ||
         std::ranges::any_of(
             sections_, [&](const Section& section) { return is_free(section, kind); });
}

bool SubscriberNegotiator::needs_negotiation() const {
  return std::ranges::any_of(
             sections_, [](const Section& section) { return section.sender != section.offered; }) ||
         std::ranges::any_of(senders_, [this](const Sender& sender) {
           return !sender.has_section && !sender.is_unsupported && can_place(sender.spec.kind);
         });
}

void SubscriberNegotiator::place(Sender& sender) {
  const rtp::MediaKind kind = sender.spec.kind;
  auto section =
      std::ranges::find_if(sections_, [&](const Section& s) { return is_free(s, kind); });
  if (section == sections_.end()) {
    if (!can_place(kind)) {
      return;
    }
    const std::size_t index = sections_.size() + (terms_.has_data ? 1 : 0);
    section = sections_.insert(sections_.end(), {.mid = mid_of(index), .kind = kind});
  }
  section->sender = sender.spec.subscription;
  section->was_used = true;
  sender.has_section = true;
  sender.ssrc = new_ssrc();
  sender.rtx_ssrc = kind == rtp::MediaKind::kVideo ? new_ssrc() : Ssrc{};
}

Ssrc SubscriberNegotiator::new_ssrc() {
  while (true) {
    const std::uint32_t value = random_.u32();
    if (value != 0 && used_ssrcs_.insert(value).second) {
      return Ssrc(value);
    }
  }
}

base::Expected<ServerOffer, NegotiationError> SubscriberNegotiator::make_offer(
    const LocalDescription& local) {
  if (used_ssrcs_.size() + 2 * senders_.size() > kMaxSsrcsPerTransport) {
    return std::unexpected(NegotiationError::kExhausted);
  }
  if (offers_ == 0 || std::exchange(wants_restart_, false)) {
    local_ = local.make_credentials();
  }
  for (Sender& sender : senders_) {
    if (!sender.has_section && !sender.is_unsupported) {
      place(sender);
    }
  }
  ServerOffer offer{.sdp = {}, .id = ++last_offer_id_, .mid_to_track_id = {}};
  sdp::Session session;
  session.id = session_id_;
  session.version = ++offers_;
  session.ice_lite = true;
  session.extmap_allow_mixed = true;
  session.msid_semantic = "WMS *";
  if (terms_.has_data) {
    write_data(session.media.emplace_back(
        offered_section(mid_of(0), sdp::Kind::kApplication, local_, local.fingerprint)));
  }
  for (Section& section : sections_) {
    section.offered = section.sender;
    sdp::MediaSection& media = session.media.emplace_back(
        offered_section(section.mid, sdp_kind(section.kind), local_, local.fingerprint));
    const Sender* sender = section.sender ? find_sender(*section.sender) : nullptr;
    media.direction = sender == nullptr ? sdp::Direction::kInactive : sdp::Direction::kSendOnly;
    media.port = section.is_rejected ? 0 : media.port;
    const std::vector<sdp::OfferedCodec> codecs =
        codecs_to_send(offerable_codecs(section.kind, terms_.takes_red),
                       sender == nullptr ? std::vector<rtp::Codec>{} : sender->spec.codecs);
    write_codecs(media, codecs);
    write_offered_extensions(media, section.kind, terms_.playout_delay);
    if (sender != nullptr) {
      const SendBinding binding{.subscription = sender->spec.subscription,
                                .mid = section.mid,
                                .ssrc = sender->ssrc,
                                .rtx_ssrc = sender->rtx_ssrc,
                                .codecs = bindings_of(codecs),
                                .extensions = {}};
      write_sender(media, sender->spec, binding);
      offer.mid_to_track_id.emplace(section.mid.view(), sender->spec.track_sid);
    }
  }
  auto& group = session.bundles.emplace_back();
  for (sdp::MediaSection& media : session.media) {
    if (media.is_rejected()) {
      continue;
    }
    if (group.empty()) {
      write_candidates(media, local);
    }
    group.push_back(media.mid);
  }
  offer.sdp = session.to_string();
  return offer;
}

bool SubscriberNegotiator::is_current(std::uint32_t id) const {
  return offers_ > 0 && (id == last_offer_id_ || id == 0);
}

std::optional<NegotiationError> SubscriberNegotiator::check_sections(
    const sdp::Session& answer) const {
  const std::size_t first = terms_.has_data ? 1 : 0;
  if (answer.media.size() != sections_.size() + first) {
    return NegotiationError::kSectionsChanged;
  }
  for (std::size_t i = 0; i < answer.media.size(); ++i) {
    const sdp::MediaSection& media = answer.media[i];
    const bool is_data = i < first;
    const sdp::Kind kind = is_data ? sdp::Kind::kApplication : sdp_kind(sections_[i - first].kind);
    const bool is_same = media.kind == kind && (media.mid == mid_of(i).view() ||
                                                (media.is_rejected() && media.mid.empty()));
    if (!is_same) {
      return NegotiationError::kSectionsChanged;
    }
  }
  return std::nullopt;
}

base::Expected<Answered, NegotiationError> SubscriberNegotiator::handle_answer(
    std::string_view sdp) {
  const auto checked = check_description(sdp, DescriptionType::kAnswer);
  if (!checked) {
    return std::unexpected(checked.error());
  }
  if (const auto error = check_sections(checked->session)) {
    return std::unexpected(*error);
  }
  if (remote_fingerprint_ && *remote_fingerprint_ != checked->fingerprint) {
    return std::unexpected(NegotiationError::kFingerprintChanged);
  }
  Answered answered;
  answered.is_first = !answered_local_;
  answered.is_ice_restart =
      answered_local_ && (*answered_local_ != local_ || remote_ != checked->credentials);
  answered.local = local_;
  answered.remote = checked->credentials;
  answered.remote_fingerprint = checked->fingerprint;
  answered.has_data = checked->data.has_value();
  answered_local_ = local_;
  remote_ = checked->credentials;
  remote_fingerprint_ = checked->fingerprint;
  const std::size_t first = terms_.has_data ? 1 : 0;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    settle(sections_[i], checked->session.media[i + first], checked->allows_mixed_extensions,
           answered);
  }
  return answered;
}

void SubscriberNegotiator::settle(Section& section, const sdp::MediaSection& answer,
                                  bool allows_mixed, SenderChanges& changes) {
  section.is_rejected = section.is_rejected || answer.is_rejected();
  if (!section.sender || section.sender != section.offered) {
    return;  // it went away after the offer was made: the next one says so
  }
  Sender& sender = *find_sender(*section.sender);
  SendBinding binding{.subscription = sender.spec.subscription,
                      .mid = section.mid,
                      .ssrc = sender.ssrc,
                      .rtx_ssrc = sender.rtx_ssrc,
                      .codecs = {},
                      .extensions = {}};
  if (!answer.is_rejected() && sdp::receives(answer.direction)) {
    binding.codecs = bindings_of(codecs_to_send(
        answered_codecs(answer, section.kind, terms_.takes_red), sender.spec.codecs));
    binding.extensions =
        extensions_to_send(answer, accepted_extensions(answer, allows_mixed, terms_.playout_delay));
  }
  if (can_play(binding.codecs, sender.spec)) {
    if (!std::exchange(sender.is_bound, true)) {
      changes.bound.push_back(std::move(binding));
    }
    return;
  }
  if (sender.is_bound) {
    changes.unbound.push_back(sender.spec.subscription);
  }
  changes.unsupported.push_back(sender.spec.subscription);
  sender.is_unsupported = true;
  sender.is_bound = false;
  sender.has_section = false;
  section.sender.reset();
}

}  // namespace meridian::meeting
