// What the kernel takes for a datagram, by the way it is handed over: the ground for docs/adr/0010.
// CPU time of the calling thread. Sends 1216 bytes to 50 ports of an address where nobody needs to
// listen (in the namespace of the ideal forwarder: a device that drops everything), and reads what
// it sends to itself with and without UDP_GRO. It prints and never judges.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include <CLI/CLI.hpp>

#include "base/check.hpp"
#include "io/clock.hpp"
#include "io/file_descriptor.hpp"
#include "io/udp_socket.hpp"

namespace meridian::bench {
namespace {

constexpr std::size_t kPacketSize = 1216;
constexpr std::size_t kPeers = 50;
constexpr std::size_t kMessages = 64;
constexpr std::size_t kPackets = 200'000;
constexpr std::size_t kRuns = 5;

[[nodiscard]] Duration cpu_time() {
  return io::read_clock(CLOCK_THREAD_CPUTIME_ID);
}

/// Nanoseconds for each of the packets that `round` says it moved, the best of some runs.
template <class Round>
double measure(Round round) {
  double best = 0;
  for (std::size_t run = 0; run < kRuns; ++run) {
    std::size_t count = 0;
    const Duration start = cpu_time();
    while (count < kPackets) {
      count += round();
    }
    const double cost =
        static_cast<double>((cpu_time() - start).count()) / static_cast<double>(count);
    best = run == 0 ? cost : std::min(best, cost);
  }
  return best;
}

/// kMessages messages of some segments each, to one peer after the other.
class Messages {
 public:
  Messages(const IpAddress& to, std::size_t segments)
      : payload_(kMessages * segments * kPacketSize, 0x5a), segments_(segments) {
    constexpr std::uint16_t kFirstPort = 20'000;
    for (std::size_t i = 0; i < kMessages; ++i) {
      msghdr& header = headers_[i].msg_hdr;
      vectors_[i] = {payload_.data() + i * segments * kPacketSize, segments * kPacketSize};
      header.msg_name = &addresses_[i];
      header.msg_namelen =
          io::to_sockaddr({to, static_cast<std::uint16_t>(kFirstPort + i % kPeers)}, addresses_[i]);
      header.msg_iov = &vectors_[i];
      header.msg_iovlen = 1;
      if (segments > 1) {
        header.msg_control = control_[i].data();
        header.msg_controllen = control_[i].size();
        cmsghdr* option = CMSG_FIRSTHDR(&header);
        option->cmsg_level = SOL_UDP;
        option->cmsg_type = UDP_SEGMENT;
        option->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
        const auto size = static_cast<std::uint16_t>(kPacketSize);
        std::memcpy(CMSG_DATA(option), &size, sizeof size);
      }
    }
  }
  Messages(const Messages&) = delete;
  Messages& operator=(const Messages&) = delete;

  [[nodiscard]] std::span<mmsghdr> headers() { return headers_; }
  [[nodiscard]] std::size_t segments() const { return segments_; }

