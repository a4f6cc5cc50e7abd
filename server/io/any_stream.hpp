#pragma once

#include <array>
#include <memory>
#include <span>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "io/file_descriptor.hpp"
#include "io/tls_session.hpp"

namespace meridian::io {

/// A TCP connection, plain or inside TLS, behind one type: HTTP and WebSocket code, which takes
/// most of the build's time, is instantiated once for both. Models Asio's AsyncReadStream and
/// AsyncWriteStream. Move-only.
class AnyStream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Error = boost::system::error_code;
  using IoHandler = boost::asio::any_completion_handler<void(Error, std::size_t)>;
  using DoneHandler = boost::asio::any_completion_handler<void(Error)>;
  /// Buffers of one gathered write; more are left for the next call.
  static constexpr std::size_t kMaxBuffers = 16;

  /// A connection that goes on elsewhere: its socket and its TLS session (null without TLS).
  struct Released {
    FileDescriptor socket;
    std::unique_ptr<TlsSession> tls;
  };

  /// What the kinds of connection implement.
  class Transport {
   public:
    virtual ~Transport() = default;
    virtual void handshake(DoneHandler done) = 0;
    virtual void read_some(boost::asio::mutable_buffer into, IoHandler done) = 0;
    virtual void write_some(std::span<const boost::asio::const_buffer> from, IoHandler done) = 0;
    /// Says goodbye where the protocol has a way to, then ends the sending direction.
    virtual void shutdown(DoneHandler done) = 0;
    virtual boost::asio::ip::tcp::socket& socket() = 0;
    /// Nothing may be under way.
    virtual Released release() = 0;
  };

  explicit AnyStream(std::unique_ptr<Transport> transport) : transport_(std::move(transport)) {}

  executor_type get_executor() { return transport_->socket().get_executor(); }
  [[nodiscard]] boost::asio::ip::tcp::socket& socket() { return transport_->socket(); }

  /// Takes the connection out; nothing may be under way, and nothing comes of it afterwards. Only
  /// for the server's side.
  [[nodiscard]] Released release() { return transport_->release(); }

  /// Ends both directions at once; operations under way fail.
  void close() {
    Error ignored;
    transport_->socket().close(ignored);
  }

  template <class Token>
  auto async_handshake(Token&& token) {
    return boost::asio::async_initiate<Token, void(Error)>(
        [this](auto handler) { transport_->handshake(DoneHandler(std::move(handler))); }, token);
  }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(Error, std::size_t)>(
        [this](auto handler, boost::asio::mutable_buffer into) {
          transport_->read_some(into, IoHandler(std::move(handler)));
        },
        token, first_non_empty(buffers));
  }

  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(Error, std::size_t)>(
        [this](auto handler, const Buffers& from) {
          std::array<boost::asio::const_buffer, kMaxBuffers> gathered;
          std::size_t count = 0;
          const auto end = boost::asio::buffer_sequence_end(from);
          for (auto it = boost::asio::buffer_sequence_begin(from); it != end && count < kMaxBuffers;
               ++it) {
            gathered[count++] = boost::asio::const_buffer(*it);
          }
          transport_->write_some({gathered.data(), count}, IoHandler(std::move(handler)));
        },
        token, buffers);
  }

  template <class Token>
  auto async_shutdown(Token&& token) {
    return boost::asio::async_initiate<Token, void(Error)>(
        [this](auto handler) { transport_->shutdown(DoneHandler(std::move(handler))); }, token);
  }

 private:
  template <class Buffers>
  static boost::asio::mutable_buffer first_non_empty(const Buffers& buffers) {
    const auto end = boost::asio::buffer_sequence_end(buffers);
    for (auto it = boost::asio::buffer_sequence_begin(buffers); it != end; ++it) {
      if (const boost::asio::mutable_buffer buffer(*it); buffer.size() > 0) {
        return buffer;
      }
    }
    return {};
  }

  std::unique_ptr<Transport> transport_;
};

}  // namespace meridian::io
