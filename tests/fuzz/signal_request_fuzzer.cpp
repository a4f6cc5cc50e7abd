// What clients say to a node: the join request in the URL, then messages on the connection. The
// first byte chooses: 'j' a join_request parameter, 'u' a request target, else what two
// participants say (the first with two connections after 'd'), each after a byte for its kind and
// two for its length: requests in binary, as text ('t'), of the second ('B'), 200 times ('r'), a
// data channel of that label ('c') and a message on it ('p').

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

std::string token(const std::string& identity) {
  api::JoinTokenRequest request;
  request.room = "room";
  request.identity = identity;
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

/// Alice's requests and data channels, with Bob in the same room.
class Meeting {
 public:
  explicit Meeting(const std::string& alice)
      : alice_(join(alice, "alice")), bob_(join(single_connection(), "bob")) {}

  void take(char kind, Bytes message) {
    switch (kind) {
      case 't':
        node_.control.handle_frame(alice_, message, signalling::FrameKind::kText, now_);
        break;
      case 'B':
        node_.control.handle_frame(bob_, message, signalling::FrameKind::kBinary, now_);
        break;
      case 'c':
        for (const TransportId transport : {kAlice, kBob}) {
          node_.control.handle_sctp_event(
              sctp::ChannelOpened{.transport = transport,
                                  .channel = kChannel,
                                  .options = {.label = std::string(as_text(message))}},
              now_);
        }
        break;
      case 'p':
        node_.control.handle_sctp_event(
            sctp::MessageReceived{.transport = kAlice,
                                  .channel = kChannel,
                                  .bytes = {message.begin(), message.end()}},
            now_);
        break;
      case 'r':  // many at once
        for (int i = 0; i < kBurst; ++i) {
          node_.control.handle_frame(alice_, message, signalling::FrameKind::kBinary, now_);
        }
        break;
      default:
        node_.control.handle_frame(alice_, message, signalling::FrameKind::kBinary, now_);
    }
    now_.monotonic = now_.monotonic + 300ms;
    node_.control.handle_timeout(now_);
    node_.drain();
  }

 private:
  static constexpr int kBurst = 200;
  static constexpr TransportId kAlice{1};
  static constexpr TransportId kBob{2};
  static constexpr sctp::ChannelId kChannel{3};

  meeting::SignalSessionId join(const std::string& target, const std::string& identity) {
    const auto session =
        node_.control.open_signalling(get(target + "&access_token=" + token(identity)), kNow);
    if (!session) {
      std::abort();
    }
    return *session;
  }

  Node node_;
  meeting::SignalSessionId alice_;
  meeting::SignalSessionId bob_;
  Now now_ = kNow;
};

void feed_messages(const std::string& target, Bytes data) {
  Meeting meeting(target);
  ByteReader reader(data);
  while (reader.remaining() > 3) {
    const char kind = static_cast<char>(reader.u8());
    const std::size_t length = std::min<std::size_t>(reader.u16(), reader.remaining());
    meeting.take(kind, reader.bytes(length));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const std::string_view text = as_text(Bytes(bytes, size).subspan(1));
  if (bytes[0] == 'j') {
    if (const auto join = signalling::decode_join_request(text); !join) {
      (void)signalling::describe(join.error());
    }
  } else if (bytes[0] == 'u') {
    Node node;
    signalling::HttpRequest request = get(std::string(text));
    request.headers = {{"Accept", "*/*"}, {"authorization", std::string(text)}};
    (void)node.control.handle_http(request, kNow);
    request.method = "OPTIONS";
    (void)node.control.handle_http(request, kNow);
    signalling::HttpRequest upgrade = get(std::string(text) + "&access_token=" + token("alice"));
    upgrade.headers = {{"User-Agent", std::string(text)}};
    (void)node.control.open_signalling(upgrade, kNow);
  } else {
    feed_messages(bytes[0] == 'd' ? "/rtc?protocol=17" : single_connection(),
                  Bytes(bytes, size).subspan(1));
  }
  return 0;
}
