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

// What a fiber runs. It is not touched by the pool after Run has returned, so it may end itself.
class Task {
 public:
  virtual ~Task() = default;
  virtual void Run() = 0;
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

  // The mutex must be held; it is released while waiting. Both may wake without cause.
  void Wait(Mutex& mutex) REQUIRES(mutex);
  // False when `timeout` passed first.
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
