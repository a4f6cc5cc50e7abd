#include "io/random.hpp"

#include <openssl/rand.h>

#include "base/check.hpp"

namespace meridian::io {

void SystemRandom::fill(MutableBytes out) {
  // Going on with predictable keys would be worse than ending here.
  MERIDIAN_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace meridian::io
