// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace metaring {
namespace {

// The sequence of splitmix64's reference implementation for seed 1234567.
TEST(Random, IsSplitmix64) {
  Random random(1234567);
  EXPECT_EQ(random.Next(), 6457827717110365317u);
  EXPECT_EQ(random.Next(), 3203168211198807973u);
  EXPECT_EQ(random.Next(), 9817491932198370423u);
}

TEST(Random, SameSeedGivesTheSameNumbers) {
  Random a(42);
  Random b(42);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(a.Next(), b.Next());
  EXPECT_NE(Random(1).Next(), Random(2).Next());
}

TEST(Random, BelowReachesEveryValueAboutEquallyOften) {
  Random random(7);
  std::array<int, 10> seen{};
  for (int i = 0; i < 100'000; ++i) ++seen[random.Below(seen.size())];
  for (const int count : seen) {
    EXPECT_GT(count, 9'500);
    EXPECT_LT(count, 10'500);
  }
  EXPECT_EQ(random.Below(1), 0u);
}

TEST(Random, OneInIsTrueThatOften) {
  Random random(7);
  int hits = 0;
  for (int i = 0; i < 100'000; ++i) hits += random.OneIn(5);
  EXPECT_GT(hits, 19'500);
  EXPECT_LT(hits, 20'500);
  EXPECT_TRUE(random.OneIn(1));
}

}  // namespace
}  // namespace metaring
