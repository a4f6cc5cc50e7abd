#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <gtest/gtest.h>

#include "audit/chain.hpp"
#include "directory/memory_directory.hpp"
#include "meeting/meeting.hpp"
#include "residency/gate.hpp"
#include "unit/meeting/fake_answer.hpp"

namespace meridian::meeting {

/// The offers of a client in single-connection mode, made by hand.
class FakeOffers {
 public:
  struct Published {
    rtp::MediaKind kind;
    std::string cid;
    bool is_simulcast = false;
    bool is_active = true;
  };

  /// The client's placeholders, as livekit-client makes them.
  int receive_audio = 3;
  int receive_video = 3;
  std::string ufrag = "abcd";
  std::vector<Published> published;

  [[nodiscard]] std::string text() const {
    std::string sections;
    std::string group;
    int mid = 0;
    const auto add = [&](const std::string& body) {
      group += " " + std::to_string(mid);
      sections += body + transport_lines() + "a=mid:" + std::to_string(mid++) + "\r\n";
    };
    add("m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n"
        "a=sctp-port:5000\r\na=max-message-size:262144\r\n");
    for (const Slot& slot : order_) {
      if (slot.published >= 0) {
        const Published& track = published[static_cast<std::size_t>(slot.published)];
        add(media(track.kind) + (track.is_active ? "a=sendonly\r\n" : "a=inactive\r\n") +
            (track.is_active ? "a=msid:stream " + track.cid + "\r\n" : "") +
            (track.is_simulcast ? "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\n"
                                  "a=simulcast:send q;h;f\r\n"
                                : ""));
      } else {
        add(media(slot.kind) + "a=recvonly\r\n");
      }
    }
    return "v=0\r\no=- 42 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE" + group + "\r\n" +
           sections;
  }

  /// Brings the sections up to date: new ones go to the end, as in a browser.
  std::string next() {
    for (const auto kind : {rtp::MediaKind::kAudio, rtp::MediaKind::kVideo}) {
      const int wanted = kind == rtp::MediaKind::kAudio ? receive_audio : receive_video;
      while (std::ranges::count_if(order_, [&](const Slot& s) {
               return s.published < 0 && s.kind == kind;
             }) < wanted) {
        order_.push_back({kind, -1});
      }
    }
    for (int i = 0; i < static_cast<int>(published.size()); ++i) {
      if (std::ranges::find(order_, i, &Slot::published) == order_.end()) {
        order_.push_back({published[static_cast<std::size_t>(i)].kind, i});
      }
    }
    return text();
  }

 private:
  struct Slot {
    rtp::MediaKind kind = rtp::MediaKind::kAudio;
    int published = -1;
  };

  [[nodiscard]] std::string transport_lines() const {
    return "a=ice-ufrag:" + ufrag +
           "\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 "
           "9C:55:BE:0A:3C:33:70:55:96:A8:80:75:B1:D9:84:87:94:E2:CC:27:E1:FC:B9:8F:AC:B4:70:0C:"
           "2F:8C:D8:27\r\na=setup:actpass\r\n";
  }
  static std::string media(rtp::MediaKind kind) {
    if (kind == rtp::MediaKind::kAudio) {
      return "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n"
             "a=rtpmap:111 opus/48000/2\r\n"
             "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n";
    }
    return "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\nc=IN IP4 0.0.0.0\r\na=rtcp-mux\r\n"
           "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
           "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
           "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
           "a=extmap:5 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n";
  }

  std::vector<Slot> order_;
};

inline livekit::ParticipantPermission all_rights() {
  livekit::ParticipantPermission permission;
  permission.set_can_publish(true);
  permission.set_can_subscribe(true);
  permission.set_can_publish_data(true);
  permission.set_can_update_metadata(true);
  return permission;
}

struct JoinOptions {
  RegionId region{"uk-london"};
  livekit::ParticipantPermission permission = all_rights();
  bool makes_offer = true;
  bool auto_subscribe = true;
  int protocol = 17;
  /// Dual-connection mode; then makes_offer means a publisher's offer right after joining.
  bool is_dual = false;
  livekit::ClientInfo::SDK sdk = livekit::ClientInfo::JS;
};

/// A meeting of an account that may use both regions of a node with a worker in each.
class MeetingTest : public testing::Test {
 protected:
  static inline const RegionId kLondon{"uk-london"};
  static inline const RegionId kFrankfurt{"eu-frankfurt"};

