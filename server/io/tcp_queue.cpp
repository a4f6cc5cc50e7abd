#include "io/tcp_queue.hpp"

#include <algorithm>

#include "rtp/packet.hpp"

namespace meridian::io {
namespace {

std::uint32_t read32(Bytes bytes, std::size_t at) {
  return static_cast<std::uint32_t>(bytes[at]) << 24U |
         static_cast<std::uint32_t>(bytes[at + 1]) << 16U |
         static_cast<std::uint32_t>(bytes[at + 2]) << 8U | bytes[at + 3];
}

}  // namespace

TcpQueue::TcpQueue()
    : bytes_(std::make_unique_for_overwrite<std::uint8_t[]>(kBytes)),
      packets_(std::make_unique<Packet[]>(kPackets)) {}

std::optional<TcpQueue::Frame> TcpQueue::frame_of(Bytes datagram) {
  static constexpr std::size_t kFixedHeader = 12;  // RFC 3550 section 5.1, in clear under SRTP
  static constexpr std::size_t kTimestamp = 4;
  static constexpr std::size_t kSsrc = 8;
  if (rtp::classify(datagram) != rtp::PacketKind::kRtp || datagram.size() < kFixedHeader) {
    return std::nullopt;
  }
  return Frame{Ssrc(read32(datagram, kSsrc)), RtpTimestamp(read32(datagram, kTimestamp))};
}

bool TcpQueue::push(const transport::OutboundDatagram& datagram, Instant now) {
  const auto header = frame_header(datagram.bytes.size());
  return push({.transport = datagram.transport, .header = header, .datagram = datagram.bytes}, now);
}

bool TcpQueue::push(const Framed& framed, Instant now) {
  const auto frame = frame_of(framed.datagram);
  if (frame && is_broken(*frame)) {
    return false;
  }
  const std::size_t size = framed.header.size() + framed.datagram.size() + framed.padding;
  const auto room = count_ < kPackets ? find_room(size) : std::nullopt;
  if (!room) {
    if (frame) {
      break_frame(*frame);
    }
    return false;
  }
  std::uint8_t* const at = bytes_.get() + *room;
  const auto behind =
      std::ranges::copy(framed.datagram, std::ranges::copy(framed.header, at).out).out;
  std::fill_n(behind, framed.padding, std::uint8_t{0});
  end_ = *room + size;
  packets_[(first_ + count_) % kPackets] = {.at = *room,
                                            .size = size,
                                            .header = framed.header.size(),
                                            .datagram = framed.datagram.size(),
                                            .queued = now,
                                            .transport = framed.transport,
                                            .frame = frame,
                                            .is_dropped = false};
  ++count_;
  return true;
}

std::optional<std::size_t> TcpQueue::find_room(std::size_t size) {
  if (count_ == 0) {
    end_ = 0;
  }
  const std::size_t begin = count_ == 0 ? 0 : front().at;
  if (end_ >= begin && (count_ == 0 || end_ > begin)) {
    if (end_ + size <= kBytes) {
      return end_;
    }
    // A packet lies in one piece: the rest of the end stays unused.
    return size < begin ? std::optional<std::size_t>(0) : std::nullopt;
  }
  return end_ + size < begin ? std::optional(end_) : std::nullopt;
}

std::size_t TcpQueue::expire(Instant now) {
  std::size_t dropped = 0;
  // What is half written has to be finished.
  for (std::size_t i = written_ > 0 ? 1 : 0; i < count_; ++i) {
    Packet& packet = at(i);
    if (packet.is_dropped || !packet.frame) {
      continue;
    }
    if (now - packet.queued > kMaxDelay) {
      break_frame(*packet.frame);
    } else if (!is_broken(*packet.frame)) {
      continue;
    }
    packet.is_dropped = true;
    ++dropped;
  }
  skip_dropped();
  return dropped;
}

void TcpQueue::skip_dropped() {
  while (count_ > 0 && written_ == 0 && front().is_dropped) {
    pop();
  }
}

Bytes TcpQueue::next(std::size_t limit) {
  skip_dropped();
  if (count_ == 0) {
    return {};
  }
  const Packet& first = front();
  std::size_t size = first.size - written_;
  for (std::size_t i = 1; i < count_; ++i) {
    const Packet& packet = at(i);
    const bool follows = packet.at == first.at + written_ + size;
    if (packet.is_dropped || !follows || size + packet.size > limit) {
      break;
    }
    size += packet.size;
  }
  return Bytes(bytes_.get() + first.at + written_, size);
}

void TcpQueue::pop() {
  first_ = (first_ + 1) % kPackets;
  --count_;
  written_ = 0;
}

void TcpQueue::break_frame(const Frame& frame) {
  if (!is_broken(frame)) {
    broken_[next_broken_] = frame;
    next_broken_ = (next_broken_ + 1) % kMaxBrokenFrames;
  }
}

bool TcpQueue::is_broken(const Frame& frame) const {
  return std::ranges::find(broken_, std::optional(frame)) != broken_.end();
}

}  // namespace meridian::io
