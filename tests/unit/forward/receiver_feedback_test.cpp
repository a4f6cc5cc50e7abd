#include <set>

#include <gtest/gtest.h>

#include "forward/shard.hpp"
#include "unit/forward/shard_bed.hpp"

// What a publisher is told, beyond what shard_packets_test sees.
namespace meridian::forward {
namespace {

using test::Client;
using test::Meeting;

class ReceiverFeedbackTest : public testing::Test {
 protected:
  test::ShardBed bed_;
  Meeting meeting_{bed_};
  Client& alice_ = bed_.join();
  Client& bob_ = bed_.join();
};

TEST_F(ReceiverFeedbackTest, asks_for_all_of_a_large_gap_once_it_is_sure) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.video(1, true));
  bed_.send(alice_, meeting_.video(202, false));
  bed_.run_for(30ms);
  std::set<std::uint16_t> asked;
  while (auto bytes = alice_.peer->poll_rtcp()) {
    for (const rtcp::Packet& packet : *rtcp::Compound::parse(*bytes)) {
      if (const auto* nack = std::get_if<rtcp::Nack>(&packet)) {
        rtcp::NackCursor cursor = nack->sequences();
        while (const auto sequence = cursor.next()) {
          asked.insert(sequence->value());
        }
      }
    }
  }
  EXPECT_EQ(asked.size(), 200U);
  EXPECT_EQ(*asked.begin(), 2U);
  EXPECT_EQ(bed_.counters.nack_sent.value() % 200, 0U);
}

TEST_F(ReceiverFeedbackTest, audio_without_nack_is_not_asked_for) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.audio(1));
  bed_.send(alice_, meeting_.audio(5));
  bed_.run_for(200ms);
  EXPECT_EQ(bed_.counters.nack_sent.value(), 0U);
}

TEST_F(ReceiverFeedbackTest, fir_serves_where_pli_was_not_negotiated) {
  ConfigureReceive configuration = Meeting::configuration(alice_.id, {});
  configuration.sections[1].codecs[0].pli = false;
  meeting_.publish(alice_);
  bed_.shard.configure(configuration);
  bed_.send(alice_, meeting_.video(1, true));
  bed_.run_for(Publication::kMaxReplay + 20ms);
  meeting_.subscribe(bob_, Meeting::kCamera, 1);
  const auto media = alice_.take_rtcp<rtcp::FullIntra, Ssrc>(
      [](const rtcp::FullIntra& intra) { return intra[0].media; });
  EXPECT_EQ(media, std::vector<Ssrc>{Ssrc(200)});
}

TEST_F(ReceiverFeedbackTest, reports_answer_the_publishers_reports) {
  meeting_.publish(alice_);
  bed_.send(alice_, meeting_.audio(1));
  alice_.send_rtcp([](rtcp::CompoundWriter& writer) {
    rtcp::SenderReport report;
    report.sender = Ssrc(100);
    report.ntp = rtcp::NtpTime(0x1234'5678'9abc'def0ULL);
    std::span<const rtcp::ReportBlock> none;
    (void)writer.add_sender_report(report, none);
  });
  bed_.run_for(1100ms);
  struct Told {
    std::uint32_t last;
    std::uint32_t delay;
  };
  const auto told =
      alice_.take_rtcp<rtcp::ReceiverReport, Told>([](const rtcp::ReceiverReport& report) {
        return Told{report.blocks[0].last_sender_report, report.blocks[0].delay_since_last};
      });
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told[0].last, 0x5678'9abcU);
  EXPECT_NEAR(told[0].delay, 65'536, 4000);
}

TEST_F(ReceiverFeedbackTest, a_silent_client_gets_no_feedback) {
  meeting_.publish(alice_);
  bed_.run_for(3s);
  EXPECT_FALSE(alice_.peer->poll_rtcp());
}

}  // namespace
}  // namespace meridian::forward