  struct Client {
    SignalSessionId session;
    ParticipantSid sid;
    FakeOffers offers;
    std::vector<livekit::SignalResponse> received;
    bool is_closed = false;
    std::uint32_t offers_made = 0;

    /// The messages of one kind, in order.
    [[nodiscard]] std::vector<livekit::SignalResponse> all(
        livekit::SignalResponse::MessageCase kind) const {
      std::vector<livekit::SignalResponse> found;
      std::ranges::copy_if(received, std::back_inserter(found),
                           [&](const auto& message) { return message.message_case() == kind; });
      return found;
    }
    [[nodiscard]] std::optional<livekit::SignalResponse> last(
        livekit::SignalResponse::MessageCase kind) const {
      const auto found = all(kind);
      return found.empty() ? std::nullopt : std::optional(found.back());
    }
    [[nodiscard]] std::size_t count(livekit::SignalResponse::MessageCase kind) const {
      return all(kind).size();
    }
    /// What the latest update says about somebody.
    [[nodiscard]] std::optional<livekit::ParticipantInfo> seen(const std::string& identity) const {
      for (auto message = received.rbegin(); message != received.rend(); ++message) {
        for (const auto& info : message->update().participants()) {
          if (info.identity() == identity) {
            return info;
          }
        }
        for (const auto& info : message->join().other_participants()) {
          if (info.identity() == identity) {
            return info;
          }
        }
      }
      return std::nullopt;
    }
  };
  using Response = livekit::SignalResponse;

  MeetingTest() {
    meeting_ =
        std::make_unique<Meeting>(services_, AccountId("acme"), "standup", RoomSid("RM_1"), now_);
  }

  residency::Permit<residency::ClientLeg> permit(const RegionId& region) {
    const directory::Account* account = directory_.find_account(AccountId("acme"));
    auto admission = gate_.admit(residency::ClientQuestion{.policy = &account->policy,
                                                           .arrived_at = region,
                                                           .hint = {},
                                                           .regions = directory_.regions(),
                                                           .pools = directory_.pools()},
                                 {}, now_.wall);
    EXPECT_TRUE(admission.has_value());
    return std::move(admission->permit);
  }

  bool change_opted_in(residency::RegionSet opted_in) {
    const residency::AccountPolicy& policy = directory_.find_account(AccountId("acme"))->policy;
    residency::AccountPolicy::Terms terms = policy.terms();
    terms.opted_in = std::move(opted_in);
    return directory_.change_policy(std::move(terms), policy.epoch(), {}, now_.wall).has_value();
  }

  Client& join(const std::string& identity, const JoinOptions& options = {}) {
    Client& client = clients_[identity + "#" + std::to_string(++joined_)];
    client.session = SignalSessionId(static_cast<std::uint64_t>(joined_));
    client.sid = ParticipantSid(new_sid("PA_", random_));
    JoinArguments arguments{.session = client.session,
                            .sid = client.sid,
                            .grant = {},
                            .request = {},
                            .permit = permit(options.region),
                            .make_token = [](const auto& info, std::string_view room, UnixTime) {
                              return "token of " + info.identity() + " for " + std::string(room);
                            }};
    arguments.grant.identity = Identity(identity);
    arguments.grant.name = "Name of " + identity;
    arguments.grant.permission = options.permission;
    arguments.request.mutable_client_info()->set_protocol(options.protocol);
    arguments.request.mutable_client_info()->set_client_protocol(2);
    arguments.request.mutable_client_info()->set_sdk(options.sdk);
    arguments.request.mutable_connection_settings()->set_auto_subscribe(options.auto_subscribe);
    if (options.is_dual) {
      arguments.subscriber_permit = permit(options.region);
    } else if (options.makes_offer) {
      auto& offer = *arguments.request.mutable_publisher_offer();
      offer.set_type("offer");
      offer.set_id(++client.offers_made);
      offer.set_sdp(client.offers.next());
    }
    EXPECT_TRUE(meeting_->join(std::move(arguments), now_).has_value());
    drain();
    if (options.is_dual && options.makes_offer) {
      client.offers.receive_audio = client.offers.receive_video = 0;
      offer(client);
    }
    return client;
  }

  /// Joins, and the media connects.
  Client& join_active(const std::string& identity, const JoinOptions& options = {}) {
    Client& client = join(identity, options);
    transport_state(client, forward::TransportState::kConnected);
    return client;
  }

