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
  const auto negotiated =
      participant.negotiator.handle_offer(offer.sdp(), local_description(participant), lookup);
  if (!negotiated) {
    return std::unexpected(negotiated.error());
  }
  const bool has_new_candidates = !participant.uplink.is_open || negotiated->is_ice_restart;
  apply_transport(participant, participant.uplink, *negotiated);
  participant.uplink.has_data_section = negotiated->data.has_value();
  update_tracks(participant, *negotiated, assigned, now);
  if (participant.mode() == ConnectionMode::kSingle) {
    subscriptions_.apply(participant, *negotiated, now);
  }
  answer(participant, offer, *negotiated);
  if (has_new_candidates) {
    end_candidates(participant, negotiated->answer, livekit::PUBLISHER);
  }
  if (participant.mode() == ConnectionMode::kSingle) {
    end_exchange(participant, now);
  }
  return {};
}

void Offers::end_exchange(Participant& participant, Now now) {
  participant.pace.handle_exchange(now.monotonic);
  if (participant.needs_negotiation()) {
    participant.pace.want(now.monotonic);
  }
}

LocalDescription Offers::local_description(const Participant& participant) const {
  const WorkerPool::Seat* seat = room_.services.workers.find(participant.worker);
  MERIDIAN_CHECK(seat != nullptr);
  return {
      .make_credentials =
          [this] {
            return ice::Credentials{room_.services.random.alphanumeric(kUfragLength),
                                    room_.services.random.alphanumeric(kPasswordLength)};
          },
      .fingerprint = room_.services.fingerprint,
      .candidates = seat->advertised,
      .tcp_candidates = seat->advertised_tcp,
  };
}

template <class Result>
void Offers::apply_transport(const Participant& participant, Connection& connection,
                             const Result& result) const {
  if (connection.is_open) {
    if (result.is_ice_restart) {
      room_.command(participant.worker,
                    forward::RestartIce{connection.transport, result.local, result.remote});
    }
    return;
  }
  MERIDIAN_CHECK(connection.permit.has_value());
  room_.command(participant.worker, forward::OpenTransport{
                                        .transport = connection.transport,
                                        .room = room_.number,
                                        .permit = std::move(*connection.permit),
                                        .local = result.local,
                                        .remote = result.remote,
                                        .remote_fingerprint = result.remote_fingerprint,
                                        .participant = participant.uplink.transport,
                                    });
  connection.permit.reset();
  connection.is_open = true;
}

void Offers::begin_subscriber(Participant& participant, Now now) {
  // Clients that may subscribe wait for this connection, even if there is nothing to send yet.
  if (participant.is_subscriber_primary() || participant.needs_negotiation()) {
    offer(participant, now);
  }
}

void Offers::restart_subscriber(Participant& participant, Now now) {
  if (participant.subscriber->negotiator.has_offered()) {
    participant.subscriber->negotiator.restart_ice();
    offer(participant, now);
  } else {
    begin_subscriber(participant, now);
  }
}

void Offers::offer(Participant& participant, Now now) {
  SubscriberNegotiator& negotiator = participant.subscriber->negotiator;
  const bool has_new_candidates = !negotiator.has_offered() || negotiator.is_restarting();
  const auto made = negotiator.make_offer(local_description(participant));
  participant.pace.begin(now.monotonic);
  if (!made) {
    return;  // nobody answers, and the client will be told to start anew
  }
  livekit::SignalResponse message;
  livekit::SessionDescription& description = *message.mutable_offer();
  description.set_type("offer");
  description.set_sdp(made->sdp);
  description.set_id(made->id);
  for (const auto& [mid, track] : made->mid_to_track_id) {
    (*description.mutable_mid_to_track_id())[mid] = track;
  }
  room_.send(participant, std::move(message));
  if (has_new_candidates) {
    end_candidates(participant, made->sdp, livekit::SUBSCRIBER);
  }
}

base::Expected<void, NegotiationError> Offers::handle_answer(
    Participant& participant, const livekit::SessionDescription& answer, Now now) {
  if (!participant.subscriber || !participant.subscriber->negotiator.is_current(answer.id())) {
    return {};
  }
  const auto answered = participant.subscriber->negotiator.handle_answer(answer.sdp());
  if (!answered) {
    return std::unexpected(answered.error());
  }
  Connection& connection = participant.subscriber->connection;
  apply_transport(participant, connection, *answered);
  connection.has_data_section = answered->has_data;
  subscriptions_.apply(participant, *answered, now);
  end_exchange(participant, now);
  return {};
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
  room_.command(participant.worker,
                forward::ConfigureReceive{participant.uplink.transport, negotiated.extensions,
                                          negotiated.receive});
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

void Offers::end_candidates(const Participant& participant, const std::string& sdp,
                            livekit::SignalTarget target) const {
  const auto value_after = [&](std::string_view key) {
    const std::size_t at = sdp.find(key);
    const std::size_t start = at == std::string::npos ? sdp.size() : at + key.size();
    return sdp.substr(start, sdp.find_first_of("\r\n", start) - start);
  };
  // All candidates are in the description; the first one again says that there are no more. Some
  // clients parse this strictly: sdpMid must be text and sdpMLineIndex a number.
  livekit::SignalResponse message;
  livekit::TrickleRequest& trickle = *message.mutable_trickle();
  trickle.set_candidateinit(R"({"candidate":"candidate:)" + value_after("a=candidate:") +
                            R"(","sdpMid":")" + value_after("a=mid:") +
                            R"(","sdpMLineIndex":0,"usernameFragment":null})");
  trickle.set_target(target);
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
  if (!participant.has_signal() || !participant.needs_negotiation()) {
    participant.pace.cancel();
    return Outcome::kFine;
  }
  if (!participant.is_told) {
    participant.pace.cancel();
    const bool is_over =
        participant.info.permission().can_subscribe() && participant.subscriptions.empty();
    return is_over ? Outcome::kNothingLeft : Outcome::kFine;
  }
  if (participant.subscriber) {
    offer(participant, now);
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
