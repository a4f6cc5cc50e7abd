#pragma once

#include <optional>
#include <string_view>

#include "sdp/session.hpp"

/// How the values of a= lines become members of a description.
namespace meridian::sdp {

/// Reads an attribute of a media section; attributes that are not modelled are skipped. False when
/// the value is malformed.
[[nodiscard]] bool read_media_attribute(MediaSection& media, std::string_view name,
                                        std::string_view value);
/// The same for attributes that may stand at session level, too. Nothing when `name` is not one.
[[nodiscard]] std::optional<bool> read_transport_attribute(TransportAttributes& transport,
                                                           std::string_view name,
                                                           std::string_view value);

[[nodiscard]] bool is_rtp(const MediaSection& media);
[[nodiscard]] std::optional<PayloadType> parse_payload_type(std::string_view text);
[[nodiscard]] std::optional<Direction> parse_direction(std::string_view text);

}  // namespace meridian::sdp
