// SPDX-License-Identifier: Apache-2.0
//
// Fibers: straight-line code that waits without holding a thread.
//
// An operation of the filesystem, or a request of a node, is a function that reads, decides, writes
// and answers. Run on a fiber, it gives its thread away whenever it waits (for a log write, for
// another node, for another operation), and goes on later on whichever thread brought what it
// waited for. So few threads serve many requests, and no answer costs the waking of a thread,
// although nothing is written as callbacks. The same code runs on plain threads, where it blocks.
//
// Rules for code on a fiber
// - It waits only by what is declared here. Anything else that blocks (a disk read, a short mutex)
//   holds the thread, and with it whatever that thread serves.
// - The thread after such a wait may be another one: no mutex is held over it, no catch block is
//   open, and no function that waits uses what compilers take for constant within a function
//   (errno, pthread_self, references to a thread_local) before and after.
// - Stacks are small (PoolOptions): what is large goes on the heap.
#ifndef METARING_KVNODE_FIBER_FIBER_H_
#define METARING_KVNODE_FIBER_FIBER_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "kvnode/base/mutex.h"

namespace metaring::fiber {

// A wait, or what is waited for, that can be ended sooner than it would by itself.
class Cancellable {
 public:
  virtual ~Cancellable() = default;
  // Ends it soon, if it has not ended. Thread-safe; it neither waits nor runs a fiber.
  virtual void Cancel() = 0;
};

// What a fiber runs. It is not touched by the pool after Run has returned, so it may end itself.
class Task {
 public:
  virtual ~Task() = default;
  virtual void Run() = 0;
  // When it is to end at the latest. For who waits in it for others; the pool does not look at it.
  virtual std::chrono::steady_clock::time_point deadline() const {
    return std::chrono::steady_clock::time_point::max();
  }

  // Ends, soon, the wait that it is in and all later ones, if they are of the kind that can be
  // cancelled: CondVar, and whatever has a CancelScope. What that means is up to who waits.
  // Thread-safe; runs no fiber inside the call.
  void Cancel() EXCLUDES(mutex_);
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

 protected:
  // For a task that is used again: not before Run has returned.
  void ResetCancel() { cancelled_.store(false, std::memory_order_release); }

 private:
  friend class CancelScope;

  Mutex mutex_;  // held while a wait is cancelled
  Cancellable* wait_ GUARDED_BY(mutex_) = nullptr;
  std::atomic<bool> cancelled_{false};
};

struct PoolOptions {
  size_t stack_bytes = size_t{256} << 10;  // of address space; memory is taken as it is used
  size_t idle_max = 64;                    // stacks kept for the next tasks
};

class Fiber;
class PoolCore;

// Where fibers live. Thread-safe between Start and Stop, which are their owner's.
class Pool {
 public:
  explicit Pool(const PoolOptions& options = {});
  ~Pool();  // after Stop, or without a Start
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Starts the thread that ends waits with a deadline and runs fibers that were woken by a thread
  // which could not run them itself.
  void Start(const std::string& thread_name);
  // Returns when the last task has ended: whoever gives tasks has stopped before.
  void Stop();

  // Runs `task` on a fiber, on this thread, until it ends or first waits. Called on a fiber, it
  // runs after that one has ended or waits.
  void Run(Task& task);
  // The same for a function, which is kept until it has ended.
  void Spawn(std::function<void()> body);

  // Tasks that have not ended.
  size_t live() const;

 private:
  const std::unique_ptr<PoolCore> core_;
};

// The task that the calling code runs in; null on a plain thread.
Task* CurrentTask();

// Whether the calling code's task was cancelled; false on a plain thread.
bool Cancelled();

// While it lives, a Cancel of the calling task is one of `wait` too; at once, if it has come
// before. Without effect on a plain thread. One in a task at a time.
class CancelScope {
 public:
  explicit CancelScope(Cancellable& wait);
  ~CancelScope();  // `wait` is not touched any more
  CancelScope(const CancelScope&) = delete;
  CancelScope& operator=(const CancelScope&) = delete;

 private:
  Task* const task_;
};

// Parks the calling fiber. `park` runs at once, off the fiber's stack, and publishes the fiber to
// whoever will call Wake on it, exactly once; false: nobody will, it goes on at once. As soon as it
// is published it may run on another thread, and all of its frame, `park` included, may be gone.
// What a wait of one's own is made of; Baton and CondVar are made of it.
using Park = bool (*)(void* argument, Fiber& self);
void Suspend(Park park, void* argument);
// Runs a parked fiber: here and now, or, called on a fiber, after that one has ended or waits.
void Wake(Fiber& fiber);

// A wait for one event, used once. Post may come before Wait. Both on fibers and on threads.
class Baton {
 public:
  Baton() = default;
  ~Baton() = default;
  Baton(const Baton&) = delete;
  Baton& operator=(const Baton&) = delete;

  // Returns after Post. One caller.
  void Wait();
  // Wakes the waiter, a fiber as Wake does; so no mutex is held. The baton may be gone when Post
  // returns. One caller.
  void Post();

 private:
  enum State : uint32_t { kIdle, kThreadWaits, kFiberWaits, kPosted };
  static bool ParkWaiter(void* baton, Fiber& self);

  std::atomic<uint32_t> state_{kIdle};
  Fiber* fiber_ = nullptr;  // set before state_ is kFiberWaits
};

struct CondWaiters;

// As metaring::CondVar, for fibers and threads alike. A fiber that is woken never runs inside
// NotifyAll, which may therefore be called with the mutex held.
class CondVar {
 public:
  CondVar();
  ~CondVar();  // nobody waits
  CondVar(const CondVar&) = delete;
  CondVar& operator=(const CondVar&) = delete;

  // The mutex must be held; it is released while waiting. Both may wake without cause, and return
  // at once in a task that was cancelled: loops around them look at Cancelled.
  void Wait(Mutex& mutex) REQUIRES(mutex);
  // False when `timeout` passed, or the task was cancelled, first.
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout) REQUIRES(mutex);
  void NotifyAll();

 private:
  metaring::CondVar threads_;
  const std::unique_ptr<CondWaiters> fibers_;
};

// On a plain thread it sleeps; on a fiber the thread is given away. For 0, only to what is ready.
void SleepFor(std::chrono::nanoseconds time);

}  // namespace metaring::fiber

#endif  // METARING_KVNODE_FIBER_FIBER_H_
