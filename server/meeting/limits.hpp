#pragma once

#include <cstddef>

#include "base/time.hpp"

/// Bounds and times of meetings that no operator needs to change; the others are config::Limits.
namespace meridian::meeting {

/// Tracks that one participant announced and has not negotiated yet.
inline constexpr std::size_t kMaxPendingTracks = 20;
/// Tracks whose wish to be (un)subscribed a participant states by name.
inline constexpr std::size_t kMaxTrackPreferences = 4096;
/// Participants that one subscription permission names.
inline constexpr std::size_t kMaxTrackPermissions = 1024;
/// Tracks that one request may name.
inline constexpr std::size_t kMaxTracksPerRequest = 4096;
/// Serialized size of one add_track; a real one has a few hundred bytes, and others are told.
inline constexpr std::size_t kMaxAddTrackBytes = std::size_t{16} * 1024;
/// Simulcast codecs or layers of one add_track.
inline constexpr std::size_t kMaxCodecsPerTrack = 4;
inline constexpr std::size_t kMaxLayersPerTrack = 3;

/// Bytes of a data track's name (wire convention of LiveKit).
inline constexpr std::size_t kMaxDataTrackName = 256;
/// Data tracks that one participant subscribes to.
inline constexpr std::size_t kMaxDataSubscriptions = 4096;

/// What clients are told about keep-alive, in seconds. Clients give up after the timeout.
inline constexpr int kPingIntervalSeconds = 5;
inline constexpr int kPingTimeoutSeconds = 15;

inline constexpr Duration kEmptyTimeout = 300s;
inline constexpr Duration kDepartureTimeout = 20s;
/// From joining to connected media.
inline constexpr Duration kJoinTimeout = 60s;
/// How long a participant is kept while its media flows and its signalling is gone: clients try to
/// resume for about 45 s.
inline constexpr Duration kSignalGrace = 60s;
/// How long it is kept when its media is gone, too.
inline constexpr Duration kMediaGrace = 15s;
/// A client answers a request for an offer within this time, or has to reconnect.
inline constexpr Duration kOfferTimeout = 15s;
inline constexpr Duration kTokenInterval = 5min;
inline constexpr Duration kQualityInterval = 5s;
inline constexpr Duration kRoomUpdateInterval = 5s;
/// Layers that nobody wants any more are paused this late (livekit-server's dynacast_pause_delay).
inline constexpr Duration kDynacastPauseDelay = 5s;
/// Reliable data is kept this long for those whose channel is not open yet.
inline constexpr Duration kDataCacheTime = 2s;
inline constexpr std::size_t kMaxCachedPackets = 512;
inline constexpr std::size_t kMaxCachedBytes = std::size_t{4} * 1024 * 1024;
/// In larger rooms, comings and goings of those who publish nothing are collected this long.
inline constexpr Duration kUpdateBatch = 1s;
inline constexpr std::size_t kSmallRoom = 50;
/// Serialized size at which one participant update is split.
inline constexpr std::size_t kUpdateBatchBytes = std::size_t{128} * 1024;

}  // namespace meridian::meeting
