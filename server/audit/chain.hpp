#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/digest.hpp"
#include "audit/merkle.hpp"
#include "audit/record.hpp"
#include "audit/repeats.hpp"
#include "base/expected.hpp"

/// Hash chains over audit records. Each account has a chain of its own,
///
///   head(n) = SHA-256(head(n-1) || canonical(record n))
///
/// and the node chains the heads in the order in which they were written,
///
///   node(k) = SHA-256(node(k-1) || head k)
///
/// so that one account's records can be shown, and proved complete up to the last of them, without
/// anybody else's: in an export the other lines keep only their hashes (redact()). A line of the
/// log is
///
///   {"head":"…64 hex…","node":"…64 hex…","record":{…},"v":1}\n
///
/// A chain shows that nothing was changed, dropped or reordered before its end. That its end was
/// not cut off, and that nobody was shown another log, shows against signed checkpoints
/// (audit/note.hpp) kept somewhere else.
namespace meridian::audit {

/// Where one account's chain stands.
struct AccountHead {
  std::uint64_t sequence = 0;
  Digest head;
  friend bool operator==(const AccountHead&, const AccountHead&) = default;
};

/// Where the log stands: what is needed to continue it.
struct Heads {
  std::uint64_t lines = 0;
  Digest node;
  std::map<AccountId, AccountHead> accounts;
  /// Over the heads of all lines: what checkpoints sign the root of.
  MerkleTree tree;
  friend bool operator==(const Heads&, const Heads&) = default;
};

/// A position in a log to be kept elsewhere, and compared later.
struct Checkpoint {
  std::uint64_t lines = 0;
  Digest node;
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// The log as a value: turns records into lines. `io` takes the lines and writes them.
/// Owner: the control thread.
class Log {
 public:
  /// Lines that may wait to be written. A disk that stalls longer makes append() refuse, and with
  /// it every new permit: nothing happens without being recorded.
  static constexpr std::size_t kMaxPendingLines = 16384;

  enum class Append : std::uint8_t { kAppended, kFull };

  /// `node` names this node in the records; `heads` is what Verifier found in an existing file.
  explicit Log(std::string node, Heads heads = {});

  /// Chains the record at `record.time`; its sequence and node are set here.
  [[nodiscard]] Append append(Record record);
  /// The same for what somebody can make happen over and over: the first of a minute is chained,
  /// the others are counted (audit/repeats.hpp).
  [[nodiscard]] Append append_or_count(Record record);
  /// Chains the counts whose minute is over; to be called now and then.
  void flush_repeats(UnixTime now);
  /// Chains all counts: at the end of the node.
  void flush_all_repeats(UnixTime now);
  /// The lines not yet taken, oldest first, each with its newline.
  [[nodiscard]] std::vector<std::string> take_lines();

  [[nodiscard]] const Heads& heads() const { return heads_; }
  [[nodiscard]] Checkpoint checkpoint() const { return {heads_.lines, heads_.node}; }
  /// Records that append() would still take before take_lines().
  [[nodiscard]] std::size_t room() const { return kMaxPendingLines - pending_.size(); }

 private:
  std::string node_;
  Heads heads_;
  Repeats repeats_;
  std::vector<std::string> pending_;
};

/// The record that a line of a log shows (without its newline); nothing when it is redacted or no
/// line.
[[nodiscard]] std::optional<Record> record_of_line(std::string_view line);
/// The head that a line of a log states.
[[nodiscard]] std::optional<Digest> head_of_line(std::string_view line);

enum class Flaw : std::uint8_t {
  kMalformedLine,       // not a line that Log writes, or torn
  kBrokenAccountChain,  // the head doesn't follow from the account's previous one and the record
  kBrokenNodeChain,     // the node hash doesn't follow from the previous line
  kSequenceGap,         // the record isn't the account's next
  kCheckpointMismatch,  // the log doesn't contain the checkpoint: cut off, or another log
  kBadSignature,        // a checkpoint that no trusted key has signed
  kTruncated,           // the log ends before a signed checkpoint of it does
  kForked,              // two logs, or a log and a checkpoint of it, differ from here on
};
[[nodiscard]] std::string_view name_of(Flaw flaw);

/// The first thing that is wrong with a log. `line` counts from 1.
struct Fault {
  std::uint64_t line = 0;
  Flaw flaw = Flaw::kMalformedLine;
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// Checks a log line by line, whole or exported, and so finds the heads to continue from.
class Verifier {
 public:
  /// `start`: the heads at the end of the file before, when logs are rotated.
  explicit Verifier(Heads start = {}) : heads_(std::move(start)) {}

  /// The next line, without its newline. Nothing when it is right; after a fault, stop.
  [[nodiscard]] std::optional<Fault> feed(std::string_view line);
  /// Redacted lines count in `lines` and `node` only.
  [[nodiscard]] const Heads& heads() const { return heads_; }

 private:
  Heads heads_;
};

/// Checks a whole log. `text` must end with a newline (or be empty): a torn last line is a fault.
/// With a checkpoint the log must reach and contain it.
[[nodiscard]] base::Expected<Heads, Fault> verify(std::string_view text,
                                                  std::optional<Checkpoint> checkpoint = {});

/// Bytes of `text` up to and with its last newline: what a crash in the middle of a write leaves
/// whole. `io` truncates the file to it before it continues the log.
[[nodiscard]] std::size_t complete_length(std::string_view text);

/// The log as one account may see it: its own records, and of every other line only the hashes.
/// Nothing when `text` has a line that isn't a log's.
[[nodiscard]] std::optional<std::string> redact(std::string_view text, const AccountId& keep);

}  // namespace meridian::audit
