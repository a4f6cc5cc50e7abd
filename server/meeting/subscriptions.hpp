#pragma once

#include <optional>
#include <vector>

#include "base/time.hpp"
#include "meeting/room.hpp"
#include "residency/decide.hpp"

namespace meridian::meeting {

/// Who gets which track: wishes, permissions, media sections, layers, and the relays between
/// workers that follow from them.
class Subscriptions {
 public:
  explicit Subscriptions(Room& room) : room_(room) {}

  /// Makes every subscription of `subscriber` what it should be.
  void reconcile_all(Participant& subscriber, Now now);
  /// Makes every subscription to the track what it should be.
  void reconcile_track(Participant& publisher, Publication& publication, Now now);

  void handle_wish(Participant& subscriber, const livekit::UpdateSubscription& request, Now now);
  void handle_settings(Participant& subscriber, const livekit::UpdateTrackSettings& request);
  /// Tells the subscriber that a track stands still for want of bandwidth, or goes on.
  void handle(const forward::StreamPaused& event);
  /// Replaces who may subscribe to the publisher's tracks.
  void handle_permission(Participant& publisher, livekit::SubscriptionPermission permission,
                         Now now);

  /// What an exchange did to the subscriber's senders. Commands for unbound ones go first.
  void apply(Participant& subscriber, const SenderChanges& changes, Now now);

  /// Tells the publisher which layers of which codec are wanted, as far as that was decided.
  void tell_layers(const Participant& publisher, const Publication& track) const;
  /// Tells the publisher that the track has a subscriber; once.
  void tell_subscribed(const Participant& publisher, Publication& track) const;

  /// The track ends: every subscription and relay of it. The worker of the publisher is told
  /// Unpublish by the caller.
  void drop_track(Publication& publication, const Participant& publisher, Now now);
  /// The subscriber leaves; its transport's end frees what its worker has.
  void drop_subscriber(Participant& subscriber);

  /// Tries those again that got no permit for a relay, as far as the policy now gives one and its
  /// record can be written.
  void retry_denied(Now now);

  /// Whether the publisher lets the subscriber have the track, under `access`.
  [[nodiscard]] static bool is_allowed(const Participant& subscriber, const Participant& publisher,
                                       const std::optional<livekit::SubscriptionPermission>& access,
                                       const Publication& publication);

  /// How many subscriptions of the room are bound.
  [[nodiscard]] std::size_t bound() const { return bound_; }

 private:
  [[nodiscard]] bool is_wanted(const Participant& subscriber, const Publication& publication) const;
  /// Whether this is the one of the track's codecs that the subscriber gets.
  [[nodiscard]] static bool is_chosen(const Participant& subscriber, Participant& publisher,
                                      const Publication& publication);
  void reconcile(Participant& subscriber, Participant& publisher, Publication& publication,
                 Now now);
  /// The subscriber can't play the track: it gets the backup, for which the publisher may have to
  /// be asked first, or an error.
  void fall_back(Participant& subscriber, Participant& publisher, Publication& publication,
                 Now now);
  void start(Participant& subscriber, const Participant& publisher, Publication& publication,
             Now now);
  void stop(Participant& subscriber, Publication& publication, Now now);
  void bind(Participant& subscriber, const SendBinding& binding, Now now);
  void unbind(Participant& subscriber, SubscriptionId id);
  [[nodiscard]] residency::RelayQuestion relay_question(const Participant& subscriber,
                                                        const Participant& publisher,
                                                        const residency::LevelNames& levels) const;
  /// The levels that do not permit a relay between the two, of the rooms that are concerned; null
  /// when all do.
  [[nodiscard]] const residency::LevelNames* obstacle(const Participant& subscriber,
                                                      const Participant& publisher) const;
  /// Whether the subscriber's worker has the publication, after this.
  [[nodiscard]] bool ensure_relay(const Participant& subscriber, const Participant& publisher,
                                  const Publication& publication, Now now);
  void close_relay(const Publication& publication, const Participant& publisher,
                   WorkerIndex worker) const;
  /// One bound subscription less on that worker; the last one ends its relay.
  void release(Publication& publication, const Participant& publisher, WorkerIndex worker);
  void tell_error(const Participant& subscriber, const TrackSid& track,
                  livekit::SubscriptionError error) const;
  [[nodiscard]] static forward::LayerTarget target_for(const Participant& subscriber,
                                                       const Publication& publication);

  Room& room_;
  std::size_t bound_ = 0;
  /// Some subscription may be Subscription::State::kDenied.
  bool has_denied_ = false;
};

}  // namespace meridian::meeting
