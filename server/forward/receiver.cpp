#include "forward/receiver.hpp"

#include <algorithm>
#include <utility>

#include "forward/publication.hpp"
#include "rtp/extensions.hpp"
#include "rtp/red.hpp"

namespace meridian::forward {

using metrics::DropReason;
using rtp::Extension;

Receiver::Section Receiver::make_section(const ReceiveSection& described) {
  Section section;
  section.mid = described.mid;
  section.kind = described.kind;
  section.publication_id = described.publication;
  section.codecs = described.codecs;
  section.rids = described.rids;
  section.sources = described.sources;
  for (std::size_t i = 0; i < section.codecs.size() && i < kRtx - 1U; ++i) {
    const rtp::CodecBinding& codec = section.codecs[i];
    const auto entry = static_cast<std::uint8_t>(i + 1);
    section.payload_types[codec.payload_type.value() & 0x7fU] = entry;
    if (codec.rtx) {
      section.payload_types[codec.rtx->value() & 0x7fU] = entry | kRtx;
    }
    section.uses_nack = section.uses_nack || codec.nack;
  }
  return section;
}

/// A generation that none of the streams up to now has had.
std::uint32_t Receiver::next_generation(const std::vector<Section>& sections) {
  for (const Section& section : sections) {
    for (const auto& stream : section.streams) {
      highest_generation_ = std::max(highest_generation_, stream->generation());
    }
  }
  return highest_generation_ + 1;
}

void Receiver::configure(const ConfigureReceive& command) {
  extensions_ = command.extensions;
  std::vector<Section> old = std::exchange(sections_, {});
  const std::uint32_t fresh = next_generation(old);
  std::vector<std::optional<std::uint8_t>> indices(old.size());
  for (const ReceiveSection& described : command.sections) {
    if (sections_.size() == kMaxSections) {
      break;
    }
    Section section = make_section(described);
    if (std::ranges::find(sections_, section.publication_id, &Section::publication_id) !=
        sections_.end()) {
      section.publication_id = {};  // two senders would use the same numbers
    }
    const std::size_t layers = std::clamp<std::size_t>(
        std::max(section.rids.size(), section.sources.size()), 1, kMaxLayers);
    const auto before = std::ranges::find(old, section.mid, &Section::mid);
    if (before != old.end() && before->rids == section.rids && before->streams.size() == layers) {
      section.streams = std::move(before->streams);
      section.next_full_intra = before->next_full_intra;
      indices[static_cast<std::size_t>(before - old.begin())] =
          static_cast<std::uint8_t>(sections_.size());
      if (before->publication_id != section.publication_id) {
        // Another track in this section: what it sends has nothing to do with what was.
        std::ranges::for_each(section.streams, [&](auto& stream) { stream->restart(fresh); });
      }
    }
    while (section.streams.size() < layers) {
      section.streams.push_back(std::make_unique<ReceiveStream>(fresh));
      section.streams.back()->nacks().set_round_trip(round_trip_);
    }
    sections_.push_back(std::move(section));
  }
  if (arrivals_ == nullptr && !sections_.empty()) {
    arrivals_ = std::make_unique<bwe::ArrivalRecorder>();
  }
  sources_.renumber_sections(indices);
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    add_signalled_sources(static_cast<std::uint8_t>(i));
  }
}

void Receiver::add_signalled_sources(std::uint8_t index) {
  const Section& section = sections_[index];
  for (std::size_t i = 0; i < section.sources.size() && i < section.layer_count(); ++i) {
    const auto layer = static_cast<std::uint8_t>(i);
    const rtp::SignalledSource& source = section.sources[i];
    const auto added =
        sources_.add(source.ssrc, {.section = index, .layer = layer, .is_retransmission = false});
    if (added == SsrcTable::Added::kReplaced) {
      section.streams[i]->restart();
    }
    if (source.rtx) {
      sources_.add(*source.rtx, {.section = index, .layer = layer, .is_retransmission = true});
    }
  }
}

std::size_t Receiver::bind(PublicationId id, Publication* publication) {
  std::size_t layers = 0;
  for (Section& section : sections_) {
    if (section.publication_id == id) {
      section.publication = publication;
      layers = section.layer_count();
    }
  }
  return layers;
}

