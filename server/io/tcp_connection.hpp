#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "io/tcp_media.hpp"
#include "turn/stream_reader.hpp"

namespace meridian::io {

/// One connection of TcpMedia.
struct TcpMedia::Connection {
  Connection(boost::asio::io_context& context, FileDescriptor socket, ice::Tuple from, Instant now)
      : descriptor(context, socket.release()), tuple(from), begun(now), heard(now) {}

  boost::asio::posix::stream_descriptor descriptor;
  const ice::Tuple tuple;
  const Instant begun;
  Instant heard;
  enum class Protocol : std::uint8_t { kUnknown, kFrames, kTurn } protocol = Protocol::kUnknown;
  FrameReader frames;
  turn::StreamReader messages;
  std::unique_ptr<TlsSession> tls;
  /// The first byte, when it came alone.
  std::optional<std::uint8_t> first;
  /// An Allocate whose participant has no transport yet.
  std::vector<std::uint8_t> parked;
  TcpQueue queue;
  /// Whose it is; nothing before the first authenticated check.
  TransportId transport = {};
  std::size_t stranger_bytes = 0;
  bool is_stranger = true;
  TcpMedia* owner = nullptr;  // null when it is over
  bool is_watched_for_writing = false;
  bool is_pending = false;
};

}  // namespace meridian::io
