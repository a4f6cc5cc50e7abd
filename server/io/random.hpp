#pragma once

#include "base/random.hpp"

namespace meridian::io {

/// Bytes from the operating system by way of OpenSSL's generator, fit for keys. Thread-safe. What
/// is asked for is short, and asking OpenSSL takes longer than to make the bytes: each thread has
/// some in stock, which are wiped as they are handed out.
class SystemRandom final : public RandomSource {
 public:
  /// Bytes that a thread has in stock; for more, OpenSSL is asked.
  static constexpr std::size_t kStock = 512;

  void fill(MutableBytes out) override;
};

}  // namespace meridian::io
