// The packet path neither allocates, frees, maps memory nor locks: two workers forward audio and
// simulcast video through sockets and relay rings, with losses on both sides, retransmissions,
// redundancy, reports, requests for key frames and transport feedback, and every call that would do
// so counts.
#include <array>
#include <execinfo.h>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "packet_path/interposed.hpp"
#include "rtp/red.hpp"
#include "support/socket_bed.hpp"

namespace meridian::test {
namespace {

using forward::test::PacketBytes;
using forward::test::token;
using Sample = forward::test::Meeting;
using metrics::Traffic;

constexpr std::array<std::string_view, 3> kRids = {"q", "h", "f"};
constexpr std::size_t kPacketsPerFrame = 4;

/// A client with its socket, and the streams that it receives.
struct Member {
  explicit Member(SocketBed& bed, std::size_t worker) : client(bed.join(worker, socket.local())) {}

  static io::UdpSocket open() {
    auto opened = io::UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0});
    MERIDIAN_CHECK(opened);
    return std::move(*opened);
  }

  io::UdpSocket socket = open();
  SocketBed::Client& client;
  SequenceNumber last_video;
  SequenceNumber last_audio;
};

class PacketPath : public testing::Test {
 protected:
  PacketPath() {
    for (const bool is_video : {false, true}) {
      const PublicationId id = is_video ? Sample::kCamera : Sample::kMicrophone;
      const auto kind = is_video ? rtp::MediaKind::kVideo : rtp::MediaKind::kAudio;
      residency::RelayAdmission admission = bed_.bed.office.relay();
      bed_.bed.command(0, forward::Publish{.publication = id,
                                           .transport = alice_.client.id,
                                           .room = RoomNumber(1),
                                           .kind = kind});
      bed_.bed.command(
          0, forward::OpenRelaySource{
                 .publication = id, .to = WorkerIndex(1), .permit = std::move(admission.source)});
      bed_.bed.command(1, forward::OpenRelaySink{.publication = id,
                                                 .room = RoomNumber(1),
                                                 .kind = kind,
                                                 .from = WorkerIndex(0),
                                                 .permit = std::move(admission.sink)});
    }
    bed_.bed.command(0,
                     Sample::configuration(alice_.client.id, {token("q"), token("h"), token("f")}));
    std::uint32_t number = 1;
    for (Member* member : {&bob_, &carol_, &dave_}) {
      for (const PublicationId id : {Sample::kMicrophone, Sample::kCamera}) {
        subscribe(*member, id, number++);
      }
    }
    bed_.start();
    void* warm_up[4];
    (void)backtrace(warm_up, 4);  // loads libgcc, before anything is counted
  }

  void subscribe(Member& member, PublicationId id, std::uint32_t number) {
    const bool is_video = id == Sample::kCamera;
    bed_.bed.command(member.client.worker.value(),
                     forward::Subscribe{
                         .subscription = SubscriptionId(number),
                         .publication = id,
                         .transport = member.client.id,
                         .mid = token(is_video ? "9" : "8"),
                         .ssrc = Ssrc(is_video ? 1002 : 1001),
                         .rtx_ssrc = is_video ? Ssrc(2002) : Ssrc{},
                         .codecs = is_video ? std::vector{forward::test::vp8(102)} : sound(member),
                         .extensions = forward::test::extension_ids(),
                         .target = {}});
  }

  /// One takes redundancy, one asks for what it misses, one has nothing.
  [[nodiscard]] std::vector<rtp::CodecBinding> sound(const Member& member) const {
    std::vector<rtp::CodecBinding> codecs = {forward::test::opus(112)};
    codecs[0].nack = &member == &carol_;
    if (&member == &bob_) {
      codecs.push_back(forward::test::red(62));
    }
    return codecs;
  }

