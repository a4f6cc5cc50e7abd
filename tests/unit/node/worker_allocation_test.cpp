// The packet path does not allocate: `new` is counted around whole turns of two workers, with
// audio, video, a switch of layers, loss, retransmissions and a relay in them.
#include <gtest/gtest.h>

#include "support/counting_new.hpp"
#include "unit/node/worker_bed.hpp"

namespace meridian::node {
namespace {

using forward::test::PacketBytes;
using forward::test::token;
using test::BedClient;
using test::WorkerBed;
using Sample = forward::test::Meeting;

class WorkerAllocationTest : public testing::Test {
 protected:
  WorkerAllocationTest() {
    const std::vector<rtp::Token> rids = {token("q"), token("h"), token("f")};
    for (const bool is_video : {false, true}) {
      const PublicationId id = is_video ? Sample::kCamera : Sample::kMicrophone;
      const auto kind = is_video ? rtp::MediaKind::kVideo : rtp::MediaKind::kAudio;
      residency::RelayAdmission admission = bed_.office.relay();
      bed_.command(
          0, forward::Publish{
                 .publication = id, .transport = alice_.id, .room = RoomNumber(1), .kind = kind});
      bed_.command(
          0, forward::OpenRelaySource{
                 .publication = id, .to = WorkerIndex(1), .permit = std::move(admission.source)});
      bed_.command(1, forward::OpenRelaySink{.publication = id,
                                             .room = RoomNumber(1),
                                             .kind = kind,
                                             .from = WorkerIndex(0),
                                             .permit = std::move(admission.sink)});
    }
    bed_.command(0, Sample::configuration(alice_.id, rids));
    std::uint32_t number = 1;
    for (BedClient* client : {&bob_, &carol_}) {
      forward::test::Client named;
      named.id = client->id;
      for (const PublicationId id : {Sample::kMicrophone, Sample::kCamera}) {
        bed_.command(client->worker.value(), sample_.subscription(named, id, number++));
      }
    }
    bed_.pump();
  }

  void send_frames(std::uint16_t number, bool is_key) {
    const std::array<std::string_view, 3> rids = {"q", "h", "f"};
    for (std::uint8_t layer = 0; layer < 3; ++layer) {
      alice_.peer->send_rtp(sample_.video(number, is_key, layer, rids[layer]));
    }
    alice_.peer->send_rtp(sample_.audio(number));
  }

  /// One turn of both workers with what the clients have sent; allocations inside the workers.
  std::size_t turn() {
    std::size_t allocations = 0;
    for (std::size_t worker = 0; worker < 2; ++worker) {
      std::vector<PacketBytes> datagrams;
      std::vector<InboundDatagram> batch;
      for (BedClient* client : {&alice_, &bob_, &carol_}) {
        while (client->worker.value() == worker) {
          auto datagram = client->peer->poll_datagram();
          if (!datagram) {
            break;
          }
          datagrams.push_back(std::move(*datagram));
          batch.push_back({.bytes = datagrams.back(),
                           .from = client->address,
                           .socket = 0,
                           .received = bed_.now.monotonic});
        }
      }
      Worker& one = bed_.worker(worker);
      const std::size_t before = g_allocations;
      one.handle_datagrams(batch, bed_.now);
      one.handle_relay(bed_.now);
      one.handle_timeout(bed_.now);
      (void)one.take_wakes();
      allocations += g_allocations - before;
    }
    return allocations;
  }

  forward::test::ShardBed unused_;
  Sample sample_{unused_};
  WorkerBed bed_{2};
  BedClient& alice_ = bed_.join(0);
  BedClient& bob_ = bed_.join(0);
  BedClient& carol_ = bed_.join(1);
};

TEST_F(WorkerAllocationTest, media_that_runs_allocates_nothing) {
  std::uint16_t number = 1;
  for (int i = 0; i < 50; ++i) {  // all layers start, and everything is used once
    send_frames(number, number % 10 == 1);
    ++number;
    bed_.pump();
    bed_.run_for(30ms);
    (void)bed_.worker(0).take_events();
    (void)bed_.worker(1).take_events();
  }
  const std::uint64_t forwarded =
      bed_.counters(0).out(metrics::Traffic::kRtpVideo).packets.value() +
      bed_.counters(1).out(metrics::Traffic::kRtpVideo).packets.value();
  std::size_t allocations = 0;
  for (int i = 0; i < 30; ++i) {
    send_frames(number, number % 10 == 1);
    number = static_cast<std::uint16_t>(number + (i % 7 == 3 ? 2 : 1));  // some are lost
    bob_.peer->send_rtcp([&] {
      std::array<std::uint8_t, 100> buffer{};
      rtcp::CompoundWriter writer(buffer);
      const std::array<SequenceNumber, 1> list = {SequenceNumber(number)};
      std::span<const SequenceNumber> rest = list;
      (void)writer.add_nack(Ssrc(9), Ssrc(1002), rest);
      (void)writer.add_picture_loss(Ssrc(9), Ssrc(1002));
      return PacketBytes(writer.bytes().begin(), writer.bytes().end());
    }());
    bed_.now.monotonic = bed_.now.monotonic + 10ms;
    allocations += turn();
  }
  EXPECT_EQ(allocations, 0U);
  EXPECT_GE(bed_.counters(0).out(metrics::Traffic::kRtpVideo).packets.value() +
                bed_.counters(1).out(metrics::Traffic::kRtpVideo).packets.value(),
            forwarded + 60 - 5);
}

TEST_F(WorkerAllocationTest, strangers_allocate_nothing) {
  const std::array<PacketBytes, 3> samples = {PacketBytes(100, 0x80), PacketBytes(100, 22),
                                              PacketBytes(100, 0)};
  std::size_t allocations = 0;
  for (std::uint16_t port = 1; port < 1000; ++port) {
    PacketBytes datagram = samples[port % 3];
    const std::array batch = {InboundDatagram{.bytes = datagram,
                                              .from = {IpAddress::v4({203, 0, 113, 9}), port},
                                              .socket = 0,
                                              .received = bed_.now.monotonic}};
    const std::size_t before = g_allocations;
    bed_.worker().handle_datagrams(batch, bed_.now);
    allocations += g_allocations - before;
  }
  EXPECT_EQ(allocations, 0U);
}

}  // namespace
}  // namespace meridian::node
