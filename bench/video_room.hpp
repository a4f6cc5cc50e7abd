#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/fwd.hpp>

#include "base/address.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "support/livekit_offer.hpp"
#include "support/media_session.hpp"

namespace meridian::bench {

struct VideoRoomSettings {
  std::uint64_t room = 1;
  /// Its own number in the room; not 0.
  std::uint64_t id = 0;
  /// Publishers whose media it wants, over one peer connection. Empty: it publishes.
  std::vector<std::uint64_t> feeds;
  /// Where its datagrams come from.
  SocketAddress local;
};

/// Somebody in a room of Janus's VideoRoom plugin (1.x, several streams in one connection), in the
/// plugin's terms either a publisher or a subscriber. No I/O and no clock, as in LivekitClient:
/// JSON messages of one WebSocket and datagrams are carried by the owner.
class VideoRoomClient {
 public:
  /// Janus forgets a session that says nothing for a minute.
  static constexpr Duration kKeepAlive = 25s;
  static constexpr unsigned kMaxPublishers = 100;

  VideoRoomClient(VideoRoomSettings settings, std::uint64_t seed);

  /// Before start(); `source` as in LivekitClient.
  void publish(std::uint32_t source, test::TrackShape shape);
  void start(Instant now);
  void handle_message(std::string_view text, Instant now);
  [[nodiscard]] std::optional<std::string> poll_message();
  [[nodiscard]] Instant next_timeout() const;
  void handle_timeout(Instant now);
  void leave();

  [[nodiscard]] test::MediaSession& media() { return media_; }
  [[nodiscard]] const test::MediaSession& media() const { return media_; }
  /// What Janus refused, or why it ended; empty when all is well.
  [[nodiscard]] const std::string& refusal() const { return refusal_; }

 private:
  enum class Stage : std::uint8_t { kSession, kHandle, kRoom, kRunning };

  void send(std::string_view what, boost::json::object message);
  void request(boost::json::object body, std::string_view type = {}, std::string_view sdp = {});
  void handle_success(const boost::json::object& message);
  void handle_event(const boost::json::object& message, Instant now);
  void join();
  void refuse(std::string_view why);

  VideoRoomSettings settings_;
  SeededRandomSource random_;
  test::MediaSession media_;
  test::OfferBuilder offer_;
  std::deque<std::string> messages_;
  std::uint64_t transaction_ = 0;
  std::uint64_t session_ = 0;
  std::uint64_t handle_ = 0;
  Stage stage_ = Stage::kSession;
  Instant next_keep_alive_ = Instant::never();
  std::string refusal_;
};

}  // namespace meridian::bench
