// Covers: server/io/tcp_framing.hpp
// A stream, cut into pieces of the length that the first byte says: what comes out is the same as
// when it comes whole.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.hpp"
#include "io/tcp_framing.hpp"

using namespace meridian;

namespace {

struct Cut {
  std::vector<std::vector<std::uint8_t>> packets;
  io::FrameReader::Take last = io::FrameReader::Take::kFine;
};

Cut cut(Bytes stream, std::size_t step) {
  io::FrameReader reader;
  Cut result;
  while (!stream.empty() && result.last == io::FrameReader::Take::kFine) {
    std::vector<std::uint8_t> piece(
        stream.begin(),
        stream.begin() + static_cast<std::ptrdiff_t>(std::min(step, stream.size())));
    piece.shrink_to_fit();
    stream = stream.subspan(piece.size());
    result.last = reader.take(piece, [&](MutableBytes packet) {
      MERIDIAN_CHECK(!packet.empty() && packet.size() <= io::FrameReader::kMaxPacket);
      result.packets.emplace_back(packet.begin(), packet.end());
    });
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) {
    return 0;
  }
  const Bytes stream(data + 1, size - 1);
  const Cut whole = cut(stream, std::max<std::size_t>(stream.size(), 1));
  const Cut pieces = cut(stream, data[0] % 64U + 1);
  MERIDIAN_CHECK(whole.packets == pieces.packets && whole.last == pieces.last);
  return 0;
}
