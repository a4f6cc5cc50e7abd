#include "support/received_track.hpp"

#include <algorithm>
#include <utility>

#include "rtp/red.hpp"
#include "rtp/vp8.hpp"
#include "support/synthetic_track.hpp"

namespace meridian::test {
namespace {

/// Bytes of the payload that are not ours, or nothing: see SyntheticTrack.
constexpr std::size_t kOpusHeader = 1;

std::int32_t difference(std::uint32_t later, std::uint32_t earlier) {
  return static_cast<std::int32_t>(later - earlier);
}

std::string name_of(const MediaStamp& stamp) {
  return "source " + std::to_string(stamp.source) + " layer " + std::to_string(stamp.layer) +
         " frame " + std::to_string(stamp.frame);
}

}  // namespace

void ReceivedTrack::violate(const std::string& sentence) {
  if (violations_.size() < kMaxViolations) {
    violations_.push_back("track " + traits_.sid + ": " + sentence);
  }
}

void ReceivedTrack::take_sequence(ExtendedSequence sequence, Origin origin, Instant now) {
  const std::uint64_t value = sequence.value();
  if (!highest_) {
    highest_ = sequence;
    base_ = value;
    return;
  }
  if (value > highest_->value()) {
    for (std::uint64_t lost = highest_->value() + 1;
         traits_.asks_again && lost < value && missing_.size() < kMaxMissing; ++lost) {
      missing_.emplace(lost, Missing{.since = now, .due = now + reorder_delay_});
    }
    highest_ = sequence;
    return;
  }
  const auto found = missing_.find(value);
  if (found == missing_.end()) {
    return;
  }
  // Sound comes again under its own number: of that nobody can tell.
  if (origin == Origin::kPrimary && traits_.kind == rtp::MediaKind::kVideo) {  // only late
    const Duration late = now - found->second.since;
    reorder_delay_ = std::clamp((reorder_delay_ * 15 + late) / 16, Duration(kReorderDelay),
                                Duration(kMaxReorderDelay));
  }
  missing_.erase(found);
}

/// Where the stamp lies; of RED that of the primary block.
Bytes ReceivedTrack::content_of(const rtp::PacketView& packet, Bytes payload) {
  std::size_t offset = kOpusHeader;
  if (traits_.kind == rtp::MediaKind::kVideo) {
    const auto descriptor = rtp::parse_vp8(payload);
    offset = descriptor ? descriptor->size + 1U : payload.size();
  } else if (packet.payload_type() == PayloadType(offered::kRed)) {
    const auto red = rtp::parse_red(payload);
    payload = red ? red->primary().payload : Bytes{};
  }
  return payload.subspan(std::min(offset, payload.size()));
}

void ReceivedTrack::take_sound_packet(const rtp::PacketView& packet, Bytes payload, Instant now) {
  if (packet.payload_type() != PayloadType(offered::kRed)) {
    take_sound(payload, now);
  } else if (const auto red = rtp::parse_red(payload)) {
    for (const rtp::RedBlock& block : red->blocks()) {
      if (block.payload_type != PayloadType(offered::kOpus)) {
        violate("redundancy of another codec");
      }
      take_sound(block.payload, now);
    }
  }
}

void ReceivedTrack::take_sound(Bytes frame, Instant now) {
  const auto stamp = read_stamp(frame.subspan(std::min(kOpusHeader, frame.size())));
  if (!stamp) {
    violate("redundancy that was changed");
    return;
  }
  const Duration delay = now - stamp->sent;
  least_delay_ = std::min(least_delay_, delay);
  play_until(now);
  const bool is_played = last_played_ && stamp->frame <= *last_played_;
  if (is_played || delay > least_delay_ + kPlayout) {
    return;
  }
  to_play_.emplace(stamp->frame, stamp->sent);
}

void ReceivedTrack::play_until(Instant now) {
  while (!to_play_.empty() && to_play_.begin()->second + least_delay_ + kPlayout <= now) {
    const auto [frame, made] = *to_play_.begin();
    if (last_played_) {
      counts_.longest_gap = std::max(counts_.longest_gap, made - last_played_made_);
    }
    last_played_ = frame;
    last_played_made_ = made;
    ++counts_.frames_played;
    to_play_.erase(to_play_.begin());
  }
}

void ReceivedTrack::handle_media(const rtp::PacketView& packet, SequenceNumber sequence,
                                 Bytes payload, Origin origin, Instant now) {
  const auto stamp = read_stamp(content_of(packet, payload));
  if (!stamp) {
    violate("a payload that was changed, sequence " + std::to_string(sequence.value()));
    return;
  }
  const ExtendedSequence extended = extend(sequence, highest_.value_or(ExtendedSequence(0x10000)));
  const std::uint64_t content =
      (std::uint64_t{stamp->frame} << 24U) | (std::uint64_t{stamp->layer} << 16U) | stamp->packet;
  Seen& before = seen_[extended.value() % seen_.size()];
  if (before.sequence == extended.value()) {
    if (before.content != content) {
      violate("two packets under sequence " + std::to_string(sequence.value()));
    }
    ++counts_.duplicates;
    return;
  }
  before = {.sequence = extended.value(), .content = content};
  const bool is_late = highest_ && extended < *highest_;
  counts_.reordered += is_late && origin == Origin::kPrimary ? 1 : 0;
  take_sequence(extended, origin, now);
  ++counts_.packets;
  counts_.bytes += packet.bytes().size();
  counts_.recovered += origin == Origin::kRetransmission ? 1 : 0;
  const Duration delay = now - stamp->sent;
  counts_.delay_sum += delay;
  counts_.delay_max = std::max(counts_.delay_max, delay);
  if (traits_.kind == rtp::MediaKind::kVideo) {
    take_video(*stamp, packet, payload, now);
  } else {
    ++counts_.frames;
    take_sound_packet(packet, payload, now);
    if (!last_frame_ || stamp->frame > last_frame_->frame) {
      last_frame_ = stamp;
    }
  }
}

void ReceivedTrack::take_video(const MediaStamp& stamp, const rtp::PacketView& packet,
                               Bytes payload, Instant now) {
  if (shown_ && difference(packet.timestamp().value(), shown_->timestamp) <= 0) {
    if (stamp.layer == shown_->stamp.layer && stamp.frame > shown_->stamp.frame) {
      violate("time stands still, " + name_of(stamp));
    }
    return;  // too late to be of use
  }
  const auto descriptor = rtp::parse_vp8(payload);
  auto [entry, is_new] = frames_.try_emplace({stamp.layer, stamp.frame});
  Frame& frame = entry->second;
  if (is_new) {
    frame.stamp = stamp;
    frame.timestamp = packet.timestamp().value();
    frame.picture_id = descriptor->picture_id.value_or(0);
    frame.tl0_picture_index = descriptor->tl0_picture_index.value_or(0);
    frame.temporal = descriptor->temporal_layer.value_or(0);
    frame.first_arrival = now;
  } else if (frame.timestamp != packet.timestamp().value() ||
             frame.picture_id != descriptor->picture_id) {
    violate("packets of one frame with different numbers, " + name_of(stamp));
  }
  std::uint64_t& word = frame.seen[(stamp.packet / 64U) % frame.seen.size()];
  const std::uint64_t bit = std::uint64_t{1} << (stamp.packet % 64U);
  if ((word & bit) != 0) {
    // The same media under two sequence numbers: a receiver can't know that it is the same.
    violate("a packet was sent twice, " + name_of(stamp));
    return;
  }
  word |= bit;
  ++frame.received;
  if (packet.marker() != (stamp.packet + 1 == stamp.packets)) {
    violate("a marker in the wrong place, " + name_of(stamp));
  }
  if (frame.is_complete()) {
    decode(now);
  }
  if (stuck_since_.is_never() && !frames_.empty()) {
    stuck_since_ = now;
  }
}

/// Whether nothing is missing between two frames that a decoder would need: frames of temporal
/// layers that the subscriber doesn't get have no picture ids.
bool ReceivedTrack::follows(const Frame& last, const Frame& next) {
  return next.stamp.layer == last.stamp.layer &&
         next.picture_id == ((last.picture_id + 1U) & 0x7fffU);
}

/// Whether a decoder that has shown `last` has all that `next` was made of.
bool ReceivedTrack::is_decodable(const Frame& last, const Frame& next) {
  const auto base_pictures =
      static_cast<std::uint8_t>(next.tl0_picture_index - last.tl0_picture_index);
  return next.stamp.layer == last.stamp.layer && base_pictures == (next.temporal == 0 ? 1 : 0);
}

std::optional<ReceivedTrack::FrameKey> ReceivedTrack::find_next() const {
  for (const auto& [key, frame] : frames_) {
    const bool is_later = shown_ && key.first == shown_->stamp.layer &&
                          key.second > shown_->stamp.frame && frame.is_complete();
    if (is_later && is_decodable(*shown_, frame)) {
      return key;
    }
  }
  for (const auto& [key, frame] : frames_) {
    if (frame.is_complete() && frame.stamp.is_key) {
      return key;
    }
  }
  return std::nullopt;
}

void ReceivedTrack::decode(Instant now) {
  while (const auto next = find_next()) {
    show(*next);
    stuck_since_ = frames_.empty() ? Instant::never() : now;
  }
}

void ReceivedTrack::show(const FrameKey& key) {
  const Frame next = frames_.at(key);
  if (shown_) {
    const bool is_same_layer = shown_->stamp.layer == next.stamp.layer;
    // A key frame can be the return from another layer of which nothing could be shown.
    const bool is_successor =
        !next.stamp.is_key &&
        (follows(*shown_, next) || (is_same_layer && next.stamp.frame == shown_->stamp.frame + 1));
    check_numbers(*shown_, next, is_successor);
    counts_.layer_switches += is_same_layer ? 0 : 1;
    if (is_same_layer) {
      counts_.frames_skipped += next.stamp.frame - shown_->stamp.frame - 1;
    }
  } else if (!next.stamp.is_key) {
    violate("began with a frame that can't be decoded, " + name_of(next.stamp));
  }
  ++counts_.frames;
  shown_ = next;
  last_frame_ = next.stamp;
  // What is older on the subscriber's own time line will not be shown any more.
  std::erase_if(frames_, [&](const auto& entry) {
    return difference(entry.second.timestamp, next.timestamp) <= 0;
  });
}

void ReceivedTrack::check_numbers(const Frame& last, const Frame& next, bool is_successor) {
  if (difference(next.timestamp, last.timestamp) <= 0) {
    violate("time went back, " + name_of(next.stamp));
  }
  const unsigned pictures = (next.picture_id - last.picture_id) & 0x7fffU;
  if (is_successor ? pictures != 1 : (pictures == 0 || pictures > 0x4000U)) {
    violate("picture ids " + std::to_string(last.picture_id) + " and " +
            std::to_string(next.picture_id) + ", " + name_of(next.stamp));
  }
  const auto base_pictures =
      static_cast<std::uint8_t>(next.tl0_picture_index - last.tl0_picture_index);
  if (is_successor && base_pictures != (next.temporal == 0 ? 1 : 0)) {
    violate("base layer picture indices " + std::to_string(last.tl0_picture_index) + " and " +
            std::to_string(next.tl0_picture_index) + ", " + name_of(next.stamp));
  }
}

void ReceivedTrack::handle_sender_report(const rtcp::SenderReport& report, Instant now) {
  report_ntp_ = report.ntp.compact();
  report_arrival_ = now;
}

std::vector<SequenceNumber> ReceivedTrack::take_nacks(Instant now) {
  std::vector<SequenceNumber> wanted;
  for (auto missing = missing_.begin(); missing != missing_.end();) {
    const bool is_sound = traits_.kind == rtp::MediaKind::kAudio;
    if (now - missing->second.since > (is_sound ? kPlayout : kGiveUp)) {
      ++counts_.lost;
      missing = missing_.erase(missing);
      continue;
    }
    if (now >= missing->second.due) {
      missing->second.due = now + (is_sound ? kSoundNackInterval : kNackInterval);
      wanted.emplace_back(static_cast<std::uint16_t>(missing->first));
    }
    ++missing;
  }
  counts_.nacks_sent += wanted.size();
  return wanted;
}

bool ReceivedTrack::take_key_frame_request(Instant now) {
  if (stuck_since_.is_never() || now - stuck_since_ < kKeyFrameWait ||
      now < next_key_frame_request_) {
    return false;
  }
  next_key_frame_request_ = now + kKeyFrameInterval;
  ++counts_.key_frames_asked;
  return true;
}

std::optional<rtcp::ReportBlock> ReceivedTrack::take_report(Instant now) {
  if (!highest_) {
    return std::nullopt;
  }
  const std::uint64_t expected = highest_->value() - base_ + 1;
  const std::uint64_t recent = expected - expected_before_;
  const std::uint64_t received = counts_.packets - counts_.recovered;
  const std::uint64_t arrived = received - received_before_;
  expected_before_ = expected;
  received_before_ = received;
  const std::uint64_t lost = recent > arrived ? recent - arrived : 0;
  const Duration since = report_ntp_ == 0 ? Duration{} : now - report_arrival_;
  return rtcp::ReportBlock{
      .ssrc = traits_.ssrc,
      .fraction_lost = static_cast<std::uint8_t>(
          recent == 0 ? 0 : std::min<std::uint64_t>(255, lost * 256 / recent)),
      .cumulative_lost = static_cast<std::int32_t>(expected > received ? expected - received : 0),
      // The cycles begin with 0 (RFC 3550 appendix A.1).
      .highest_sequence = static_cast<std::uint32_t>(highest_->value() - (base_ & ~0xffffULL)),
      .jitter = 0,
      .last_sender_report = report_ntp_,
      .delay_since_last = static_cast<std::uint32_t>(since.count() * 65536 / 1'000'000'000)};
}

}  // namespace meridian::test
