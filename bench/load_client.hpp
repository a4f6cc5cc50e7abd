#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/time.hpp"
#include "support/livekit_client.hpp"

namespace boost::asio {
class io_context;
}

namespace meridian::bench {

/// Where the signalling of a node is; plain WebSocket only.
struct SignalAddress {
  std::string host;
  std::uint16_t port = 0;
};

/// A synthetic LiveKit participant with a WebSocket and a UDP socket of its own. All of them run on
/// the thread of one io_context.
class LoadClient {
 public:
  LoadClient(boost::asio::io_context& context, test::LivekitSettings settings, std::uint64_t seed);
  ~LoadClient();
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  /// Opens the WebSocket and asks to join. Blocks until the upgrade is answered; what fails is
  /// thrown as boost::system::system_error, with the server's HTTP status when it refused.
  void connect(const SignalAddress& address);
  /// To be called every few milliseconds.
  void handle_timeout(Instant now);
  /// Sends what the client has for the server; after each call to client().
  void flush();

  /// Opens the data channels that LiveKit's clients have, as soon as media is connected.
  void open_channels();
  /// Both of them are open.
  [[nodiscard]] bool has_channels() const;

  [[nodiscard]] test::LivekitClient& client();
  [[nodiscard]] const test::LivekitClient& client() const;
  [[nodiscard]] bool is_closed() const;
  /// From connect() until media could flow; zero before.
  [[nodiscard]] Duration join_time() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace meridian::bench
