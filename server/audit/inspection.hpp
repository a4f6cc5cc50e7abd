#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/chain.hpp"
#include "audit/note.hpp"

/// What an auditor does with a log: the work of `meridian-verify`, without its files.
namespace meridian::audit {

/// The first thing that is wrong, and the record that shows it.
struct Finding {
  std::uint64_t line = 0;
  Flaw flaw = Flaw::kMalformedLine;
  /// `account dev, record 17, permit_granted`: what the line holds; empty when it can't be read or
  /// is redacted.
  std::string record;
  friend bool operator==(const Finding&, const Finding&) = default;
};

/// Reads a log, whole or redacted, beside its signed checkpoints. Each checkpoint must be signed by
/// a trusted key and be a true statement about the lines read. A key that the log publishes is
/// trusted from the first checkpoint on that covers its publication and that a key trusted already
/// has signed.
class Inspector {
 public:
  struct Evidence {
    /// In any order; those of other origins than the trusted key's name are findings, too.
    std::vector<SignedCheckpoint> checkpoints;
    /// Nothing: the first key that the log publishes is believed.
    std::optional<PublicKey> trusted;
  };
  explicit Inspector(Evidence evidence);

  /// The next line, without its newline. After a finding, stop.
  [[nodiscard]] std::optional<Finding> feed(std::string_view line);
  /// At the end of the log: checkpoints of lines that it doesn't have.
  [[nodiscard]] std::optional<Finding> finish();

  [[nodiscard]] const Heads& heads() const { return verifier_.heads(); }
  /// Checkpoints that were compared.
  [[nodiscard]] std::size_t checkpoints_seen() const { return next_; }
  [[nodiscard]] const std::vector<PublicKey>& trusted_keys() const { return trusted_; }
  /// Lines of which the log shows the record.
  [[nodiscard]] std::uint64_t records() const { return records_; }

 private:
  std::optional<Finding> compare_checkpoints();
  [[nodiscard]] bool is_trusted(const SignedCheckpoint& checkpoint) const;
  void note_record(const Record& record);

  Verifier verifier_;
  std::vector<SignedCheckpoint> checkpoints_;  // by lines
  std::size_t next_ = 0;
  std::vector<PublicKey> trusted_;
  std::vector<PublicKey> published_;  // not yet covered by a trusted checkpoint
  std::uint64_t records_ = 0;
  std::string last_;
};

/// For findings: what a line holds.
[[nodiscard]] std::string describe_line(std::string_view line);

/// The first line from which two logs of one origin differ, from 1. Nothing when one continues the
/// other. Lines without their newlines.
[[nodiscard]] std::optional<std::uint64_t> fork_of(const std::vector<std::string>& a,
                                                   const std::vector<std::string>& b);

}  // namespace meridian::audit
