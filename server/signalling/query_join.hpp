#pragma once

#include <string>
#include <string_view>

#include "base/expected.hpp"
#include "signalling/http.hpp"
#include "wire/livekit_session.pb.h"

namespace meridian::signalling {

/// Longest value of any of these parameters but `attributes`.
inline constexpr std::size_t kMaxParameter = 1024;

/// What clients of dual-connection mode say in the query of `/rtc`, in the form of the join request
/// that those of single-connection mode send. The error is a sentence for a 400.
[[nodiscard]] base::Expected<livekit::JoinRequest, std::string> read_query_join(
    const HttpRequest& request);

/// Web clients leave browser and system to the User-Agent header; fills what they left out. Only
/// what clients are treated differently for is told apart.
void complete_client_info(livekit::ClientInfo& client, std::string_view user_agent);

}  // namespace meridian::signalling
