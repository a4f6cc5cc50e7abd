// Covers: server/signalling/stream_http.cpp
// What WHIP and WHEP clients send, offers left aside: a path, an If-Match and a fragment, separated
// by zero bytes. A fragment that is accepted restarts an offer, whose lines are otherwise the same;
// and what an answer tells of a restart is some of its lines.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "sdp/session.hpp"
#include "signalling/stream_http.hpp"

using namespace meridian;

namespace {

std::string_view take(std::string_view& text) {
  const std::size_t end = text.find('\0');
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

/// What an operator configured as ICE servers stays one header each, whatever is in it.
void check_links(std::string_view url, std::string_view username, std::string_view credential) {
  google::protobuf::RepeatedPtrField<livekit::ICEServer> servers;
  livekit::ICEServer& server = *servers.Add();
  server.add_urls(std::string(url));
  server.set_username(std::string(username));
  server.set_credential(std::string(credential));
  signalling::HttpResponse response = signalling::stream_preflight();
  signalling::add_ice_links(response, servers);
  for (const signalling::HttpHeader& header : response.headers) {
    MERIDIAN_CHECK(header.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto path = signalling::parse_stream_path(take(input))) {
    const std::string whole = "/" + std::string(signalling::name_of(path->kind)) + "/v1" +
                              (path->session.empty() ? "" : "/" + path->session);
    MERIDIAN_CHECK(signalling::parse_stream_path(whole).has_value());
  }
  signalling::HttpRequest request;
  request.headers = {{"If-Match", std::string(take(input))},
                     {"Content-Type", std::string(take(input))}};
  check_links(input, request.headers[0].value, request.headers[1].value);
  (void)signalling::check_precondition(request, "etag");
  (void)signalling::has_content_type(request, signalling::kSdpType);
  const auto fragment = signalling::parse_fragment(input);
  if (fragment) {
    const std::string offer = signalling::with_credentials(input, fragment->credentials);
    MERIDIAN_CHECK(std::ranges::count(offer, '\n') >= std::ranges::count(input, '\n'));
    const std::string told = signalling::restart_fragment(offer);
    // Whole only of an answer of ours, which has its credentials in each section.
    MERIDIAN_CHECK(told.size() <= offer.size());
    (void)signalling::parse_fragment(told);
  }
  if (const auto session = sdp::parse(input)) {
    const auto tracks = signalling::tracks_of(*session, size % 2 == 0);
    const auto room_for = signalling::receivable(*session);
    MERIDIAN_CHECK(tracks.size() <= session->media.size());
    MERIDIAN_CHECK(room_for.audios + room_for.videos <= session->media.size());
  }
  return 0;
}
