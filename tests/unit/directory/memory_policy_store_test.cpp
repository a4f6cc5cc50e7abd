#include "directory/memory_policy_store.hpp"

#include <gtest/gtest.h>

#include "unit/directory/policy_store_contract.hpp"

namespace meridian::directory {
namespace {

TEST(MemoryPolicyStore, keeps_the_contract_of_a_store) {
  MemoryPolicyStore store;
  testing_support::expect_contract(store);
}

}  // namespace
}  // namespace meridian::directory
