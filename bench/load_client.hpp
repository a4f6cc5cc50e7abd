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

/// A synthetic LiveKit participant.
class LoadClient final : public Participant {
 public:
  LoadClient(boost::asio::io_context& context, test::LivekitSettings settings, std::uint64_t seed,
             Grouping grouping = Grouping::kBursts);
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
  [[nodiscard]] const test::MediaSession& media() const override { return client().media(); }
  [[nodiscard]] bool is_closed() const override;
  [[nodiscard]] Duration join_time() const override;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace meridian::bench