std::vector<PublicationId> Receiver::publications() const {
  std::vector<PublicationId> ids;
  for (const Section& section : sections_) {
    if (section.publication_id != PublicationId{}) {
      ids.push_back(section.publication_id);
    }
  }
  return ids;
}

std::optional<std::uint8_t> Receiver::section_of_mid(std::string_view mid) const {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    if (sections_[i].mid.view() == mid) {
      return static_cast<std::uint8_t>(i);
    }
  }
  return std::nullopt;
}

std::optional<std::uint8_t> Receiver::section_of_type(PayloadType type) const {
  std::optional<std::uint8_t> found;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    if (sections_[i].type_of(type) != 0) {
      if (found) {
        return std::nullopt;  // ambiguous
      }
      found = static_cast<std::uint8_t>(i);
    }
  }
  return found;
}

std::optional<Source> Receiver::learn_in_section(const rtp::PacketView& view,
                                                 std::uint8_t index) const {
  const Section& section = sections_[index];
  const std::uint8_t type = section.type_of(view.payload_type());
  if (type == 0) {
    return std::nullopt;
  }
  const bool is_rtx = (type & kRtx) != 0;
  if (section.layer_count() == 1) {
    return Source{.section = index, .layer = 0, .is_retransmission = is_rtx};
  }
  const Bytes rid =
      view.extension(extensions_.id(is_rtx ? Extension::kRepairedRid : Extension::kRid));
  for (std::size_t i = 0; i < section.rids.size() && i < section.layer_count(); ++i) {
    if (!rid.empty() && section.rids[i].view() == as_text(rid)) {
      return Source{
          .section = index, .layer = static_cast<std::uint8_t>(i), .is_retransmission = is_rtx};
    }
  }
  return std::nullopt;
}

/// RFC 8843 section 9.2: by mid; without one by what is unambiguous, the payload type or the rid.
std::optional<Source> Receiver::learn(const rtp::PacketView& view) const {
  const Bytes mid = view.extension(extensions_.id(Extension::kMid));
  if (!mid.empty()) {
    const auto section = section_of_mid(as_text(mid));
    return section ? learn_in_section(view, *section) : std::nullopt;
  }
  if (const auto section = section_of_type(view.payload_type())) {
    return learn_in_section(view, *section);
  }
  std::optional<Source> found;
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const auto source = sections_[i].layer_count() > 1
                            ? learn_in_section(view, static_cast<std::uint8_t>(i))
                            : std::nullopt;
    if (source && found) {
      return std::nullopt;  // the rid is in two sections
    }
    found = source ? source : found;
  }
  return found;
}

base::Expected<Source, DropReason> Receiver::resolve(const rtp::PacketView& view) {
  if (const Source* known = sources_.find(view.ssrc())) {
    return *known;
  }
  const auto source = learn(view);
  if (!source) {
    return std::unexpected(DropReason::kUnknownSource);
  }
  switch (sources_.add(view.ssrc(), *source)) {
    case SsrcTable::Added::kFull:
      return std::unexpected(DropReason::kTooManySources);
    case SsrcTable::Added::kReplaced:
      if (!source->is_retransmission) {
        sections_[source->section].streams[source->layer]->restart();
      }
      break;
    case SsrcTable::Added::kNew:
    case SsrcTable::Added::kKnown:
      break;
  }
  return *source;
}

base::Expected<std::optional<ReceivedPacket>, DropReason> Receiver::take(Bytes packet,
                                                                         Instant arrival) {
  const auto view = rtp::PacketView::parse(packet);
  if (!view) {
    return std::unexpected(DropReason::kMalformedRtp);
  }
  const auto sequence =
      rtp::read_transport_sequence(view->extension(extensions_.id(Extension::kTransportSequence)));
  if (sequence && arrivals_ != nullptr) {
    arrivals_->on_packet(*sequence, arrival);
    newest_media_ = view->ssrc();
    next_feedback_ = std::min(next_feedback_, arrivals_->next_timeout());
  }
  const auto source = resolve(*view);
  if (!source) {
    return std::unexpected(source.error());
  }
  return accept(*view, *source, arrival);
}

