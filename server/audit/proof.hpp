#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "audit/merkle.hpp"
#include "audit/note.hpp"
#include "audit/record.hpp"

namespace meridian::audit {

/// Shows one record to be in the log that a checkpoint signs, to somebody who has nothing else of
/// the log.
struct RecordProof {
  /// From 1.
  std::uint64_t line = 0;
  /// The record's canonical text.
  std::string record;
  /// Head of its account's chain before it.
  Digest previous;
  MerkleProof path;
  SignedCheckpoint checkpoint;
  /// The checkpoint as it was signed.
  std::string note;

  /// Whether record, path and checkpoint fit together and `key` has signed it.
  [[nodiscard]] bool holds(const PublicKey& key) const;
};

/// A document of `v` 1 in canonical JSON.
[[nodiscard]] std::string to_text(const RecordProof& proof);
[[nodiscard]] std::optional<RecordProof> parse_proof(std::string_view text);

/// The proof for line `line` (from 1) of a log whose first lines these are; `note` must be a
/// checkpoint that covers it. Nothing when it isn't, or the line is redacted.
[[nodiscard]] std::optional<RecordProof> prove(const std::vector<std::string>& lines,
                                               std::uint64_t line, std::string_view note);

}  // namespace meridian::audit
