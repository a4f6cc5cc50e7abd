#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "audit/transit_report.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "forward/commands.hpp"
#include "residency/policy.hpp"

namespace meridian::node {

/// Collects what workers count for each meeting into transit reports. A meeting's report is
/// finished when it has ended and every leg that was opened for it has told its last numbers, or
/// kFinalWait after its end: then it says that it is incomplete.
class TransitLedger {
 public:
  /// Longer than any worker takes to close a leg and to say what it carried.
  static constexpr Duration kFinalWait = std::chrono::seconds(6);
  /// Policy versions of one report; of more, the latest are told.
  static constexpr std::size_t kMaxEpochs = 256;
  /// (region, reason) pairs of one report; further ones are not told apart.
  static constexpr std::size_t kMaxDenials = 256;

  /// `worker_regions`: by index of the worker. `node` and `config` stand in each report.
  TransitLedger(std::string node, audit::Digest config, std::vector<RegionId> worker_regions);

  /// Another configuration was read; for meetings that begin from now on.
  void set_config(audit::Digest config) { config_ = config; }
  /// A meeting begins under this policy.
  void open(RoomNumber room, const residency::AccountPolicy& policy, std::string room_sid,
            UnixTime now);
  /// The account has another policy version; for all of its meetings.
  void note_policy(const residency::AccountPolicy& policy, UnixTime now);
  /// What is sent to a worker: legs that open are legs that will tell their last numbers.
  void note_command(WorkerIndex worker, const forward::Command& command,
                    std::optional<RoomNumber> room);
  void note_denial(RoomNumber room, const RegionId& region, std::string_view reason);
  /// A message of a data channel in or out, as it is routed.
  void note_data(RoomNumber room, const RegionId& region, metrics::Direction direction,
                 const metrics::TransitCount& count);
  void handle(WorkerIndex worker, const forward::TransportTransit& event);
  void handle(WorkerIndex worker, const forward::RelayTransit& event);
  /// What came from peers whose permit was revoked; the event has the transport's totals.
  void handle(const forward::StillSending& event);
  /// The meeting is over.
  void close(RoomNumber room, Now now);

  /// The report so far of a meeting that runs or is not yet finished.
  [[nodiscard]] std::optional<audit::TransitReport> running(const AccountId& account,
                                                            const std::string& room_sid,
                                                            UnixTime now) const;
  /// Reports that are finished by `now`, each once.
  [[nodiscard]] std::vector<audit::TransitReport> take_finished(Instant now);
  /// All others, as they are: at the end of the node.
  [[nodiscard]] std::vector<audit::TransitReport> take_all(UnixTime now);
  /// Whether there is a meeting whose report isn't finished.
  [[nodiscard]] bool is_waiting() const;
  [[nodiscard]] Instant next_timeout() const;

 private:
  /// A transport (peer unused), or one end of a relay.
  struct Leg {
    enum class Kind : std::uint8_t { kTransport, kSource, kSink };
    Kind kind = Kind::kTransport;
    WorkerIndex worker;
    std::uint32_t id = 0;
    WorkerIndex peer;
    friend auto operator<=>(const Leg&, const Leg&) = default;
  };
  struct Meeting {
    audit::TransitReport report;  // its lists are filled by assemble()
    std::map<RegionId, audit::RegionTransit> regions;
    std::map<std::pair<RegionId, RegionId>, audit::RelayFlow> relays;
    std::map<std::pair<RegionId, std::string>, std::uint64_t> denials;
    std::set<Leg> open_legs;
    std::vector<TransportId> transports;
    std::optional<Instant> give_up;  // set when it has ended
  };
  Meeting* find(RoomNumber room);
  audit::RegionTransit& region_of(Meeting& meeting, const RegionId& region);
  void finish_leg(Meeting& meeting, const Leg& leg);
  static void add_epoch(Meeting& meeting, const residency::AccountPolicy& policy, UnixTime now);
  [[nodiscard]] static audit::TransitReport assemble(const Meeting& meeting);

  const std::string node_;
  audit::Digest config_;
  const std::vector<RegionId> worker_regions_;
  std::map<RoomNumber, Meeting> meetings_;
  /// Those that have ended, and whose report isn't finished: in the order of their give_up.
  std::vector<RoomNumber> ended_;
  /// Where a transport was, for what its peer still sends once it is closed.
  struct Transport {
    RoomNumber room;
    RegionId region;
    metrics::TransitCount refused;
  };
  /// Kept for as long as their meetings.
  std::map<TransportId, Transport> transports_;
};

}  // namespace meridian::node
