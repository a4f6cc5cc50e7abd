// What clients say to a node: the join request in the URL, then messages on the connection. The
// first byte chooses: 'j' a join_request parameter, 'u' a request target, else messages to a node
// with one participant, with two connections after 'd', each after a byte for its kind and two for
// its length.
// Covers: server/signalling/frames.cpp server/signalling/http.cpp
// Covers: server/signalling/join_request.cpp server/signalling/session.cpp
// Covers: server/signalling/query_join.cpp server/meeting/data_tracks.cpp
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "api/base64url.hpp"
#include "api/grants.hpp"
#include "node/control.hpp"
#include "signalling/join_request.hpp"

namespace {

using namespace meridian;

const Now kNow{Instant::from_origin(1000s), UnixTime::from_seconds(1'700'000'000)};

config::Config make_config() {
  config::Config config;
  residency::Region region;
  region.id = RegionId("uk-london");
  region.url = "ws://london";
  config.regions = {region};
  config::Pool pool;
  pool.region = region.id;
  config.pools = {pool};
  config::Account account;
  account.id = AccountId("acme");
  account.default_region = region.id;
  account.opted_in = {region.id};
  account.api_keys = {{"key", "secret"}};
  config.accounts = {account};
  config.web.token_endpoint = config::TokenEndpoint::kDevelopment;
  return config;
}

std::string token() {
  api::JoinTokenRequest request;
  request.room = "room";
  request.identity = "alice";
  return api::join_token(request, {"key", "secret", kNow.wall});
}

signalling::HttpRequest get(std::string target) {
  signalling::HttpRequest request;
  request.method = "GET";
  request.target = std::move(target);
  request.listener_region = RegionId("uk-london");
  return request;
}

struct Node {
  SeededRandomSource random{1};
  residency::PolicyGeneration policy;
  node::Control control{node::ControlConfig{
      .config = make_config(),
      .workers = {{WorkerIndex(0), RegionId("uk-london"), {{IpAddress::v4({192, 0, 2, 1}), 7882}}}},
      .fingerprint = {},
      .node_id = "ND_fuzz",
      .random = random,
      .policy = policy,
      .audit_heads = {},
      .started = kNow}};

  void drain() {
    (void)control.take_signal_outputs();
    (void)control.take_commands();
    (void)control.take_sctp_commands();
    (void)control.take_audit_lines();
    (void)control.take_log_events();
  }
};

std::string single_connection() {
  livekit::JoinRequest join;
  join.mutable_connection_settings()->set_auto_subscribe(true);
  livekit::WrappedJoinRequest wrapped;
  wrapped.set_join_request(join.SerializeAsString());
  return "/rtc/v1?join_request=" + api::base64url_encode(as_bytes(wrapped.SerializeAsString()));
}

void feed_messages(const std::string& target, Bytes data) {
  Node node;
  const auto session = node.control.open_signalling(get(target + "&access_token=" + token()), kNow);
  if (!session) {
    std::abort();
  }
  Now now = kNow;
  ByteReader reader(data);
  while (reader.remaining() > 3) {
    const auto kind =
        reader.u8() == 't' ? signalling::FrameKind::kText : signalling::FrameKind::kBinary;
    const std::size_t length = std::min<std::size_t>(reader.u16(), reader.remaining());
    node.control.handle_frame(*session, reader.bytes(length), kind, now);
    now.monotonic = now.monotonic + 300ms;
    node.control.handle_timeout(now);
    node.drain();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text = as_text(Bytes(bytes, size).subspan(1));
  if (bytes[0] == 'j') {
    (void)signalling::decode_join_request(text);
  } else if (bytes[0] == 'u') {
    Node node;
    signalling::HttpRequest request = get(std::string(text));
    request.headers = {{"Accept", "*/*"}, {"authorization", std::string(text)}};
    (void)node.control.handle_http(request, kNow);
    request.method = "OPTIONS";
    (void)node.control.handle_http(request, kNow);
    (void)node.control.open_signalling(get(std::string(text) + "&access_token=" + token()), kNow);
  } else {
    feed_messages(bytes[0] == 'd' ? "/rtc?protocol=17" : single_connection(),
                  Bytes(bytes, size).subspan(1));
  }
  return 0;
}
