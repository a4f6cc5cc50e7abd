#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "api/routing_change.hpp"
#include "base/ids.hpp"
#include "directory/directory.hpp"

/// What an administration call wants of the node, once it was authorized and read: plain values.
namespace meridian::api {

/// Entries of one page of a list.
inline constexpr std::size_t kDefaultPage = 100;
inline constexpr std::size_t kMaxPage = 1000;

// -- Of the control thread ---------------------------------------------------------------------

/// `is_dry_run`: what it would do, instead of doing it.
struct ChangeRouting {
  ChangeRequest request;
  bool is_dry_run = false;
};
struct FindChange {
  AccountId account;
  PolicyEpoch epoch;
};
struct ListMeetings {
  AccountId account;
};
struct FindMeetingTransit {
  AccountId account;
  std::string sid;
};

// -- Of what is stored: executed by `io`, which alone opens files
// ----------------------------------

struct ListReports {
  AccountId account;
  std::size_t limit = kDefaultPage;
};
struct ReadReport {
  AccountId account;
  std::string sid;
  /// The form for people.
  bool as_text = false;
};
struct ReadAudit {
  AccountId account;
  /// Sequence in the account's chain.
  std::uint64_t after = 0;
  std::size_t limit = kDefaultPage;
};
struct ExportAudit {
  AccountId account;
};
struct VerifyAudit {
  AccountId account;
};
/// Rows about one person: by who it is, or by one of the ids that stand for them.
struct FindPeople {
  AccountId account;
  std::string identity;
  std::string pseudonym;
  std::size_t limit = kDefaultPage;
};
struct ErasePerson {
  AccountId account;
  std::string pseudonym;
};
struct ListAuditKeys {};
struct ListCheckpoints {
  std::size_t limit = kDefaultPage;
};
using EvidenceQuery = std::variant<ListReports, ReadReport, ReadAudit, ExportAudit, VerifyAudit,
                                   FindPeople, ErasePerson, ListAuditKeys, ListCheckpoints>;

using AdminTask =
    std::variant<ChangeRouting, FindChange, ListMeetings, FindMeetingTransit, EvidenceQuery>;

}  // namespace meridian::api
