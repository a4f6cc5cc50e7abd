#pragma once

#include <gtest/gtest.h>

#include "unit/node/worker_bed.hpp"

namespace meridian::node::test {

using forward::test::token;
using forward::test::view;
using metrics::Direction;
using metrics::DropReason;
using metrics::TransitKind;
using Sample = forward::test::Meeting;

/// Commands and packets of the meeting that the tests of shards use.
class WorkerTest : public testing::Test {
 protected:
  void publish(WorkerBed& bed, BedClient& client) const {
    const std::size_t worker = client.worker.value();
    for (const bool is_video : {false, true}) {
      bed.command(worker, forward::Publish{
                              .publication = is_video ? Sample::kCamera : Sample::kMicrophone,
                              .transport = client.id,
                              .room = RoomNumber(1),
                              .kind = is_video ? rtp::MediaKind::kVideo : rtp::MediaKind::kAudio});
    }
    bed.command(worker, Sample::configuration(client.id, {}));
  }
  forward::Subscribe subscription(BedClient& client, PublicationId publication,
                                  std::uint32_t number) const {
    forward::test::Client named;
    named.id = client.id;
    return sample_.subscription(named, publication, number);
  }
  void subscribe(WorkerBed& bed, BedClient& client, PublicationId publication,
                 std::uint32_t number = 1) const {
    bed.command(client.worker.value(), subscription(client, publication, number));
    bed.pump();
  }

  forward::test::ShardBed unused_;
  Sample sample_{unused_};
};

}  // namespace meridian::node::test
