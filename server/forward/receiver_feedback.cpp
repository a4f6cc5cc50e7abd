#include <algorithm>
#include <array>
#include <span>

#include "forward/publication.hpp"
#include "forward/receiver.hpp"

/// What a Receiver says to the publisher.
namespace meridian::forward {

std::optional<Receiver::ClockUpdate> Receiver::handle_sender_report(
    const rtcp::SenderReport& report, Instant arrival) {
  const Source* source = sources_.find(report.sender);
  if (source == nullptr || source->is_retransmission) {
    return std::nullopt;
  }
  Section& section = sections_[source->section];
  ReceiveStream& stream = *section.streams[source->layer];
  stream.handle_sender_report(report.ntp, report.rtp, arrival);
  if (section.publication == nullptr || !stream.clock()) {
    return std::nullopt;
  }
  return ClockUpdate{
      .publication = section.publication, .layer = source->layer, .clock = *stream.clock()};
}

void Receiver::send_feedback(RtcpOutput& output, Instant now) {
  if (now >= next_nack_) {
    send_nacks(output, now);
  }
  send_transport_feedback(output, now);
  if (now >= next_report_) {
    send_receiver_reports(output, now);
  }
  next_feedback_ = std::min(next_nack_, next_report_);
  if (arrivals_ != nullptr) {
    next_feedback_ = std::min(next_feedback_, arrivals_->next_timeout());
  }
}

void Receiver::send_nacks(RtcpOutput& output, Instant now) {
  next_nack_ = Instant::never();
  std::array<SequenceNumber, 64> missing;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const Section& section = sections_[i];
    if (!section.uses_nack || section.publication == nullptr) {
      continue;
    }
    for (std::size_t layer = 0; layer < section.layer_count(); ++layer) {
      rtcp::NackGenerator& nacks = section.streams[layer]->nacks();
      const auto ssrc = sources_.ssrc_of({.section = static_cast<std::uint8_t>(i),
                                          .layer = static_cast<std::uint8_t>(layer),
                                          .is_retransmission = false});
      for (std::size_t count = missing.size(); ssrc && count == missing.size();) {
        count = nacks.poll(now, missing);
        output.counters().nack_sent.add(count);
        for (std::span<const SequenceNumber> rest(missing.data(), count); !rest.empty();) {
          output.add([&](auto& writer) { return writer.add_nack(kFeedbackSsrc, *ssrc, rest); });
        }
      }
      next_nack_ = std::min(next_nack_, nacks.next_timeout());
    }
  }
}

void Receiver::send_transport_feedback(RtcpOutput& output, Instant now) {
  while (const auto report = arrivals_ == nullptr ? std::nullopt : arrivals_->poll(now)) {
    rtcp::Arrivals arrivals{.base = report->base, .times = report->times};
    output.add([&](auto& writer) {
      return writer.add_transport_feedback(kFeedbackSsrc, newest_media_, report->feedback_count,
                                           arrivals);
    });
    const std::size_t written = report->times.size() - arrivals.times.size();
    arrivals_->on_reported(written, now);
    if (written == 0) {
      return;
    }
  }
}

void Receiver::send_receiver_reports(RtcpOutput& output, Instant now) {
  next_report_ = now + kReportInterval;
  std::array<rtcp::ReportBlock, SsrcTable::kMaxSources> blocks;
  std::size_t count = 0;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    for (std::size_t layer = 0; layer < sections_[i].layer_count(); ++layer) {
      auto& stats = sections_[i].streams[layer]->stats();
      const auto ssrc = sources_.ssrc_of({.section = static_cast<std::uint8_t>(i),
                                          .layer = static_cast<std::uint8_t>(layer),
                                          .is_retransmission = false});
      if (stats && !stats->empty() && ssrc && count < blocks.size()) {
        blocks[count++] = stats->report(*ssrc, now);
      }
    }
  }
  for (std::span<const rtcp::ReportBlock> rest(blocks.data(), count); !rest.empty();) {
    output.add([&](auto& writer) { return writer.add_receiver_report(kFeedbackSsrc, rest); });
  }
}

bool Receiver::send_key_frame_request(const Publication& publication, std::uint8_t layer,
                                      RtcpOutput& output) {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    Section& section = sections_[i];
    const auto ssrc = sources_.ssrc_of(
        {.section = static_cast<std::uint8_t>(i), .layer = layer, .is_retransmission = false});
    if (section.publication != &publication || !ssrc) {
      continue;
    }
    const bool has_pli = std::ranges::any_of(section.codecs, &rtp::CodecBinding::pli);
    const bool has_fir = std::ranges::any_of(section.codecs, &rtp::CodecBinding::fir);
    if (has_fir && !has_pli) {
      const std::uint8_t sequence = section.next_full_intra++;
      output.add(
          [&](auto& writer) { return writer.add_full_intra(kFeedbackSsrc, *ssrc, sequence); });
    } else {
      output.add([&](auto& writer) { return writer.add_picture_loss(kFeedbackSsrc, *ssrc); });
    }
    output.counters().key_frame_requests_sent.increment();
    return true;
  }
  return false;
}

ReceiveStream::Loss Receiver::take_loss() {
  ReceiveStream::Loss total;
  for (Section& section : sections_) {
    for (auto& stream : section.streams) {
      const ReceiveStream::Loss loss = stream->take_loss();
      total.expected += loss.expected;
      total.lost += loss.lost;
    }
  }
  return total;
}

void Receiver::set_round_trip(Duration round_trip) {
  round_trip_ = round_trip;
  for (Section& section : sections_) {
    for (auto& stream : section.streams) {
      stream->nacks().set_round_trip(round_trip);
    }
  }
}

}  // namespace meridian::forward