  PacketBytes video(std::size_t layer, std::uint16_t packet, bool is_key, bool is_rtx) {
    const bool is_first = packet % kPacketsPerFrame == 0;
    const auto frame = static_cast<std::uint16_t>(packet / kPacketsPerFrame);
    PacketBytes payload = forward::test::vp8_payload({.is_key = is_key,
                                                      .starts = is_first,
                                                      .picture_id = frame,
                                                      .tl0 = static_cast<std::uint8_t>(frame),
                                                      .size = 900});
    if (is_rtx) {
      payload.insert(payload.begin(),
                     {static_cast<std::uint8_t>(packet >> 8U), static_cast<std::uint8_t>(packet)});
    }
    ++transport_sequence_;
    return forward::test::rtp_packet(
        {.ssrc = static_cast<std::uint32_t>((is_rtx ? 300 : 200) + layer),
         .sequence = is_rtx ? rtx_sequence_++ : packet,
         .timestamp = frame * 3000U,
         .payload_type = static_cast<std::uint8_t>(is_rtx ? Sample::kVp8 + 1 : Sample::kVp8),
         .marker = packet % kPacketsPerFrame == kPacketsPerFrame - 1,
         .extensions = {{1, forward::test::text("1")},
                        {static_cast<std::uint8_t>(is_rtx ? 3 : 2),
                         forward::test::text(kRids[layer])},
                        {5,
                         {static_cast<std::uint8_t>(transport_sequence_ >> 8U),
                          static_cast<std::uint8_t>(transport_sequence_)}}}},
        payload);
  }

  /// Every other packet carries the one before it, too.
  [[nodiscard]] PacketBytes audio() const {
    const bool is_red = frame_ % 2 == 1;
    PacketBytes payload(80, 7);
    if (is_red) {
      const std::array<rtp::RedBlock, 2> blocks = {
          rtp::RedBlock{PayloadType(Sample::kOpus), 960, payload},
          rtp::RedBlock{PayloadType(Sample::kOpus), 0, payload}};
      PacketBytes both(rtp::red_size(blocks));
      MERIDIAN_CHECK(rtp::write_red(blocks, both) == both.size());
      payload = both;
    }
    return forward::test::rtp_packet(
        {.ssrc = 100,
         .sequence = static_cast<std::uint16_t>(frame_),
         .timestamp = frame_ * 960U,
         .payload_type = is_red ? Sample::kRed : Sample::kOpus,
         .extensions = {{1, forward::test::text("0")},
                        {4, {static_cast<std::uint8_t>(frame_ % 60)}}}},
        payload);
  }

  /// One frame of each layer with a packet missing now and then, which comes as a retransmission
  /// two frames later; a packet of audio; each second a sender report.
  void publish() {
    const bool is_key = frame_ % 30 == 0;
    for (std::size_t layer = 0; layer < kRids.size(); ++layer) {
      for (std::size_t i = 0; i < kPacketsPerFrame; ++i) {
        const auto packet = static_cast<std::uint16_t>(frame_ * kPacketsPerFrame + i);
        if (packet % 37 != 5) {
          alice_.client.peer->send_rtp(video(layer, packet, is_key, false));
        }
        const auto earlier = static_cast<std::uint16_t>(packet - 2 * kPacketsPerFrame);
        if (frame_ >= 2 && earlier % 37 == 5) {
          alice_.client.peer->send_rtp(video(layer, earlier, (frame_ - 2) % 30 == 0, true));
        }
      }
    }
    if (frame_ % 16 != 6) {  // the next one has it as redundancy
      alice_.client.peer->send_rtp(audio());
    }
    if (frame_ % 30 == 7) {
      send_rtcp(alice_, [&](rtcp::CompoundWriter& writer) {
        std::span<const rtcp::ReportBlock> none;
        for (std::uint32_t layer = 0; layer < 3; ++layer) {
          (void)writer.add_sender_report({.sender = Ssrc(200 + layer),
                                          .ntp = rtcp::NtpTime((std::uint64_t{frame_} + 1) << 32U),
                                          .rtp = RtpTimestamp(frame_ * 3000U),
                                          .packets = frame_,
                                          .octets = frame_ * 1000U,
                                          .blocks = {}},
                                         none);
        }
      });
    }
    ++frame_;
  }

