#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "base/time.hpp"
#include "meeting/room.hpp"
#include "meeting/updates.hpp"

namespace meridian::meeting {

/// Tracks of data frames (protocol 17): announced by signalling, carried by the lossy data channel
/// `_data_track`. A packet names its track by a number of 16 bits, which is the publisher's on the
/// way in and one of each subscriber's own on the way out.
class DataTracks {
 public:
  /// The fixed part of a packet's header, big-endian: flags, reserved, handle at 2, sequence at 4,
  /// frame at 6, timestamp at 8.
  static constexpr std::size_t kHeaderSize = 12;
  static constexpr std::size_t kHandleOffset = 2;

  DataTracks(Room& room, Updates& updates) : room_(room), updates_(updates) {}

  void handle_publish(Participant& publisher, const livekit::PublishDataTrackRequest& request,
                      Now now);
  void handle_unpublish(Participant& publisher, const livekit::UnpublishDataTrackRequest& request,
                        Now now);
  void handle_subscription(Participant& subscriber, const livekit::UpdateDataSubscription& request);
  /// Subscribes whoever wants everything to what is there.
  void handle_joined(Participant& subscriber);
  /// What the participant may do has changed: ends what it may no longer have, and subscribes it to
  /// what it now may.
  void handle_permission(Participant& participant, Now now);
  /// Before it leaves the roster: ends its tracks and its subscriptions.
  void handle_left(Participant& participant);

  /// To whom a packet goes, and under which number there.
  struct Delivery {
    Participant* subscriber = nullptr;
    std::uint16_t handle = 0;
  };
  /// Nobody, when the packet is malformed or of no track of the sender's.
  [[nodiscard]] std::vector<Delivery> deliveries(Participant& sender, Bytes packet, Instant now);

 private:
  using Reason = livekit::RequestResponse;
  [[nodiscard]] livekit::RequestResponse::Reason refusal(
      const Participant& publisher, const livekit::PublishDataTrackRequest& request) const;
  void subscribe(Participant& subscriber, Participant& publisher, DataTrack& track,
                 std::uint32_t target_fps);
  void unsubscribe(Participant& subscriber, DataTrack& track);
  void tell_handles(const Participant& subscriber) const;

  Room& room_;
  Updates& updates_;
};

}  // namespace meridian::meeting
