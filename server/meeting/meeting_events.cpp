// What workers and clocks tell a meeting.
#include <algorithm>
#include <array>
#include <variant>

#include "meeting/limits.hpp"
#include "meeting/meeting.hpp"

namespace meridian::meeting {
namespace {

/// The channels that livekit-server opens, in its order.
std::array<sctp::ChannelOptions, 3> subscriber_channels() {
  const auto unreliable = [](std::string label) {
    return sctp::ChannelOptions{.label = std::move(label),
                                .order = sctp::Order::kUnordered,
                                .reliability = sctp::Reliability::kMaxRetransmits,
                                .reliability_value = 0};
  };
  return {sctp::ChannelOptions{.label = "_reliable"}, unreliable("_lossy"),
          unreliable("_data_track")};
}

}  // namespace

void Meeting::handle_event(const forward::Event& event, Now now) {
  if (const auto* report = std::get_if<forward::DownlinkReport>(&event)) {
    if (Participant* participant = room_.roster.find(report->transport)) {
      participant->downlink_log.add(*report, now.wall);
    }
    return;  // it changes nothing
  }
  if (const auto* quality = std::get_if<forward::TransportQuality>(&event)) {
    handle(*quality);
    return;  // told when it is time: no deadline is another one by it
  }
  if (const auto* state = std::get_if<forward::TransportStateChanged>(&event)) {
    handle(*state, now);
  } else if (const auto* started = std::get_if<forward::LayerStarted>(&event)) {
    tracks_.handle(*started, now);
  } else if (const auto* speakers = std::get_if<forward::SpeakersChanged>(&event)) {
    speakers_.handle(*speakers);
  } else if (const auto* wanted = std::get_if<forward::LayersWanted>(&event)) {
    tracks_.handle(*wanted, now);
  } else if (const auto* paused = std::get_if<forward::StreamPaused>(&event)) {
    subscriptions_.handle(*paused);
  }
  settle(now);
}

void Meeting::handle(const forward::TransportStateChanged& event, Now now) {
  Participant* participant = room_.roster.find(event.transport);
  if (participant == nullptr) {
    return;
  }
  Connection& connection = *participant->find_connection(event.transport);
  switch (event.state) {
    case forward::TransportState::kIceConnected:
      // After a restart the DTLS association goes on, so this alone says that media flows again.
      if (connection.was_connected) {
        handle_media_up(*participant, connection, now);
      }
      break;
    case forward::TransportState::kConnected:
      connection.was_connected = true;
      handle_media_up(*participant, connection, now);
      break;
    case forward::TransportState::kDisconnected:
      handle_media_lost(*participant, connection, now);
      break;
    case forward::TransportState::kFailed: {
      const bool was_active = participant->info.state() == livekit::ParticipantInfo::ACTIVE;
      dismiss(*participant, was_active ? livekit::CONNECTION_TIMEOUT : livekit::JOIN_FAILURE,
              livekit::LeaveRequest::RECONNECT, now);
      break;
    }
  }
}

void Meeting::handle(const forward::TransportQuality& event) {
  Participant* participant = room_.roster.find(event.transport);
  if (participant == nullptr) {
    return;
  }
  participant->find_connection(event.transport)->quality = event;
  // Each direction has its own connection, or one has both.
  forward::TransportQuality merged;
  for (const Connection* connection : participant->connections()) {
    merged.uplink_loss = std::max(merged.uplink_loss, connection->quality.uplink_loss);
    merged.downlink_loss = std::max(merged.downlink_loss, connection->quality.downlink_loss);
    merged.round_trip = std::max(merged.round_trip, connection->quality.round_trip);
  }
  participant->quality.handle(merged);
}

void Meeting::handle_media_up(Participant& participant, Connection& connection, Now now) {
  connection.is_media_up = true;
  connection.media_lost = Instant::never();
  open_data(participant, connection);
  if (&connection == &participant.primary() &&
      participant.info.state() != livekit::ParticipantInfo::ACTIVE) {
    participant.info.set_state(livekit::ParticipantInfo::ACTIVE);
    room_.note(RoomEventKind::kParticipantJoined, now.wall, &participant);
    updates_.mark(participant, Updates::Audience::kEveryone, Updates::Urgency::kBatched,
                  now.monotonic);
    // Not with the join: livekit-client passes over speakers until it has set up who is there.
    speakers_.tell_active(participant);
  }
}

void Meeting::handle_media_lost(Participant& participant, Connection& connection, Now now) {
  connection.is_media_up = false;
  connection.media_lost = now.monotonic;
  if (participant.has_signal() && participant.is_told) {
    room_.send(participant,
               leave_message(livekit::CONNECTION_TIMEOUT, livekit::LeaveRequest::RESUME));
    room_.close_session(participant.session);
    participant.session = SignalSessionId{};
    participant.signal_lost = now.monotonic;
    participant.pace.reset();
  }
}

void Meeting::open_data(const Participant& participant, Connection& connection) const {
  if (!connection.has_data_section || connection.is_data_open) {
    return;
  }
  connection.is_data_open = true;
  auto& commands = room_.services.outbox.sctp;
  commands.emplace_back(
      sctp::Open{connection.transport, participant.worker, sctp::Role::kDtlsServer});
  if (participant.subscriber && &connection == &participant.subscriber->connection) {
    for (const sctp::ChannelOptions& options : subscriber_channels()) {
      commands.emplace_back(sctp::OpenChannel{connection.transport, options});
    }
  }
}

void Meeting::handle_sctp_event(sctp::Event&& event, Now now) {
  if (const auto* opened = std::get_if<sctp::ChannelOpened>(&event)) {
    data_.handle(*opened, now);
  } else if (const auto* closed = std::get_if<sctp::ChannelClosed>(&event)) {
    data_.handle(*closed);
  } else if (const auto* gone = std::get_if<sctp::AssociationClosed>(&event)) {
    data_.handle(*gone);
  } else if (auto* message = std::get_if<sctp::MessageReceived>(&event)) {
    data_.handle(std::move(*message), now);
  }
  settle(now);
}

Instant Meeting::next_deadline(const Participant& participant) {
  Instant next = std::min(participant.token_due, participant.pace.next_timeout());
  next = std::min(next, participant.media_lost() + kMediaGrace);
  next = std::min(next, participant.signal_lost + kSignalGrace);
  if (participant.held_offer) {
    next = std::min(next, participant.held_offer->due);
  }
  if (participant.info.state() != livekit::ParticipantInfo::ACTIVE) {
    next = std::min(next, participant.joined + kJoinTimeout);
  }
  return next;
}

bool Meeting::handle_deadlines(Participant& participant, Now now) {
  const Instant at = now.monotonic;
  const bool is_active = participant.info.state() == livekit::ParticipantInfo::ACTIVE;
  if (!is_active && at >= participant.joined + kJoinTimeout) {
    dismiss(participant, livekit::JOIN_FAILURE, livekit::LeaveRequest::DISCONNECT, now);
    return true;
  }
  if (at >= participant.media_lost() + kMediaGrace) {
    dismiss(participant, livekit::CONNECTION_TIMEOUT, livekit::LeaveRequest::RECONNECT, now);
    return true;
  }
  if (at >= participant.signal_lost + kSignalGrace) {
    remove(participant, livekit::SIGNAL_CLOSE, Updates::Departure::kLeft, now);
    return true;
  }
  if (offers_.handle_timeout(participant, now) != Offers::Outcome::kFine) {
    dismiss(participant, livekit::STATE_MISMATCH, livekit::LeaveRequest::RECONNECT, now);
    return true;
  }
  if (at >= participant.token_due) {
    send_token(participant, now);
  }
  return release_held_offer(participant, now);
}

void Meeting::handle_timeout(Now now) {
  for_each([&](Participant& participant) {
    if (next_deadline(participant) <= now.monotonic) {
      (void)handle_deadlines(participant, now);
    }
  });
  speakers_.handle_timeout(now.monotonic);
  rpcs_.handle_timeout(now.monotonic);
  if (tracks_.next_timeout() <= now.monotonic) {
    tracks_.handle_timeout(now);
  }
  if (now.monotonic >= quality_due_) {
    quality_due_ = now.monotonic + kQualityInterval;
    tell_quality(now);
    data_.forget_old(now.monotonic);
    subscriptions_.retry_denied(now);
  }
  settle(now);
}

void Meeting::tell_quality(Now) {
  std::vector<const Participant*> changed;
  for (const auto& participant : room_.roster.all()) {
    if (participant->is_media_up() && participant->quality.take_change()) {
      changed.push_back(participant.get());
    }
  }
  if (changed.empty()) {
    return;
  }
  for (const auto& receiver : room_.roster.all()) {
    livekit::SignalResponse message;
    for (const Participant* subject : changed) {
      const bool is_relevant =
          subject == receiver.get() ||
          (!subject->is_hidden() &&
           std::ranges::any_of(subject->publications, [&](const auto& publication) {
             return receiver->subscriptions.contains(publication->id);
           }));
      if (is_relevant) {
        livekit::ConnectionQualityInfo& update =
            *message.mutable_connection_quality()->add_updates();
        update.set_participant_sid(subject->info.sid());
        update.set_quality(subject->quality.quality());
        update.set_score(subject->quality.score());
      }
    }
    if (message.has_connection_quality()) {
      room_.send(*receiver, std::move(message));
    }
  }
}

Instant Meeting::next_timeout() const {
  if (!next_timeout_) {
    next_timeout_ = find_next_timeout();
  }
  return *next_timeout_;
}

Instant Meeting::find_next_timeout() const {
  Instant next = std::min({quality_due_, updates_.next_timeout(), tracks_.next_timeout(),
                           speakers_.next_timeout(), rpcs_.next_timeout()});
  for (const auto& participant : room_.roster.all()) {
    next = std::min(next, next_deadline(*participant));
  }
  if (room_.roster.empty()) {
    next = std::min(next, empty_since_ + patience());
  }
  return next;
}

}  // namespace meridian::meeting
