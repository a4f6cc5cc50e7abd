#pragma once

#include <cstdint>
#include <memory>

#include "base/time.hpp"
#include "participant.hpp"
#include "support/livekit_client.hpp"

namespace boost::asio {
class io_context;
}

namespace meridian::bench {

struct LoadSettings {
  test::LivekitSettings livekit;
  /// Of the datagrams that come and go once it is connected; which ones, the seed says.
  double loss_percent = 0;
  double send_loss_percent = 0;
  Grouping grouping = Grouping::kBursts;
};

/// A synthetic LiveKit participant.
class LoadClient final : public Participant {
 public:
  LoadClient(boost::asio::io_context& context, LoadSettings settings, std::uint64_t seed);
  ~LoadClient() override;
  LoadClient(const LoadClient&) = delete;
  LoadClient& operator=(const LoadClient&) = delete;

  void connect(const SignalAddress& address) override;
  void handle_timeout(Instant now) override;
  void leave() override;
  /// Sends what the client has for the server; after each call to client().
  void flush();

  /// Opens the data channels that LiveKit's clients have, as soon as media is connected.
  void open_channels();
  /// Both of them are open.
  [[nodiscard]] bool has_channels() const;

  [[nodiscard]] test::LivekitClient& client();
  [[nodiscard]] const test::LivekitClient& client() const;
  [[nodiscard]] const test::MediaSession& sender() const override { return client().media(); }
  [[nodiscard]] const test::MediaSession& receiver() const override { return client().receiver(); }
  [[nodiscard]] std::uint64_t dropped() const override;
  [[nodiscard]] bool is_closed() const override;
  [[nodiscard]] Duration join_time() const override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace meridian::bench
