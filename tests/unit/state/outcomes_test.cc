// SPDX-License-Identifier: Apache-2.0
#include "kvnode/state/outcomes.h"

#include <gtest/gtest.h>

namespace metaring::state {
namespace {

TEST(Outcomes, AreForgottenBelowTheLowestOutstanding) {
  ClientOutcomes outcomes;
  for (uint64_t s = 1; s <= 5; ++s) outcomes.Add({s, true, 10 + s, 0}, 0);
  outcomes.Add({6, true, 16, 0}, 4);
  EXPECT_EQ(outcomes.floor, 3u);
  EXPECT_EQ(outcomes.Find(3), nullptr);
  ASSERT_NE(outcomes.Find(4), nullptr);
  EXPECT_EQ(outcomes.Find(4)->version, 14u);
}

TEST(Outcomes, NeverGrowOverTheBound) {
  ClientOutcomes outcomes;
  for (uint64_t s = 1; s <= 3 * kOutcomesPerClientMax; ++s) outcomes.Add({s, true, s, 0}, 0);
  EXPECT_EQ(outcomes.kept.size(), kOutcomesPerClientMax);
  EXPECT_EQ(outcomes.floor, 2 * kOutcomesPerClientMax);
}

TEST(Outcomes, ArriveInAnyOrder) {
  ClientOutcomes outcomes;
  outcomes.Add({9, false, 1, 3}, 0);
  outcomes.Add({7, true, 2, 0}, 0);
  EXPECT_EQ(outcomes.Find(9)->failed_compare, 3u);
  EXPECT_EQ(outcomes.kept.front().sequence, 7u);
}

TEST(Outcomes, ComeBackFromTheirBytes) {
  ClientOutcomes outcomes;
  outcomes.log_time_nanos = -5;
  outcomes.Add({2, true, 77, 0}, 2);
  outcomes.Add({3, false, 78, 1}, 2);
  const auto decoded = DecodeOutcomes(EncodeOutcomes(outcomes));
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->log_time_nanos, -5);
  EXPECT_EQ(decoded->floor, 1u);
  EXPECT_EQ(decoded->kept.size(), 2u);
  EXPECT_FALSE(DecodeOutcomes("short"));
}

}  // namespace
}  // namespace metaring::state
