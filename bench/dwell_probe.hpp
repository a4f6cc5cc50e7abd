#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <memory>
#include <span>
#include <vector>

#include "base/time.hpp"

struct mmsghdr;

namespace meridian::bench {

/// Times in steps of a microsecond, up to 100 ms.
class FineHistogram {
 public:
  void record(Duration time) {
    const auto us = time <= Duration::zero() ? 0 : static_cast<std::size_t>(time / 1us);
    ++counts_[us < kSize ? us : kSize - 1];
    ++total_;
  }
  [[nodiscard]] std::uint64_t total() const { return total_; }
  /// Within which that part (0 to 1) of them is; zero when there are none.
  [[nodiscard]] Duration percentile(double part) const {
    const double wanted = part * static_cast<double>(total_);
    std::uint64_t sum = 0;
    for (std::size_t us = 0; us < kSize && total_ > 0; ++us) {
      sum += counts_[us];
      if (static_cast<double>(sum) >= wanted) {
        return Duration(1us) * static_cast<Duration::rep>(us + 1);
      }
    }
    return Duration::zero();
  }
  void clear() {
    counts_.assign(kSize, 0);
    total_ = 0;
  }

 private:
  static constexpr std::size_t kSize = 100'000;
  std::vector<std::uint64_t> counts_ = std::vector<std::uint64_t>(kSize);
  std::uint64_t total_ = 0;
};

/// Looks at what a worker's socket receives and sends, from inside the calls: recvmmsg and sendmmsg
/// of this program go through it (linker option --wrap). The time of each forwarded packet goes
/// from the kernel's stamp, when its publisher's packet was received, to the return of the send
/// call. Which packet it was, its number says: what is added to the publisher's numbers for a
/// subscriber is the same for all packets as long as nothing is left out, and is learnt while
/// nothing moves.
/// One at a time; observe() and what the calls do are for the worker's thread, the rest for the
/// owner's, while nothing moves.
class DwellProbe {
 public:
  /// Subscriber i of all is in room i / subscribers; SSRCs as a Rig has them.
  DwellProbe(int socket, std::size_t rooms, std::size_t subscribers);
  ~DwellProbe();
  DwellProbe(const DwellProbe&) = delete;
  DwellProbe& operator=(const DwellProbe&) = delete;

  /// The last packet of each room has left to all its subscribers.
  void learn(std::span<const std::uint16_t> last_sequences);
  /// Subscribers for whom what learn() learnt does not hold any more.
  [[nodiscard]] std::size_t strayed(std::span<const std::uint16_t> last_sequences) const;
  void start();
  const FineHistogram& stop();

  void observe_received(int socket, const mmsghdr* messages, int count);
  void observe_sent(int socket, const mmsghdr* messages, int count);

 private:
  /// Packets of a room that can be on their way through the worker, a power of two.
  static constexpr std::size_t kUnderWay = 1024;
  struct Room {
    std::array<std::int64_t, kUnderWay> received{};  // nanoseconds of CLOCK_REALTIME
  };
  struct Subscriber {
    std::uint16_t offset = 0;
    std::uint16_t last = 0;
  };
  void note_sent(std::span<const std::uint8_t> packet, std::int64_t now);

  const int socket_;
  const std::size_t subscribers_per_room_;
  std::vector<Room> rooms_;
  std::vector<Subscriber> subscribers_;
  FineHistogram histogram_;
  std::atomic<bool> is_recording_{false};
};

}  // namespace meridian::bench
