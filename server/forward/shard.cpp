#include "forward/shard.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"
#include "forward/relay_sink.hpp"

/// Commands; packets are in shard_packets.cpp, what is due at a time in shard_timers.cpp, relays in
/// shard_relay.cpp.
namespace meridian::forward {

Shard::Shard(ShardConfig config) : config_(std::move(config)) {}

Shard::~Shard() = default;

Publication* Shard::find_publication(PublicationId id) const {
  const auto found = publications_.find(id);
  return found != publications_.end() ? found->second.get() : nullptr;
}

Subscription* Shard::find_subscription(SubscriptionId id) const {
  const auto found = subscriptions_.find(id);
  return found != subscriptions_.end() ? found->second.get() : nullptr;
}

Peer* Shard::find_peer(TransportId transport) const {
  const auto found = peers_.find(transport);
  return found != peers_.end() ? found->second.get() : nullptr;
}

Peer& Shard::add_peer(transport::Transport& transport, RoomNumber room) {
  auto [entry, is_new] = peers_.emplace(transport.id(), std::make_unique<Peer>(transport, room));
  MERIDIAN_CHECK(is_new);
  waiting_.reserve(peers_.size());
  attended_.reserve(peers_.size());
  watching_.reserve(peers_.size());
  (void)transport.add_send_stream(kFeedbackSsrc);
  return *entry->second;
}

void Shard::remove_peer(TransportId transport) {
  Peer* peer = find_peer(transport);
  if (peer == nullptr) {
    return;
  }
  const std::vector<Subscription*> subscriptions = peer->sender.subscriptions();
  for (const Subscription* subscription : subscriptions) {
    unsubscribe(subscription->id());
  }
  std::erase(waiting_, &peer->sender);
  std::erase(attended_, peer);
  std::erase(receiving_, peer);
  std::erase(watching_, peer);
  peers_.erase(transport);
}

void Shard::handle_connected(TransportId transport, Instant now) {
  Peer* peer = find_peer(transport);
  if (peer == nullptr) {
    return;
  }
  peer->next_quality = now + kQualityInterval;
  if (const auto round_trip = peer->transport.handshake_round_trip()) {
    peer->receiver.set_round_trip(*round_trip);
  }
  for (Subscription* subscription : peer->sender.subscriptions()) {
    replay_key_frame(*subscription, now);
    follow_wishes(subscription->publication(), now);
  }
}

void Shard::bind_receiver(Publication& publication, Peer& peer) {
  if (const std::size_t layers = peer.receiver.bind(publication.id(), &publication)) {
    publication.set_layer_count(std::max(layers, publication.layer_count()),
                                Publication::Memory::kNow);
  }
}

void Shard::configure(const ConfigureReceive& command) {
  Peer* peer = find_peer(command.transport);
  if (peer == nullptr) {
    return;
  }
  peer->receiver.configure(command);
  std::erase(receiving_, peer);
  if (peer->receiver.has_sections()) {
    receiving_.push_back(peer);
  }
  for (const PublicationId id : peer->receiver.publications()) {
    const auto publisher = publishers_.find(id);
    Publication* publication = find_publication(id);
    if (publication != nullptr && publisher != publishers_.end() &&
        publisher->second == command.transport) {
      bind_receiver(*publication, *peer);
    }
  }
}

Publication& Shard::add_publication(const PublicationTraits& traits) {
  auto publication = std::make_unique<Publication>(traits);
  Publication& added = *publication;
  publications_.emplace(traits.id, std::move(publication));
  dirty_.reserve(publications_.size());
  config_.counters.publications.increment();
  add_rival(added);
  return added;
}

void Shard::add_rival(Publication& publication) {
  const PublicationTraits& traits = publication.traits();
  if (publication.is_video() || traits.loudest == 0) {
    return;
  }
  const std::size_t places = std::min<std::size_t>(traits.loudest, LoudestSounds::kMaxPlaces);
  Rivals& rivals =
      rivals_.try_emplace(traits.room, Rivals{.sounds = LoudestSounds(places)}).first->second;
  ++rivals.publications;
  publication.set_rivals(&rivals.sounds);
}

void Shard::remove_rival(const Publication& publication) {
  const PublicationTraits& traits = publication.traits();
  const auto rivals = rivals_.find(traits.room);
  if (publication.is_video() || traits.loudest == 0 || rivals == rivals_.end()) {
    return;
  }
  rivals->second.sounds.remove(traits.id);
  if (--rivals->second.publications == 0) {
    rivals_.erase(rivals);
  }
}

void Shard::publish(const Publish& command) {
  if (find_publication(command.publication) != nullptr) {
    return;
  }
  Publication& publication = add_publication({.id = command.publication,
                                              .room = command.room,
                                              .kind = command.kind,
                                              .is_screen_share = command.is_screen_share,
                                              .is_encrypted = command.is_encrypted,
                                              .loudest = command.loudest});
  publishers_.emplace(command.publication, command.transport);
  if (command.kind == rtp::MediaKind::kAudio) {
    speakers_[command.room].add(command.publication, publication.activity());
    next_speakers_ = {};
  }
  if (Peer* peer = find_peer(command.transport)) {
    bind_receiver(publication, *peer);
  }
}

void Shard::unpublish(PublicationId id) {
  Publication* publication = find_publication(id);
  if (publication == nullptr) {
    return;
  }
  while (!publication->subscriptions().empty()) {
    unsubscribe(publication->subscriptions().front()->id());
  }
  if (const auto publisher = publishers_.find(id); publisher != publishers_.end()) {
    if (Peer* peer = find_peer(publisher->second)) {
      peer->receiver.bind(id, nullptr);
    }
    publishers_.erase(publisher);
  }
  const auto room = speakers_.find(publication->traits().room);
  if (room != speakers_.end()) {
    room->second.remove(id);
    next_speakers_ = {};
  }
  std::erase(dirty_, publication);
  end_relays(*publication);
  remove_rival(*publication);
  publications_.erase(id);
  config_.counters.publications.decrement();
}

void Shard::mute(const MutePublication& command) {
  if (Publication* publication = find_publication(command.publication)) {
    publication->set_muted(command.is_muted);
  }
}

void Shard::subscribe(const Subscribe& command, Instant now) {
  Publication* publication = find_publication(command.publication);
  Peer* peer = find_peer(command.transport);
  if (publication == nullptr || peer == nullptr ||
      find_subscription(command.subscription) != nullptr) {
    return;
  }
  auto subscription = std::make_unique<Subscription>(
      command, *publication, peer->sender,
      peer->sender.first_sequences(command.ssrc, command.rtx_ssrc, config_.random));
  if (!peer->sender.add(*subscription)) {
    config_.counters.drop(metrics::DropReason::kSrtpTooManyStreams);
    return;
  }
  watch(*peer, now);
  flush(now);  // what waits for the end of the batch is not for somebody new
  publication->add_subscription(*subscription);
  Subscription& added =
      *subscriptions_.emplace(command.subscription, std::move(subscription)).first->second;
  config_.counters.subscriptions.increment();
  replay_key_frame(added, now);
  follow_wishes(*publication, now);
}

void Shard::unsubscribe(SubscriptionId id) {
  Subscription* subscription = find_subscription(id);
  if (subscription == nullptr) {
    return;
  }
  subscription->publication().remove_subscription(*subscription);
  config_.counters.drop(metrics::DropReason::kPacedOut,
                        subscription->sender().remove(*subscription));
  subscriptions_.erase(id);
  config_.counters.subscriptions.decrement();
}

void Shard::set_subscription(const SetSubscription& command, Instant now) {
  if (Subscription* subscription = find_subscription(command.subscription)) {
    subscription->set_target(command.target);
    config_.counters.drop(metrics::DropReason::kPacedOut,
                          subscription->sender().take_back_unwanted());
    follow_wishes(subscription->publication(), now);
  }
}

void Shard::limit_downlink(const LimitDownlink& command) {
  if (Peer* peer = find_peer(command.transport)) {
    peer->sender.set_limit(command.limit);
  }
}

void Shard::follow_wishes(Publication& publication, Instant now) {
  publication.request_awaited_key_frames();
  send_key_frame_requests(publication, now);
  if (RelaySink* sink = publication.sink()) {
    const auto want =
        sink->poll_want(publication.wanted_layers(Publication::Wish::kForwarded), now);
    if (want) {
      send_relay_wish(publication, RelayFrame::kWant, *want);
    }
  } else if (const auto change = publication.take_wanted_change()) {
    events_.emplace_back(*change);
  }
}

void Shard::send_key_frame_requests(Publication& publication, Instant now) {
  for (std::size_t i = 0; publication.is_video() && i < publication.layer_count(); ++i) {
    rtcp::KeyframeThrottle& throttle = publication.layer(i).throttle;
    const bool is_due = throttle.poll(now);
    next_key_frame_ = std::min(next_key_frame_, throttle.next_timeout());
    if (!is_due) {
      continue;
    }
    const auto layer = static_cast<std::uint8_t>(i);
    if (publication.sink() != nullptr) {
      send_relay_wish(publication, RelayFrame::kKeyFrameRequest, layer);
      continue;
    }
    const auto publisher = publishers_.find(publication.id());
    Peer* peer = publisher != publishers_.end() ? find_peer(publisher->second) : nullptr;
    if (peer != nullptr) {
      RtcpOutput output(peer->transport, config_.output, config_.counters);
      peer->receiver.send_key_frame_request(publication, layer, output);
    }
  }
}

}  // namespace meridian::forward
