#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/authenticator.hpp"
#include "base/expected.hpp"
#include "base/time.hpp"
#include "config/config.hpp"
#include "directory/directory.hpp"
#include "meeting/meeting.hpp"
#include "meeting/participant.hpp"
#include "residency/decide.hpp"
#include "signalling/http.hpp"
#include "wire/livekit_session.pb.h"

/// From an HTTP request to somebody who may join, or to the refusal in the words and statuses that
/// LiveKit clients know. The same for the WebSocket upgrade and for the validate path, because
/// browsers only see the latter's.
namespace meridian::signalling {

/// A well-formed request of somebody whose token allows it.
struct JoinIntent {
  api::Caller caller;
  std::string room;
  meeting::Grant grant;
  livekit::JoinRequest request;
  meeting::ConnectionMode mode = meeting::ConnectionMode::kSingle;
  /// The client's wish for a region.
  std::optional<RegionId> hint;
  /// See meeting::Participant::is_told.
  bool is_told = true;
};

/// The paths of signalling connections: of single-connection mode, and of dual-connection mode,
/// whose path also takes a join request and then means the former.
[[nodiscard]] bool is_upgrade_path(std::string_view path);
[[nodiscard]] bool is_validate_path(std::string_view path);

/// A refusal to join, and the word for it in metrics.
struct Refusal {
  HttpResponse response;
  std::string reason;
};

[[nodiscard]] base::Expected<JoinIntent, Refusal> read_join(const HttpRequest& request,
                                                            const config::Limits& limits,
                                                            const directory::Directory& directory,
                                                            UnixTime now);

/// The same for a client that says nothing of itself: WHIP and WHEP.
[[nodiscard]] base::Expected<JoinIntent, Refusal> read_bare_join(
    const HttpRequest& request, const config::Limits& limits, const directory::Directory& directory,
    UnixTime now);

/// The circumstances in which a caller wants to join.
struct Arrival {
  RegionId at;
  std::optional<RegionId> hint = {};
  /// The meeting as it runs; null when the join would begin it.
  const meeting::Meeting* meeting = nullptr;
};
/// What residency is asked about the join. Views into `directory`, until it changes.
[[nodiscard]] residency::ClientQuestion residency_question(const api::Caller& caller,
                                                           const Arrival& arrival,
                                                           const directory::Directory& directory);
/// The guest's own account as the token names it; empty for the host's people.
[[nodiscard]] AccountId home_account(const api::Caller& caller);

/// 403 or 503 with JSON {error, message, reason, permitted: [{region, name, url}]}.
[[nodiscard]] Refusal residency_refusal(const residency::Denied& denied,
                                        const directory::Directory& directory);
[[nodiscard]] Refusal refuse(unsigned status, std::string reason, std::string text);

/// The token of a request, unchecked: `access_token` of the query, else of `Authorization`; empty
/// when there is none.
[[nodiscard]] base::Expected<std::string, Refusal> read_token(const HttpRequest& request);
/// The token's caller for requests that aren't joins.
[[nodiscard]] base::Expected<api::Caller, Refusal> read_caller(
    const HttpRequest& request, const config::Limits& limits, const directory::Directory& directory,
    UnixTime now);

/// JSON {permitted: […], serving: {region, name, url}}: where the meeting's media may go and which
/// region would serve the caller.
[[nodiscard]] std::string describe_places(const residency::RegionSet& permitted,
                                          const RegionId& serving,
                                          const directory::Directory& directory);
/// JSON {regions: [{region, url, distance}]}, nearest to `from` first: LiveKit's RegionSettings.
[[nodiscard]] std::string describe_regions(const residency::RegionSet& permitted,
                                           const RegionId& from,
                                           const directory::Directory& directory);

}  // namespace meridian::signalling
