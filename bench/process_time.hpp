#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

#include "base/time.hpp"

namespace meridian::bench {

/// What the threads of a process have computed so far, user and system: to the nanosecond, but
/// without threads that have ended. Zero when there is no such process.
[[nodiscard]] inline Duration process_time(unsigned process) {
  Duration sum{};
  std::error_code error;
  const std::filesystem::path tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks, error)) {
    std::ifstream file(task.path() / "schedstat");
    std::int64_t running = 0;
    file >> running;
    sum += Duration(running);
  }
  return sum;
}

}  // namespace meridian::bench