base::Expected<std::optional<ReceivedPacket>, DropReason> Receiver::accept(
    const rtp::PacketView& view, Source source, Instant arrival) {
  Section& section = sections_[source.section];
  ReceiveStream& stream = *section.streams[source.layer];
  const std::uint8_t type = section.type_of(view.payload_type());
  if (type == 0) {
    return std::unexpected(DropReason::kUnknownPayloadType);
  }
  const bool is_rtx = (type & kRtx) != 0;
  const rtp::CodecBinding& codec = section.codecs[(type & ~kRtx) - 1U];
  Bytes payload = view.payload();
  SequenceNumber sequence = view.sequence();
  if (is_rtx) {
    if (payload.size() <= 2) {
      return std::nullopt;
    }
    sequence = SequenceNumber(load_u16(payload.data()));
    payload = payload.subspan(2);
  }
  const auto origin =
      is_rtx ? ReceiveStream::Origin::kRetransmission : ReceiveStream::Origin::kPrimary;
  const auto extended = stream.take(sequence, arrival, origin);
  if (!extended) {
    return std::unexpected(DropReason::kDuplicate);
  }
  if (!is_rtx) {
    stream.count(*extended, view.timestamp(), codec.clock_rate, arrival);
    next_report_ = std::min(next_report_, arrival + kReportInterval);
  }
  if (section.uses_nack) {
    next_nack_ = std::min(next_nack_, stream.nacks().next_timeout());
  }
  next_feedback_ = std::min({next_feedback_, next_nack_, next_report_});
  if (section.publication == nullptr) {
    return std::unexpected(DropReason::kNoPublication);
  }
  if (stream.take_key_frame_wish()) {
    section.publication->request_key_frame(source.layer);
  }
  return ReceivedPacket{.publication = section.publication,
                        .layer = source.layer,
                        .ssrc = view.ssrc(),
                        .clock_rate = codec.clock_rate,
                        .is_retransmission = is_rtx,
                        .source = source,
                        .packet = stream.frames().read(view, extensions_,
                                                       {.sequence = *extended,
                                                        .generation = stream.generation(),
                                                        .arrival = arrival,
                                                        .codec = codec.codec,
                                                        .payload = payload})};
}

std::span<const MediaPacket> Receiver::recover(const ReceivedPacket& carrier) {
  const MediaPacket& newest = carrier.packet;
  const Publication& publication = *carrier.publication;
  if (newest.codec != rtp::Codec::kRed || publication.traits().is_encrypted ||
      carrier.layer >= publication.layer_count() || !publication.layer(carrier.layer).has_started) {
    return {};  // a track begins with a packet of its own
  }
  const auto red = rtp::parse_red(newest.payload);
  if (!red) {
    return {};
  }
  Section& section = sections_[carrier.source.section];
  ReceiveStream& stream = *section.streams[carrier.source.layer];
  std::size_t count = 0;
  const std::size_t blocks = std::min(red->redundant().size(), kMaxRecovered);
  for (std::size_t back = blocks; back > 0; --back) {
    // A block says how old it is, not its number. Publishers repeat the frames directly before.
    const rtp::RedBlock& block = red->redundant()[red->redundant().size() - back];
    const SequenceNumber sequence(static_cast<std::uint16_t>(newest.sequence.value() - back));
    const std::uint8_t type = section.type_of(block.payload_type);
    const bool is_opus =
        type != 0 && (type & kRtx) == 0 && section.codecs[type - 1U].codec == rtp::Codec::kOpus;
    if (!is_opus || block.payload.empty() || block.timestamp_offset == 0) {
      continue;
    }
    const auto extended =
        stream.take(sequence, newest.arrival, ReceiveStream::Origin::kRetransmission);
    if (!extended) {
      continue;  // it came
    }
    MediaPacket& packet = recovered_[count++];
    packet = newest;
    packet.sequence = *extended;
    packet.timestamp = RtpTimestamp(newest.timestamp.value() - block.timestamp_offset);
    packet.codec = rtp::Codec::kOpus;
    packet.marker = false;
    packet.extensions = {};  // what they say is about the frame of the carrier
    if (const auto level = newest.extensions.audio_level) {
      packet.likely_level = *level & 0x7fU;
    }
    packet.payload = block.payload;
  }
  return std::span(recovered_).first(count);
}

}  // namespace meridian::forward
