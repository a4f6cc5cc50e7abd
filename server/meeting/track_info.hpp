#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "meeting/negotiator.hpp"
#include "rtp/media.hpp"
#include "wire/livekit_tracks.pb.h"

/// What clients are told about a track, made from what its publisher said. Pure.
namespace meridian::meeting {

/// Codecs that clients may publish, most preferred first.
[[nodiscard]] std::vector<rtp::Codec> publish_codecs();

/// `video/vp8`: the lower-case form that TrackInfo uses; empty for kUnknown.
[[nodiscard]] std::string wire_mime(rtp::Codec codec);

[[nodiscard]] rtp::MediaKind kind_of(const livekit::TrackInfo& info);

/// The track that an add_track announces, before any media: everything but mid and mime type.
/// Codecs that nobody may publish are replaced by the first one enabled.
[[nodiscard]] livekit::TrackInfo make_track_info(const livekit::AddTrackRequest& request,
                                                 const std::string& sid);

/// Fills in what the negotiated section tells: mid, mime type, layers' rids and places.
void complete_track_info(livekit::TrackInfo& info, const PublishedSection& section);

/// The codec in which the track can be had a second time, as its add_track says; kUnknown if none.
[[nodiscard]] rtp::Codec backup_codec(const livekit::TrackInfo& info);
/// The track as that second publication of it, announced by another add_track.
[[nodiscard]] livekit::TrackInfo make_backup_info(const livekit::TrackInfo& info,
                                                  const livekit::AddTrackRequest& request);
/// Fills in what the section of the backup tells; `info` is the track's.
void complete_backup_info(livekit::TrackInfo& info, const PublishedSection& section,
                          const std::string& cid);

/// The first packets told which codec is really sent. Whether `info` changed.
[[nodiscard]] bool set_track_codec(livekit::TrackInfo& info, rtp::Codec codec);

/// How the publisher's section is to be answered.
[[nodiscard]] PublishPolicy publish_policy(const livekit::TrackInfo& info);

/// Index of the layer (0 = lowest) to send to somebody who shows the track at this size: the
/// smallest layer that is at least 0.9 of it, in the dimension that is the shorter one of the
/// track.
[[nodiscard]] std::uint8_t layer_for_size(const livekit::TrackInfo& info, std::uint32_t width,
                                          std::uint32_t height);
[[nodiscard]] std::uint8_t layer_for_quality(livekit::VideoQuality quality);
/// The highest temporal layer for somebody who wants that many frames a second, of a source with 30
/// and layers of a quarter, a half and all of them; 0 = all.
[[nodiscard]] std::uint8_t temporal_for_rate(std::uint32_t frames_per_second);

}  // namespace meridian::meeting
