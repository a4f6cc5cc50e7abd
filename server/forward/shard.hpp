#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/bytes.hpp"
#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "forward/peer.hpp"
#include "forward/publication.hpp"
#include "forward/relay.hpp"
#include "forward/relay_transit.hpp"
#include "forward/sound_forms.hpp"
#include "forward/speaker_detector.hpp"
#include "forward/subscription.hpp"
#include "metrics/worker_counters.hpp"
#include "residency/generation.hpp"
#include "transport/send_batch.hpp"

namespace meridian::forward {

/// What a shard shares with its worker; everything referred to outlives it.
struct ShardConfig {
  RandomSource& random;
  metrics::WorkerCounters& counters;
  transport::SendBatch& output;
  /// By index of the other worker; null where there is none.
  std::vector<RelayRing*> relays_out;
};

/// The media half, on one worker, of the rooms that it serves: their publications, subscriptions,
/// layers, histories and relay ends. Driven by commands, answers with events; packets go through
/// handle_rtp() and leave with flush(), without allocation, locks or virtual calls.
class Shard {
 public:
  static constexpr Duration kSelectionInterval = 100ms;
  static constexpr Duration kRateInterval = 1s;
  /// Who gets something new is looked at each kSelectionInterval for so long: first reports are
  /// what others are played in time with.
  static constexpr Duration kNewsTime = 2s;
  /// At least; looked at each kRateInterval.
  static constexpr Duration kQualityInterval = 5s;
  /// Between reports of what passed over a relay.
  static constexpr Duration kTransitInterval = 5s;
  /// Packets that may come before the one with which their key frame begins and still be of use.
  static constexpr std::uint64_t kMaxOvertaken = 128;
  /// Somebody new begins with the last key frame and what followed if its way carries that in so
  /// short a time, in so many packets at most.
  static constexpr Duration kReplayTime = 300ms;
  static constexpr std::size_t kMaxReplayed = 256;
  /// Packets that wait for their turn leave at multiples of this: those of many subscribers
  /// together, in one turn of the loop.
  static constexpr Duration kReleaseStep = 2ms;

  explicit Shard(ShardConfig config);
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;
  ~Shard();

  // ---- Commands. Ids that aren't known (any more) are ignored: the other side can be ahead.

  /// `transport` stays until remove_peer().
  Peer& add_peer(transport::Transport& transport, RoomNumber room);
  void remove_peer(TransportId transport);
  [[nodiscard]] Peer* find_peer(TransportId transport) const;
  /// The transport can send from now on.
  void handle_connected(TransportId transport, Instant now);
  void configure(const ConfigureReceive& command);
  void publish(const Publish& command);
  void unpublish(PublicationId publication);
  void mute(const MutePublication& command);
  void subscribe(const Subscribe& command, Instant now);
  void unsubscribe(SubscriptionId subscription);
  void set_subscription(const SetSubscription& command, Instant now);
  void limit_downlink(const LimitDownlink& command);
  /// Of all subscribers, from the next selection on.
  void set_small(LayerAllocation::Small small) { small_ = small; }
  void open_relay_source(OpenRelaySource&& command);
  void close_relay_source(const CloseRelaySource& command);
  void open_relay_sink(OpenRelaySink&& command);
  /// Permits of the room's relays must hold under these levels, too; readmit_relays() is to follow.
  void narrow_relays(RoomNumber room, const residency::LevelNames& levels);
  /// Closes the relays that the policy doesn't allow any more.
  void readmit_relays(const residency::PolicySnapshot& policy);

  // ---- Packets

  /// A decrypted packet from `peer`. What comes of it leaves with flush().
  void handle_rtp(Peer& peer, Bytes packet, Instant arrival, Instant now);
  void handle_rtcp(Peer& peer, Bytes packet, Instant arrival, Instant now);
  void handle_relay(WorkerIndex from, const RelaySlot& slot, Instant now);
  /// The batch is over: hands what came to the subscribers and relays.
  void flush(Instant now);
  void handle_timeout(Instant now);
  /// When handle_timeout() has something to do next; in the past: with the next tick.
  [[nodiscard]] Instant next_timeout() const;
  /// When release() is to be called; never() while no packet waits for its turn.
  [[nodiscard]] Instant next_release() const { return next_release_; }
  void release(Instant now);

  [[nodiscard]] bool is_idle() const {
    return peers_.empty() && publications_.empty() && closed_sinks_.empty();
  }
  /// Bit i: worker i has new frames in its ring.
  [[nodiscard]] std::uint64_t take_wakes() { return std::exchange(wakes_, 0); }
  [[nodiscard]] std::vector<Event>& events() { return events_; }

