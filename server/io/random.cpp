#include "io/random.hpp"

#include <algorithm>
#include <array>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "base/check.hpp"

namespace meridian::io {
namespace {

void generate(MutableBytes out) {
  // Going on with predictable keys would be worse than ending here.
  MERIDIAN_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

struct Stock {
  Stock() = default;
  Stock(const Stock&) = delete;
  Stock& operator=(const Stock&) = delete;
  ~Stock() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

  std::array<std::uint8_t, SystemRandom::kStock> bytes{};
  std::size_t taken = SystemRandom::kStock;
};

}  // namespace

void SystemRandom::fill(MutableBytes out) {
  thread_local Stock stock;
  if (out.size() > kStock) {
    return generate(out);
  }
  if (kStock - stock.taken < out.size()) {
    generate(stock.bytes);
    stock.taken = 0;
  }
  const auto from = MutableBytes(stock.bytes).subspan(stock.taken, out.size());
  std::ranges::copy(from, out.begin());
  OPENSSL_cleanse(from.data(), from.size());
  stock.taken += from.size();
}

}  // namespace meridian::io
