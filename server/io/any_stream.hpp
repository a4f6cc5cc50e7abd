#pragma once

#include <array>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

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

  /// From now on what is written is only collected, and counts as written: small messages that come
  /// together then leave in one call. The caller bounds what that may be.
  void hold() { is_holding_ = true; }
  /// The next write takes along what was collected; without one, async_flush() does.
  void let_go() { is_holding_ = false; }
  /// Bytes that were collected.
  [[nodiscard]] std::size_t held() const { return held_.size(); }

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
          write_some({gathered.data(), count}, IoHandler(std::move(handler)));
        },
        token, buffers);
  }

  /// Writes what was collected, and ends holding.
  template <class Token>
  auto async_flush(Token&& token) {
    return boost::asio::async_initiate<Token, void(Error)>(
        [this](auto handler) {
          is_holding_ = false;
          write_held([done = DoneHandler(std::move(handler))](Error error, std::size_t) mutable {
            std::move(done)(error);
          });
        },
        token);
  }

  template <class Token>
  auto async_shutdown(Token&& token) {
    return boost::asio::async_initiate<Token, void(Error)>(
        [this](auto handler) { shutdown(DoneHandler(std::move(handler))); }, token);
  }

 private:
  void write_some(std::span<const boost::asio::const_buffer> from, IoHandler done) {
    if (!is_holding_ && held_.empty()) {
      return transport_->write_some(from, std::move(done));
    }
    const std::size_t before = held_.size();
    for (const auto& buffer : from) {
      const auto* data = static_cast<const std::uint8_t*>(buffer.data());
      held_.insert(held_.end(), data, data + buffer.size());
    }
    const std::size_t taken = held_.size() - before;
    auto finish = [taken, done = std::move(done)](Error error, std::size_t) mutable {
      std::move(done)(error, error ? 0 : taken);
    };
    if (is_holding_) {
      boost::asio::post(get_executor(),
                        [finish = std::move(finish)]() mutable { finish(Error(), 0); });
    } else {
      write_held(std::move(finish));
    }
  }

  void shutdown(DoneHandler done) {
    is_holding_ = false;
    if (held_.empty()) {
      return transport_->shutdown(std::move(done));
    }
    write_held([this, done = std::move(done)](Error, std::size_t) mutable {
      transport_->shutdown(std::move(done));
    });
  }

  /// All of it, in as few calls as the transport makes of one buffer.
  void write_held(IoHandler done) {
    auto from = std::make_unique<Held>(std::exchange(held_, {}));
    if (from->bytes.empty()) {
      return boost::asio::post(get_executor(),
                               [done = std::move(done)]() mutable { std::move(done)(Error(), 0); });
    }
    write_rest(std::move(from), std::move(done));
  }
  struct Held {
    explicit Held(std::vector<std::uint8_t> from) : bytes(std::move(from)) {}
    std::vector<std::uint8_t> bytes;
    std::size_t sent = 0;
  };
  void write_rest(std::unique_ptr<Held> held, IoHandler done) {
    const boost::asio::const_buffer rest = boost::asio::buffer(held->bytes) + held->sent;
    transport_->write_some({&rest, 1}, [this, held = std::move(held), done = std::move(done)](
                                           Error error, std::size_t sent) mutable {
      held->sent += sent;
      if (error || held->sent == held->bytes.size()) {
        return std::move(done)(error, held->sent);
      }
      write_rest(std::move(held), std::move(done));
    });
  }

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
  std::vector<std::uint8_t> held_;
  bool is_holding_ = false;
};

}  // namespace meridian::io
