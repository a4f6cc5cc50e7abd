#include "bench/dwell_probe.hpp"

#include <algorithm>
#include <cstring>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include "base/bytes.hpp"
#include "base/check.hpp"
#include "bench/rig.hpp"
#include "rtp/packet.hpp"

namespace meridian::bench {
namespace {

std::atomic<DwellProbe*> probe_in_use{nullptr};

std::int64_t realtime() {
  return io::read_clock(CLOCK_REALTIME).count();
}

/// The packets of a message, each of `segment` bytes and the last maybe shorter.
template <class Take>
void for_each_packet(std::span<const std::uint8_t> message, std::size_t segment, Take&& take) {
  while (!message.empty()) {
    const std::size_t size = std::min(message.size(), std::max<std::size_t>(segment, 1));
    if (size >= 12 && rtp::classify(message.first(size)) == rtp::PacketKind::kRtp) {
      take(message.first(size));
    }
    message = message.subspan(size);
  }
}

std::span<const std::uint8_t> bytes_of(const msghdr& header, std::size_t size) {
  return {static_cast<const std::uint8_t*>(header.msg_iov[0].iov_base), size};
}

}  // namespace

DwellProbe::DwellProbe(int socket, std::size_t rooms, std::size_t subscribers)
    : socket_(socket),
      subscribers_per_room_(subscribers),
      rooms_(rooms),
      subscribers_(rooms * subscribers) {
  MERIDIAN_CHECK(probe_in_use.exchange(this) == nullptr);
}

DwellProbe::~DwellProbe() {
  probe_in_use = nullptr;
}

void DwellProbe::learn(std::span<const std::uint16_t> last_sequences) {
  for (std::size_t i = 0; i < subscribers_.size(); ++i) {
    subscribers_[i].offset = static_cast<std::uint16_t>(subscribers_[i].last -
                                                        last_sequences[i / subscribers_per_room_]);
  }
}

std::size_t DwellProbe::strayed(std::span<const std::uint16_t> last_sequences) const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < subscribers_.size(); ++i) {
    const auto expected = static_cast<std::uint16_t>(last_sequences[i / subscribers_per_room_] +
                                                     subscribers_[i].offset);
    count += expected == subscribers_[i].last ? 0 : 1;
  }
  return count;
}

void DwellProbe::start() {
  histogram_.clear();
  is_recording_.store(true, std::memory_order_release);
}

const FineHistogram& DwellProbe::stop() {
  is_recording_.store(false, std::memory_order_release);
  return histogram_;
}

void DwellProbe::observe_received(int socket, const mmsghdr* messages, int count) {
  for (int i = 0; socket == socket_ && i < count; ++i) {
    msghdr header = messages[i].msg_hdr;
    std::size_t segment = messages[i].msg_len;
    std::int64_t received = 0;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
        int joined = 0;
        std::memcpy(&joined, CMSG_DATA(c), sizeof joined);
        segment = joined > 0 ? static_cast<std::size_t>(joined) : segment;
      } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
        timespec at;
        std::memcpy(&at, CMSG_DATA(c), sizeof at);
        received = static_cast<std::int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
      }
    }
    for_each_packet(bytes_of(header, messages[i].msg_len), segment, [&](auto packet) {
      const std::size_t room = load_u32(packet.data() + 8) - Rig::kFirstPublisher;
      if (room < rooms_.size()) {
        rooms_[room].received[load_u16(packet.data() + 2) % kUnderWay] = received;
      }
    });
  }
}

void DwellProbe::observe_sent(int socket, const mmsghdr* messages, int count) {
  if (socket != socket_ || count <= 0) {
    return;
  }
  const std::int64_t now = realtime();
  for (int i = 0; i < count; ++i) {
    msghdr header = messages[i].msg_hdr;
    const std::size_t size = header.msg_iov[0].iov_len;
    std::size_t segment = size;
    for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
      if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT) {
        std::uint16_t wanted = 0;
        std::memcpy(&wanted, CMSG_DATA(c), sizeof wanted);
        segment = wanted;
      }
    }
    for_each_packet(bytes_of(header, size), segment, [&](auto packet) { note_sent(packet, now); });
  }
}

void DwellProbe::note_sent(std::span<const std::uint8_t> packet, std::int64_t now) {
  const std::size_t number = load_u32(packet.data() + 8) - Rig::kFirstSubscriber;
  if (number >= subscribers_.size()) {
    return;
  }
  Subscriber& subscriber = subscribers_[number];
  subscriber.last = load_u16(packet.data() + 2);
  if (is_recording_.load(std::memory_order_acquire)) {
    const auto sequence = static_cast<std::uint16_t>(subscriber.last - subscriber.offset);
    const Room& room = rooms_[number / subscribers_per_room_];
    histogram_.record(Duration(now - room.received[sequence % kUnderWay]));
  }
}

}  // namespace meridian::bench

// What the linker puts in the place of the C library's functions.
extern "C" {
int __real_recvmmsg(int, mmsghdr*, unsigned, int, timespec*);  // NOLINT
int __real_sendmmsg(int, mmsghdr*, unsigned, int);             // NOLINT

int __wrap_recvmmsg(int socket, mmsghdr* messages, unsigned size, int flags,  // NOLINT
                    timespec* timeout) {
  const int count = __real_recvmmsg(socket, messages, size, flags, timeout);
  if (auto* probe = meridian::bench::probe_in_use.load(std::memory_order_acquire)) {
    probe->observe_received(socket, messages, count);
  }
  return count;
}

int __wrap_sendmmsg(int socket, mmsghdr* messages, unsigned size, int flags) {  // NOLINT
  const int count = __real_sendmmsg(socket, messages, size, flags);
  if (auto* probe = meridian::bench::probe_in_use.load(std::memory_order_acquire)) {
    probe->observe_sent(socket, messages, count);
  }
  return count;
}
}
