#include <boost/json.hpp>

#include "node/stream_session.hpp"
#include "unit/node/control_fixture.hpp"

namespace meridian::node {
namespace {

using signalling::HttpRequest;
using signalling::HttpResponse;

class ControlStreamsTest : public ControlTest {
 protected:
  static constexpr const char* kPassword = "abcdefghijklmnopqrstuv";

  HttpResponse ask(const std::string& method, const std::string& target, const std::string& token,
                   std::vector<signalling::HttpHeader> headers, std::string body,
                   const RegionId& at = kLondon) {
    HttpRequest request = get(target, at);
    request.method = method;
    request.headers = std::move(headers);
    request.headers.push_back({"Authorization", "Bearer " + token});
    request.body = std::move(body);
    return http(request);
  }
  HttpResponse post(const std::string& target, const std::string& token, const std::string& offer,
                    const RegionId& at = kLondon) {
    return ask("POST", target, token, {{"Content-Type", "application/sdp"}}, offer, at);
  }
  HttpResponse patch(const std::string& location, const std::string& token,
                     const std::string& if_match, const std::string& fragment) {
    return ask("PATCH", location, token,
               {{"Content-Type", "application/trickle-ice-sdpfrag"}, {"If-Match", if_match}},
               fragment);
  }
  /// An encoder's offer: a picture in three layers, and sound.
  static std::string encoder() {
    meeting::FakeOffers offers;
    offers.receive_audio = offers.receive_video = 0;
    offers.published = {{rtp::MediaKind::kAudio, "same"}, {rtp::MediaKind::kVideo, "same", true}};
    return offers.next();
  }
  static std::string player() {
    meeting::FakeOffers offers;
    offers.receive_audio = offers.receive_video = 1;
    return offers.next();
  }
  /// A token with grants beside those of a join, as JSON members.
  std::string limited(const std::string& grants) const {
    const std::string seconds = std::to_string(now_.wall.seconds() + 600);
    return api::sign_jwt(R"({"iss":"acme-key","sub":"encoder","exp":)" + seconds +
                             R"(,"video":{"roomJoin":true,"room":"standup",)" + grants + "}}",
                         "acme-secret");
  }
  static std::string restart(const std::string& ufrag) {
    return "a=ice-ufrag:" + ufrag + "\r\na=ice-pwd:" + kPassword + "\r\n";
  }
  void pass(Duration time) {
    now_.monotonic = now_.monotonic + time;
    control_->handle_timeout(now_);
    drain();
  }
  std::size_t participants() const { return control_->counters().participants_now; }