  /// Joins in dual-connection mode; both connections come up.
  Client& join_dual(const std::string& identity, JoinOptions options = {}) {
    options.is_dual = true;
    Client& client = join(identity, options);
    answer(client);
    subscriber_state(client, forward::TransportState::kConnected);
    transport_state(client, forward::TransportState::kConnected);
    return client;
  }
  /// The client answers the latest offer that it got.
  void answer(Client& client, const std::string& ufrag = "sub1") {
    const auto offered = client.last(Response::kOffer);
    ASSERT_TRUE(offered.has_value());
    answer(client, fake_answer(offered->offer().sdp(), ufrag), offered->offer().id());
  }
  void answer(Client& client, const std::string& sdp, std::uint32_t id) {
    livekit::SignalRequest message;
    message.mutable_answer()->set_type("answer");
    message.mutable_answer()->set_sdp(sdp);
    message.mutable_answer()->set_id(id);
    request(client, message);
  }
  void subscriber_state(Client& client, forward::TransportState state,
                        forward::TransportFailure reason = forward::TransportFailure::kNone) {
    event(forward::TransportStateChanged{participant(client).subscriber->connection.transport,
                                         state, reason});
  }

  void request(Client& client, const livekit::SignalRequest& request) {
    meeting_->handle_request(client.sid, client.session, request, now_);
    drain();
  }
  void offer(Client& client) {
    livekit::SignalRequest message;
    message.mutable_offer()->set_type("offer");
    message.mutable_offer()->set_id(++client.offers_made);
    message.mutable_offer()->set_sdp(client.offers.next());
    request(client, message);
  }
  void add_track(Client& client, const std::string& cid, livekit::TrackType type,
                 livekit::TrackSource source) {
    livekit::SignalRequest message;
    auto& track = *message.mutable_add_track();
    track.set_cid(cid);
    track.set_type(type);
    track.set_source(source);
    if (type == livekit::VIDEO) {
      track.set_width(1280);
      track.set_height(720);
      static constexpr std::pair<livekit::VideoQuality, unsigned> kLayers[] = {
          {livekit::LOW, 180}, {livekit::MEDIUM, 360}, {livekit::HIGH, 720}};
      for (const auto& [quality, height] : kLayers) {
        auto& layer = *track.add_layers();
        layer.set_quality(quality);
        layer.set_height(height);
        layer.set_width(height * 16 / 9);
      }
    }
    request(client, message);
  }
  /// add_track and its offer, as a client publishes; gives the track's sid.
  std::string publish(Client& client, const std::string& cid, livekit::TrackType type) {
    const bool is_video = type == livekit::VIDEO;
    add_track(client, cid, type, is_video ? livekit::CAMERA : livekit::MICROPHONE);
    client.offers.published.push_back(
        {is_video ? rtp::MediaKind::kVideo : rtp::MediaKind::kAudio, cid, is_video});
    offer(client);
    return client.last(Response::kTrackPublished)->track_published().track().sid();
  }

  const Participant& participant(const Client& client) {
    const Participant* found = meeting_->room().roster.find(client.sid);
    EXPECT_NE(found, nullptr);
    return *found;
  }
  PublicationId publication_of(const Client& client, const std::string& sid) {
    for (const auto& publication : participant(client).publications) {
      if (publication->sid.value() == sid) {
        return publication->id;
      }
    }
    return {};
  }
  void transport_state(Client& client, forward::TransportState state,
                       forward::TransportFailure reason = forward::TransportFailure::kNone) {
    event(forward::TransportStateChanged{participant(client).uplink.transport, state, reason});
  }
  void event(const forward::Event& event) {
    meeting_->handle_event(event, now_);
    drain();
  }
  void sctp_event(sctp::Event event) {
    meeting_->handle_sctp_event(std::move(event), now_);
    drain();
  }
  static sctp::ChannelOptions channel_options(const std::string& label) {
    sctp::ChannelOptions options;
    options.label = label;
    return options;
  }
  void open_channel(Client& client, std::uint16_t id, const std::string& label) {
    sctp_event(sctp::ChannelOpened{participant(client).uplink.transport, sctp::ChannelId(id),
                                   sctp::Opener::kPeer, channel_options(label)});
  }

