#include "forward/sound_forms.hpp"

#include <algorithm>
#include <span>

#include "rtp/red.hpp"

namespace meridian::forward {
namespace {

/// Blocks of one payload, filled from its end, since the primary one is the last.
class Blocks {
 public:
  void put(std::uint32_t offset, Bytes frame) {
    all_[--first_] = {.payload_type = {},
                      .timestamp_offset = static_cast<std::uint16_t>(offset),
                      .payload = frame};
  }
  void drop_oldest() { ++first_; }
  [[nodiscard]] std::span<const rtp::RedBlock> all() const {
    return std::span(all_).subspan(first_);
  }

 private:
  std::array<rtp::RedBlock, SoundForms::kMostRedundantFrames + 1> all_{};
  std::size_t first_ = all_.size();
};

/// The frames before a packet, newest first, as long as they can be said and fit.
void put_earlier(const MediaPacket& packet, const History& history, std::size_t frames,
                 Blocks& blocks) {
  for (std::uint64_t back = 1; back <= frames; ++back) {
    const MediaPacket* earlier =
        packet.sequence.value() < back
            ? nullptr
            : history.find(packet.generation, ExtendedSequence(packet.sequence.value() - back));
    const Bytes frame = earlier == nullptr ? Bytes{} : sound_frame(*earlier);
    if (frame.empty()) {
      continue;
    }
    const std::uint32_t offset = packet.timestamp.value() - earlier->timestamp.value();
    if (offset == 0 || offset > rtp::RedBlock::kMaxOffset ||
        frame.size() > rtp::RedBlock::kMaxRedundantSize) {
      return;  // those before it are older still
    }
    blocks.put(offset, frame);
    if (rtp::red_size(blocks.all()) > SoundForms::kMaxPayload) {
      blocks.drop_oldest();
      return;
    }
  }
}

}  // namespace

Bytes sound_frame(const MediaPacket& packet) {
  if (packet.codec != rtp::Codec::kRed) {
    return packet.codec == rtp::Codec::kOpus ? packet.payload : Bytes{};
  }
  const auto red = rtp::parse_red(packet.payload);
  return red ? red->primary().payload : Bytes{};
}

SoundForms::SoundForms()
    : memory_(std::make_unique_for_overwrite<std::uint8_t[]>(kPackets * kMaxPayload)) {}

SoundForms::Form* SoundForms::find(const MediaPacket& packet, std::size_t frames) {
  const auto end = forms_.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto found = std::find_if(forms_.begin(), end, [&](const Form& form) {
    return form.packet == &packet && form.frames == frames;
  });
  return found != end ? &*found : nullptr;
}

SoundForms::Form* SoundForms::add(const MediaPacket& packet, std::size_t frames) {
  if (count_ == kPackets) {
    return nullptr;
  }
  forms_[count_] = {.packet = &packet, .frames = frames, .payload = {}};
  return &forms_[count_++];
}

Bytes SoundForms::plain(const MediaPacket& packet) {
  if (const Form* made = find(packet, 0)) {
    return made->payload;
  }
  Form* form = add(packet, 0);
  if (form == nullptr) {
    return {};
  }
  form->payload = sound_frame(packet);
  return form->payload;
}

Bytes SoundForms::redundant(const MediaPacket& packet, const History& history, std::size_t frames) {
  if (const Form* made = find(packet, frames)) {
    return made->payload;
  }
  Form* form = add(packet, frames);
  const Bytes frame = sound_frame(packet);
  if (form == nullptr || frame.empty()) {
    return {};
  }
  Blocks blocks;
  blocks.put(0, frame);
  put_earlier(packet, history, frames, blocks);
  const std::size_t place = static_cast<std::size_t>(form - forms_.data()) * kMaxPayload;
  const MutableBytes room(&memory_[place], kMaxPayload);
  form->payload = room.first(rtp::write_red(blocks.all(), room));
  return form->payload;
}

}  // namespace meridian::forward
