#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include <openssl/ssl.h>

#include "io/file_descriptor.hpp"
#include "io/udp_socket.hpp"

namespace meridian::io {

/// A blocking client of raw bytes, so that tests can send what no library would.
class HttpClient {
 public:
  explicit HttpClient(const SocketAddress& server)
      : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval timeout{.tv_sec = 10, .tv_usec = 0};
    ::setsockopt(descriptor_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_storage address{};
    const socklen_t size = to_sockaddr(server, address);
    is_connected_ =
        ::connect(descriptor_.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
  }

  /// Goes on inside TLS; the server's common name, empty when the handshake failed.
  std::string start_tls() {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    tls_.reset(SSL_new(context_.get()));
    SSL_set_fd(tls_.get(), descriptor_.get());
    if (SSL_connect(tls_.get()) != 1) {
      return {};
    }
    std::string name(64, '\0');
    const std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(tls_.get()),
                                                           &X509_free);
    const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName,
                                               name.data(), 64);
    name.resize(static_cast<std::size_t>(size));
    return name;
  }

  [[nodiscard]] bool is_connected() const { return is_connected_; }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = tls_ ? SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()))
                             : ::send(descriptor_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Exactly `count` bytes, or fewer when the server closes.
  std::string receive(std::size_t count) {
    while (buffer_.size() < count && fill()) {
    }
    return take(std::min(count, buffer_.size()));
  }
  /// Up to and with the first `end`.
  std::string receive_until(std::string_view end) {
    while (!buffer_.contains(end) && fill()) {
    }
    const std::size_t at = buffer_.find(end);
    return take(at == std::string::npos ? buffer_.size() : at + end.size());
  }
  /// Status line and headers, then the body by its Content-Length.
  std::string receive_response() {
    std::string response = receive_until("\r\n\r\n");
    constexpr std::string_view kLength = "Content-Length: ";
    if (const std::size_t at = response.find(kLength); at != std::string::npos) {
      response += receive(std::stoul(response.substr(at + kLength.size())));
    }
    return response;
  }
  std::string receive_rest() {
    while (fill()) {
    }
    return take(buffer_.size());
  }

 private:
  bool fill() {
    char chunk[4096];
    const auto size = tls_ ? SSL_read(tls_.get(), chunk, sizeof chunk)
                           : ::recv(descriptor_.get(), chunk, sizeof chunk, 0);
    if (size <= 0) {
      return false;
    }
    buffer_.append(chunk, static_cast<std::size_t>(size));
    return true;
  }
  std::string take(std::size_t count) {
    std::string result = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return result;
  }

  FileDescriptor descriptor_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, &SSL_CTX_free};
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, &SSL_free};
  bool is_connected_ = false;
  std::string buffer_;
};

}  // namespace meridian::io
