#include "forward/subscription.hpp"

#include <algorithm>

#include "forward/publication.hpp"
#include "forward/sound_forms.hpp"
#include "forward/sound_history.hpp"
#include "rtp/extensions.hpp"

namespace meridian::forward {
namespace {

/// Room in a slot for the packet itself.
MutableBytes without_tag(MutableBytes slot) {
  return slot.first(slot.size() - srtp::kMaxRtpOverhead);
}

/// The packet with its sound in another form.
MediaPacket as(const MediaPacket& packet, rtp::Codec codec, Bytes payload) {
  MediaPacket form = packet;
  form.codec = codec;
  form.payload = payload;
  return form;
}

/// How often each packet of sound is sent that a subscriber asks for again, so that enough of them
/// arrive where as much is lost: there is time for two requests before it must be played.
std::uint8_t copies_for(double loss) {
  constexpr double kSome = 0.05;
  constexpr double kMuch = 0.15;
  return loss < kSome ? 1 : loss < kMuch ? 2 : 3;
}

/// How many of the packets before one of sound without redundancy are sent once more with it,
/// unasked: who is end-to-end encrypted has nothing else where much is lost, and requests get lost,
/// too. None where packets wait in a queue, which that would only make longer.
int repeats_for(const bwe::SendSideEstimator& estimator, Instant now) {
  constexpr double kSome = 0.08;
  constexpr double kMuch = 0.2;
  const double loss = estimator.loss();
  if (loss < kSome || estimator.delay_state() == bwe::DelayState::kOveruse ||
      estimator.is_draining(now)) {
    return 0;
  }
  return loss < kMuch ? 1 : 2;
}

/// Frames of before that each packet of sound carries: two leave 1 % of it lost where 20 % of the
/// packets are, but 3 % where 30 % are.
std::size_t redundancy_for(const bwe::SendSideEstimator& estimator, Instant now) {
  constexpr double kVeryMuch = 0.25;
  return estimator.loss() < kVeryMuch || repeats_for(estimator, now) == 0
             ? SoundForms::kRedundantFrames
             : SoundForms::kMostRedundantFrames;
}

metrics::Traffic traffic(const Publication& publication) {
  return publication.is_video() ? metrics::Traffic::kRtpVideo : metrics::Traffic::kRtpAudio;
}

}  // namespace

Subscription::Subscription(const Subscribe& command, Publication& publication, Sender& sender,
                           const FirstSequences& first)
    : id_(command.subscription),
      sender_(&sender),
      publication_(&publication),
      ssrc_(command.ssrc),
      cname_("track-" + std::to_string(command.publication.value())),
      extensions_(command.extensions),
      rewriter_(first.media),
      next_rtx_(first.rtx) {
  bool has_rtx = false;
  for (const rtp::CodecBinding& codec : command.codecs) {
    CodecTypes& types = types_[static_cast<std::size_t>(codec.codec)];
    if (types.media != CodecTypes::kAbsent) {
      continue;  // profiles of one codec: the first is the preferred one
    }
    types.media = codec.payload_type.value();
    if (codec.rtx && command.rtx_ssrc != Ssrc{}) {
      types.rtx = codec.rtx->value();
      // What comes first can carry padding before anything was sent.
      last_rtx_type_ = has_rtx ? last_rtx_type_ : types.rtx;
      has_rtx = true;
    }
  }
  if (has_rtx) {
    rtx_ssrc_ = command.rtx_ssrc;
    // The key frame of a shared screen is hundreds of packets at once.
    constexpr std::size_t kScreenLog = 4 * SentLog::kMinCapacity;
    const bool is_screen = publication.traits().is_screen_share;
    resend_ = std::make_unique<Resend>(
        Resend{.log = SentLog(is_screen ? kScreenLog : SentLog::kMinCapacity), .responder = {}});
  }
  // Where both sides have RED, a packet is in those that follow it; otherwise it must come again.
  const bool is_sound = !publication.is_video() && !has_rtx;
  asks_for_sound_ = is_sound && std::ranges::any_of(command.codecs, &rtp::CodecBinding::nack);
  keeps_sound_ = asks_for_sound_ ||
                 (is_sound && (publication.traits().is_encrypted || !takes(rtp::Codec::kRed)));
  if (command.playout_delay && extensions_.has(rtp::Extension::kPlayoutDelay)) {
    playout_delay_ = rtp::encode_playout_delay(*command.playout_delay);
  }
  set_target(command.target);
}

void Subscription::set_target(const LayerTarget& target) {
  wish_ = target;
  follow_limits();
}

void Subscription::allocate(const Rung& rung, Bound bound) {
  allocated_ = rung;
  bound_ = bound;
  is_paused_ = false;
  follow_limits();
}

void Subscription::pause() {
  allocated_.reset();
  is_paused_ = true;
  follow_limits();
}

void Subscription::follow_limits() {
  LayerTarget target = wish_;
  target.is_enabled = wish_.is_enabled && !is_paused_;
  if (allocated_ && bound_ == Bound::kRung) {
    target.max_spatial = std::min(target.max_spatial, allocated_->spatial);
    target.max_temporal = std::min(target.max_temporal, allocated_->temporal);
  }
  selector_.set_target(target);
}

FirstSequences Subscription::next_sequences() const {
  return {.media = rewriter_.next_sequence(), .rtx = next_rtx_};
}

std::optional<MediaPacket> Subscription::sound_form(const MediaPacket& packet,
                                                    Outlet& outlet) const {
  // Not inside of end-to-end encryption, where blocks can't be told apart.
  const bool may_look_into = !publication_->traits().is_encrypted && outlet.forms != nullptr;
  if (may_look_into && takes(rtp::Codec::kRed) && takes(rtp::Codec::kOpus)) {
    const std::size_t frames = redundancy_for(outlet.downlink.estimator(), outlet.now);
    const bool is_too_little =
        packet.codec == rtp::Codec::kOpus ||
        (packet.codec == rtp::Codec::kRed && frames > SoundForms::kRedundantFrames);
    const auto& history = publication_->layer(0).history;
    const Bytes redundant =
        is_too_little && history ? outlet.forms->redundant(packet, *history, frames) : Bytes{};
    if (!redundant.empty()) {
      outlet.counters.red_made.increment();
      return as(packet, rtp::Codec::kRed, redundant);
    }
  }
  if (takes(packet.codec)) {
    return packet;
  }
  const Bytes plain = may_look_into && packet.codec == rtp::Codec::kRed && takes(rtp::Codec::kOpus)
                          ? outlet.forms->plain(packet)
                          : Bytes{};
  if (plain.empty()) {
    return std::nullopt;
  }
  outlet.counters.red_stripped.increment();
  return as(packet, rtp::Codec::kOpus, plain);
}

std::optional<Rewrite> Subscription::number(std::uint8_t layer, const MediaPacket& packet,
                                            const LayerView& view, Verdict verdict,
                                            ExtendedSequence talkspurt) {
  const Publication::Layer& source = publication_->layer(layer);
  if (verdict == Verdict::kSwitch) {
    rewriter_.begin(packet, layer, source.clock_rate, source.clock);
    talkspurt_ = talkspurt;
  } else if (talkspurt > talkspurt_) {
    rewriter_.resume(talkspurt);
    talkspurt_ = talkspurt;
  }
  auto rewrite = rewriter_.rewrite(packet, source.clock);
  if (rewrite && publication_->is_video() && selector_.ends_picture(packet, view)) {
    rewrite->marker = true;
  }
  return rewrite;
}

void Subscription::forward(std::uint8_t layer, const MediaPacket& packet, const LayerView& view,
                           Outlet& outlet) {
  if (!outlet.transport.can_send()) {
    // What is missed now can't be made up for: begin at a key frame.
    if (has_waiting()) {
      give_up(outlet);
    }
    selector_.lose_stream();
    return;
  }
  if (packet.payload.empty()) {  // padding, with which a publisher probes
    if (selector_.is_current(layer, packet)) {
      rewriter_.drop(packet);
    }
    return;
  }
  const auto before = selector_.current();
  const Verdict verdict = selector_.decide(layer, packet, view);
  if (verdict == Verdict::kIgnore) {
    return;
  }
  if (verdict == Verdict::kDrop) {
    rewriter_.drop(packet);
    return;
  }
  if (verdict == Verdict::kSwitch && before && layer <= *before && waiting_ > 0) {
    // Of a layer that is too much: it would only delay the one that isn't.
    outlet.counters.packets_superseded.add(take_back_waiting(outlet.pacing));
  }
  const auto rewrite = number(layer, packet, view, verdict, outlet.talkspurt);
  if (!rewrite) {
    outlet.counters.drop(metrics::DropReason::kDuplicate);
    return;
  }
  if (publication_->is_video() && takes(packet.codec)) {
    send(layer, packet, *rewrite, outlet);
  } else if (const auto form = sound_form(packet, outlet); form && !publication_->is_video()) {
    send(layer, *form, *rewrite, outlet);
  } else {
    outlet.counters.drop(metrics::DropReason::kUnknownPayloadType);
  }
}

SendFormat Subscription::format(Ssrc ssrc, std::uint8_t payload_type, const Outlet& outlet) const {
  SendFormat format{.ssrc = ssrc,
                    .payload_type = PayloadType(payload_type),
                    .extensions = extensions_,
                    .transport_sequence = std::nullopt,
                    .now = outlet.now,
                    .padding = 0,
                    .playout_delay = playout_delay_};
  if (is_numbered()) {
    format.transport_sequence = outlet.downlink.next_number();
  }
  return format;
}

std::size_t Subscription::commit(MutableBytes slot, std::size_t length, const Sending& sending,
                                 Outlet& outlet) const {
  if (length == 0) {
    outlet.counters.drop(metrics::DropReason::kOversized);
    return 0;
  }
  const auto sent = outlet.transport.send_rtp(outlet.batch, slot, length, sending.received);
  if (!sent) {
    outlet.counters.drop(sent.error());
    return 0;
  }
  outlet.downlink.on_sent(length + srtp::kMaxRtpOverhead, sending.copy,
                          is_numbered() ? Downlink::Numbered::kYes : Downlink::Numbered::kNo,
                          sending.cluster, outlet.now);
  if (sending.cluster == bwe::kNoCluster) {  // a probe is meant to be more than the way carries
    outlet.pacing.on_sent(length + srtp::kMaxRtpOverhead, outlet.now);
  }
  outlet.counters.out(traffic(*publication_)).add(length);
  return *sent;
}

std::size_t Subscription::sent_size(const MediaPacket& packet) const {
  SendFormat format{.ssrc = ssrc_,
                    .payload_type = {},
                    .extensions = extensions_,
                    .transport_sequence = std::nullopt,
                    .now = Instant{},
                    .padding = 0,
                    .playout_delay = playout_delay_};
  if (is_numbered()) {
    format.transport_sequence = SequenceNumber{};
  }
  return composed_size(packet, format);
}

bool Subscription::transmit(const MediaPacket& packet, const Rewrite& rewrite, Outlet& outlet) {
  const MutableBytes slot = outlet.batch.reserve();
  SendFormat sent_as = format(ssrc_, types(packet.codec).media, outlet);
  sent_as.padding = outlet.padding;
  const std::size_t length = compose_packet(packet, rewrite, sent_as, without_tag(slot));
  if (length > 0 && packet.codec == rtp::Codec::kRed && !publication_->traits().is_encrypted &&
      types(rtp::Codec::kOpus).media != CodecTypes::kAbsent) {
    renumber_red_blocks(slot.first(length).last(packet.payload.size()),
                        PayloadType(types(rtp::Codec::kOpus).media));
  }
  const std::size_t sent = commit(slot, length, {.received = packet.arrival}, outlet);
  if (sent == 0) {
    return false;
  }
  if (keeps_sound_ && outlet.sound != nullptr) {
    const int repeats =
        packet.codec == rtp::Codec::kRed ? 0 : repeats_for(outlet.downlink.estimator(), outlet.now);
    if (asks_for_sound_ || repeats > 0) {
      keep_sound(low_half(rewrite.sequence),
                 {.datagram = slot.first(sent),
                  .transport_sequence = sent_as.transport_sequence.value_or(SequenceNumber{})},
                 repeats, outlet);
    }
  }
  newest_sent_ = std::max(newest_sent_, rewrite.sequence);
  last_timestamp_ = rewrite.timestamp;
  last_rtx_type_ = types(packet.codec).rtx;
  stats_.on_packet(packet.payload.size());
  bytes_ += length;
  packets_ += 1;
  return true;
}

void Subscription::send(std::uint8_t layer, const MediaPacket& packet, const Rewrite& rewrite,
                        Outlet& outlet) {
  if (packet.starts_key_frame) {
    key_frame_ = rewrite.timestamp;
  }
  // What waits is found again by the log: without one nothing can.
  const bool must_wait = resend_ != nullptr && publication_->is_video() &&
                         outlet.pacing.must_wait(Pacing::Queue::kVideo, outlet.now);
  if (!must_wait && !transmit(packet, rewrite, outlet)) {
    return;
  }
  if (resend_) {
    resend_->log.add({.layer = layer,
                      .generation = packet.generation,
                      .source_sequence = static_cast<std::uint32_t>(packet.sequence.value()),
                      .rewrite = rewrite});
  }
  if (must_wait) {
    wait(packet, rewrite, outlet);
  }
}

void Subscription::wait(const MediaPacket& packet, const Rewrite& rewrite, Outlet& outlet) {
  const WaitingPacket waiting{
      .subscription = this,
      .since = outlet.now,
      .sequence = low_half(rewrite.sequence),
      .size = static_cast<std::uint16_t>(packet.payload.size() + kMostOverhead),
      .padding = outlet.padding,
      .is_key = key_frame_ == rewrite.timestamp};
  // As many as the log remembers.
  if (waiting_ + 1 >= resend_->log.capacity() ||
      !outlet.pacing.wait(Pacing::Queue::kVideo, waiting)) {
    resend_->log.forget(waiting.sequence);
    outlet.counters.drop(metrics::DropReason::kPacedOut);
    give_up(outlet);
    return;
  }
  ++waiting_;
  outlet.counters.packets_paced.increment();
}

std::size_t Subscription::take_back_waiting(Pacing& pacing) {
  std::size_t count = 0;
  pacing.remove(*this, [&](const WaitingPacket& waited) {
    resend_->log.forget(waited.sequence);
    ++count;
  });
  waiting_ = 0;
  if (has_begun()) {
    rewriter_.take_back(ExtendedSequence(newest_sent_.value() + 1));
  }
  return count;
}

void Subscription::give_up(Outlet& outlet) {
  outlet.counters.drop(metrics::DropReason::kPacedOut, take_back_waiting(outlet.pacing));
  selector_.lose_stream();
}

void Subscription::release(const Pacing::Released& released, Outlet& outlet) {
  const WaitingPacket& waited = released.packet;
  if (released.queue == Pacing::Queue::kResend) {
    resend(waited.sequence, outlet);
    return;
  }
  --waiting_;
  const auto sent = resend_->log.find(waited.sequence);
  const MediaPacket* packet = sent ? find_source(*sent) : nullptr;
  // It has left the history meanwhile, or can't be sent: then what follows can't be decoded.
  if (packet == nullptr || !outlet.transport.can_send()) {
    resend_->log.forget(waited.sequence);
    outlet.counters.drop(metrics::DropReason::kPacedOut);
    give_up(outlet);
    return;
  }
  outlet.padding = waited.padding;
  if (!transmit(*packet, sent->rewrite, outlet)) {
    resend_->log.forget(waited.sequence);
  }
  outlet.padding = 0;
}

const MediaPacket* Subscription::find_source(const SentPacket& sent) const {
  if (sent.layer >= publication_->layer_count()) {
    return nullptr;
  }
  const auto& history = publication_->layer(sent.layer).history;
  return history
             ? history->find_sent(static_cast<std::uint8_t>(sent.generation), sent.source_sequence)
             : nullptr;
}

void Subscription::resend_sound(std::uint8_t copies, const SoundHistory::Kept& packet,
                                Outlet& outlet) const {
  const std::size_t size = packet.datagram.size();
  for (std::uint8_t i = 0; i < copies && !packet.empty(); ++i) {
    const MutableBytes slot = outlet.batch.reserve();
    std::ranges::copy(packet.datagram, slot.begin());
    const auto sent = outlet.transport.resend_rtp(outlet.batch, slot, size);
    if (!sent) {
      outlet.counters.drop(sent.error());
      return;
    }
    // Its transport-wide number is the old one.
    outlet.downlink.on_sent(size, Downlink::Copy::kRetransmission, Downlink::Numbered::kNo,
                            bwe::kNoCluster, outlet.now);
    if (is_numbered()) {
      outlet.downlink.on_repeated(packet.transport_sequence, outlet.now);
    }
    outlet.counters.out(metrics::Traffic::kRtpAudio).add(size);
    outlet.counters.sound_resent.increment();
  }
}

void Subscription::keep_sound(SequenceNumber sequence, const SoundHistory::Kept& packet,
                              int repeats, Outlet& outlet) const {
  outlet.sound->add(ssrc_, sequence, packet, outlet.now);
  for (int back = 1; back <= repeats; ++back) {
    const auto earlier = outlet.sound->take_repeat(ssrc_, sequence.plus(-back), outlet.now);
    resend_sound(1, earlier, outlet);
    outlet.counters.sound_repeated.add(earlier.empty() ? 0 : 1);
  }
}

void Subscription::retransmit(SequenceNumber sequence, Outlet& outlet) {
  outlet.counters.nack_received.increment();
  if (!resend_) {
    if (keeps_sound_ && outlet.sound != nullptr) {
      const std::uint8_t copies = copies_for(outlet.downlink.estimator().loss());
      resend_sound(copies, outlet.sound->take_asked(ssrc_, sequence, copies, outlet.now), outlet);
    }
    return;
  }
  if (!outlet.pacing.must_wait(Pacing::Queue::kResend, outlet.now)) {
    resend(sequence, outlet);
    return;
  }
  const WaitingPacket waiting{.subscription = this,
                              .since = outlet.now,
                              .sequence = sequence,
                              .size = Pacer::kPacketSize,
                              .padding = 0,
                              .is_key = false};
  // Who asked for more than can wait asks again.
  (void)outlet.pacing.wait(Pacing::Queue::kResend, waiting);
}

/// What is left of a larger picture whose stream has gone on with a smaller one, since the way
/// suddenly carries less: it would keep the smaller one out, and never be shown.
bool Subscription::is_left_behind(const SentPacket& sent, const Outlet& outlet) const {
  const auto current = selector_.current();
  return current && sent.layer > *current && outlet.downlink.estimator().is_draining(outlet.now);
}

void Subscription::resend(SequenceNumber sequence, Outlet& outlet) {
  const auto sent = resend_->log.find(sequence);
  const MediaPacket* packet = sent && !is_left_behind(*sent, outlet) ? find_source(*sent) : nullptr;
  if (packet == nullptr || outlet.now - packet->arrival > History::kMaxAge ||
      types(packet->codec).rtx == CodecTypes::kAbsent) {
    return;
  }
  using Decision = rtcp::NackResponder::Decision;
  if (resend_->responder.decide(sequence, packet->payload.size(), outlet.now) !=
          Decision::kResend ||
      !outlet.downlink.may_resend(packet->payload.size(), outlet.now)) {
    return;
  }
  const MutableBytes slot = outlet.batch.reserve();
  const SequenceNumber rtx = low_half(next_rtx_);
  const std::size_t length = compose_retransmission(
      *packet, sent->rewrite, format(rtx_ssrc_, types(packet->codec).rtx, outlet), rtx,
      without_tag(slot));
  next_rtx_ = ExtendedSequence(next_rtx_.value() + (length > 0 ? 1 : 0));
  if (commit(slot, length, {.copy = Downlink::Copy::kRetransmission}, outlet) > 0) {
    outlet.counters.retransmissions_sent.increment();
  }
}

std::size_t Subscription::send_padding(bwe::ProbeCluster cluster, Outlet& outlet) {
  if (!can_pad() || !outlet.transport.can_send()) {
    return 0;
  }
  const MutableBytes slot = outlet.batch.reserve();
  const SequenceNumber sequence = low_half(next_rtx_);
  const std::size_t length = compose_padding(format(rtx_ssrc_, last_rtx_type_, outlet), sequence,
                                             last_timestamp_, without_tag(slot));
  next_rtx_ = ExtendedSequence(next_rtx_.value() + (length > 0 ? 1 : 0));
  const Sending sending{.copy = Downlink::Copy::kRetransmission, .cluster = cluster};
  if (commit(slot, length, sending, outlet) == 0) {
    return 0;
  }
  outlet.counters.probe_packets_sent.increment();
  return length + srtp::kMaxRtpOverhead;
}

std::optional<rtcp::SenderReport> Subscription::poll_report(Instant now) {
  const auto current = selector_.current();
  if (now < next_report_ || !current || stats_.packets() == 0) {
    return std::nullopt;
  }
  const auto& clock = publication_->layer(*current).clock;
  if (!clock) {
    return std::nullopt;
  }
  next_report_ = now + kReportInterval;
  return stats_.report(ssrc_, *clock, rewriter_.timestamp_offset(), now);
}

std::optional<Duration> Subscription::handle_report_block(const rtcp::ReportBlock& block,
                                                          Instant now) {
  reported_loss_ = static_cast<float>(block.fraction_lost) / 256.0F;
  const auto round_trip = stats_.on_report_block(block, now);
  if (round_trip && resend_) {
    resend_->responder.set_round_trip(*round_trip);
  }
  return round_trip;
}

std::optional<float> Subscription::take_reported_loss() {
  return std::exchange(reported_loss_, std::nullopt);
}

void Subscription::update_rate(Duration elapsed) {
  if (elapsed > Duration::zero()) {
    rate_ = bwe::to_bitrate(bwe::rate_of(static_cast<double>(bytes_), elapsed));
    if (resend_) {
      resend_->responder.set_stream_rate(rate_);
      // For 0.7 s of the stream. It grows a few times at most, when the stream's rate does.
      resend_->log.reserve(static_cast<std::size_t>(
          packets_ * 700'000 / static_cast<std::uint64_t>(elapsed.count() / 1000)));
    }
  }
  bytes_ = 0;
  packets_ = 0;
}

}  // namespace meridian::forward