  template <class Write>
  void send_rtcp(Member& member, Write&& write) {
    std::array<std::uint8_t, 1200> buffer{};
    rtcp::CompoundWriter writer(buffer);
    write(writer);
    member.client.peer->send_rtcp(writer.bytes());
  }

  /// A subscriber's reports, requests for what it pretends to have lost, and for key frames.
  void respond(Member& member) {
    while (auto packet = member.client.peer->poll_rtp()) {
      const rtp::PacketView view = forward::test::view(*packet);
      if (view.ssrc() == Ssrc(1002)) {
        member.last_video = view.sequence();
      } else if (view.ssrc() == Ssrc(1001)) {
        member.last_audio = view.sequence();
      }
    }
    while (member.client.peer->poll_rtcp()) {
    }
    send_rtcp(member, [&](rtcp::CompoundWriter& writer) {
      const std::array<rtcp::ReportBlock, 1> blocks = {
          rtcp::ReportBlock{.ssrc = Ssrc(1002),
                            .fraction_lost = static_cast<std::uint8_t>(frame_ % 20),
                            .highest_sequence = member.last_video.value()}};
      std::span<const rtcp::ReportBlock> rest = blocks;
      (void)writer.add_receiver_report(Ssrc(9), rest);
      const std::array<SequenceNumber, 2> lost = {
          SequenceNumber(static_cast<std::uint16_t>(member.last_video.value() - 3)),
          SequenceNumber(static_cast<std::uint16_t>(member.last_video.value() - 1))};
      std::span<const SequenceNumber> missing = lost;
      (void)writer.add_nack(Ssrc(9), Ssrc(1002), missing);
      const std::array<SequenceNumber, 1> lost_audio = {member.last_audio};
      missing = lost_audio;
      (void)writer.add_nack(Ssrc(9), Ssrc(1001), missing);
      if (frame_ % 25 == 3) {
        (void)writer.add_picture_loss(Ssrc(9), Ssrc(1002));
      }
    });
  }

  /// 33 ms of the meeting; only the workers' turns are watched.
  void run_frame() {
    publish();
    for (Member* member : {&bob_, &carol_, &dave_}) {
      respond(*member);
    }
    for (int tick = 0; tick < 3; ++tick) {
      for (Member* member : members_) {
        member->client.peer->handle_timeout(bed_.bed.now.monotonic);
        bed_.send(member->client, member->socket);
      }
      for (const std::size_t worker : {0U, 1U, 0U}) {  // wishes go back over the rings
        turn(worker);
      }
      for (Member* member : members_) {
        bed_.receive(member->client, member->socket);
      }
      bed_.bed.now.monotonic = bed_.bed.now.monotonic + 11ms;
      bed_.bed.now.wall = bed_.bed.now.wall + 11ms;
    }
  }

  /// News for the control thread (who speaks, each transport's quality every 5 s) is handed over
  /// in memory of its own; a turn that has none must get by without.
  void turn(std::size_t worker) {
    reset_calls();
    {
      const Watch watch;
      bed_.turn(worker);
    }
    const ForbiddenCalls calls = forbidden_calls();
    const bool has_news = !bed_.bed.worker(worker).take_events().empty();
    turns_with_news_ += has_news ? 1U : 0U;
    locks_ += calls.locks + calls.futexes + calls.mappings;
    if (!has_news && is_measuring_) {
      allocations_ += calls.allocations + calls.frees;
      if (calls.total() > 0 && !is_reported_) {
        is_reported_ = true;
        print_first_forbidden_call();
      }
    }
  }

  std::uint64_t allocations_ = 0;
  std::uint64_t locks_ = 0;
  std::uint64_t turns_with_news_ = 0;
  bool is_measuring_ = false;
  bool is_reported_ = false;
  SocketBed bed_{2};
  Member alice_{bed_, 0};
  Member bob_{bed_, 0};
  Member carol_{bed_, 1};
  Member dave_{bed_, 1};
  std::array<Member*, 4> members_ = {&alice_, &bob_, &carol_, &dave_};
  std::uint32_t frame_ = 0;
  std::uint16_t transport_sequence_ = 0;
  std::uint16_t rtx_sequence_ = 1;
};

