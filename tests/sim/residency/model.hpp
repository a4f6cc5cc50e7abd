#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// The routing policy once more, in the simulator's own words. It includes nothing of the server
/// (CMake builds it without the server's include path), so that a mistake there isn't repeated
/// here.
namespace meridian::sim::law {

using Regions = std::set<std::string>;

struct UserTerms {
  std::string group;  // empty: none
  std::optional<Regions> regions;
  friend bool operator==(const UserTerms&, const UserTerms&) = default;
};

struct Terms {
  std::string home;
  Regions opted_in;
  bool signals_anywhere = false;
  std::map<std::string, Regions> groups;
  std::map<std::string, UserTerms> users;
  std::map<std::string, Regions> rooms;
  friend bool operator==(const Terms&, const Terms&) = default;
};

/// Whose meeting it is.
struct Host {
  std::string account;
  std::string group;
  std::string user;
  std::string room;
};

struct JoinRequest {
  Host host;
  std::string arrived_at;
  std::optional<std::string> hint;
  std::optional<std::uint64_t> epoch;
};
struct JoinAnswer {
  unsigned status = 200;  // 403: never here; 503: not now
  std::string region;     // where media goes, with 200
  friend bool operator==(const JoinAnswer&, const JoinAnswer&) = default;
};

/// Everything that the law says at one moment. Times are milliseconds of the run.
class Model {
 public:
  /// How long workers may go on for accounts that are restricted after the node last asked whether
  /// it is up to date.
  static constexpr std::int64_t kLease = 3000;

  /// Regions lie on a line; the nearest is the one at the smallest distance.
  void add_region(const std::string& name, double position, unsigned seats);
  void add_account(const std::string& name, Terms terms);

  // ---- What the law says

  [[nodiscard]] Regions effective(const Host& host) const;
  [[nodiscard]] JoinAnswer join(const JoinRequest& request) const;
  /// Whether a datagram or a relay frame of this meeting may be in a region.
  [[nodiscard]] bool may_be_in(const Host& host, const std::string& region) const;
  /// Whether one may leave, after the lease is considered.
  [[nodiscard]] bool may_leave(const Host& host, const std::string& region, std::int64_t now) const;
  [[nodiscard]] std::uint64_t epoch(const std::string& account) const;
  [[nodiscard]] const Terms& terms(const std::string& account) const;
  [[nodiscard]] const std::vector<std::string>& region_names() const { return names_; }

  // ---- What happens

  /// Whether the change is accepted. It then holds; gracefully, what the old terms allow is
  /// tolerated until end_grace().
  enum class Way : std::uint8_t { kAtOnce, kGracefully };
  bool change(const std::string& account, const Terms& terms, std::uint64_t expected, Way way);
  void end_grace(const std::string& account);
  void take_seat(const std::string& region) { ++regions_.at(region).taken; }
  void leave_seat(const std::string& region) { --regions_.at(region).taken; }
  /// A region that is closed takes nobody; who was there is gone.
  void close(const std::string& region) { regions_.at(region).is_closed = true; }
  void open(const std::string& region) { regions_.at(region).is_closed = false; }
  [[nodiscard]] bool is_closed(const std::string& region) const {
    return regions_.at(region).is_closed;
  }
  /// The control thread hangs since `now`, or runs again.
  void hang(std::int64_t now) { hung_since_ = now; }
  void go_on() { hung_since_.reset(); }

 private:
  struct Region {
    double position = 0;
    unsigned seats = 0;
    unsigned taken = 0;
    bool is_closed = false;
  };
  struct Account {
    Terms terms;
    std::uint64_t epoch = 1;
    std::vector<Terms> tolerated;  // of graceful changes, until they are over
  };
  [[nodiscard]] static Regions effective(const Terms& terms, const Host& host);
  [[nodiscard]] bool is_valid(const Terms& terms) const;

  std::vector<std::string> names_;
  std::map<std::string, Region> regions_;
  std::map<std::string, Account> accounts_;
  std::optional<std::int64_t> hung_since_;
};

}  // namespace meridian::sim::law
