// The two kinds of connection behind AnyStream.
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

class TlsTransport final : public AnyStream::Transport {
 public:
  using Side = asio::ssl::stream_base::handshake_type;
  TlsTransport(tcp::socket socket, asio::ssl::context& context, Side side)
      : stream_(std::move(socket), context), side_(side) {}

  /// As a client: the name that the server must prove.
  void expect(const std::string& host) {
    AnyStream::Error no_address;
    asio::ip::make_address(host, no_address);
    if (no_address) {
      SSL_set_tlsext_host_name(stream_.native_handle(), host.c_str());
    }
    stream_.set_verify_callback(asio::ssl::host_name_verification(host));
  }
  void handshake(AnyStream::DoneHandler done) override {
    stream_.async_handshake(side_, std::move(done));
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

 private:
  asio::ssl::stream<tcp::socket> stream_;
  const Side side_;
};

}  // namespace

AnyStream make_stream(tcp::socket socket, const TlsCertificate* tls) {
  if (tls == nullptr) {
    return AnyStream(std::make_unique<PlainTransport>(std::move(socket)));
  }
  // The wrapper drops one reference when it ends, so it gets one; the stream's SSL keeps its own.
  SSL_CTX_up_ref(tls->context());
  asio::ssl::context context(tls->context());
  return AnyStream(
      std::make_unique<TlsTransport>(std::move(socket), context, asio::ssl::stream_base::server));
}

AnyStream make_client_stream(tcp::socket socket, asio::ssl::context* tls, const std::string& host) {
  if (tls == nullptr) {
    return AnyStream(std::make_unique<PlainTransport>(std::move(socket)));
  }
  auto transport =
      std::make_unique<TlsTransport>(std::move(socket), *tls, asio::ssl::stream_base::client);
  transport->expect(host);
  return AnyStream(std::move(transport));
}

}  // namespace meridian::io
