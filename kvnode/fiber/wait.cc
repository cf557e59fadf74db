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

// On a fiber. False when the deadline or a cancel came first.
bool WaitOnFiber(CondWaiters& waiters, Mutex& mutex, TimePoint deadline) REQUIRES(mutex) {
  TimedWait wait;
  {
    MutexLock lock(waiters.mutex);
    waiters.waits.push_back(&wait);
  }
  if (deadline != TimePoint::max()) wait.fiber->pool().AddTimer(wait, deadline);
  mutex.Unlock();
  {
    const CancelScope scope(wait);
    wait.Await();
  }
  // Whoever ended it had this mutex, or the pool's: when both were had, nobody sees the wait.
  {
    MutexLock lock(waiters.mutex);
    waiters.waits.remove(&wait);
  }
  wait.fiber->pool().RemoveTimer(wait);
  mutex.Lock();
  return !wait.in_vain;
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
    if (!wait->Claim()) continue;
    Fiber* const fiber = wait->fiber;
    if (wait->End()) MakeReady(*fiber);
  }
  fibers_->waits.clear();
}

// --- sleeping
// ------------------------------------------------------------------------------------

namespace {

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
  TimedWait wait;
  wait.fiber->pool().AddTimer(wait, std::chrono::steady_clock::now() + time);
  wait.Await();
  wait.fiber->pool().RemoveTimer(wait);
}

}  // namespace metaring::fiber
