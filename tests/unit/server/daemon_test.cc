// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/daemon.h"

#include <gtest/gtest.h>

namespace metaring::server {
namespace {

using std::chrono::seconds;

class Watch : public testing::Test {
 protected:
  bool Moves(bool waits, uint64_t steps, seconds at) {
    return watch_.Moves({waits, steps}, ProgressWatch::TimePoint() + at);
  }
  ProgressWatch watch_{seconds(10)};
};

TEST_F(Watch, ANodeAtRestMoves) {
  for (int second = 0; second < 100; second += 5) EXPECT_TRUE(Moves(false, 7, seconds(second)));
}

TEST_F(Watch, WritesThatEndMove) {
  for (int second = 0; second < 100; second += 5) {
    EXPECT_TRUE(Moves(true, static_cast<uint64_t>(second), seconds(second)));
  }
}

TEST_F(Watch, WritesWithoutAStepAreStuckWhenThePatienceIsOver) {
  EXPECT_TRUE(Moves(false, 7, seconds(0)));
  EXPECT_TRUE(Moves(true, 7, seconds(5)));
  EXPECT_TRUE(Moves(true, 7, seconds(10)));
  EXPECT_FALSE(Moves(true, 7, seconds(11)));
  EXPECT_FALSE(Moves(true, 7, seconds(60)));
  EXPECT_TRUE(Moves(true, 8, seconds(61)));
}

// Found by UBSan: the time since "never" is no number.
TEST_F(Watch, WhatWaitsAtTheFirstLookHasItsPatience) {
  EXPECT_TRUE(Moves(true, 0, seconds(3)));
  EXPECT_TRUE(Moves(true, 0, seconds(13)));
  EXPECT_FALSE(Moves(true, 0, seconds(14)));
}

// What has waited before is not held against who waits now.
TEST_F(Watch, ARestStartsThePatienceAnew) {
  EXPECT_TRUE(Moves(true, 7, seconds(0)));
  EXPECT_TRUE(Moves(false, 7, seconds(9)));
  EXPECT_TRUE(Moves(true, 7, seconds(18)));
}

}  // namespace
}  // namespace metaring::server
