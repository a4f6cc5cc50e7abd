#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.hpp"
#include "base/strong.hpp"
#include "base/time.hpp"
#include "support/media_stamp.hpp"

namespace meridian::sim {

/// A client's session in a run; one person who comes back is another.
using MemberId = base::StrongInt<struct MemberIdTag, std::uint32_t>;

/// What became of the packets of one publication on the way to one subscriber. The sum of all but
/// `sent` is `sent`.
struct Account {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;
  std::uint64_t lost_up = 0;    // never came to the server
  std::uint64_t lost_down = 0;  // forwarded; every copy was lost on the way to the subscriber
  std::uint64_t refused = 0;    // came when the publisher wasn't published (any more)
  std::uint64_t outside = 0;    // while the subscriber got another layer, awaited a key frame, or
                                // had no subscription
  std::uint64_t early = 0;      // overtook the packet with which its stream began
  std::uint64_t before = 0;     // came after the stream began, and belongs before its beginning
  std::uint64_t thinned = 0;    // of whole frames of the upper temporal layers, left out
  std::uint64_t silent = 0;     // silence, which need not be forwarded
  std::uint64_t given_up = 0;   // waited for its turn to leave until it was of no use any more
  std::uint64_t unexplained = 0;

  // Of the same packets once more:
  std::uint64_t recovered = 0;  // delivered by retransmission only
  std::uint64_t runs = 0;       // times that the stream began: layer switches, and the first
};

/// Of the packets of video in a run that were lost on one side: how many were made good.
struct Repair {
  std::uint64_t lost_for_good = 0;
  std::uint64_t made_good = 0;
};

/// Keeps accounts of every media packet: made, arrived at the server, forwarded, lost, delivered;
/// and finds what the server can't excuse. Knows stamps, not headers. Events are numbered in the
/// order in which they happen.
class Ledger {
 public:
  using Order = std::uint64_t;
  /// The number of what happens next.
  [[nodiscard]] Order next_order() { return ++order_; }

  void on_made(const test::MediaStamp& stamp);
  /// At the worker of its publisher, whose publication is open or isn't.
  enum class Door : std::uint8_t { kOpen, kClosed };
  void on_arrived(const test::MediaStamp& stamp, bool is_retransmission, Door door);
  /// The server sent it to this member at `order`, and it came or was lost.
  enum class Fate : std::uint8_t { kArrived, kLost };
  void on_forwarded(MemberId to, const test::MediaStamp& stamp, bool is_retransmission, Order order,
                    Fate fate);
  /// From now on nothing more is owed to this subscriber, of this source or (0) of any.
  void on_closed(MemberId to, std::uint32_t source);

  /// Every pair of subscriber and source that had anything to do with each other.
  [[nodiscard]] std::map<std::pair<MemberId, std::uint32_t>, Account> settle() const;
  struct Repairs {
    Repair up;    // publishers to the server; each packet counts once
    Repair down;  // the server to subscribers that stayed
  };
  [[nodiscard]] Repairs repairs() const;
  /// What no server may do, as sentences, in the order of finding.
  [[nodiscard]] std::vector<std::string> faults() const;
  /// The same of packets that were not forwarded, which must have been counted as dropped.
  [[nodiscard]] std::vector<std::string> missing() const;

 private:
  struct Packet {
    Order arrived = 0;  // first time; 0 = never
    bool is_refused = false;
    bool is_key = false;
    std::uint8_t temporal = 0;
    bool is_silent = false;
    bool is_repaired = false;  // came by retransmission only
  };
  using Frame = std::vector<Packet>;
  struct Source {
    std::vector<std::vector<Frame>> layers;
    /// Audio isn't retransmitted, and has one layer.
    [[nodiscard]] bool is_video() const { return layers.size() > 1; }
  };
  struct Sent {
    Order order = 0;
    std::uint8_t layer = 0;
    std::uint32_t frame = 0;
    std::uint16_t packet = 0;
  };
  struct Place {
    Order forwarded = 0;  // 0: not yet
    bool is_delivered = false;
    bool is_delivered_first = false;  // not by retransmission
  };
  struct Delivery {
    std::vector<Sent> primaries;
    std::map<std::uint64_t, Place> places;
  };
  /// A stretch in which one layer is forwarded.
  struct Run {
    Order begin = 0;
    Order end = 0;
    std::uint8_t layer = 0;
    std::uint64_t first = 0;  // number of its first packet
  };
  struct Findings {
    Account account;
    std::vector<std::string> faults;
    std::vector<std::string> missing;
  };

  [[nodiscard]] static std::uint64_t number(std::uint32_t frame, std::uint16_t packet) {
    return (std::uint64_t{frame} << 16U) | packet;
  }
  [[nodiscard]] static std::uint64_t key(std::uint8_t layer, std::uint32_t frame,
                                         std::uint16_t packet) {
    return (std::uint64_t{layer} << 56U) | number(frame, packet);
  }
  [[nodiscard]] Packet* find(const test::MediaStamp& stamp);
  [[nodiscard]] std::vector<Order> closings_of(MemberId member, std::uint32_t source) const;
  [[nodiscard]] static std::vector<Run> runs_of(const Delivery& delivery, const Source& source,
                                                const std::vector<Order>& closings,
                                                std::vector<std::string>& faults);
  /// Whether nothing of a frame was forwarded that no other frame of its layer needs.
  /// What came next of the layer, after a packet that was not forwarded: something else, a key
  /// frame that made up for it, or nothing more until the end of the run.
  enum class Next : std::uint8_t { kOther, kKeyFrame, kNothing };
  [[nodiscard]] static Next next_of(const std::vector<Frame>& frames, const Delivery& delivery,
                                    const std::vector<Run>& runs, std::uint8_t layer,
                                    std::uint32_t frame, std::uint16_t packet);
  /// Whether nothing was forwarded in its run that arrived after it.
  [[nodiscard]] static bool is_last_of_run(const std::vector<Frame>& frames,
                                           const Delivery& delivery, const std::vector<Run>& runs,
                                           std::uint8_t layer, const Packet& packet);
  [[nodiscard]] static bool is_thinned(const Frame& frame, const Delivery& delivery,
                                       std::uint8_t layer, std::uint32_t number);
  [[nodiscard]] Findings examine(MemberId member, std::uint32_t id) const;
  void judge(const Packet& packet, std::uint8_t layer, std::uint64_t packet_number,
             const std::vector<Run>& runs, Account& account) const;

  Order order_ = 0;
  std::map<std::uint32_t, Source> sources_;
  std::map<std::pair<MemberId, std::uint32_t>, Delivery> deliveries_;
  /// Under source 0 those that concern all.
  std::map<std::pair<MemberId, std::uint32_t>, std::vector<Order>> closings_;
  std::vector<std::string> faults_;
};

}  // namespace meridian::sim
