// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/clock.h"

#include <gtest/gtest.h>

namespace metaring {
namespace {

TEST(Clock, MonotonicTimeNeverGoesBack) {
  const SystemClock clock;
  int64_t last = clock.MonotonicNanos();
  for (int i = 0; i < 10'000; ++i) {
    const int64_t now = clock.MonotonicNanos();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(Clock, WallTimeIsOfThisCentury) {
  EXPECT_GT(SystemClock().WallNanos(), 1'700'000'000'000'000'000);
}

TEST(Clock, ManualClockMovesByHandOnly) {
  ManualClock clock(1000);
  EXPECT_EQ(clock.WallNanos(), 1000);
  const int64_t start = clock.MonotonicNanos();
  clock.Advance(5);
  EXPECT_EQ(clock.WallNanos(), 1005);
  EXPECT_EQ(clock.MonotonicNanos(), start + 5);
  clock.SetWall(-7);
  EXPECT_EQ(clock.WallNanos(), -7);
  EXPECT_EQ(clock.MonotonicNanos(), start + 5);
}

}  // namespace
}  // namespace metaring
