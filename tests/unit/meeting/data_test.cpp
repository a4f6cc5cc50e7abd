#include "meeting/data.hpp"

#include "meeting/limits.hpp"
#include "unit/meeting/meeting_fixture.hpp"

namespace meridian::meeting {
namespace {

class DataTest : public MeetingTest {
 protected:
  static constexpr std::uint16_t kReliable = 0;
  static constexpr std::uint16_t kLossy = 2;

  Client& with_channels(const std::string& identity, const JoinOptions& options = {}) {
    Client& client = join_active(identity, options);
    open_channel(client, kReliable, "_reliable");
    open_channel(client, kLossy, "_lossy");
    return client;
  }
  void send(const Client& from, std::uint16_t channel, const livekit::DataPacket& packet) {
    std::vector<std::uint8_t> bytes(packet.ByteSizeLong());
    packet.SerializeToArray(bytes.data(), static_cast<int>(bytes.size()));
    sctp_event(sctp::MessageReceived{participant(from).uplink.transport, sctp::ChannelId(channel),
                                     sctp::Payload::kBinary, std::move(bytes)});
  }
  static livekit::DataPacket decode(const sctp::Send& send) {
    livekit::DataPacket packet;
    EXPECT_TRUE(packet.ParseFromArray(send.bytes->data(), static_cast<int>(send.bytes->size())));
    return packet;
  }
  static livekit::DataPacket chat(std::uint32_t sequence = 0) {
    livekit::DataPacket packet;
    packet.set_sequence(sequence);
    packet.mutable_user()->set_payload("hello");
    packet.mutable_user()->set_topic("chat");
    return packet;
  }
};

TEST_F(DataTest, opens_the_association_when_media_is_up) {
  join("alice");
  EXPECT_TRUE(outbox_.sctp.empty());
  transport_state(clients_.at("alice#1"), forward::TransportState::kConnected);
  ASSERT_EQ(outbox_.sctp.size(), 1U);
  const auto* open = std::get_if<sctp::Open>(outbox_.sctp.data());
  ASSERT_NE(open, nullptr);
  EXPECT_EQ(open->role, sctp::Role::kDtlsServer);
  EXPECT_EQ(open->worker, WorkerIndex(0));
}

TEST_F(DataTest, signs_packets_and_sends_them_to_all_others) {
  const Client& alice = with_channels("alice");
  const Client& bob = with_channels("bob");
  const Client& carol = with_channels("carol", {.region = kFrankfurt});
  take_sends();
  livekit::DataPacket forged = chat(3);
  forged.set_participant_identity("mallory");
  forged.mutable_user()->set_participant_sid("PA_mallory");
  send(alice, kReliable, forged);
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 2U);
  EXPECT_EQ(sends[0].transport, participant(bob).uplink.transport);
  EXPECT_EQ(sends[1].transport, participant(carol).uplink.transport);
  EXPECT_EQ(sends[0].bytes, sends[1].bytes) << "shared";
  const livekit::DataPacket packet = decode(sends[0]);
  EXPECT_EQ(packet.participant_identity(), "alice");
  EXPECT_EQ(packet.participant_sid(), alice.sid.value());
  EXPECT_EQ(packet.user().participant_sid(), alice.sid.value());
  EXPECT_EQ(packet.user().participant_identity(), "alice");
  EXPECT_EQ(packet.user().payload(), "hello");
  EXPECT_EQ(packet.sequence(), 3U);
  EXPECT_EQ(packet.kind(), livekit::DataPacket::RELIABLE);
}

TEST_F(DataTest, keeps_to_the_channel_that_was_used) {
  const Client& alice = with_channels("alice");
  with_channels("bob");
  take_sends();
  send(alice, kLossy, chat());
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(sends[0].channel, sctp::ChannelId(kLossy));
  EXPECT_EQ(decode(sends[0]).kind(), livekit::DataPacket::LOSSY);
}

TEST_F(DataTest, delivers_only_to_named_destinations) {
  const Client& alice = with_channels("alice");
  const Client& bob = with_channels("bob");
  const Client& carol = with_channels("carol");
  take_sends();
  livekit::DataPacket outer = chat();
  outer.add_destination_identities("bob");
  send(alice, kReliable, outer);
  auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(sends[0].transport, participant(bob).uplink.transport);
  EXPECT_EQ(decode(sends[0]).user().destination_identities(0), "bob");
  livekit::DataPacket inner = chat();
  inner.mutable_user()->add_destination_sids(carol.sid.value());
  send(alice, kReliable, inner);
  sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(sends[0].transport, participant(carol).uplink.transport);
}

TEST_F(DataTest, leaves_encrypted_packets_and_unknown_fields_alone) {
  const Client& alice = with_channels("alice");
  with_channels("bob");
  take_sends();
  livekit::DataPacket packet;
  packet.mutable_encrypted_packet()->set_encrypted_value("opaque");
  packet.mutable_encrypted_packet()
      ->GetReflection()
      ->MutableUnknownFields(packet.mutable_encrypted_packet())
      ->AddVarint(77, 5);
  send(alice, kReliable, packet);
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U);
  EXPECT_EQ(decode(sends[0]).encrypted_packet().SerializeAsString(),
            packet.encrypted_packet().SerializeAsString());
}

