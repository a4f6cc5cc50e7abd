// The kinds of connection behind AnyStream.
#include <array>
#include <vector>

#include <boost/asio/ssl.hpp>
#include <openssl/ssl.h>

#include "io/http_connection.hpp"

namespace meridian::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

class PlainTransport final : public AnyStream::Transport {
 public:
  explicit PlainTransport(tcp::socket socket) : socket_(std::move(socket)) {}

  void handshake(AnyStream::DoneHandler done) override {
    asio::post(socket_.get_executor(),
               [done = std::move(done)]() mutable { std::move(done)(AnyStream::Error()); });
  }
  void read_some(asio::mutable_buffer into, AnyStream::IoHandler done) override {
    socket_.async_read_some(into, std::move(done));
  }
  void write_some(std::span<const asio::const_buffer> from, AnyStream::IoHandler done) override {
    socket_.async_write_some(copy(from), std::move(done));
  }
  void shutdown(AnyStream::DoneHandler done) override {
    AnyStream::Error error;
    socket_.shutdown(tcp::socket::shutdown_send, error);
    asio::post(socket_.get_executor(),
               [done = std::move(done), error]() mutable { std::move(done)(error); });
  }
  tcp::socket& socket() override { return socket_; }
  AnyStream::Released release() override {
    AnyStream::Error ignored;
    return {FileDescriptor(socket_.release(ignored)), nullptr};
  }

 private:
  // A span is a view, and the operation may outlive what it views: a few pointers are copied.
  struct Buffers {
    using value_type = asio::const_buffer;
    using const_iterator = const asio::const_buffer*;
    [[nodiscard]] const_iterator begin() const { return items.data(); }
    [[nodiscard]] const_iterator end() const { return items.data() + count; }
    std::array<asio::const_buffer, AnyStream::kMaxBuffers> items;
    std::size_t count = 0;
  };
  static Buffers copy(std::span<const asio::const_buffer> from) {
    Buffers buffers;
    buffers.count = from.size();
    std::copy(from.begin(), from.end(), buffers.items.begin());
    return buffers;
  }

  tcp::socket socket_;
};

/// The server's side, over a session that can be taken out. Each operation of ours ends in one of
/// the caller's, whose handler keeps this alive.
class TlsServerTransport final : public AnyStream::Transport {
 public:
  TlsServerTransport(tcp::socket socket, SSL_CTX* context)
      : socket_(std::move(socket)), session_(std::make_unique<TlsSession>(context)) {}

  void handshake(AnyStream::DoneHandler done) override {
    const TlsSession::Step step = session_->handshake();
    flush([this, step, done = std::move(done)](AnyStream::Error error) mutable {
      if (error || step == TlsSession::Step::kDone) {
        std::move(done)(error);
      } else if (step == TlsSession::Step::kMore) {
        receive([this, done = std::move(done)](AnyStream::Error failed) mutable {
          failed ? std::move(done)(failed) : handshake(std::move(done));
        });
      } else {
        std::move(done)(asio::error::connection_aborted);
      }
    });
  }
  void read_some(asio::mutable_buffer into, AnyStream::IoHandler done) override {
    const auto [step, size] =
        session_->read({static_cast<std::uint8_t*>(into.data()), into.size()});
    if (step == TlsSession::Step::kMore) {
      // What the peer said may want an answer.
      flush([this, into, done = std::move(done)](AnyStream::Error error) mutable {
        if (error) {
          return std::move(done)(error, 0);
        }
        receive([this, into, done = std::move(done)](AnyStream::Error failed) mutable {
          failed ? std::move(done)(failed, 0) : read_some(into, std::move(done));
        });
      });
      return;
    }
    AnyStream::Error error;
    if (step != TlsSession::Step::kDone) {
      error = step == TlsSession::Step::kClosed ? AnyStream::Error(asio::error::eof)
                                                : AnyStream::Error(asio::error::connection_aborted);
    }
    asio::post(socket_.get_executor(), [done = std::move(done), error, count = size]() mutable {
      std::move(done)(error, count);
    });
  }
  void write_some(std::span<const asio::const_buffer> from, AnyStream::IoHandler done) override {
    // A record is made of one buffer; the caller comes back for the others.
    Bytes first;
    for (const auto& buffer : from) {
      if (buffer.size() > 0) {
        first = {static_cast<const std::uint8_t*>(buffer.data()), buffer.size()};
        break;
      }
    }
    first = first.first(std::min(first.size(), TlsSession::kMaxRecord));
    if (!first.empty() && !session_->write(first)) {
      asio::post(socket_.get_executor(), [done = std::move(done)]() mutable {
        std::move(done)(asio::error::connection_aborted, 0);
      });
      return;
    }
    flush([size = first.size(), done = std::move(done)](AnyStream::Error error) mutable {
      std::move(done)(error, error ? 0 : size);
    });
  }
  void shutdown(AnyStream::DoneHandler done) override {
    session_->close();
    flush([this, done = std::move(done)](AnyStream::Error error) mutable {
      AnyStream::Error ignored;
      socket_.shutdown(tcp::socket::shutdown_send, ignored);
      std::move(done)(error);
    });
  }
  tcp::socket& socket() override { return socket_; }
  AnyStream::Released release() override {
    AnyStream::Error ignored;
    return {FileDescriptor(socket_.release(ignored)), std::move(session_)};
  }