 private:
  std::vector<std::uint8_t> payload_;
  std::size_t segments_;
  std::array<mmsghdr, kMessages> headers_{};
  std::array<iovec, kMessages> vectors_{};
  std::array<sockaddr_storage, kMessages> addresses_{};
  alignas(cmsghdr)
      std::array<std::array<std::uint8_t, CMSG_SPACE(sizeof(std::uint16_t))>, kMessages> control_{};
};

double by_sendmsg(int socket, Messages& messages) {
  return measure([&] {
    for (const mmsghdr& message : messages.headers()) {
      ::sendmsg(socket, &message.msg_hdr, MSG_DONTWAIT);
    }
    return kMessages * messages.segments();
  });
}

double by_sendmmsg(int socket, Messages& messages) {
  return measure([&] {
    std::span<mmsghdr> rest = messages.headers();
    while (!rest.empty()) {
      const int sent =
          ::sendmmsg(socket, rest.data(), static_cast<unsigned>(rest.size()), MSG_DONTWAIT);
      rest = rest.subspan(static_cast<std::size_t>(std::max(sent, 1)));
    }
    return kMessages * messages.segments();
  });
}

/// A submission and a completion ring, as io_uring_setup(2) describes them, with one registered
/// file; only what a burst of sends needs.
class Ring {
 public:
  explicit Ring(int socket) {
    io_uring_params parameters{};
    parameters.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN;
    descriptor_ =
        io::FileDescriptor(static_cast<int>(::syscall(SYS_io_uring_setup, kMessages, &parameters)));
    if (!descriptor_.is_open()) {
      return;
    }
    const auto& submission = parameters.sq_off;
    const auto& completion = parameters.cq_off;
    std::uint8_t* rings =
        map(std::max<std::size_t>(submission.array + parameters.sq_entries * sizeof(std::uint32_t),
                                  completion.cqes + parameters.cq_entries * sizeof(io_uring_cqe)),
            IORING_OFF_SQ_RING);
    entries_ = reinterpret_cast<io_uring_sqe*>(
        map(parameters.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES));
    tail_ = reinterpret_cast<std::uint32_t*>(rings + submission.tail);
    mask_ = *reinterpret_cast<std::uint32_t*>(rings + submission.ring_mask);
    array_ = reinterpret_cast<std::uint32_t*>(rings + submission.array);
    completed_head_ = reinterpret_cast<std::uint32_t*>(rings + completion.head);
    completed_tail_ = reinterpret_cast<std::uint32_t*>(rings + completion.tail);
    completed_mask_ = *reinterpret_cast<std::uint32_t*>(rings + completion.ring_mask);
    completions_ = reinterpret_cast<io_uring_cqe*>(rings + completion.cqes);
    ::syscall(SYS_io_uring_register, descriptor_.get(), IORING_REGISTER_FILES, &socket, 1);
  }
  [[nodiscard]] bool is_open() const { return descriptor_.is_open(); }

  void send(std::span<mmsghdr> messages) {
    std::uint32_t tail = *tail_;
    for (mmsghdr& message : messages) {
      io_uring_sqe& entry = entries_[tail & mask_];
      entry = {};
      entry.opcode = IORING_OP_SENDMSG;
      entry.flags = IOSQE_FIXED_FILE;
      entry.fd = 0;
      entry.addr = reinterpret_cast<std::uint64_t>(&message.msg_hdr);
      entry.len = 1;
      array_[tail & mask_] = tail & mask_;
      ++tail;
    }
    std::atomic_ref(*tail_).store(tail, std::memory_order_release);
    const auto count = static_cast<unsigned>(messages.size());
    ::syscall(SYS_io_uring_enter, descriptor_.get(), count, count, IORING_ENTER_GETEVENTS, nullptr,
              0);
    const std::uint32_t end = std::atomic_ref(*completed_tail_).load(std::memory_order_acquire);
    for (std::uint32_t i = *completed_head_; i != end; ++i) {
      MERIDIAN_CHECK(completions_[i & completed_mask_].res > 0);
    }
    std::atomic_ref(*completed_head_).store(end, std::memory_order_release);
  }

 private:
  [[nodiscard]] std::uint8_t* map(std::size_t size, std::int64_t offset) const {
    void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                          descriptor_.get(), offset);
    MERIDIAN_CHECK(mapped != MAP_FAILED);
    return static_cast<std::uint8_t*>(mapped);  // until the process ends
  }

