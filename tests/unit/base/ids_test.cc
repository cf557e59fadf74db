// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/ids.h"

#include <gtest/gtest.h>

#include <type_traits>
#include <unordered_set>

namespace metaring {
namespace {

using Apples = StrongId<struct ApplesTag>;
using Pears = StrongId<struct PearsTag>;

static_assert(!std::is_convertible_v<uint64_t, Apples>);
static_assert(!std::is_convertible_v<Apples, uint64_t>);
static_assert(!std::is_constructible_v<Apples, Pears>);
static_assert(sizeof(SlotId) == sizeof(uint16_t));

TEST(StrongId, IsZeroAtFirst) {
  EXPECT_EQ(Apples().value(), 0u);
}

TEST(StrongId, ComparesAsItsNumber) {
  EXPECT_LT(Apples(1), Apples(2));
  EXPECT_EQ(Apples(3), Apples(3));
  EXPECT_NE(Apples(3), Apples(4));
}

TEST(StrongId, IsAKeyOfHashedContainers) {
  std::unordered_set<Apples> set;
  for (uint64_t i = 0; i < 1000; ++i) set.insert(Apples(i));
  EXPECT_EQ(set.size(), 1000u);
  EXPECT_TRUE(set.contains(Apples(999)));
  EXPECT_FALSE(set.contains(Apples(1000)));
}

}  // namespace
}  // namespace metaring
