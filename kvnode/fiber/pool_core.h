// SPDX-License-Identifier: Apache-2.0
//
// Fiber and PoolCore: what pool.cc, wait.cc and schedule.cc share.
//
// A thread runs one fiber at a time. A fiber that waits leaves to its thread a function that makes
// its waiting known (Park); the thread runs it on its own stack, so that whoever wakes the fiber
// never finds it still running. Fibers that are woken by a fiber are run by the same thread next.
#ifndef METARING_KVNODE_FIBER_POOL_CORE_H_
#define METARING_KVNODE_FIBER_POOL_CORE_H_

#include <chrono>
#include <deque>
#include <map>
#include <thread>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/fiber/context.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fiber {

class Fiber {
 public:
  explicit Fiber(PoolCore& pool);

  PoolCore& pool() const { return pool_; }
  Task* task() const { return task_; }
  void Give(Task& task) { task_ = &task; }
  // Ends an idle fiber's body.
  void End();

  // On a thread: runs until the task ends (true) or waits, and is parked (false).
  bool RunTask();
  // On the fiber.
  void Suspend(Park park, void* argument);

 private:
  void Body();

  PoolCore& pool_;
  Task* task_ = nullptr;  // null: idle
  bool ending_ = false;
  Park park_ = nullptr;  // set by a fiber that waits, for its thread
  void* park_argument_ = nullptr;
  Context context_;
};

// Runs it on this thread, and then what it has made ready.
void RunHere(Fiber& fiber);
// Lets it run soon, never inside the call: by this thread if it runs fibers, else by the pool's.
void MakeReady(Fiber& fiber);
// The fiber that this thread runs; null: none.
Fiber* CurrentFiber();

// A wait of a fiber that may be ended before it has begun: it is published first, so that the fiber
// itself can let go of what it holds, then the fiber parks. Several may want to end it (an event, a
// deadline, a cancel); the first does.
struct TimedWait : Cancellable {
  using TimePoint = std::chrono::steady_clock::time_point;
  enum State : uint32_t { kRuns, kParked, kEnded };

  Fiber* const fiber = CurrentFiber();
  std::atomic<uint32_t> state{kRuns};
  std::atomic<bool> claimed{false};
  bool in_vain = false;  // set by the claimer: its deadline came first, or it was cancelled
  std::multimap<TimePoint, TimedWait*>::iterator timer;
  bool has_timer = false;

  bool Claim() { return !claimed.exchange(true, std::memory_order_acq_rel); }
  // By the claimer. Whether the fiber is parked and must be made to run.
  bool End() { return state.exchange(kEnded, std::memory_order_acq_rel) == kParked; }
  void Cancel() override {
    if (!Claim()) return;
    in_vain = true;
    if (End()) MakeReady(*fiber);
  }
  // On the fiber: returns when the wait was ended.
  void Await() { metaring::fiber::Suspend(Park, this); }

 private:
  static bool Park(void* wait, Fiber&) {
    uint32_t expected = kRuns;
    return static_cast<TimedWait*>(wait)->state.compare_exchange_strong(expected, kParked,
                                                                        std::memory_order_acq_rel);
  }
};

// Thread-safe.
class PoolCore {
 public:
  explicit PoolCore(const PoolOptions& options) : options_(options) {}
  ~PoolCore();
  PoolCore(const PoolCore&) = delete;
  PoolCore& operator=(const PoolCore&) = delete;

  void Start(const std::string& thread_name);
  void Stop();

  size_t stack_bytes() const { return options_.stack_bytes; }
  size_t live() const;
  Fiber& Take(Task& task);
  // Its task has ended.
  void GiveBack(Fiber& fiber);

  // For the pool's own thread to run.
  void Hand(Fiber& fiber);
  // Before the wait is published; and after it has ended.
  void AddTimer(TimedWait& wait, TimedWait::TimePoint deadline);
  void RemoveTimer(TimedWait& wait);

 private:
  void Serve();
  // What is to be run now; waits until there is something. Empty: the pool stops.
  std::vector<Fiber*> AwaitReady();
  void TakeExpired(std::vector<Fiber*>& ready) REQUIRES(mutex_);

  const PoolOptions options_;
  std::thread thread_;

  mutable Mutex mutex_;
  metaring::CondVar changed_;  // for the pool's thread
  metaring::CondVar ended_;    // for Stop
  std::vector<Fiber*> idle_ GUARDED_BY(mutex_);
  size_t live_ GUARDED_BY(mutex_) = 0;
  std::vector<Fiber*> handed_ GUARDED_BY(mutex_);
  std::multimap<TimedWait::TimePoint, TimedWait*> timers_ GUARDED_BY(mutex_);
  bool stop_ GUARDED_BY(mutex_) = false;
};

}  // namespace metaring::fiber

#endif  // METARING_KVNODE_FIBER_POOL_CORE_H_