 private:
  [[nodiscard]] Publication* find_publication(PublicationId id) const;
  [[nodiscard]] Subscription* find_subscription(SubscriptionId id) const;
  Publication& add_publication(const PublicationTraits& traits);
  void add_rival(Publication& publication);
  void remove_rival(const Publication& publication);
  void bind_receiver(Publication& publication, Peer& peer);
  void ingest(Publication& publication, const ReceivedPacket& received, Instant now);
  void observe_level(Publication& publication, const ReceivedPacket& received);
  void distribute(Publication& publication, Instant now);
  void note_waiting(Sender& sender, Instant now);
  void note_release(Instant due, Instant now);
  void replay_key_frame(Subscription& subscription, Instant now);
  static void forward_overtaken(const Publication& publication, const PendingPacket& start,
                                std::span<const PendingPacket> later, const LayerView& view,
                                Subscription& subscription, Outlet& outlet);
  void handle_feedback(Peer& peer, const rtcp::Packet& packet, Instant arrival, Instant now);
  void handle_key_frame_wish(Peer& peer, Ssrc media, Instant now);
  void send_key_frame_requests(Publication& publication, Instant now);
  void follow_wishes(Publication& publication, Instant now);

  // What is due at a time (shard_timers.cpp).
  /// Its probe goes on with the next tick.
  void attend(Peer& peer);
  /// There is news for its estimate: begins the probe that follows, if one does.
  void probe(Peer& peer, Instant now);
  void send_feedback(Instant now);
  void send_probes(Instant now);
  void tell_quality(Peer& peer, Instant now);
  void select(Peer& peer, Instant now);
  void select_layers(Instant now);
  void watch(Peer& peer, Instant now);
  /// The time of a layer as its publisher tells it.
  void set_clock(Publication& publication, std::uint8_t layer, const rtcp::SourceClock& clock,
                 Instant now);
  void update_ladders(Instant now);
  void update_rates(Instant now);
  void count_estimates(Instant now);
  void count_limits();
  void poll_speakers(Instant now);

  // Relays (shard_relay.cpp).
  [[nodiscard]] RelaySlot* claim(WorkerIndex to);
  void publish_slot(WorkerIndex to);
  void copy_to_relays(Publication& publication);
  void send_clock(const Publication& publication, std::uint8_t layer, const RelayTarget& target);
  void send_rates(Publication& publication);
  void send_clocks(const Publication& publication, std::uint8_t layer);
  void handle_relay_media(Publication& publication, const RelaySlot& slot, Instant now);
  void handle_relay_want(Publication& publication, WorkerIndex from, const RelaySlot& slot,
                         Instant now);
  void send_relay_wish(Publication& publication, RelayFrame type, std::uint8_t value);
  void report_relays(Publication& publication);
  void end_relay_source(RelayTarget& target);
  void end_relays(Publication& publication);

  ShardConfig config_;
  std::unordered_map<TransportId, std::unique_ptr<Peer>> peers_;
  std::unordered_map<PublicationId, std::unique_ptr<Publication>> publications_;
  /// Whose transport the publisher of a local publication uses.
  std::unordered_map<PublicationId, TransportId> publishers_;
  std::unordered_map<SubscriptionId, std::unique_ptr<Subscription>> subscriptions_;
  std::unordered_map<RoomNumber, SpeakerDetector> speakers_;
  /// Of rooms in which only the loudest are heard.
  struct Rivals {
    LoudestSounds sounds;
    std::size_t publications = 0;
  };
  std::unordered_map<RoomNumber, Rivals> rivals_;
  /// Publications with pending packets; as much room as there are publications.
  std::vector<Publication*> dirty_;
  /// With packets that wait for their turn; as much room as there are peers.
  std::vector<Sender*> waiting_;
  Instant next_release_ = Instant::never();
  std::vector<Event> events_;
  std::uint64_t wakes_ = 0;
  ClosedSinks closed_sinks_;
  SoundForms forms_;
  LayerAllocation::Small small_ = LayerAllocation::Small::kAsWished;
  /// With sections to receive: their feedback may be due.
  std::vector<Peer*> receiving_;
  /// Peer::is_watching: all others are looked at each kRateInterval.
  std::vector<Peer*> watching_;
  /// Peer::is_attended; as much room as there are peers.
  std::vector<Peer*> attended_;
  /// Not after the next feedback, key frame request or list of speakers is due.
  Instant next_feedback_ = Instant::never();
  Instant next_key_frame_ = Instant::never();
  Instant next_speakers_ = Instant::never();
  Instant next_transit_;
  Instant next_selection_;
  Instant next_ladders_;
  Instant next_rates_;
  Instant last_rates_;
};

}  // namespace meridian::forward
