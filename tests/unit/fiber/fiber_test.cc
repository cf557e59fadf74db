// SPDX-License-Identifier: Apache-2.0
#include "kvnode/fiber/fiber.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "kvnode/base/random.h"

namespace metaring::fiber {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FiberTest : public testing::Test {
 protected:
  void SetUp() override { pool_.Start("fibers"); }
  void TearDown() override { pool_.Stop(); }
  Pool pool_;
};

TEST_F(FiberTest, ATaskThatNeverWaitsHasEndedWhenRunReturns) {
  bool ran = false;
  pool_.Spawn([&] {
    ran = true;
    EXPECT_NE(CurrentTask(), nullptr);
  });
  EXPECT_TRUE(ran);
  EXPECT_EQ(CurrentTask(), nullptr);
  EXPECT_EQ(pool_.live(), 0u);
}

TEST_F(FiberTest, AWaitGivesTheThreadAwayAndPostGoesOnWithIt) {
  Baton baton;
  std::string trace;
  pool_.Spawn([&] {
    trace += "a";
    baton.Wait();
    trace += "c";
  });
  trace += "b";
  EXPECT_EQ(pool_.live(), 1u);
  baton.Post();
  EXPECT_EQ(trace, "abc");
  EXPECT_EQ(pool_.live(), 0u);
}

TEST_F(FiberTest, AFiberGoesOnOnTheThreadThatPosts) {
  Baton baton;
  pid_t before = 0;
  pid_t after = 0;
  pid_t expected = 0;
  // pthread_self, and so std::this_thread::get_id, is a constant to the compiler.
  pool_.Spawn([&] {
    before = ::gettid();
    baton.Wait();
    after = ::gettid();
  });
  std::thread poster([&] {
    expected = ::gettid();
    baton.Post();
  });
  poster.join();
  EXPECT_EQ(before, ::gettid());
  EXPECT_EQ(after, expected);
}

TEST_F(FiberTest, APostBeforeTheWaitIsNotLost) {
  Baton baton;
  baton.Post();
  bool ended = false;
  pool_.Spawn([&] {
    baton.Wait();
    ended = true;
  });
  EXPECT_TRUE(ended);
  Baton on_thread;
  on_thread.Post();
  on_thread.Wait();
}

TEST_F(FiberTest, APostOnAFiberRunsTheOtherAfterIt) {
  Baton baton;
  std::string trace;
  pool_.Spawn([&] {
    baton.Wait();
    trace += "2";
  });
  pool_.Spawn([&] {
    baton.Post();
    trace += "1";
  });
  EXPECT_EQ(trace, "12");
}

TEST_F(FiberTest, ATaskGivenOnAFiberRunsAfterIt) {
  std::string trace;
  pool_.Spawn([&] {
    pool_.Spawn([&] { trace += "2"; });
    trace += "1";
  });
  EXPECT_EQ(trace, "12");
}

TEST_F(FiberTest, ThreadsWaitForFibersAndFibersForThreads) {
  for (int round = 0; round < 200; ++round) {
    Baton to_fiber;
    Baton to_thread;
    std::thread other([&] {
      to_fiber.Post();
      to_thread.Wait();
    });
    pool_.Spawn([&] {
      to_fiber.Wait();
      to_thread.Post();
    });
    other.join();
    while (pool_.live() > 0) std::this_thread::yield();
  }
}

TEST_F(FiberTest, ManyFibersOfManyThreadsAllEnd) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 300;
  Mutex mutex;
  CondVar changed;
  int turn = 0;  // guarded by mutex: whose turn it is, counted up
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        pool_.Spawn([&, mine = i * kThreads + t] {
          {
            MutexLock lock(mutex);
            while (turn != mine) changed.Wait(mutex);
            ++turn;
            changed.NotifyAll();
          }
          ++ended;
        });
        // So that not all of them wait at once: their stacks are a resource.
        if (i % 50 == 0) {
          MutexLock lock(mutex);
          while (turn < (i - 50) * kThreads) changed.Wait(mutex);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  pool_.Stop();
  EXPECT_EQ(ended, kThreads * kRounds);
}

TEST_F(FiberTest, AConditionOnAFiberTimesOut) {
  Mutex mutex;
  CondVar never;
  Baton ended;
  bool woken = true;
  pool_.Spawn([&] {
    {
      MutexLock lock(mutex);
      woken = never.WaitFor(mutex, milliseconds(5));
    }
    ended.Post();
  });
  ended.Wait();
  EXPECT_FALSE(woken);
}

TEST_F(FiberTest, ANotifiedConditionDoesNotTimeOut) {
  Mutex mutex;
  CondVar changed;
  bool set = false;
  bool woken = false;
  pool_.Spawn([&] {
    MutexLock lock(mutex);
    while (!set) woken = changed.WaitFor(mutex, seconds(600));
  });
  {
    MutexLock lock(mutex);
    set = true;
    // With the mutex held: the fiber must not run inside.
    changed.NotifyAll();
  }
  pool_.Stop();
  EXPECT_TRUE(woken);
}

TEST_F(FiberTest, NotifyingAndTimingOutAtOnceWakesOnce) {
  Mutex mutex;
  CondVar changed;
  std::atomic<int> rounds{0};
  std::atomic<bool> stop{false};
  for (int f = 0; f < 8; ++f) {
    pool_.Spawn([&] {
      for (int i = 0; i < 200; ++i) {
        MutexLock lock(mutex);
        changed.WaitFor(mutex, std::chrono::microseconds(50));
        ++rounds;
      }
    });
  }
  std::thread notifier([&] {
    while (!stop) changed.NotifyAll();
  });
  while (rounds < 8 * 200) std::this_thread::yield();
  stop = true;
  notifier.join();
}

TEST_F(FiberTest, SleepingGivesTheThreadAway) {
  Baton ended;
  pid_t woken_on = 0;
  pool_.Spawn([&] {
    SleepFor(milliseconds(1));
    woken_on = ::gettid();
    ended.Post();
  });
  ended.Wait();
  EXPECT_NE(woken_on, ::gettid());
}

TEST_F(FiberTest, AYieldLetsTheReadyRunFirst) {
  std::string trace;
  pool_.Spawn([&] {
    pool_.Spawn([&] { trace += "1"; });
    SleepFor(milliseconds(0));
    trace += "2";
  });
  EXPECT_EQ(trace, "12");
}

TEST_F(FiberTest, ExceptionsAreCaughtOnTheFiber) {
  Baton baton;
  std::string caught;
  pool_.Spawn([&] {
    try {
      baton.Wait();
      throw std::runtime_error("thrown");
    } catch (const std::runtime_error& error) {
      caught = error.what();
    }
  });
  baton.Post();
  EXPECT_EQ(caught, "thrown");
}

TEST(FiberPool, KeepsNoMoreIdleStacksThanItMay) {
  PoolOptions options;
  options.idle_max = 2;
  Pool pool(options);
  pool.Start("fibers");
  std::vector<Baton> batons(16);
  for (Baton& baton : batons) pool.Spawn([&] { baton.Wait(); });
  EXPECT_EQ(pool.live(), 16u);
  for (Baton& baton : batons) baton.Post();
  EXPECT_EQ(pool.live(), 0u);
  pool.Stop();
}

// --- cancelling ----------------------------------------------------------------------------------

// A task that waits on a condition which never comes true, until it is cancelled.
class Hopeless : public Task {
 public:
  void Run() override {
    {
      const MutexLock lock(mutex_);
      while (!Cancelled()) in_vain_ = !cond_.WaitFor(mutex_, std::chrono::hours(1));
    }
    // The task may be gone from here on.
    ended_.Post();
  }
  void AwaitEnd() { ended_.Wait(); }
  bool in_vain() const { return in_vain_; }

