#pragma once

#include <cstddef>
#include <deque>
#include <string>

#include "base/time.hpp"
#include "forward/commands.hpp"

namespace meridian::meeting {

struct Room;

/// What a participant's worker said lately of the way to it, newest last.
class DownlinkLog {
 public:
  static constexpr std::size_t kMaxReports = 10;
  struct Entry {
    UnixTime at;
    forward::DownlinkReport report;
  };
  void add(const forward::DownlinkReport& report, UnixTime at);
  [[nodiscard]] const std::deque<Entry>& entries() const { return entries_; }

 private:
  std::deque<Entry> entries_;
};

/// Why everybody in a room gets the video that they get: for each subscriber and each of the last
/// seconds what the way to it carries, how that was divided, and what changed. Plain text for
/// people, UTF-8, with identities and track ids in it.
[[nodiscard]] std::string explain(const Room& room);

}  // namespace meridian::meeting