  /// Time passes; whatever is due happens when it is due.
  void advance(Duration duration) {
    const Instant end = now_.monotonic + duration;
    for (Instant next = meeting_->next_timeout(); next <= end; next = meeting_->next_timeout()) {
      move_to(std::max(next, now_.monotonic));
      meeting_->handle_timeout(now_);
      drain();
      ASSERT_GT(meeting_->next_timeout(), now_.monotonic) << "a timeout that never ends";
    }
    move_to(end);
  }
  /// A moment later the client answers the requirement that it was sent, as LiveKit's do.
  void renegotiate(Client& client) {
    const std::size_t before = client.count(Response::kMediaSectionsRequirement);
    advance(200ms);
    ASSERT_GT(client.count(Response::kMediaSectionsRequirement), before);
    const auto required =
        client.last(Response::kMediaSectionsRequirement)->media_sections_requirement();
    client.offers.receive_audio += static_cast<int>(required.num_audios());
    client.offers.receive_video += static_cast<int>(required.num_videos());
    offer(client);
  }

  void drain() {
    for (std::size_t i = 0; i < outbox_.signals.size(); ++i) {
      const SignalMessage next = outbox_.signals[i];
      for (auto& [name, client] : clients_) {
        if (client.session != next.session || client.is_closed) {
          continue;
        }
        if (next.message != nullptr) {
          client.received.push_back(*next.message);
        }
        if (next.closes) {
          client.is_closed = true;
          meeting_->handle_signal_closed(client.sid, client.session, now_);
        }
      }
    }
    outbox_.signals.clear();
    for (auto& [worker, command] : outbox_.commands) {
      commands_.emplace_back(worker, std::move(command));
    }
    outbox_.commands.clear();
  }

  /// Commands of one type since the last call of forget_commands(), with their worker.
  template <class Command>
  std::vector<std::pair<WorkerIndex, const Command*>> commands() const {
    std::vector<std::pair<WorkerIndex, const Command*>> found;
    for (const auto& [worker, command] : commands_) {
      if (const auto* typed = std::get_if<Command>(&command)) {
        found.emplace_back(worker, typed);
      }
    }
    return found;
  }
  void forget_commands() { commands_.clear(); }
  std::vector<sctp::Send> take_sends() {
    std::vector<sctp::Send> sends;
    for (auto& command : outbox_.sctp) {
      if (auto* send = std::get_if<sctp::Send>(&command)) {
        sends.push_back(std::move(*send));
      }
    }
    outbox_.sctp.clear();
    return sends;
  }

  static residency::Region region(const RegionId& id) {
    return {.id = id, .name = id.value(), .jurisdictions = {}, .coordinates = {}, .url = {}};
  }
  static residency::PoolState pool(const RegionId& id) {
    return {.region = id, .liveness = residency::PoolState::Liveness::kLive, .free = 100};
  }

  Now now_{Instant::from_origin(1000s), UnixTime::from_seconds(1'700'000'000)};
  config::Limits limits_;
  directory::MemoryDirectory directory_{directory::Contents{
      .regions = {region(kLondon), region(kFrankfurt)},
      .accounts = {{"Acme", residency::AccountPolicy({.account = AccountId("acme"),
                                                      .default_region = kLondon,
                                                      .opted_in = {kLondon, kFrankfurt}},
                                                     PolicyEpoch(1))}},
      .keys = {},
      .pools = {pool(kLondon), pool(kFrankfurt)},
  }};
  audit::Log audit_{"ND_test"};
  residency::Gate gate_{audit_};
  WorkerPool workers_{{{WorkerIndex(0), kLondon, {*SocketAddress::parse("192.0.2.1:7882")}, 0},
                       {WorkerIndex(1), kFrankfurt, {*SocketAddress::parse("192.0.2.2:7882")}, 0}}};
  NumberSpace numbers_;
  SeededRandomSource random_{7};
  Outbox outbox_;
  Services services_{.limits = limits_,
                     .directory = directory_,
                     .gate = gate_,
                     .workers = workers_,
                     .numbers = numbers_,
                     .random = random_,
                     .outbox = outbox_,
                     .fingerprint = {},
                     .node_id = "ND_test"};
  std::unique_ptr<Meeting> meeting_;
  std::map<std::string, Client> clients_;
  int joined_ = 0;
  std::vector<std::pair<WorkerIndex, forward::Command>> commands_;

 private:
  void move_to(Instant at) {
    now_.wall = now_.wall + (at - now_.monotonic);
    now_.monotonic = at;
  }
};

}  // namespace meridian::meeting
