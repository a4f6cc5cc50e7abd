#pragma once

#include "base/random.hpp"

namespace meridian::io {

/// Bytes from the operating system by way of OpenSSL's generator, fit for keys. Thread-safe.
class SystemRandom final : public RandomSource {
 public:
  void fill(MutableBytes out) override;
};

}  // namespace meridian::io
