#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "base/time.hpp"

namespace meridian::sim {

/// What happened in a run, one line for each event. Lines hold nothing that comes from keys or
/// ciphertext, so that the same seed gives the same log, byte for byte.
class RunLog {
 public:
  enum class Output : std::uint8_t { kNone, kPrint };
  explicit RunLog(Output output) : output_(output) {}

  void write(Instant now, std::string_view text) {
    std::string line = std::to_string(now.since_origin() / 1us);
    line.append(" ").append(text).append("\n");
    for (const char c : line) {  // FNV-1a
      hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
    }
    ++lines_;
    if (output_ == Output::kPrint) {
      std::fwrite(line.data(), 1, line.size(), stdout);
    }
  }
  [[nodiscard]] std::uint64_t hash() const { return hash_; }
  [[nodiscard]] std::uint64_t lines() const { return lines_; }

 private:
  Output output_;
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
  std::uint64_t lines_ = 0;
};

}  // namespace meridian::sim
