#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "bench/measure.hpp"
#include "support/socket_bed.hpp"

namespace meridian::bench {

/// A small meeting in which everybody publishes video and sees all others. In each turn of the
/// worker's loop one packet of 1200 bytes has come from each. Who sends and who receives are
/// transports of their own, so that what is received leaves by the same way as in Meeting.
class Conference {
 public:
  static constexpr std::size_t kPacketSize = 1200;

  /// `sinks` has an address for each participant.
  Conference(std::size_t participants, const Sinks& sinks);
  Conference(const Conference&) = delete;
  Conference& operator=(const Conference&) = delete;
  ~Conference();

  /// The best of some runs; the timers are run on the side, and aren't in it.
  [[nodiscard]] Cost measure(Output output, Duration clock_cost);

 private:
  struct Publisher;

  void subscribe(std::size_t participant, const test::SocketBed::Client& client);
  void publish(Publisher& publisher);
  Duration turn(Output output);
  Duration forward_by_memory();
  void pass_time();
  [[nodiscard]] std::uint64_t forwarded();

  test::SocketBed bed_{1};
  std::vector<std::unique_ptr<Publisher>> publishers_;
  std::vector<test::SocketBed::Client*> subscribers_;
  Instant next_consent_;
  std::uint32_t frame_ = 0;
};

}  // namespace meridian::bench
