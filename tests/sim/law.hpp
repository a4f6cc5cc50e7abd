#pragma once

#include <map>
#include <set>
#include <string>

#include "base/address.hpp"

namespace meridian::sim {

/// The residency policy once more, in the simulator's own words and without any of the server's
/// code: which region an address is in, and which regions each account allows at the moment.
class Law {
 public:
  void add_address(const SocketAddress& address, const std::string& region) {
    regions_[address] = region;
  }
  void add_account(const std::string& account, const std::string& home,
                   const std::set<std::string>& opted_in) {
    homes_[account] = home;
    change(account, opted_in);
  }
  /// From the moment when the call that changes it has returned.
  void change(const std::string& account, const std::set<std::string>& opted_in) {
    allowed_[account] = opted_in;
    allowed_[account].insert(homes_.at(account));
  }

  [[nodiscard]] bool allows(const std::string& account, const std::string& region) const {
    const auto found = allowed_.find(account);
    return found != allowed_.end() && found->second.contains(region);
  }
  /// False for addresses that nobody knows.
  [[nodiscard]] bool allows(const std::string& account, const SocketAddress& address) const {
    const auto found = regions_.find(address);
    return found != regions_.end() && allows(account, found->second);
  }
  [[nodiscard]] const std::string& home(const std::string& account) const {
    return homes_.at(account);
  }
  [[nodiscard]] const std::set<std::string>& allowed(const std::string& account) const {
    return allowed_.at(account);
  }

 private:
  std::map<SocketAddress, std::string> regions_;
  std::map<std::string, std::string> homes_;
  std::map<std::string, std::set<std::string>> allowed_;
};

}  // namespace meridian::sim