  std::string encoder_token_ = token("acme", "standup", "encoder");
};

TEST_F(ControlStreamsTest, an_encoder_is_a_participant_with_tracks) {
  const SignalSessionId alice = join({});
  const HttpResponse response = post("/whip/v1", encoder_token_, encoder());
  ASSERT_EQ(response.status, 201U) << response.body;
  EXPECT_EQ(header(response, "Content-Type"), "application/sdp");
  EXPECT_TRUE(header(response, "Location").starts_with("/whip/v1/PA_"));
  const std::string etag = header(response, "ETag");
  EXPECT_TRUE(response.body.contains("a=ice-ufrag:" + etag.substr(1, etag.size() - 2) + "\r\n"));
  EXPECT_TRUE(response.body.contains("a=simulcast:recv q;h;f"));
  EXPECT_TRUE(response.body.contains("a=recvonly"));
  EXPECT_EQ(commands<forward::Publish>().size(), 2U);
  pass(1s);
  const auto update = last(alice, Response::kUpdate);
  ASSERT_TRUE(update);
  const livekit::ParticipantInfo& info = update->update().participants(0);
  EXPECT_EQ(info.identity(), "encoder");
  ASSERT_EQ(info.tracks_size(), 2);
  EXPECT_EQ(info.tracks(0).source(), livekit::MICROPHONE);
  EXPECT_EQ(info.tracks(1).source(), livekit::CAMERA);
  EXPECT_EQ(info.tracks(1).layers(2).rid(), "f");
  EXPECT_FALSE(info.permission().can_subscribe());
}

TEST_F(ControlStreamsTest, leaves_when_it_is_deleted) {
  const std::string location = header(post("/whip/v1", encoder_token_, encoder()), "Location");
  EXPECT_EQ(control_->counters().stream_sessions_now.back(),
            std::pair(std::string("whip"), std::size_t{1}));
  now_.wall = UnixTime::from_seconds(now_.wall.seconds() + 86400 * 30);
  // The token that began it ends it, though it has expired by now.
  EXPECT_EQ(ask("DELETE", location, encoder_token_, {}, "").status, 200U);
  EXPECT_EQ(participants(), 0U);
  EXPECT_EQ(commands<forward::CloseTransport>().size(), 1U);
  EXPECT_EQ(control_->counters().stream_sessions_now.back(),
            std::pair(std::string("whip"), std::size_t{0}));
  EXPECT_EQ(ask("DELETE", location, token("acme", "standup", "encoder"), {}, "").status, 404U);
}

TEST_F(ControlStreamsTest, only_its_own_participant_may_touch_a_session) {
  const std::string location = header(post("/whip/v1", encoder_token_, encoder()), "Location");
  EXPECT_EQ(ask("DELETE", location, "", {}, "").status, 401U);
  EXPECT_EQ(ask("DELETE", location, token("acme", "standup", "alice"), {}, "").status, 404U);
  EXPECT_EQ(ask("DELETE", location, token("acme", "other", "encoder"), {}, "").status, 404U);
  EXPECT_EQ(ask("DELETE", location, token("uk-only", "standup", "encoder"), {}, "").status, 404U);
  EXPECT_EQ(ask("DELETE", "/whep/v1" + location.substr(8), encoder_token_, {}, "").status, 404U);
  EXPECT_EQ(participants(), 1U);
}

TEST_F(ControlStreamsTest, trickles_and_restarts_ice_by_patch) {
  const HttpResponse made = post("/whip/v1", encoder_token_, encoder());
  const std::string location = header(made, "Location");
  const std::string etag = header(made, "ETag");
  const std::string candidate = "a=mid:0\r\na=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n";
  EXPECT_EQ(patch(location, encoder_token_, "", candidate).status, 428U);
  EXPECT_EQ(patch(location, encoder_token_, "\"other\"", candidate).status, 412U);
  EXPECT_EQ(patch(location, encoder_token_, etag, "nonsense").status, 400U);
  EXPECT_EQ(ask("PATCH", location, encoder_token_, {{"If-Match", etag}}, candidate).status, 415U);
  const HttpResponse trickled = patch(location, encoder_token_, etag, candidate);
  EXPECT_EQ(trickled.status, 204U);
  EXPECT_TRUE(trickled.body.empty());
  EXPECT_TRUE(commands<forward::RestartIce>().empty());

  const HttpResponse restarted = patch(location, encoder_token_, "*", restart("wxyz"));
  ASSERT_EQ(restarted.status, 200U) << restarted.body;
  EXPECT_EQ(header(restarted, "Content-Type"), "application/trickle-ice-sdpfrag");
  const std::string next = header(restarted, "ETag");
  EXPECT_NE(next, etag);
  EXPECT_TRUE(restarted.body.contains("a=ice-ufrag:" + next.substr(1, next.size() - 2)));
  EXPECT_TRUE(restarted.body.contains("a=candidate:"));
  const auto commands = this->commands<forward::RestartIce>();
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(commands[0].second->remote.ufrag, "wxyz");
  EXPECT_EQ(this->commands<forward::Unpublish>().size(), 0U);
  EXPECT_EQ(patch(location, encoder_token_, etag, candidate).status, 412U) << "the old session";
  EXPECT_EQ(patch(location, encoder_token_, next, restart("wx")).status, 400U) << "too short";
  EXPECT_EQ(participants(), 1U);
}

TEST_F(ControlStreamsTest, a_session_has_an_allowance_of_requests) {
  const std::string location = header(post("/whip/v1", encoder_token_, encoder()), "Location");
  for (std::uint32_t i = 0; i < kMaxStreamRequestBurst; ++i) {
    ASSERT_EQ(patch(location, encoder_token_, "*", "a=mid:0\r\n").status, 204U);
  }
  EXPECT_EQ(patch(location, encoder_token_, "*", "a=mid:0\r\n").status, 429U);
  now_.monotonic = now_.monotonic + 1s;
  EXPECT_EQ(patch(location, encoder_token_, "*", "a=mid:0\r\n").status, 204U);
}

TEST_F(ControlStreamsTest, refuses_what_it_cannot_answer) {
  EXPECT_EQ(post("/whip/v1", "", encoder()).status, 401U);
  EXPECT_EQ(header(post("/whip/v1", "nonsense", encoder()), "WWW-Authenticate"), "Bearer");
  const HttpResponse typed =
      ask("POST", "/whip/v1", encoder_token_, {{"Content-Type", "application/json"}}, encoder());
  EXPECT_EQ(typed.status, 415U);
  EXPECT_EQ(header(typed, "Accept-Post"), "application/sdp");
  EXPECT_EQ(post("/whip/v1", encoder_token_, "").status, 400U);
  EXPECT_EQ(post("/whip/v1", encoder_token_, "v=0\r\n").status, 400U);
  EXPECT_EQ(post("/whip/v1", encoder_token_, player()).status, 422U);
  std::string unknown_codec = encoder();
  for (const std::string from : {"opus", "VP8"}) {
    unknown_codec.replace(unknown_codec.find(from), from.size(), "none");
  }
  EXPECT_EQ(post("/whip/v1", encoder_token_, unknown_codec).status, 422U);
  EXPECT_EQ(ask("GET", "/whip/v1", encoder_token_, {}, "").status, 405U);
  EXPECT_EQ(header(ask("PUT", "/whip/v1/PA_x", encoder_token_, {}, ""), "Allow"),
            "OPTIONS, PATCH, DELETE");
  EXPECT_EQ(ask("DELETE", "/whip/v1/PA_x", encoder_token_, {}, "").status, 404U);
  EXPECT_EQ(participants(), 0U);
}

TEST_F(ControlStreamsTest, holds_to_the_grants_of_the_token) {
  const auto no_publish = limited(R"("canPublish":false)");
  EXPECT_EQ(post("/whip/v1", no_publish, encoder()).status, 403U);
  const auto microphone = limited(R"("canPublishSources":["microphone"])");
  EXPECT_EQ(post("/whip/v1", microphone, encoder()).status, 403U);
  const auto no_subscribe = limited(R"("canSubscribe":false)");
  EXPECT_EQ(post("/whep/v1", no_subscribe, player()).status, 403U);
  EXPECT_EQ(participants(), 0U);
}

TEST_F(ControlStreamsTest, is_refused_where_the_account_does_not_permit_media) {
  for (const auto& [path, offer] : {std::pair("/whip/v1", encoder()), {"/whep/v1", player()}}) {
    const HttpResponse response =
        post(path, token("uk-only", "standup", "encoder"), offer, kVirginia);
    EXPECT_EQ(response.status, 403U);
    EXPECT_EQ(boost::json::parse(response.body).at("error"), "region_not_allowed") << path;
  }
  EXPECT_EQ(refusals("region_not_allowed"), 2U);
  EXPECT_TRUE(commands<forward::OpenTransport>().empty());
}

TEST_F(ControlStreamsTest, a_player_gets_the_newest_picture_and_sound) {
  const auto nobody = post("/whep/v1", token("acme", "standup", "viewer"), player());
  EXPECT_EQ(nobody.status, 409U);
  EXPECT_FALSE(header(nobody, "Retry-After").empty());
  EXPECT_EQ(control_->counters().rooms_now, 0U);

  (void)post("/whip/v1", encoder_token_, encoder());
  (void)post("/whip/v1", token("acme", "standup", "second"), encoder());
  const auto published = commands<forward::Publish>();
  ASSERT_EQ(published.size(), 4U);
  const HttpResponse newest = post("/whep/v1", token("acme", "standup", "viewer"), player());
  ASSERT_EQ(newest.status, 201U) << newest.body;
  EXPECT_TRUE(newest.body.contains("a=sendonly"));
  EXPECT_TRUE(header(newest, "Location").starts_with("/whep/v1/PA_"));
  std::set<PublicationId> played;
  for (const auto& [worker, subscribe] : commands<forward::Subscribe>()) {
    played.insert(subscribe->publication);
  }
  EXPECT_EQ(played, (std::set{published[2].second->publication, published[3].second->publication}));

  commands_.clear();
  (void)post("/whep/v1?participant=encoder", token("acme", "standup", "viewer"), player());
  const auto chosen = commands<forward::Subscribe>();
  ASSERT_EQ(chosen.size(), 2U);
  EXPECT_LT(std::max(chosen[0].second->publication, chosen[1].second->publication),
            *played.begin());
  EXPECT_EQ(post("/whep/v1?participant=x", token("acme", "standup", "viewer"), player()).status,
            409U);
}

TEST_F(ControlStreamsTest, a_player_stays_while_anything_plays) {
  const std::string encoder_at = header(post("/whip/v1", encoder_token_, encoder()), "Location");
  const auto viewer = token("acme", "standup", "viewer");
  const std::string player_at = header(post("/whep/v1", viewer, player()), "Location");
  pass(30s);
  EXPECT_EQ(participants(), 2U) << "nobody asks a player for another offer";
  (void)ask("DELETE", encoder_at, encoder_token_, {}, "");
  pass(1s);
  EXPECT_EQ(participants(), 0U);
  EXPECT_EQ(ask("DELETE", player_at, viewer, {}, "").status, 404U);
}

TEST_F(ControlStreamsTest, goes_when_its_media_is_gone_for_good) {
  const std::string location = header(post("/whip/v1", encoder_token_, encoder()), "Location");
  const auto transport = commands<forward::OpenTransport>().at(0).second->transport;
  const auto become = [&](forward::TransportState state) {
    control_->handle_event(WorkerIndex(0), forward::TransportStateChanged{transport, state}, now_);
    drain();
  };
  become(forward::TransportState::kIceConnected);
  become(forward::TransportState::kConnected);
  become(forward::TransportState::kDisconnected);
  pass(5s);
  EXPECT_EQ(patch(location, encoder_token_, "*", restart("wxyz")).status, 200U)
      << "it may restart ICE for a while";
  pass(30s);
  EXPECT_EQ(participants(), 0U);
}

TEST_F(ControlStreamsTest, says_what_may_be_asked) {
  HttpRequest options = get("/whip/v1");
  options.method = "OPTIONS";
  const HttpResponse response = http(options);
  EXPECT_EQ(response.status, 204U);
  EXPECT_EQ(header(response, "Accept-Post"), "application/sdp");
  EXPECT_EQ(header(response, "Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(header(post("/whip/v1", encoder_token_, encoder()), "Access-Control-Expose-Headers"),
            "*");
}

TEST_F(ControlStreamsTest, names_the_turn_servers_of_its_region_to_those_who_are_let_in) {
  const auto at = [](std::uint16_t index, const RegionId& region, const std::string& name) {
    return WorkerPlacement{.index = WorkerIndex(index),
                           .region = region,
                           .advertised = {address("192.0.2.1:7882")},
                           .turn_urls = {"turns:" + name + ".example:443?transport=tcp"},
                           .turn_servers = {{.urls = {"turn:coturn." + name + ".example"},
                                             .username = {},
                                             .credential = {},
                                             .secret = "shared"}}};
  };
  turn::Secret secret(random_);
  control_ = std::make_unique<Control>(
      ControlConfig{.config = two_regions(),
                    .workers = {at(0, kLondon, "uk"), at(1, kVirginia, "us")},
                    .fingerprint = {},
                    .node_id = "ND_test",
                    .random = random_,
                    .policy = policy_,
                    .audit_heads = {},
                    .turn = secret,
                    .started = now_});
  const auto links = [](const HttpResponse& response) {
    std::vector<std::string> values;
    for (const signalling::HttpHeader& header : response.headers) {
      if (header.name == "Link") {
        values.push_back(header.value);
      }
    }
    return values;
  };
  const HttpResponse made = post("/whip/v1", encoder_token_, encoder());
  ASSERT_EQ(made.status, 201U) << made.body;
  const auto told = links(made);
  ASSERT_EQ(told.size(), 2U);
  EXPECT_TRUE(told[0].starts_with(
      R"(<turns:uk.example:443?transport=tcp>; rel="ice-server"; username="1:)"));
  const auto transport = commands<forward::OpenTransport>().at(0).second->participant;
  const turn::Credentials own = turn::issue(secret, {.expires = now_.wall + turn::kCredentialTime,
                                                     .worker = WorkerIndex(0),
                                                     .participant = transport});
  EXPECT_TRUE(told[0].contains("\"" + own.username + "\"; credential=\"" + own.password + "\""));
  EXPECT_TRUE(told[1].starts_with("<turn:coturn.uk.example>; rel=\"ice-server\"; username="));

  const auto restarted = patch(header(made, "Location"), encoder_token_, "*", restart("wxyz"));
  EXPECT_EQ(links(restarted).size(), 2U) << "the old credentials run out";
  EXPECT_EQ(links(post("/whep/v1", token("acme", "standup", "viewer"), player())).size(), 2U);
  EXPECT_TRUE(links(post("/whip/v1", "nonsense", encoder())).empty());
  EXPECT_TRUE(links(post("/whip/v1", token("uk-only", "x", "a"), encoder(), kVirginia)).empty());
  HttpRequest options = get("/whip/v1");
  options.method = "OPTIONS";
  EXPECT_TRUE(links(http(options)).empty()) << "nobody is known yet";
}

}  // namespace
}  // namespace meridian::node
