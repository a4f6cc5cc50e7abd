#include "meeting/data_tracks.hpp"

#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class DataTracksTest : public MeetingTest {
 protected:
  static constexpr std::uint16_t kChannel = 4;

  Client& with_channel(const std::string& identity, const JoinOptions& options = {}) {
    Client& client = join_active(identity, options);
    open_channel(client, kChannel, "_data_track");
    return client;
  }
  void publish_data(Client& client, std::uint32_t handle, const std::string& name) {
    livekit::SignalRequest message;
    message.mutable_publish_data_track_request()->set_pub_handle(handle);
    message.mutable_publish_data_track_request()->set_name(name);
    request(client, message);
  }
  std::string publish_accepted(Client& client, std::uint32_t handle, const std::string& name) {
    publish_data(client, handle, name);
    return client.last(Response::kPublishDataTrackResponse)
        ->publish_data_track_response()
        .info()
        .sid();
  }
  void subscribe(Client& client, const std::string& sid, bool wants = true, std::uint32_t fps = 0) {
    livekit::SignalRequest message;
    auto& update = *message.mutable_update_data_subscription()->add_updates();
    update.set_track_sid(sid);
    update.set_subscribe(wants);
    if (fps > 0) {
      update.mutable_options()->set_target_fps(fps);
    }
    request(client, message);
  }
  static auto handles(const Client& client) {
    return client.last(Response::kDataTrackSubscriberHandles)
        ->data_track_subscriber_handles()
        .sub_handles();
  }
  static std::vector<std::uint8_t> packet(std::uint16_t handle, std::uint8_t flags = 0x18) {
    return {flags,
            0,
            static_cast<std::uint8_t>(handle >> 8U),
            static_cast<std::uint8_t>(handle),
            0,
            7,
            0,
            1,
            0,
            0,
            0,
            9,
            'x'};
  }
  void send(const Client& from, std::vector<std::uint8_t> bytes) {
    sctp_event(sctp::MessageReceived{participant(from).uplink.transport, sctp::ChannelId(kChannel),
                                     sctp::Payload::kBinary, std::move(bytes)});
  }
  livekit::RequestResponse::Reason refusal(Client& client, std::uint32_t handle,
                                           const std::string& name) {
    const std::size_t before = client.count(Response::kRequestResponse);
    publish_data(client, handle, name);
    return client.count(Response::kRequestResponse) == before
               ? livekit::RequestResponse::OK
               : client.last(Response::kRequestResponse)->request_response().reason();
  }
};

TEST_F(DataTracksTest, a_packet_goes_to_its_subscribers_under_numbers_of_their_own) {
  Client& alice = with_channel("alice");
  Client& bob = with_channel("bob");
  with_channel("carol");
  const std::string first = publish_accepted(alice, 300, "first");
  const std::string sid = publish_accepted(alice, 301, "second");
  EXPECT_TRUE(sid.starts_with("DTR_"));
  ASSERT_EQ(bob.seen("alice")->data_tracks_size(), 2);
  EXPECT_EQ(bob.seen("alice")->data_tracks(1).name(), "second");
  subscribe(bob, first);
  subscribe(bob, sid);
  ASSERT_EQ(handles(bob).size(), 2U);
  const auto known = handles(bob);
  const auto entry =
      std::ranges::find_if(known, [&](const auto& each) { return each.second.track_sid() == sid; });
  const auto own = static_cast<std::uint16_t>(entry->first);
  EXPECT_EQ(entry->second.publisher_identity(), "alice");
  EXPECT_EQ(entry->second.publisher_sid(), alice.sid.value());
  take_sends();
  send(alice, packet(301));
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U) << "carol did not ask for it";
  EXPECT_EQ(sends[0].transport, participant(bob).uplink.transport);
  EXPECT_EQ(sends[0].channel, sctp::ChannelId(kChannel));
  EXPECT_EQ(*sends[0].bytes, packet(own));
  subscribe(bob, sid, false);
  EXPECT_EQ(handles(bob).size(), 1U);
  send(alice, packet(301));
  EXPECT_TRUE(take_sends().empty());
}

