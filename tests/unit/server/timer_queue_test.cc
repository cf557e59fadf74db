// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/timer_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace metaring::server {
namespace {

TEST(Timers, RunByTimeThenByOrder) {
  TimerQueue timers;
  std::string ran;
  timers.Add(20, [&] { ran += 'c'; });
  timers.Add(10, [&] { ran += 'a'; });
  timers.Add(10, [&] { ran += 'b'; });
  timers.Add(21, [&] { ran += 'd'; });
  EXPECT_EQ(timers.next_ns(), 10);
  timers.RunDue(20);
  EXPECT_EQ(ran, "abc");
  EXPECT_EQ(timers.next_ns(), 21);
}

TEST(Timers, ThatWereCancelledDoNotRun) {
  TimerQueue timers;
  int ran = 0;
  const uint64_t first = timers.Add(10, [&] { ++ran; });
  uint64_t third = 0;
  timers.Add(11, [&] { EXPECT_TRUE(timers.Cancel(third)); });
  third = timers.Add(12, [&] { ++ran; });
  EXPECT_TRUE(timers.Cancel(first));
  EXPECT_FALSE(timers.Cancel(first));
  timers.RunDue(100);
  EXPECT_EQ(ran, 0);
  EXPECT_FALSE(timers.next_ns());
}

TEST(Timers, ThatAreAddedForNowWaitForTheNextTurn) {
  TimerQueue timers;
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    timers.Add(5, again);
  };
  timers.Add(5, again);
  timers.Add(7, [&] { ran += 10; });
  timers.RunDue(7);
  EXPECT_EQ(ran, 11);
  timers.RunDue(7);
  EXPECT_EQ(ran, 12);
}

}  // namespace
}  // namespace metaring::server