 private:
  Mutex mutex_;
  CondVar cond_;
  bool in_vain_ = false;
  Baton ended_;
};

TEST_F(FiberTest, ACancelEndsTheWaitForACondition) {
  Hopeless task;
  pool_.Run(task);
  EXPECT_FALSE(task.cancelled());
  task.Cancel();
  task.AwaitEnd();
  EXPECT_TRUE(task.in_vain());
}

TEST_F(FiberTest, ATaskThatWasCancelledBeforeItWaitsDoesNotWait) {
  Hopeless task;
  task.Cancel();
  pool_.Run(task);
  task.AwaitEnd();
  EXPECT_FALSE(task.in_vain());
}

TEST_F(FiberTest, CancelsAndEventsThatRaceEndTheWaitOnce) {
  for (int round = 0; round < 2000; ++round) {
    Hopeless first;
    Hopeless second;
    pool_.Run(first);
    pool_.Run(second);
    std::thread other([&] {
      first.Cancel();
      second.Cancel();
    });
    second.Cancel();
    first.Cancel();
    other.join();
    first.AwaitEnd();
    second.AwaitEnd();
  }
}

class CountedWait : public Cancellable {
 public:
  void Cancel() override { ++cancels; }
  int cancels = 0;
};

class ScopedTask : public Task {
 public:
  explicit ScopedTask(CountedWait& wait) : wait_(wait) {}
  void Run() override {
    {
      const CancelScope scope(wait_);
      inside_.Wait();
    }
    outside_.Wait();
    ended_.Post();
  }
  void Leave() { inside_.Post(); }
  void End() {
    outside_.Post();
    ended_.Wait();
  }

 private:
  CountedWait& wait_;
  Baton inside_;
  Baton outside_;
  Baton ended_;
};

TEST_F(FiberTest, ACancelReachesAWaitOnlyWithinItsScope) {
  CountedWait wait;
  ScopedTask task(wait);
  pool_.Run(task);
  task.Cancel();
  EXPECT_EQ(wait.cancels, 1);
  task.Leave();
  task.Cancel();
  EXPECT_EQ(wait.cancels, 1);
  task.End();
}

TEST_F(FiberTest, AScopeThatBeginsAfterTheCancelCancelsAtOnce) {
  CountedWait wait;
  ScopedTask task(wait);
  task.Cancel();
  pool_.Run(task);
  EXPECT_EQ(wait.cancels, 1);
  task.Leave();
  task.End();
}

TEST(CancelTest, AThreadIsNeverCancelled) {
  CountedWait wait;
  const CancelScope scope(wait);
  EXPECT_FALSE(Cancelled());
  EXPECT_EQ(wait.cancels, 0);
}

}  // namespace
}  // namespace metaring::fiber
