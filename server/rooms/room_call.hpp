#pragma once

#include <string>
#include <type_traits>
#include <utility>

#include "rooms/room_service.hpp"

/// What the parts of RoomService share.
namespace meridian::rooms {

struct RoomService::Call {
  const api::Caller& caller;
  const signalling::HttpRequest& request;
  TwirpEncoding encoding;
  Now now;
};

struct RoomService::Method {
  std::string_view name;
  TwirpResult<Answer> (*run)(RoomService&, const Call&);
};

template <class Request, auto handler>
TwirpResult<RoomService::Answer> RoomService::run(RoomService& service, const Call& call) {
  Request request;
  if (auto decoded = decode(call.request.body, call.encoding, request); !decoded) {
    return std::unexpected(std::move(decoded.error()));
  }
  auto result = (service.*handler)(request, call);
  if (!result) {
    return std::unexpected(std::move(result.error()));
  }
  if constexpr (std::is_same_v<std::remove_cvref_t<decltype(*result)>,
                               signalling::PendingResponse>) {
    return Answer(*result);
  } else {
    return Answer(make_response(*result, call.encoding));
  }
}

[[nodiscard]] inline std::unexpected<TwirpError> fail(TwirpCode code, std::string text) {
  return std::unexpected(TwirpError{code, std::move(text)});
}

}  // namespace meridian::rooms