  io::FileDescriptor descriptor_;
  io_uring_sqe* entries_ = nullptr;
  std::uint32_t* tail_ = nullptr;
  std::uint32_t* array_ = nullptr;
  std::uint32_t* completed_head_ = nullptr;
  std::uint32_t* completed_tail_ = nullptr;
  io_uring_cqe* completions_ = nullptr;
  std::uint32_t mask_ = 0;
  std::uint32_t completed_mask_ = 0;
};

double by_io_uring(int socket, Messages& messages) {
  Ring ring(socket);
  if (!ring.is_open()) {
    return 0;
  }
  return measure([&] {
    ring.send(messages.headers());
    return kMessages * messages.segments();
  });
}

void print(const char* direction, const char* way, std::size_t segments, double nanoseconds) {
  std::printf("%-8s %-10s %2zu in a message  %8.0f ns\n", direction, way, segments, nanoseconds);
  std::printf(
      "{\"bench\":\"sockets\",\"direction\":\"%s\",\"way\":\"%s\",\"segments\":%zu,\"ns\":%.1f}\n",
      direction, way, segments, nanoseconds);
  std::fflush(stdout);
}

/// Reading what was sent over loopback in messages of `segments`; the sending isn't in it.
double by_recvmmsg(bool with_gro, std::size_t segments) {
  constexpr std::size_t kSlot = 65'536;
  auto opened = io::UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0});
  auto sender = io::UdpSocket::open({IpAddress::v4({127, 0, 0, 1}), 0});
  MERIDIAN_CHECK(opened && sender);
  const int on = with_gro ? 1 : 0;
  ::setsockopt(opened->descriptor(), SOL_UDP, UDP_GRO, &on, sizeof on);
  const std::vector<std::uint8_t> payload(kPacketSize, 0x5a);
  const std::size_t slot = with_gro ? kSlot : std::size_t{2048};
  std::vector<std::uint8_t> slots(kMessages * slot);
  std::array<mmsghdr, kMessages> headers{};
  std::array<iovec, kMessages> vectors{};
  alignas(cmsghdr) std::array<std::array<std::uint8_t, 128>, kMessages> control{};
  double best = 0;
  for (std::size_t run = 0; run < 40 * kRuns; ++run) {
    io::SendCall call;
    for (std::size_t sent = 0; sent < 4 * kMessages; sent += call.datagram_count()) {
      call.reset(segments > 1 ? sender->grouping() : io::SendCall::Grouping::kSingle);
      for (std::size_t i = 0; i < segments; ++i) {
        MERIDIAN_CHECK(call.add(opened->local(), payload));
      }
      (void)sender->send(call);
    }
    std::size_t bytes = 0;
    const Duration start = cpu_time();
    while (true) {
      for (std::size_t i = 0; i < kMessages; ++i) {
        vectors[i] = {slots.data() + i * slot, slot};
        headers[i].msg_hdr = {};
        headers[i].msg_hdr.msg_iov = &vectors[i];
        headers[i].msg_hdr.msg_iovlen = 1;
        headers[i].msg_hdr.msg_control = control[i].data();
        headers[i].msg_hdr.msg_controllen = control[i].size();
      }
      const int count =
          ::recvmmsg(opened->descriptor(), headers.data(), kMessages, MSG_DONTWAIT, nullptr);
      if (count <= 0) {
        break;
      }
      for (int i = 0; i < count; ++i) {
        bytes += headers[static_cast<std::size_t>(i)].msg_len;
      }
    }
    const double cost = static_cast<double>((cpu_time() - start).count()) /
                        static_cast<double>(bytes / kPacketSize);
    best = run == 0 ? cost : std::min(best, cost);
  }
  return best;
}

int run(const IpAddress& to) {
  auto opened = io::UdpSocket::open({IpAddress::v4({0, 0, 0, 0}), 0});
  MERIDIAN_CHECK(opened);
  const int socket = opened->descriptor();
  for (const std::size_t segments : {1U, 8U}) {
    Messages messages(to, segments);
    print("send", "sendmsg", segments, by_sendmsg(socket, messages));
    print("send", "sendmmsg", segments, by_sendmmsg(socket, messages));
    print("send", "io_uring", segments, by_io_uring(socket, messages));
  }
  for (const std::size_t segments : {1U, 8U}) {
    print("receive", "recvmmsg", segments, by_recvmmsg(false, segments));
    print("receive", "UDP_GRO", segments, by_recvmmsg(true, segments));
  }
  return 0;
}

}  // namespace
}  // namespace meridian::bench

int main(int argc, char** argv) {
  CLI::App app("CPU time of the kernel for a datagram");
  std::string to = "127.0.0.1";
  app.add_option("--to", to, "send to this IPv4 address");
  CLI11_PARSE(app, argc, argv);
  const auto address = meridian::IpAddress::parse(to);
  if (!address) {
    std::fprintf(stderr, "meridian_bench_sockets: %s is no address\n", to.c_str());
    return 2;
  }
  return meridian::bench::run(*address);
}
