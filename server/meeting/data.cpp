#include "meeting/data.hpp"

#include <algorithm>

#include "base/check.hpp"
#include "meeting/limits.hpp"

namespace meridian::meeting {

bool DataRouter::Destinations::include(const Participant& participant) const {
  if (identities.empty() && sids.empty()) {
    return true;
  }
  return std::ranges::find(identities, participant.info.identity()) != identities.end() ||
         std::ranges::find(sids, participant.info.sid()) != sids.end();
}

void DataRouter::handle(const sctp::ChannelOpened& event, Now now) {
  Participant* participant = room_.roster.find(event.transport);
  if (participant == nullptr) {
    return;
  }
  Connection& connection = *participant->find_connection(event.transport);
  if (event.options.label == "_lossy") {
    connection.lossy_channel = event.channel;
  } else if (event.options.label == "_data_track") {
    connection.data_track_channel = event.channel;
  } else if (event.options.label == "_reliable") {
    connection.reliable_channel = event.channel;
    if (&connection != &participant->primary()) {
      return;
    }
    forget_old(now.monotonic);
    for (const Cached& packet : cache_) {
      if (packet.at >= participant->joined && packet.from != participant->sid() &&
          packet.to.include(*participant)) {
        send(*participant, event.channel, packet.bytes);
      }
    }
  }
}

void DataRouter::handle(const sctp::ChannelClosed& event) {
  Participant* participant = room_.roster.find(event.transport);
  if (participant == nullptr) {
    return;
  }
  Connection& connection = *participant->find_connection(event.transport);
  if (connection.reliable_channel == event.channel) {
    connection.reliable_channel.reset();
  }
  if (connection.lossy_channel == event.channel) {
    connection.lossy_channel.reset();
  }
  if (connection.data_track_channel == event.channel) {
    connection.data_track_channel.reset();
  }
}

void DataRouter::handle(const sctp::AssociationClosed& event) {
  if (Participant* participant = room_.roster.find(event.transport)) {
    Connection& connection = *participant->find_connection(event.transport);
    connection.reliable_channel.reset();
    connection.lossy_channel.reset();
    connection.data_track_channel.reset();
  }
}

void DataRouter::handle(sctp::MessageReceived&& event, Now now) {
  Participant* sender = room_.roster.find(event.transport);
  if (sender == nullptr) {
    return;
  }
  transit_[sender->region]
      .at(metrics::TransitKind::kData, metrics::Direction::kIn)
      .add(event.bytes.size());
  const Connection& connection = *sender->find_connection(event.transport);
  const bool is_reliable = connection.reliable_channel == event.channel;
  if (!is_reliable && connection.lossy_channel != event.channel) {
    if (connection.data_track_channel == event.channel) {
      forward_frame(*sender, event.bytes, now);
    }
    return;  // else a channel of the application's own
  }
  livekit::DataPacket packet;
  if (event.bytes.size() > room_.services.limits.data_packet_size ||
      !packet.ParseFromArray(event.bytes.data(), static_cast<int>(event.bytes.size()))) {
    ++dropped_;
    return;
  }
  packet.set_kind(is_reliable ? livekit::DataPacket::RELIABLE : livekit::DataPacket::LOSSY);
  if (!accept(*sender, packet)) {
    ++dropped_;
    return;
  }
  if (rpcs_.take(sender->sid(), packet)) {
    return;
  }
  sign(*sender, packet);
  distribute(sender, packet, now);
}

void DataRouter::send_from_server(livekit::DataPacket packet, Now now) {
  distribute(nullptr, packet, now);
}

void DataRouter::distribute(const Participant* sender, livekit::DataPacket& packet, Now now) {
  const bool is_reliable = packet.kind() == livekit::DataPacket::RELIABLE;
  const Destinations to = destinations(packet);
  auto bytes = std::make_shared<std::vector<std::uint8_t>>(packet.ByteSizeLong());
  MERIDIAN_CHECK(packet.SerializeToArray(bytes->data(), static_cast<int>(bytes->size())));
  const SharedBytes shared = std::move(bytes);
  for (const auto& receiver : room_.roster.all()) {
    const Connection& to_receiver = receiver->primary();
    const auto channel = is_reliable ? to_receiver.reliable_channel : to_receiver.lossy_channel;
    if (receiver.get() != sender && channel && to.include(*receiver)) {
      send(*receiver, *channel, shared);
    }
  }
  if (is_reliable) {
    forget_old(now.monotonic);
    remember({now.monotonic, sender == nullptr ? ParticipantSid() : sender->sid(), to, shared});
  }
}

void DataRouter::forward_frame(Participant& sender, Bytes packet, Now now) {
  if (packet.size() > room_.services.limits.data_packet_size) {
    ++dropped_;
    return;
  }
  for (const auto& [subscriber, handle] : tracks_.deliveries(sender, packet, now.monotonic)) {
    const auto channel = subscriber->primary().data_track_channel;
    if (!channel) {
      continue;
    }
    auto copy = std::make_shared<std::vector<std::uint8_t>>(packet.begin(), packet.end());
    (*copy)[DataTracks::kHandleOffset] = static_cast<std::uint8_t>(handle >> 8U);
    (*copy)[DataTracks::kHandleOffset + 1] = static_cast<std::uint8_t>(handle & 0xffU);
    send(*subscriber, *channel, std::move(copy));
  }
}

bool DataRouter::accept(Participant& sender, livekit::DataPacket& packet) const {
  if (!sender.info.permission().can_publish_data()) {
    return false;
  }
  const bool is_agent = sender.info.kind() == livekit::ParticipantInfo::AGENT;
  if (packet.has_speaker() || packet.has_metrics() || (packet.has_transcription() && !is_agent)) {
    return false;
  }
  if (packet.kind() == livekit::DataPacket::RELIABLE && packet.sequence() > 0) {
    if (packet.sequence() <= sender.last_data_sequence) {
      return false;  // sent again after a resume
    }
    sender.last_data_sequence = packet.sequence();
  }
  return true;
}

void DataRouter::sign(const Participant& sender, livekit::DataPacket& packet) {
  packet.set_participant_sid(sender.info.sid());
  const bool is_stream = packet.has_stream_header() || packet.has_stream_chunk() ||
                         packet.has_stream_trailer() || packet.has_transcription();
  if (is_stream && sender.info.kind() == livekit::ParticipantInfo::AGENT &&
      !packet.participant_identity().empty()) {
    return;  // agents transcribe what others say
  }
  const std::string identity = sender.is_hidden() ? std::string() : sender.info.identity();
  packet.set_participant_identity(identity);
  if (packet.has_user()) {
    packet.mutable_user()->set_participant_sid(sender.info.sid());
    packet.mutable_user()->set_participant_identity(identity);
  }
}

DataRouter::Destinations DataRouter::destinations(livekit::DataPacket& packet) {
  if (packet.has_user()) {  // older clients name them inside, newer ones outside
    livekit::UserPacket& user = *packet.mutable_user();
    if (packet.destination_identities().empty()) {
      *packet.mutable_destination_identities() = user.destination_identities();
    } else if (user.destination_identities().empty()) {
      *user.mutable_destination_identities() = packet.destination_identities();
    }
  }
  Destinations to;
  to.identities.assign(packet.destination_identities().begin(),
                       packet.destination_identities().end());
  to.sids.assign(packet.user().destination_sids().begin(), packet.user().destination_sids().end());
  return to;
}

void DataRouter::send(Participant& to, sctp::ChannelId channel, const SharedBytes& bytes) {
  transit_[to.region].at(metrics::TransitKind::kData, metrics::Direction::kOut).add(bytes->size());
  room_.services.outbox.sctp.emplace_back(
      sctp::Send{to.primary().transport, channel, sctp::Payload::kBinary, bytes});
}

void DataRouter::remember(Cached packet) {
  cached_bytes_ += packet.bytes->size();
  cache_.push_back(std::move(packet));
  while (cache_.size() > kMaxCachedPackets || cached_bytes_ > kMaxCachedBytes) {
    cached_bytes_ -= cache_.front().bytes->size();
    cache_.pop_front();
  }
}

void DataRouter::forget_old(Instant now) {
  while (!cache_.empty() && now - cache_.front().at > kDataCacheTime) {
    cached_bytes_ -= cache_.front().bytes->size();
    cache_.pop_front();
  }
}

}  // namespace meridian::meeting