TEST_F(DataTracksTest, refuses_what_livekit_server_refuses) {
  using Reason = livekit::RequestResponse;
  Client& alice = with_channel("alice");
  EXPECT_EQ(refusal(alice, 0, "a"), Reason::INVALID_HANDLE);
  EXPECT_EQ(refusal(alice, 0x10000, "a"), Reason::INVALID_HANDLE);
  EXPECT_EQ(refusal(alice, 1, ""), Reason::INVALID_NAME);
  EXPECT_EQ(refusal(alice, 1, std::string(257, 'x')), Reason::INVALID_NAME);
  EXPECT_EQ(refusal(alice, 1, "a"), Reason::OK);
  EXPECT_EQ(refusal(alice, 1, "b"), Reason::DUPLICATE_HANDLE);
  EXPECT_EQ(refusal(alice, 2, "a"), Reason::DUPLICATE_NAME);
  EXPECT_TRUE(alice.last(Response::kRequestResponse)->request_response().has_publish_data_track());
  JoinOptions silent;
  silent.permission.set_can_publish_data(false);
  EXPECT_EQ(refusal(with_channel("bob", silent), 1, "a"), Reason::NOT_ALLOWED);
}

TEST_F(DataTracksTest, unpublishing_is_confirmed_and_ends_it) {
  Client& alice = with_channel("alice");
  Client& bob = with_channel("bob");
  subscribe(bob, publish_accepted(alice, 5, "five"));
  livekit::SignalRequest message;
  message.mutable_unpublish_data_track_request()->set_pub_handle(5);
  request(alice, message);
  EXPECT_EQ(alice.last(Response::kUnpublishDataTrackResponse)
                ->unpublish_data_track_response()
                .info()
                .name(),
            "five");
  EXPECT_EQ(bob.seen("alice")->data_tracks_size(), 0);
  take_sends();
  send(alice, packet(5));
  EXPECT_TRUE(take_sends().empty());
  request(alice, message);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            livekit::RequestResponse::NOT_FOUND);
}

TEST_F(DataTracksTest, a_slow_subscriber_gets_whole_frames_at_its_rate) {
  Client& alice = with_channel("alice");
  Client& bob = with_channel("bob");
  subscribe(bob, publish_accepted(alice, 5, "five"), true, 10);
  take_sends();
  std::size_t starts = 0;
  for (int frame = 0; frame < 100; ++frame) {  // 50 frames a second for two seconds
    send(alice, packet(5, 0x10));              // begins
    const std::size_t begun = take_sends().size();
    send(alice, packet(5, 0x08));  // ends
    EXPECT_EQ(take_sends().size(), begun) << "both parts or none";
    starts += begun;
    advance(20ms);
  }
  EXPECT_NEAR(static_cast<double>(starts), 20, 1);
}

TEST_F(DataTracksTest, drops_packets_that_are_none) {
  Client& alice = with_channel("alice");
  Client& bob = with_channel("bob");
  subscribe(bob, publish_accepted(alice, 5, "five"));
  take_sends();
  send(alice, {});
  send(alice, std::vector<std::uint8_t>(DataTracks::kHeaderSize - 1, 0));
  send(alice, packet(6));
  send(alice, packet(5, 0x38));  // another version
  send(alice, std::vector<std::uint8_t>(limits_.data_packet_size + 1, 0));
  EXPECT_TRUE(take_sends().empty());
}

TEST_F(DataTracksTest, forgets_those_who_leave) {
  Client& alice = with_channel("alice");
  Client& bob = with_channel("bob");
  subscribe(bob, publish_accepted(alice, 5, "five"));
  livekit::SignalRequest leave;
  leave.mutable_leave();
  Client& carol = with_channel("carol");
  subscribe(carol, publish_accepted(bob, 6, "six"));
  request(bob, leave);
  take_sends();
  send(alice, packet(5));
  EXPECT_TRUE(take_sends().empty());
  EXPECT_TRUE(participant(carol).data_handles.empty());
}

TEST_F(DataTracksTest, blobs_are_refused_by_name) {
  Client& alice = with_channel("alice");
  livekit::SignalRequest message;
  message.mutable_store_data_blob_request()->set_request_id(9);
  request(alice, message);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().request_id(), 9U);
  EXPECT_EQ(alice.last(Response::kRequestResponse)->request_response().reason(),
            livekit::RequestResponse::NOT_ALLOWED);
}

}  // namespace
}  // namespace meridian::meeting
