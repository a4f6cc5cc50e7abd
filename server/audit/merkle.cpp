#include "audit/merkle.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "base/check.hpp"

namespace meridian::audit {
namespace {

constexpr std::array<std::uint8_t, 1> kLeafPrefix = {0};
constexpr std::array<std::uint8_t, 1> kInnerPrefix = {1};

Digest node_hash(const Digest& left, const Digest& right) {
  return sha256({kInnerPrefix, left.bytes, right.bytes});
}

/// The largest power of two smaller than `size`; size > 1.
std::uint64_t split_of(std::uint64_t size) {
  return std::bit_floor(size - 1);
}

}  // namespace

Digest leaf_hash(Bytes entry) {
  return sha256({kLeafPrefix, entry});
}

void MerkleTree::append(const Digest& leaf) {
  Digest subtree = leaf;
  // Two perfect subtrees of one size are one of twice the size: the carries of size_ + 1.
  for (std::uint64_t bits = size_; (bits & 1U) != 0; bits >>= 1U) {
    subtree = node_hash(peaks_.back(), subtree);
    peaks_.pop_back();
  }
  peaks_.push_back(subtree);
  ++size_;
}

Digest MerkleTree::root() const {
  if (peaks_.empty()) {
    return sha256({});
  }
  Digest root = peaks_.back();
  for (auto peak = peaks_.rbegin() + 1; peak != peaks_.rend(); ++peak) {
    root = node_hash(*peak, root);
  }
  return root;
}

Digest merkle_root(std::span<const Digest> leaves) {
  MerkleTree tree;
  for (const Digest& leaf : leaves) {
    tree.append(leaf);
  }
  return tree.root();
}

MerkleProof inclusion_proof(std::span<const Digest> leaves, std::uint64_t index) {
  MERIDIAN_CHECK(index < leaves.size());
  MerkleProof proof;
  while (leaves.size() > 1) {
    const std::uint64_t split = split_of(leaves.size());
    if (index < split) {
      proof.push_back(merkle_root(leaves.subspan(split)));
      leaves = leaves.first(split);
    } else {
      proof.push_back(merkle_root(leaves.first(split)));
      leaves = leaves.subspan(split);
      index -= split;
    }
  }
  std::ranges::reverse(proof);
  return proof;
}

bool verify_inclusion(const Digest& leaf, std::uint64_t index, std::uint64_t size,
                      std::span<const Digest> proof, const Digest& root) {
  if (index >= size) {
    return false;
  }
  // RFC 9162 section 2.1.3.2.
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Digest hash = leaf;
  for (const Digest& sibling : proof) {
    if (last == 0) {
      return false;
    }
    if ((node & 1U) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1U) == 0 && node != 0) {
        node >>= 1U;
        last >>= 1U;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1U;
    last >>= 1U;
  }
  return last == 0 && hash == root;
}

MerkleProof consistency_proof(std::span<const Digest> leaves, std::uint64_t old_size) {
  MERIDIAN_CHECK(old_size <= leaves.size());
  MerkleProof proof;
  if (old_size == 0 || old_size == leaves.size()) {
    return proof;
  }
  // SUBPROOF of RFC 9162 section 2.1.4.1.
  bool is_whole = true;
  while (old_size != leaves.size()) {
    const std::uint64_t split = split_of(leaves.size());
    if (old_size <= split) {
      proof.push_back(merkle_root(leaves.subspan(split)));
      leaves = leaves.first(split);
    } else {
      proof.push_back(merkle_root(leaves.first(split)));
      leaves = leaves.subspan(split);
      old_size -= split;
      is_whole = false;
    }
  }
  if (!is_whole) {
    proof.push_back(merkle_root(leaves));
  }
  std::ranges::reverse(proof);
  return proof;
}

bool verify_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t size,
                        const Digest& root, std::span<const Digest> proof) {
  if (old_size == 0 || old_size >= size) {
    return proof.empty() && old_size <= size &&
           (old_size == 0 ? old_root == MerkleTree().root() : old_root == root);
  }
  // RFC 9162 section 2.1.4.2.
  const bool is_perfect = std::has_single_bit(old_size);
  if (!is_perfect && proof.empty()) {
    return false;
  }
  std::uint64_t node = old_size - 1;
  std::uint64_t last = size - 1;
  while ((node & 1U) != 0) {
    node >>= 1U;
    last >>= 1U;
  }
  Digest old_hash = is_perfect ? old_root : proof.front();
  Digest new_hash = old_hash;
  for (const Digest& sibling : is_perfect ? proof : proof.subspan(1)) {
    if (last == 0) {
      return false;
    }
    if ((node & 1U) != 0 || node == last) {
      old_hash = node_hash(sibling, old_hash);
      new_hash = node_hash(sibling, new_hash);
      while ((node & 1U) == 0 && node != 0) {
        node >>= 1U;
        last >>= 1U;
      }
    } else {
      new_hash = node_hash(new_hash, sibling);
    }
    node >>= 1U;
    last >>= 1U;
  }
  return last == 0 && old_hash == old_root && new_hash == root;
}

}  // namespace meridian::audit
