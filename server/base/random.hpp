#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace meridian {

/// Where credentials, identifiers and keys get their bytes: the operating system's generator in
/// `io`, a seeded one in the simulator. Not on the packet path.
class RandomSource {
 public:
  virtual ~RandomSource() = default;
  virtual void fill(MutableBytes out) = 0;

  std::uint32_t u32() {
    std::uint8_t raw[4];
    fill(raw);
    return load_u32(raw);
  }
  /// `count` characters, each drawn evenly from the 62 letters and digits.
  std::string alphanumeric(std::size_t count) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    std::string text;
    text.reserve(count);
    while (text.size() < count) {
      std::uint8_t raw[32];
      fill(raw);
      for (const std::uint8_t byte : raw) {
        // 248 = 4 * 62: bytes above it would favour the first letters.
        if (byte < 248 && text.size() < count) {
          text.push_back(kAlphabet[byte % 62U]);
        }
      }
    }
    return text;
  }
};

/// xoshiro256** (Blackman and Vigna): fast, seeded, not for secrets.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) {
    for (auto& word : state_) {  // splitmix64, so that near seeds give far states
      seed += 0x9e3779b97f4a7c15ULL;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
      word = z ^ (z >> 31U);
    }
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t t = state_[1] << 17U;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  /// Even over [0, bound); bound > 0. The bias of the modulus is below 2^-32 for 32-bit bounds.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool chance(double probability) {
    return static_cast<double>(next() >> 11U) * 0x1.0p-53 < probability;
  }

 private:
  std::uint64_t state_[4]{};
};

/// A RandomSource from a seed, for tests and the simulator only.
class SeededRandomSource final : public RandomSource {
 public:
  explicit SeededRandomSource(std::uint64_t seed) : rng_(seed) {}
  void fill(MutableBytes out) override {
    for (auto& byte : out) {
      byte = static_cast<std::uint8_t>(rng_.next() >> 56U);
    }
  }

 private:
  Rng rng_;
};

}  // namespace meridian
