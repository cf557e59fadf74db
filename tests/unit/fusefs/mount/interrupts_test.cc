// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/interrupts.h"

#include <gtest/gtest.h>
#include <linux/fuse.h>
#include <unistd.h>

namespace metaring::fusefs::mount {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using TimePoint = WaitingRequest::TimePoint;

constexpr TimePoint kNow{std::chrono::hours(7)};
constexpr std::chrono::seconds kOpTimeout{600};

WaitingRequest Interrupted(uint32_t opcode, std::chrono::nanoseconds ago) {
  return {1, opcode, 1, kNow - minutes(2), kNow - ago};
}

bool Ends(const WaitingRequest& request, CallerState caller, Interruptible by) {
  return MustEnd(request, caller, {by, kOpTimeout}, kNow);
}
WaitingRequest Closing(pid_t caller, std::chrono::nanoseconds for_long) {
  return {1, FUSE_FLUSH, caller, kNow - for_long, {}};
}

TEST(InterruptsTest, WhatEndsTheCallerEndsTheRequestAtOnce) {
  for (const Interruptible by : {Interruptible::kByCaught, Interruptible::kByFatal}) {
    EXPECT_TRUE(Ends(Interrupted(FUSE_READ, milliseconds(0)), CallerState::kEnds, by));
    EXPECT_TRUE(Ends(Interrupted(FUSE_RENAME2, milliseconds(0)), CallerState::kEnds, by));
    // When nobody reads interrupts: every caller is looked at.
    EXPECT_TRUE(Ends({1, FUSE_MKDIR, 1, kNow, {}}, CallerState::kEnds, by));
  }
}

TEST(InterruptsTest, ACaughtSignalEndsItAfterAGraceThatIsLongerWhereMuchIsStoredOrFewExpectEintr) {
  const auto ends = [](uint32_t opcode, std::chrono::nanoseconds ago) {
    return Ends(Interrupted(opcode, ago), CallerState::kSignalled, Interruptible::kByCaught);
  };
  for (const uint32_t opcode : {FUSE_OPEN, FUSE_CREATE, FUSE_READ, FUSE_STATFS}) {
    EXPECT_FALSE(ends(opcode, kGrace - milliseconds(1)));
    EXPECT_TRUE(ends(opcode, kGrace));
  }
  for (const uint32_t opcode :
       {FUSE_LOOKUP, FUSE_MKDIR, FUSE_UNLINK, FUSE_RENAME2, FUSE_GETATTR, FUSE_SETATTR, FUSE_FSYNC,
        FUSE_WRITE, FUSE_COPY_FILE_RANGE, FUSE_FALLOCATE}) {
    EXPECT_FALSE(ends(opcode, kGraceUnexpected - milliseconds(1)));
    EXPECT_TRUE(ends(opcode, kGraceUnexpected));
  }
}

TEST(InterruptsTest, ACaughtSignalNeverEndsACloseNorAnythingOfAHardMount) {
  EXPECT_FALSE(
      Ends(Interrupted(FUSE_FLUSH, minutes(1)), CallerState::kSignalled, Interruptible::kByCaught));
  for (const uint32_t opcode : {FUSE_READ, FUSE_MKDIR, FUSE_FLUSH}) {
    EXPECT_FALSE(
        Ends(Interrupted(opcode, minutes(1)), CallerState::kSignalled, Interruptible::kByFatal));
  }
}

TEST(InterruptsTest, WithoutASignalThatDoesSomethingTheRequestGoesOn) {
  EXPECT_FALSE(
      Ends(Interrupted(FUSE_READ, minutes(1)), CallerState::kWaits, Interruptible::kByCaught));
}

TEST(InterruptsTest, ACallerThatCannotBeSeenCanBeKilledAfterTheGrace) {
  for (const Interruptible by : {Interruptible::kByCaught, Interruptible::kByFatal}) {
    EXPECT_FALSE(Ends(Interrupted(FUSE_READ, milliseconds(1)), CallerState::kUnknown, by));
    EXPECT_TRUE(Ends(Interrupted(FUSE_READ, kGrace), CallerState::kUnknown, by));
    EXPECT_FALSE(Ends({1, FUSE_MKDIR, 1, kNow - minutes(2), {}}, CallerState::kUnknown, by));
  }
}

TEST(InterruptsTest, ACloseOfACallerThatIsGoingHasAGraceThatIsLongUnlessItWasKilled) {
  const std::pair<CallerState, std::chrono::seconds> graces[] = {
      {CallerState::kEnds, kExitGrace},
      {CallerState::kExitsSomehow, kGraceUnexpected},
      {CallerState::kExits, kOpTimeout}};
  for (const Interruptible by : {Interruptible::kByCaught, Interruptible::kByFatal}) {
    for (const auto& [caller, grace] : graces) {
      EXPECT_FALSE(Ends(Closing(1, grace - milliseconds(1)), caller, by));
      EXPECT_TRUE(Ends(Closing(1, grace), caller, by));
      EXPECT_TRUE(Ends({1, FUSE_READ, 1, kNow, {}}, caller, by));
    }
  }
}

TEST(InterruptsTest, ACloseOfACallerThatCannotBeSeenEndsAfterAnInterruptOrTheOperationsTime) {
  for (const Interruptible by : {Interruptible::kByCaught, Interruptible::kByFatal}) {
    EXPECT_FALSE(Ends(Closing(0, kOpTimeout - milliseconds(1)), CallerState::kUnknown, by));
    EXPECT_TRUE(Ends(Closing(0, kOpTimeout), CallerState::kUnknown, by));
    EXPECT_FALSE(Ends(Interrupted(FUSE_FLUSH, kGraceUnexpected - milliseconds(1)),
                      CallerState::kUnknown, by));
    EXPECT_TRUE(Ends(Interrupted(FUSE_FLUSH, kGraceUnexpected), CallerState::kUnknown, by));
  }
}

TEST(InterruptsTest, WithoutATimeForOperationsAnExitWaitsForItsCloses) {
  EXPECT_FALSE(MustEnd(Closing(1, std::chrono::hours(6)), CallerState::kExits, {}, kNow));
  EXPECT_FALSE(MustEnd(Closing(0, std::chrono::hours(6)), CallerState::kUnknown, {}, kNow));
}

// Requests of callers that cannot be seen, whose grace is over.
class FakeRequests : public InterruptWatch::Requests {
 public:
  void Add(uint64_t unique) {
    const MutexLock lock(mutex_);
    const auto long_ago = std::chrono::steady_clock::now() - minutes(1);
    watched_.push_back({unique, FUSE_READ, 0, long_ago, long_ago});
  }
  void AwaitCancelled(uint64_t unique) {
    const MutexLock lock(mutex_);
    while (cancelled_ != unique) changed_.Wait(mutex_);
  }
  std::vector<WaitingRequest> Watched() override {
    const MutexLock lock(mutex_);
    return watched_;
  }
  void Cancel(uint64_t unique) override {
    const MutexLock lock(mutex_);
    cancelled_ = unique;
    watched_.clear();
    changed_.NotifyAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<WaitingRequest> watched_ GUARDED_BY(mutex_);
  uint64_t cancelled_ GUARDED_BY(mutex_) = 0;
};

TEST(InterruptsTest, TheWatchCancelsWhatMustEndAndSleepsUntilItIsWokenAgain) {
  FakeRequests requests;
  InterruptWatch watch(requests, {});
  for (const uint64_t unique : {5, 7, 9}) {
    requests.Add(unique);
    watch.Wake();
    requests.AwaitCancelled(unique);
  }
}

}  // namespace
}  // namespace metaring::fusefs::mount
