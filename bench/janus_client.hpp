#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "participant.hpp"

namespace boost::asio {
class io_context;
}

namespace meridian::bench {

/// A synthetic participant of Janus's VideoRoom plugin.
class JanusClient final : public Participant {
 public:
  struct Settings {
    Grouping grouping = Grouping::kBursts;
    std::uint64_t room = 1;
    /// Its own number in the room; not 0.
    std::uint64_t id = 0;
    /// Publishers whose media it wants; empty: it publishes.
    std::vector<std::uint64_t> feeds;
    /// As LoadSettings has it.
    double loss_percent = 0;
    double send_loss_percent = 0;
  };
  JanusClient(boost::asio::io_context& context, Settings settings, std::uint64_t seed);
  ~JanusClient() override;
  JanusClient(const JanusClient&) = delete;
  JanusClient& operator=(const JanusClient&) = delete;

  /// Before connect().
  void publish(std::uint32_t source, test::TrackShape shape);
  void set_observer(test::MediaObserver* observer);
  void connect(const SignalAddress& address) override;
  void handle_timeout(Instant now) override;
  void leave() override;

  [[nodiscard]] const test::MediaSession& sender() const override;
  [[nodiscard]] const test::MediaSession& receiver() const override { return sender(); }
  [[nodiscard]] std::uint64_t dropped() const override;
  [[nodiscard]] bool is_closed() const override;
  [[nodiscard]] Duration join_time() const override;
  /// What Janus refused; empty when nothing.
  [[nodiscard]] const std::string& refusal() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace meridian::bench
