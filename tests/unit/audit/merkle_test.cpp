#include "audit/merkle.hpp"

#include <string>

#include <gtest/gtest.h>

namespace meridian::audit {
namespace {

std::vector<Digest> leaves_of(std::size_t count) {
  std::vector<Digest> leaves;
  for (std::size_t i = 0; i < count; ++i) {
    leaves.push_back(leaf_hash(as_bytes(std::to_string(i))));
  }
  return leaves;
}

// MTH of RFC 9162 section 2.1.1, as it is written there.
Digest tree_hash(std::span<const Digest> leaves) {
  if (leaves.empty()) {
    return sha256({});
  }
  if (leaves.size() == 1) {
    return leaves[0];
  }
  std::size_t split = 1;
  while (2 * split < leaves.size()) {
    split *= 2;
  }
  const std::array<std::uint8_t, 1> prefix = {1};
  return sha256(
      {prefix, tree_hash(leaves.first(split)).bytes, tree_hash(leaves.subspan(split)).bytes});
}

TEST(Merkle, has_the_hashes_that_transparency_logs_publish) {
  // The empty tree and the empty leaf, which RFC 6962 implementations agree upon.
  EXPECT_EQ(MerkleTree().root().hex(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(leaf_hash({}).hex(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

TEST(Merkle, the_growing_tree_has_the_root_of_the_definition) {
  MerkleTree tree;
  for (std::size_t size = 0; size <= 70; ++size) {
    const auto leaves = leaves_of(size);
    EXPECT_EQ(tree.size(), size);
    EXPECT_EQ(tree.root(), tree_hash(leaves)) << size;
    EXPECT_EQ(merkle_root(leaves), tree.root());
    tree.append(leaf_hash(as_bytes(std::to_string(size))));
  }
}

TEST(Merkle, each_leaf_is_proved_and_nothing_else) {
  for (std::size_t size = 1; size <= 33; ++size) {
    const auto leaves = leaves_of(size);
    const Digest root = merkle_root(leaves);
    for (std::size_t i = 0; i < size; ++i) {
      MerkleProof proof = inclusion_proof(leaves, i);
      EXPECT_TRUE(verify_inclusion(leaves[i], i, size, proof, root)) << i << " of " << size;
      EXPECT_FALSE(verify_inclusion(leaf_hash({}), i, size, proof, root));
      EXPECT_FALSE(verify_inclusion(leaves[i], size, size, proof, root));
      if (size > 1) {
        EXPECT_FALSE(verify_inclusion(leaves[i], (i + 1) % size, size, proof, root));
        proof.front().bytes[0] ^= 1U;
        EXPECT_FALSE(verify_inclusion(leaves[i], i, size, proof, root));
      }
      proof = inclusion_proof(leaves, i);
      proof.push_back(root);
      EXPECT_FALSE(verify_inclusion(leaves[i], i, size, proof, root));
      proof.resize(proof.size() - std::min<std::size_t>(2, proof.size()));
      EXPECT_EQ(verify_inclusion(leaves[i], i, size, proof, root), size == 1);
    }
  }
}

TEST(Merkle, a_longer_tree_is_proved_to_contain_the_shorter) {
  for (std::size_t size = 0; size <= 33; ++size) {
    const auto leaves = leaves_of(size);
    const Digest root = merkle_root(leaves);
    for (std::size_t old = 0; old <= size; ++old) {
      const Digest old_root = merkle_root(std::span(leaves).first(old));
      MerkleProof proof = consistency_proof(leaves, old);
      EXPECT_TRUE(verify_consistency(old, old_root, size, root, proof)) << old << " of " << size;
      EXPECT_FALSE(verify_consistency(old, leaf_hash({}), size, root, proof) && old != 0);
      EXPECT_FALSE(verify_consistency(size + 1, root, size, root, proof));
      if (!proof.empty()) {
        proof.back().bytes[31] ^= 1U;
        EXPECT_FALSE(verify_consistency(old, old_root, size, root, proof)) << old << " of " << size;
        proof.pop_back();
        EXPECT_FALSE(verify_consistency(old, old_root, size, root, proof));
      }
    }
  }
}

}  // namespace
}  // namespace meridian::audit
