// SPDX-License-Identifier: Apache-2.0
//
// Baton, CondVar and SleepFor: on a thread as the operating system has them, on a fiber by parking.
#include <list>
#include <thread>

#include "kvnode/base/check.h"
#include "kvnode/base/futex.h"
#include "kvnode/fiber/pool_core.h"

namespace metaring::fiber {

// --- Baton
// ---------------------------------------------------------------------------------------

bool Baton::ParkWaiter(void* baton, Fiber& self) {
  auto& waiting = *static_cast<Baton*>(baton);
  waiting.fiber_ = &self;
  uint32_t expected = kIdle;
  return waiting.state_.compare_exchange_strong(expected, kFiberWaits, std::memory_order_acq_rel);
}

void Baton::Wait() {
  if (state_.load(std::memory_order_acquire) == kPosted) return;
  if (CurrentFiber() != nullptr) return Suspend(ParkWaiter, this);
  uint32_t expected = kIdle;
  if (!state_.compare_exchange_strong(expected, kThreadWaits, std::memory_order_acq_rel)) return;
  while (state_.load(std::memory_order_acquire) != kPosted) FutexWait(state_, kThreadWaits);
}

void Baton::Post() {
  // A waiting thread may return, and the baton end, as soon as it is posted: after that only the
  // address is used.
  switch (state_.exchange(kPosted, std::memory_order_acq_rel)) {
    case kThreadWaits:
      return FutexWakeOne(state_);
    case kFiberWaits:
      return Wake(*fiber_);
    default:
      return;
  }
}

// --- CondVar
// -------------------------------------------------------------------------------------

struct CondWaiters {
  Mutex mutex;
  std::list<TimedWait*> waits GUARDED_BY(mutex);
};

namespace {

using TimePoint = TimedWait::TimePoint;

// A wait on a CondVar, on the stack of its fiber.
struct CondWait {
  TimedWait wait;
  CondWaiters* waiters = nullptr;
  Mutex* mutex = nullptr;  // the caller's
  TimePoint deadline = TimePoint::max();
};

// Whoever wants to end the wait must have `waiters->mutex`, or be the timer, and then the fiber
// still needs that mutex: so the frame is there until it is released.
bool ParkCondWait(void* argument, Fiber& self) NO_THREAD_SAFETY_ANALYSIS {
  auto& waiting = *static_cast<CondWait*>(argument);
  Mutex* const caller = waiting.mutex;
  {
    MutexLock lock(waiting.waiters->mutex);
    waiting.wait.fiber = &self;
    waiting.waiters->waits.push_back(&waiting.wait);
    if (waiting.deadline != TimePoint::max()) {
      self.pool().AddTimer(waiting.wait, waiting.deadline);
    }
  }
  caller->Unlock();
  return true;
}

// On a fiber. False when the deadline came first.
bool WaitOnFiber(CondWaiters& waiters, Mutex& mutex, TimePoint deadline) NO_THREAD_SAFETY_ANALYSIS {
  CondWait waiting;
  waiting.waiters = &waiters;
  waiting.mutex = &mutex;
  waiting.deadline = deadline;
  Suspend(ParkCondWait, &waiting);
  {
    MutexLock lock(waiters.mutex);
    waiters.waits.remove(&waiting.wait);
  }
  CurrentFiber()->pool().RemoveTimer(waiting.wait);
  mutex.Lock();
  return !waiting.wait.timed_out;
}

}  // namespace

CondVar::CondVar() : fibers_(std::make_unique<CondWaiters>()) {}

CondVar::~CondVar() {
  MutexLock lock(fibers_->mutex);
  CHECK(fibers_->waits.empty());
}

void CondVar::Wait(Mutex& mutex) {
  if (CurrentFiber() == nullptr) return threads_.Wait(mutex);
  WaitOnFiber(*fibers_, mutex, TimePoint::max());
}

bool CondVar::WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) {
  if (CurrentFiber() == nullptr) return threads_.WaitFor(mutex, timeout);
  return WaitOnFiber(*fibers_, mutex, std::chrono::steady_clock::now() + timeout);
}

void CondVar::NotifyAll() {
  threads_.NotifyAll();
  MutexLock lock(fibers_->mutex);
  for (TimedWait* const wait : fibers_->waits) {
    if (wait->Claim()) MakeReady(*wait->fiber);
  }
  fibers_->waits.clear();
}

// --- sleeping
// ------------------------------------------------------------------------------------

namespace {

struct Sleep {
  TimedWait wait;
  TimePoint deadline;
};

bool ParkSleep(void* argument, Fiber& self) {
  auto& sleep = *static_cast<Sleep*>(argument);
  sleep.wait.fiber = &self;
  self.pool().AddTimer(sleep.wait, sleep.deadline);
  return true;
}

bool ParkYield(void*, Fiber& self) {
  MakeReady(self);
  return true;
}

}  // namespace

void SleepFor(std::chrono::nanoseconds time) {
  if (CurrentFiber() == nullptr) {
    if (time <= time.zero()) return std::this_thread::yield();
    return std::this_thread::sleep_for(time);
  }
  if (time <= time.zero()) return Suspend(ParkYield, nullptr);
  Sleep sleep;
  sleep.deadline = std::chrono::steady_clock::now() + time;
  Suspend(ParkSleep, &sleep);
}

}  // namespace metaring::fiber
