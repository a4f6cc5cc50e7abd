#include "meeting/offers.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "meeting/track_info.hpp"

namespace meridian::meeting {
namespace {

/// RFC 8839 section 5.4 asks for 24 and 128 bits of randomness; a letter or digit has almost 6.
constexpr std::size_t kUfragLength = 8;
constexpr std::size_t kPasswordLength = 24;

}  // namespace

base::Expected<void, NegotiationError> Offers::handle(Participant& participant,
                                                      const livekit::SessionDescription& offer,
                                                      Now now) {
  Assignment assigned;
  const auto is_assigned = [&](PublicationId id) {
    return std::ranges::any_of(assigned, [&](const auto& entry) { return entry.second == id; });
  };
  const auto lookup = [&](const PublishedSection& section) -> PublishTerms {
    Publication* carried = nullptr;
    for (const auto& publication : participant.publications) {
      if (publication->is_published() && publication->section->mid == section.mid &&
          publication->section->track_id == section.track_id) {
        carried = publication.get();
      }
    }
    if (carried == nullptr) {
      // A cid that the offer mentions belongs to the section that mentions it.
      carried = Tracks::match(participant, section, [&](const Publication& pending) {
        return is_assigned(pending.id) || offer.sdp().contains(pending.cid);
      });
    }
    if (carried == nullptr || is_assigned(carried->id)) {
      return {};
    }
    assigned.emplace(section.mid.view(), carried->id);
    return {carried->id, publish_policy(carried->info)};
  };
  const WorkerPool::Seat* seat = room_.services.workers.find(participant.worker);
  MERIDIAN_CHECK(seat != nullptr);
  const LocalDescription local{
      .make_credentials =
          [this] {
            return ice::Credentials{room_.services.random.alphanumeric(kUfragLength),
                                    room_.services.random.alphanumeric(kPasswordLength)};
          },
      .fingerprint = room_.services.fingerprint,
      .candidates = seat->advertised,
  };
  const auto negotiated = participant.negotiator.handle_offer(offer.sdp(), local, lookup);
  if (!negotiated) {
    return std::unexpected(negotiated.error());
  }
  const bool is_first = !participant.is_transport_open;
  if (is_first) {
    open_transport(participant, *negotiated);
  } else if (negotiated->is_ice_restart) {
    room_.command(participant.worker, forward::RestartIce{participant.transport, negotiated->local,
                                                          negotiated->remote});
  }
  participant.has_data_section = negotiated->data.has_value();
  update_tracks(participant, *negotiated, assigned, now);
  subscriptions_.apply(participant, *negotiated, now);
  answer(participant, offer, *negotiated);
  if (is_first || negotiated->is_ice_restart) {
    end_candidates(participant, negotiated->answer);
  }
  participant.pace.handle_offer(now.monotonic);
  if (participant.negotiator.needs_negotiation()) {
    participant.pace.want(now.monotonic);
  }
  return {};
}

void Offers::open_transport(Participant& participant, const Negotiated& negotiated) {
  MERIDIAN_CHECK(participant.permit.has_value());
  room_.command(participant.worker, forward::OpenTransport{
                                        .transport = participant.transport,
                                        .room = room_.number,
                                        .permit = std::move(*participant.permit),
                                        .local = negotiated.local,
                                        .remote = negotiated.remote,
                                        .remote_fingerprint = negotiated.remote_fingerprint,
                                    });
  participant.permit.reset();
  participant.is_transport_open = true;
}

void Offers::update_tracks(Participant& participant, const Negotiated& negotiated,
                           const Assignment& assigned, Now now) {
  const auto assigned_to = [&](const rtp::Token& mid) {
    const auto found = assigned.find(std::string(mid.view()));
    return found == assigned.end() ? PublicationId{} : found->second;
  };
  for (const rtp::Token& mid : negotiated.removed) {
    std::erase_if(participant.unclaimed, [&](const auto& section) { return section.mid == mid; });
  }
  for (const PublishedSection& section : negotiated.added) {
    if (assigned_to(section.mid) == PublicationId{}) {
      participant.unclaimed.push_back(section);
    }
  }
  for (const rtp::Token& mid : negotiated.removed) {
    const auto found = std::ranges::find_if(participant.publications, [&](const auto& p) {
      return p->is_published() && p->section->mid == mid && p->id != assigned_to(mid);
    });
    if (found != participant.publications.end()) {
      tracks_.unpublish(participant, (*found)->id, now);
    }
  }
  for (const PublishedSection& section : negotiated.added) {
    Publication* publication = participant.find_track(assigned_to(section.mid));
    if (publication != nullptr && !publication->is_published()) {
      tracks_.publish(participant, *publication, section, now);
    }
  }
  room_.command(
      participant.worker,
      forward::ConfigureReceive{participant.transport, negotiated.extensions, negotiated.receive});
}

void Offers::answer(const Participant& participant, const livekit::SessionDescription& offer,
                    const Negotiated& negotiated) const {
  livekit::SignalResponse message;
  livekit::SessionDescription& description = *message.mutable_answer();
  description.set_type("answer");
  description.set_sdp(negotiated.answer);
  description.set_id(offer.id());
  for (const auto& [mid, track] : negotiated.mid_to_track_id) {
    (*description.mutable_mid_to_track_id())[mid] = track;
  }
  room_.send(participant, std::move(message));
}

void Offers::end_candidates(const Participant& participant, const std::string& sdp) const {
  const auto value_after = [&](std::string_view key) {
    const std::size_t at = sdp.find(key);
    const std::size_t start = at == std::string::npos ? sdp.size() : at + key.size();
    return sdp.substr(start, sdp.find_first_of("\r\n", start) - start);
  };
  // All candidates are in the answer; the first one again says that there are no more. Some
  // clients parse this strictly: sdpMid must be text and sdpMLineIndex a number.
  livekit::SignalResponse message;
  livekit::TrickleRequest& trickle = *message.mutable_trickle();
  trickle.set_candidateinit(R"({"candidate":"candidate:)" + value_after("a=candidate:") +
                            R"(","sdpMid":")" + value_after("a=mid:") +
                            R"(","sdpMLineIndex":0,"usernameFragment":null})");
  trickle.set_target(livekit::PUBLISHER);
  trickle.set_final(true);
  room_.send(participant, std::move(message));
}

Offers::Outcome Offers::handle_timeout(Participant& participant, Now now) {
  switch (participant.pace.poll(now.monotonic)) {
    case OfferPace::Due::kNothing:
      return Outcome::kFine;
    case OfferPace::Due::kFailed:
      return Outcome::kNoOffer;
    case OfferPace::Due::kAsk:
      break;
  }
  if (!participant.has_signal() || !participant.negotiator.needs_negotiation()) {
    participant.pace.cancel();
    return Outcome::kFine;
  }
  const Negotiator::RequiredSections required = participant.negotiator.required_sections();
  livekit::SignalResponse message;
  message.mutable_media_sections_requirement()->set_num_audios(required.num_audios);
  message.mutable_media_sections_requirement()->set_num_videos(required.num_videos);
  room_.send(participant, std::move(message));
  return Outcome::kFine;
}

}  // namespace meridian::meeting
