#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/expected.hpp"
#include "base/time.hpp"

/// One line for each event: time, level, event name, then key=value pairs. Only ids that the server
/// made (room and participant numbers, connection numbers, regions) may stand in a value, never
/// names, tokens, SDP or addresses of clients. Not for the packet path. Thread-safe.
namespace meridian::io::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Sets the lowest level that is written: `debug`, `info`, `warning` or `error`.
base::Expected<void, base::Error> set_level(std::string_view name);

struct Field {
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}

  std::string_view key;
  std::string value;
};
using Fields = std::initializer_list<Field>;

/// The text of a line after time and level, e.g. `event=listening address="1.2.3.4:5"`. Values with
/// anything but letters, digits and `-._/:+@[]` are quoted and escaped, so that no value can end a
/// line or forge a field; they are cut at kMaxValueSize.
inline constexpr std::size_t kMaxValueSize = 512;
[[nodiscard]] std::string format_line(std::string_view event, Fields fields);

void write(Level level, std::string_view event, Fields fields = {});
/// The same with fields that were put together at run time.
void write(Level level, std::string_view event,
           std::span<const std::pair<std::string, std::string>> fields);
inline void debug(std::string_view event, Fields fields = {}) {
  write(Level::kDebug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) {
  write(Level::kInfo, event, fields);
}
inline void warning(std::string_view event, Fields fields = {}) {
  write(Level::kWarning, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) {
  write(Level::kError, event, fields);
}

/// Lets one event through each `interval`, so that nobody can fill a disk from outside. One static
/// instance for each call site.
class RateLimit {
 public:
  explicit RateLimit(Duration interval) : interval_(interval) {}
  /// Whether to write now; takes over how many were held back since the last one that passed.
  [[nodiscard]] bool allow(Instant now);
  [[nodiscard]] std::uint64_t held_back() const { return reported_.load(); }

 private:
  const Duration interval_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<std::uint64_t> suppressed_{0};
  std::atomic<std::uint64_t> reported_{0};
};

}  // namespace meridian::io::log
