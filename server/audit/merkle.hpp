#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "audit/digest.hpp"

/// The Merkle tree of RFC 9162 section 2.1 with SHA-256. The log's leaves are the `head` hashes of
/// its lines: they commit to every record, and an export has them even where it leaves out the
/// record, so that proofs hold for redacted logs, too.
namespace meridian::audit {

/// SHA-256(0x00 || entry).
[[nodiscard]] Digest leaf_hash(Bytes entry);

/// What is needed to append and to tell the root: one digest for each bit of the size.
class MerkleTree {
 public:
  void append(const Digest& leaf);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// SHA-256 of nothing while the tree is empty.
  [[nodiscard]] Digest root() const;
  friend bool operator==(const MerkleTree&, const MerkleTree&) = default;

 private:
  std::uint64_t size_ = 0;
  std::vector<Digest> peaks_;  // roots of the perfect subtrees, largest first
};

/// Hashes from the leaf's side upwards, as in RFC 9162.
using MerkleProof = std::vector<Digest>;

[[nodiscard]] Digest merkle_root(std::span<const Digest> leaves);

/// That `leaves[index]` is in the tree of all `leaves`; index < size.
[[nodiscard]] MerkleProof inclusion_proof(std::span<const Digest> leaves, std::uint64_t index);
[[nodiscard]] bool verify_inclusion(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                                    std::span<const Digest> proof, const Digest& root);

/// That the tree of the first `old_size` leaves is the beginning of the tree of all; old_size <=
/// size.
[[nodiscard]] MerkleProof consistency_proof(std::span<const Digest> leaves, std::uint64_t old_size);
[[nodiscard]] bool verify_consistency(std::uint64_t old_size, const Digest& old_root,
                                      std::uint64_t size, const Digest& root,
                                      std::span<const Digest> proof);

}  // namespace meridian::audit
