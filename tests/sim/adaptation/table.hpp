#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "sim/adaptation/run.hpp"

namespace meridian::sim::adaptation {

/// Prints the figures of each scenario, with its own seed or with `seed`; false when a goal was
/// missed. `only`: the scenario of that name; empty: all.
[[nodiscard]] bool run_all(const std::string& only, Run::Log log,
                           std::optional<std::uint64_t> seed = {});

/// The same scenarios with other seeds, `count` from `first` on: prints means, beside each what was
/// worst, and in how many runs a goal was missed. False when one was.
[[nodiscard]] bool run_seeds(std::uint64_t first, std::uint64_t count, const std::string& only);

}  // namespace meridian::sim::adaptation