 private:
  using Waiting = std::vector<AnyStream::DoneHandler>;

  /// Calls `then` when everything that is to be sent has been sent, never at once.
  void flush(AnyStream::DoneHandler then) {
    if (const auto waiting = flushing_.lock()) {
      waiting->push_back(std::move(then));
      return;
    }
    const auto waiting = std::make_shared<Waiting>();
    waiting->push_back(std::move(then));
    flushing_ = waiting;
    asio::post(socket_.get_executor(), [this, waiting] { send(waiting); });
  }
  void send(const std::shared_ptr<Waiting>& waiting) {
    const Bytes output = session_->output();
    if (output.empty()) {
      return finish(*waiting, {});
    }
    socket_.async_write_some(asio::buffer(output.data(), output.size()),
                             [this, waiting](AnyStream::Error error, std::size_t sent) {
                               if (error) {
                                 return finish(*waiting, error);
                               }
                               session_->consume(sent);
                               send(waiting);
                             });
  }
  void finish(Waiting& waiting, AnyStream::Error error) {
    flushing_.reset();
    // The last one may end this.
    Waiting done = std::exchange(waiting, {});
    for (AnyStream::DoneHandler& one : done) {
      std::move(one)(error);
    }
  }
  void receive(AnyStream::DoneHandler then) {
    socket_.async_wait(tcp::socket::wait_read,
                       [this, then = std::move(then)](AnyStream::Error error) mutable {
                         if (!error) {
                           error = take_ciphertext();
                         }
                         if (error == asio::error::would_block) {
                           return receive(std::move(then));
                         }
                         std::move(then)(error);
                       });
  }

  /// Read when it is there: a buffer that waits for it would be the most that an idle connection
  /// holds.
  AnyStream::Error take_ciphertext() {
    std::array<std::uint8_t, 4096> ciphertext;
    AnyStream::Error error;
    socket_.non_blocking(true, error);
    const std::size_t size = error ? 0 : socket_.read_some(asio::buffer(ciphertext), error);
    session_->feed(Bytes(ciphertext).first(size));
    return error;
  }

  tcp::socket socket_;
  std::unique_ptr<TlsSession> session_;
  /// Whom the flush under way tells. The operation owns them, since they own this.
  std::weak_ptr<Waiting> flushing_;
};

class TlsClientTransport final : public AnyStream::Transport {
 public:
  TlsClientTransport(tcp::socket socket, asio::ssl::context& context)
      : stream_(std::move(socket), context) {}

  /// The name that the server must prove.
  void expect(const std::string& host) {
    AnyStream::Error no_address;
    asio::ip::make_address(host, no_address);
    if (no_address) {
      SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
    }
    stream_.set_verify_callback(asio::ssl::host_name_verification(host));
  }
  void handshake(AnyStream::DoneHandler done) override {
    stream_.async_handshake(asio::ssl::stream_base::client, std::move(done));
  }
  void read_some(asio::mutable_buffer into, AnyStream::IoHandler done) override {
    stream_.async_read_some(into, std::move(done));
  }
  void write_some(std::span<const asio::const_buffer> from, AnyStream::IoHandler done) override {
    // A TLS record is made of one buffer; the caller comes back for the others.
    asio::const_buffer first;
    for (const auto& buffer : from) {
      if (buffer.size() > 0) {
        first = buffer;
        break;
      }
    }
    stream_.async_write_some(first, std::move(done));
  }
  void shutdown(AnyStream::DoneHandler done) override {
    stream_.async_shutdown([this, done = std::move(done)](AnyStream::Error error) mutable {
      AnyStream::Error ignored;
      stream_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
      std::move(done)(error);
    });
  }
  tcp::socket& socket() override { return stream_.next_layer(); }
  AnyStream::Released release() override { return {}; }

 private:
  asio::ssl::stream<tcp::socket> stream_;
};

}  // namespace

AnyStream make_stream(tcp::socket socket, const TlsCertificate* tls) {
  if (tls == nullptr) {
    return AnyStream(std::make_unique<PlainTransport>(std::move(socket)));
  }
  return AnyStream(std::make_unique<TlsServerTransport>(std::move(socket), tls->context()));
}

AnyStream make_client_stream(tcp::socket socket, asio::ssl::context* tls, const std::string& host) {
  if (tls == nullptr) {
    return AnyStream(std::make_unique<PlainTransport>(std::move(socket)));
  }
  auto transport = std::make_unique<TlsClientTransport>(std::move(socket), *tls);
  transport->expect(host);
  return AnyStream(std::move(transport));
}

}  // namespace meridian::io
