#include "sim/adaptation/table.hpp"

#include <algorithm>
#include <cstdio>
#include <map>
#include <vector>

namespace meridian::sim::adaptation {
namespace {

std::string seconds(const std::optional<Duration>& time) {
  char text[16] = "–";
  if (time) {
    std::snprintf(text, sizeof(text), "%.1f", to_ms(*time) / 1000);
  }
  return text;
}

/// A figure over many runs: the mean, and what was worst.
class Spread {
 public:
  enum class Worst : std::uint8_t { kLeast, kMost };
  explicit Spread(Worst worst) : worst_(worst) {}

  void add(double value) {
    const bool is_worse = worst_ == Worst::kLeast ? value < extreme_ : value > extreme_;
    extreme_ = count_ == 0 || is_worse ? value : extreme_;
    sum_ += value;
    ++count_;
  }
  /// "mean (worst)"; a dash when there is none.
  [[nodiscard]] std::string text(int digits, const char* unit = "") const {
    char text[64] = "–";
    if (count_ > 0) {
      std::snprintf(text, sizeof(text), "%.*f%s (%.*f)", digits, sum_ / count_, unit, digits,
                    extreme_);
    }
    return text;
  }

 private:
  Worst worst_;
  double sum_ = 0;
  double extreme_ = 0;
  unsigned count_ = 0;
};

/// What the runs of one scenario came to.
class Summary {
 public:
  void add(const Scenario& scenario, const Result& result) {
    const Figures& got = result.figures;
    used_.add(got.used * 100 / static_cast<double>(scenario.best));
    sent_.add(got.sent / 1000);
    queueing_.add(to_ms(got.queueing));
    freezes_.add(got.freezes);
    longest_.add(to_ms(got.longest_freeze));
    switches_.add(got.switches_a_minute);
    first_.add(got.first_picture ? to_ms(*got.first_picture) / 1000 : to_ms(scenario.ends) / 1000);
    if (scenario.recovers) {
      back_.add(to_ms(got.back_up.value_or(scenario.ends - *scenario.recovers)) / 1000);
    }
    lost_.add(got.audio_lost * 100);
    silence_.add(to_ms(got.longest_silence));
    missed_ += result.faults.empty() ? 0 : 1;
    for (const std::string& fault : result.faults) {
      faults_[fault].push_back(scenario.seed);
    }
  }
  [[nodiscard]] unsigned missed() const { return missed_; }
  void print(const std::string& name) const {
    std::printf("| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %u |\n", name.c_str(),
                used_.text(0, " %").c_str(), sent_.text(0).c_str(), queueing_.text(0).c_str(),
                freezes_.text(0).c_str(), longest_.text(0).c_str(), switches_.text(1).c_str(),
                first_.text(1).c_str(), back_.text(1).c_str(), lost_.text(1, " %").c_str(),
                silence_.text(0).c_str(), missed_);
    for (const auto& [fault, seeds] : faults_) {
      std::printf("  MISSED by %zu: %s; seeds", seeds.size(), fault.c_str());
      for (const std::uint64_t seed : seeds) {
        std::printf(" %llu", static_cast<unsigned long long>(seed));
      }
      std::printf("\n");
    }
    std::fflush(stdout);
  }

 private:
  Spread used_{Spread::Worst::kLeast};
  Spread sent_{Spread::Worst::kMost};
  Spread queueing_{Spread::Worst::kMost};
  Spread freezes_{Spread::Worst::kMost};
  Spread longest_{Spread::Worst::kMost};
  Spread switches_{Spread::Worst::kMost};
  Spread first_{Spread::Worst::kMost};
  Spread back_{Spread::Worst::kMost};
  Spread lost_{Spread::Worst::kMost};
  Spread silence_{Spread::Worst::kMost};
  unsigned missed_ = 0;
  std::map<std::string, std::vector<std::uint64_t>> faults_;
};

/// Once more with all that the server has no need to read made illegible: the subscriber must get
/// the same packets at the same times, which looked alike but for that.
bool is_forwarded_otherwise_when_hidden(const Scenario& scenario, const Result& plain) {
  Scenario hidden = scenario;
  hidden.form = test::StampForm::kHidden;
  return Run(hidden).run().heads != plain.heads;
}

}  // namespace

bool run_all(const std::string& only, Run::Log log, std::optional<std::uint64_t> seed) {
  bool holds = true;
  std::printf(
      "| Scenario | Media, kbit/s | of the best | Sent, kbit/s | Queueing p95, ms | Freezes | "
      "Longest, ms | Switches/min | First picture, s | Back up, s | Sound lost | Silence, ms |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Scenario& scenario : scenarios()) {
    if (!only.empty() && scenario.name != only) {
      continue;
    }
    Scenario seeded = scenario;
    seeded.seed = seed.value_or(scenario.seed);
    Result result = Run(seeded, log).run();
    if (is_forwarded_otherwise_when_hidden(seeded, result)) {
      result.faults.emplace_back("something else is forwarded when payloads are hidden");
    }
    const Figures& got = result.figures;
    std::printf(
        "| %s | %.0f | %.0f %% | %.0f | %.0f | %u | %.0f | %.1f | %s | %s | %.1f %% | %.0f |\n",
        scenario.name.c_str(), got.used / 1000, got.used * 100 / static_cast<double>(scenario.best),
        got.sent / 1000, to_ms(got.queueing), got.freezes, to_ms(got.longest_freeze),
        got.switches_a_minute, seconds(got.first_picture).c_str(), seconds(got.back_up).c_str(),
        got.audio_lost * 100, to_ms(got.longest_silence));
    std::fflush(stdout);
    for (const std::string& fault : result.faults) {
      std::printf("  FAILED %s: %s\n", scenario.name.c_str(), fault.c_str());
      holds = false;
    }
  }
  return holds;
}

bool run_seeds(std::uint64_t first, std::uint64_t count, const std::string& only) {
  bool holds = true;
  std::printf(
      "| Scenario | of the best | Sent, kbit/s | Queueing p95, ms | Freezes | Longest, ms | "
      "Switches/min | First picture, s | Back up, s | Sound lost | Silence, ms | Missed a goal |\n"
      "|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Scenario& scenario : scenarios()) {
    if (!only.empty() && scenario.name != only) {
      continue;
    }
    Summary summary;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
      Scenario seeded = scenario;
      seeded.seed = seed;
      summary.add(seeded, Run(seeded).run());
    }
    summary.print(scenario.name);
    holds = holds && summary.missed() == 0;
  }
  return holds;
}

}  // namespace meridian::sim::adaptation