/// Totals of both workers, to see that the path was really walked.
struct Totals {
  std::uint64_t video = 0;
  std::uint64_t audio = 0;
  std::uint64_t relayed = 0;
  std::uint64_t rtcp_out = 0;
  std::uint64_t rtx_out = 0;
  std::uint64_t rtx_in = 0;
  std::uint64_t sound_resent = 0;
  std::uint64_t red_made = 0;
  std::uint64_t red_stripped = 0;
  std::uint64_t red_recovered = 0;
  std::uint64_t nacks_out = 0;
};

Totals totals(SocketBed& bed) {
  Totals sum;
  for (const std::size_t worker : {0U, 1U}) {
    auto& counters = bed.bed.counters(worker);
    sum.video += counters.out(Traffic::kRtpVideo).packets.value();
    sum.audio += counters.out(Traffic::kRtpAudio).packets.value();
    sum.relayed += counters.in(Traffic::kRelay).packets.value();
    sum.rtcp_out += counters.out(Traffic::kRtcp).packets.value();
    sum.rtx_out += counters.retransmissions_sent.value();
    sum.rtx_in += counters.retransmissions_received.value();
    sum.nacks_out += counters.nack_sent.value();
    sum.sound_resent += counters.sound_resent.value();
    sum.red_made += counters.red_made.value();
    sum.red_stripped += counters.red_stripped.value();
    sum.red_recovered += counters.red_recovered.value();
  }
  return sum;
}

TEST_F(PacketPath, running_media_neither_allocates_nor_locks) {
  constexpr std::uint32_t kWarmUp = 200;
  constexpr std::uint32_t kMeasured = 300;
  for (std::uint32_t i = 0; i < kWarmUp; ++i) {  // every stream and layer starts
    run_frame();
  }
  const Totals before = totals(bed_);
  is_measuring_ = true;
  locks_ = turns_with_news_ = 0;
  for (std::uint32_t i = 0; i < kMeasured; ++i) {
    run_frame();
  }
  EXPECT_EQ(allocations_, 0U);
  EXPECT_EQ(locks_, 0U);
  EXPECT_LE(turns_with_news_, kMeasured / 5);  // of nine in each frame

  const Totals after = totals(bed_);
  EXPECT_GE(after.audio - before.audio, 3U * (kMeasured - 5));
  EXPECT_GE(after.video - before.video, 3U * 3 * kMeasured);
  EXPECT_GE(after.relayed - before.relayed, 4U * kMeasured);
  EXPECT_GT(after.rtcp_out - before.rtcp_out, kMeasured / 2);  // feedback to alice, reports to all
  EXPECT_GT(after.rtx_out - before.rtx_out, kMeasured / 10);
  EXPECT_GT(after.rtx_in - before.rtx_in, 20U);
  EXPECT_GT(after.nacks_out - before.nacks_out, 20U);
  EXPECT_GT(after.sound_resent - before.sound_resent, kMeasured / 10);
  EXPECT_GT(after.red_made - before.red_made, kMeasured / 3);
  EXPECT_GT(after.red_stripped - before.red_stripped, kMeasured / 2);
  EXPECT_GT(after.red_recovered - before.red_recovered, kMeasured / 20);
}

TEST(Interposition, sees_what_it_is_there_for) {
  reset_calls();
  {
    const Watch watch;
    auto* one = new std::vector<int>(100);
    asm volatile("" : : "r"(one) : "memory");  // or the compiler leaves both out
    delete one;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
  }
  const ForbiddenCalls calls = forbidden_calls();
  EXPECT_GE(calls.allocations, 1U);
  EXPECT_GE(calls.frees, 1U);
  EXPECT_GE(calls.locks, 1U);
}

}  // namespace
}  // namespace meridian::test
