// SPDX-License-Identifier: Apache-2.0
#include "kvnode/ctl/lanes.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <array>
#include <atomic>
#include <csignal>

namespace metaring::ctl {
namespace {

TEST(Lanes, AllRunAtOnceAndTheirTimesAreMerged) {
  SignalWatch signals;
  std::atomic<unsigned> arrived{0};
  const auto body = [&](Lane& lane) -> Status {
    ++arrived;
    while (arrived < 4) {
    }
    for (uint64_t i = 0; i < 10; ++i) lane.Record(lane.index() + 1);
    return {};
  };
  const LanesResult result = RunLanes(4, body, signals, nullptr);
  EXPECT_FALSE(result.error);
  EXPECT_FALSE(result.stopped);
  EXPECT_EQ(result.latency.count(), 40U);
  EXPECT_EQ(result.latency.max(), 4U);
  EXPECT_GT(result.seconds, 0);
}

TEST(Lanes, FirstErrorStopsAllAndIsGiven) {
  SignalWatch signals;
  const auto body = [](Lane& lane) -> Status {
    if (lane.index() == 2) return Fail(ErrorCode::kNoSpace, "full");
    while (!lane.Stopping()) {
    }
    return {};
  };
  const LanesResult result = RunLanes(4, body, signals, nullptr);
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, ErrorCode::kNoSpace);
  EXPECT_EQ(result.error->message, "full");
}

TEST(Lanes, SignalStopsThemAndDoesNotEndTheProcess) {
  SignalWatch signals;
  const pthread_t watcher = pthread_self();
  const auto body = [&](Lane& lane) -> Status {
    if (lane.index() == 0) pthread_kill(watcher, SIGTERM);
    while (!lane.Stopping()) {
    }
    return {};
  };
  const LanesResult result = RunLanes(2, body, signals, nullptr);
  EXPECT_TRUE(result.stopped);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(signals.taken(), SIGTERM);
}

TEST(Lanes, SecondSignalHasItsUsualEffect) {
  SignalWatch signals;
  pthread_kill(pthread_self(), SIGHUP);
  const auto body = [](Lane& lane) -> Status {
    while (!lane.Stopping()) {
    }
    return {};
  };
  (void)RunLanes(1, body, signals, nullptr);
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&blocked, SIGHUP), 0);
}

}  // namespace
}  // namespace metaring::ctl