TEST_F(DataTest, drops_repeated_reliable_packets_and_remembers_the_last) {
  const Client& alice = with_channels("alice");
  with_channels("bob");
  take_sends();
  send(alice, kReliable, chat(1));
  send(alice, kReliable, chat(2));
  send(alice, kReliable, chat(2));
  send(alice, kReliable, chat(1));
  EXPECT_EQ(take_sends().size(), 2U);
  EXPECT_EQ(participant(alice).last_data_sequence, 2U);
  EXPECT_EQ(meeting_->dropped_data(), 2U);
}

TEST_F(DataTest, drops_what_may_not_be_sent) {
  livekit::ParticipantPermission silent = all_rights();
  silent.set_can_publish_data(false);
  const Client& mute = with_channels("mute", {.permission = silent});
  const Client& alice = with_channels("alice");
  take_sends();
  send(mute, kReliable, chat());
  livekit::DataPacket speaker;
  speaker.mutable_speaker();
  send(alice, kReliable, speaker);
  livekit::DataPacket transcription;
  transcription.mutable_transcription();
  send(alice, kReliable, transcription);
  livekit::DataPacket metrics;
  metrics.mutable_metrics();
  send(alice, kReliable, metrics);
  sctp_event(sctp::MessageReceived{participant(alice).uplink.transport,
                                   sctp::ChannelId(kReliable),
                                   sctp::Payload::kBinary,
                                   {0xff, 0xff, 0xff}});
  limits_.data_packet_size = 4;
  send(alice, kReliable, chat());
  EXPECT_TRUE(take_sends().empty());
  EXPECT_EQ(meeting_->dropped_data(), 6U);
}

TEST_F(DataTest, ignores_channels_that_are_not_ours) {
  Client& alice = with_channels("alice");
  with_channels("bob");
  open_channel(alice, 4, "_data_track");
  take_sends();
  send(alice, 4, chat());
  EXPECT_TRUE(take_sends().empty());
}

TEST_F(DataTest, catches_up_joiners_whose_channel_was_not_open) {
  const Client& alice = with_channels("alice");
  send(alice, kReliable, chat(1));
  advance(100ms);
  Client& bob = join_active("bob");
  send(alice, kReliable, chat(2));
  take_sends();
  advance(1s);
  open_channel(bob, kReliable, "_reliable");
  const auto sends = take_sends();
  ASSERT_EQ(sends.size(), 1U) << "not what was said before bob came";
  EXPECT_EQ(decode(sends[0]).sequence(), 2U);
  Client& carol = join_active("carol");
  advance(kDataCacheTime + 1s);
  take_sends();
  open_channel(carol, kReliable, "_reliable");
  EXPECT_TRUE(take_sends().empty());
}

TEST_F(DataTest, does_not_name_the_hidden) {
  livekit::ParticipantPermission hidden = all_rights();
  hidden.set_hidden(true);
  const Client& ghost = with_channels("ghost", {.permission = hidden});
  with_channels("bob");
  take_sends();
  send(ghost, kReliable, chat());
  EXPECT_EQ(decode(take_sends().at(0)).participant_identity(), "");
}

TEST_F(DataTest, stops_using_closed_channels) {
  const Client& alice = with_channels("alice");
  const Client& bob = with_channels("bob");
  const Client& carol = with_channels("carol");
  take_sends();
  sctp_event(sctp::ChannelClosed{participant(bob).uplink.transport, sctp::ChannelId(kReliable),
                                 sctp::ChannelCloseReason::kByPeer});
  sctp_event(
      sctp::AssociationClosed{participant(carol).uplink.transport, sctp::CloseReason::kTimeout});
  send(alice, kReliable, chat());
  EXPECT_TRUE(take_sends().empty());
}

}  // namespace
}  // namespace meridian::meeting
