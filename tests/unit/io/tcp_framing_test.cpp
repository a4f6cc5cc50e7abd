#include "io/tcp_framing.hpp"

#include <vector>

#include <gtest/gtest.h>

namespace meridian::io {
namespace {

std::vector<std::uint8_t> frame(std::size_t size, std::uint8_t content) {
  std::vector<std::uint8_t> bytes = {static_cast<std::uint8_t>(size >> 8U),
                                     static_cast<std::uint8_t>(size)};
  bytes.insert(bytes.end(), size, content);
  return bytes;
}

struct Sink {
  std::vector<std::vector<std::uint8_t>> packets;
  void operator()(MutableBytes packet) const {
    const_cast<Sink*>(this)->packets.emplace_back(packet.begin(), packet.end());
  }
};

TEST(TcpFraming, cuts_a_stream_wherever_it_was_cut_before) {
  std::vector<std::uint8_t> stream;
  std::vector<std::vector<std::uint8_t>> expected;
  for (std::size_t i = 0; i < 40; ++i) {
    const std::size_t size = i % 7 == 3 ? 0 : 1 + i * 37;
    const auto bytes = frame(size, static_cast<std::uint8_t>(i));
    stream.insert(stream.end(), bytes.begin(), bytes.end());
    if (size > 0) {
      expected.emplace_back(size, static_cast<std::uint8_t>(i));
    }
  }
  for (const std::size_t step : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{700},
                                 std::size_t{4096}, stream.size()}) {
    FrameReader reader;
    Sink sink;
    std::vector<std::uint8_t> bytes = stream;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      const auto piece = MutableBytes(bytes).subspan(at, std::min(step, bytes.size() - at));
      ASSERT_EQ(reader.take(piece, sink), FrameReader::Take::kFine);
    }
    EXPECT_EQ(sink.packets, expected) << step;
  }
}

TEST(TcpFraming, refuses_what_is_longer_than_any_packet) {
  for (const std::size_t step : {std::size_t{1}, std::size_t{4}}) {
    FrameReader reader;
    const Sink sink;
    std::vector<std::uint8_t> bytes = frame(FrameReader::kMaxPacket + 1, 1);
    auto taken = FrameReader::Take::kFine;
    for (std::size_t at = 0; at + step <= 8 && taken == FrameReader::Take::kFine; at += step) {
      taken = reader.take(MutableBytes(bytes).subspan(at, step), sink);
    }
    EXPECT_EQ(taken, FrameReader::Take::kTooLong) << step;
    EXPECT_TRUE(sink.packets.empty());
  }
}

}  // namespace
}  // namespace meridian::io
