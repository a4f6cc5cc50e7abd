#include "io/log.hpp"

#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace meridian::io::log {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = std::make_shared<spdlog::logger>("meridian",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
    made->flush_on(spdlog::level::debug);
    return made;
  }();
  return *instance;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._/:+@[]").contains(c);
}

void append_value(std::string& line, std::string_view value) {
  value = value.substr(0, kMaxValueSize);
  bool plain = !value.empty();
  for (const char c : value) {
    plain = plain && is_plain(c);
  }
  if (plain) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr std::string_view kHex = "0123456789abcdef";
      line += "\\x";
      line += kHex[byte >> 4U];
      line += kHex[byte & 0xfU];
    } else {
      line += c;
    }
  }
  line += '"';
}

void append_field(std::string& line, std::string_view key, std::string_view value) {
  line += ' ';
  line += key;
  line += '=';
  append_value(line, value);
}

}  // namespace

base::Expected<void, base::Error> set_level(std::string_view name) {
  for (const auto& [text, level] :
       {std::pair{"debug", Level::kDebug}, std::pair{"info", Level::kInfo},
        std::pair{"warning", Level::kWarning}, std::pair{"error", Level::kError}}) {
    if (name == text) {
      logger().set_level(to_spdlog(level));
      return {};
    }
  }
  return base::fail("log level must be debug, info, warning or error, not '" + std::string(name) +
                    "'");
}

std::string format_line(std::string_view event, Fields fields) {
  std::string line = "event=";
  line += event;
  for (const Field& field : fields) {
    append_field(line, field.key, field.value);
  }
  return line;
}

void write(Level level, std::string_view event, Fields fields) {
  if (logger().should_log(to_spdlog(level))) {
    logger().log(to_spdlog(level), format_line(event, fields));
  }
}

void write(Level level, std::string_view event,
           std::span<const std::pair<std::string, std::string>> fields) {
  if (!logger().should_log(to_spdlog(level))) {
    return;
  }
  std::string line = format_line(event, {});
  for (const auto& [key, value] : fields) {
    append_field(line, key, value);
  }
  logger().log(to_spdlog(level), line);
}

bool RateLimit::allow(Instant now) {
  const std::int64_t at = now.since_origin().count();
  std::int64_t next = next_.load(std::memory_order_relaxed);
  if (at < next || !next_.compare_exchange_strong(next, at + interval_.count())) {
    suppressed_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  reported_.store(suppressed_.exchange(0));
  return true;
}

}  // namespace meridian::io::log
