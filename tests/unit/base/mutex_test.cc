// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace metaring {
namespace {

class Counter {
 public:
  void Add() {
    MutexLock lock(mutex_);
    ++value_;
    changed_.NotifyAll();
  }
  void AwaitAtLeast(int value) {
    MutexLock lock(mutex_);
    while (value_ < value) changed_.Wait(mutex_);
  }
  bool WaitFor(std::chrono::nanoseconds timeout) {
    MutexLock lock(mutex_);
    return changed_.WaitFor(mutex_, timeout);
  }
  int value() {
    MutexLock lock(mutex_);
    return value_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int value_ GUARDED_BY(mutex_) = 0;
};

class SharedPair {
 public:
  void Add() {
    WriterLock lock(mutex_);
    ++first_;
    ++second_;
  }
  bool Equal() {
    ReaderLock lock(mutex_);
    return first_ == second_;
  }
  int first() {
    ReaderLock lock(mutex_);
    return first_;
  }

 private:
  SharedMutex mutex_;
  int first_ GUARDED_BY(mutex_) = 0;
  int second_ GUARDED_BY(mutex_) = 0;
};

template <typename Function>
void OnThreads(int count, Function function) {
  std::vector<std::thread> threads;
  for (int i = 0; i < count; ++i) threads.emplace_back(function);
  for (std::thread& thread : threads) thread.join();
}

TEST(Mutex, ExcludesOtherThreads) {
  Counter counter;
  OnThreads(4, [&] {
    for (int i = 0; i < 10'000; ++i) counter.Add();
  });
  EXPECT_EQ(counter.value(), 40'000);
}

TEST(CondVar, WakesWhoWaits) {
  Counter counter;
  std::thread waiter([&] { counter.AwaitAtLeast(3); });
  for (int i = 0; i < 3; ++i) counter.Add();
  waiter.join();
  EXPECT_EQ(counter.value(), 3);
}

TEST(CondVar, TimeoutEndsTheWaitWithTheMutexHeld) {
  Counter counter;
  // Nobody notifies; the wait may end early without cause, but it ends.
  while (counter.WaitFor(std::chrono::microseconds(1))) {
  }
  counter.Add();
  EXPECT_EQ(counter.value(), 1);
}

TEST(SharedMutex, ReadersSeeWholeWrites) {
  SharedPair pair;
  std::thread writer([&] {
    for (int i = 0; i < 10'000; ++i) pair.Add();
  });
  OnThreads(3, [&] {
    for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(pair.Equal());
  });
  writer.join();
  EXPECT_EQ(pair.first(), 10'000);
}

}  // namespace
}  // namespace metaring
