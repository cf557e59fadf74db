// SPDX-License-Identifier: Apache-2.0
//
// What a thread does with fibers: runs one, parks it when it waits, then runs those that it woke.
#include <deque>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/fiber/pool_core.h"

namespace metaring::fiber {
namespace {

// What a thread knows of the fibers that it runs.
struct ThreadState {
  Fiber* current = nullptr;
  int depth = 0;  // of RunHere
  std::deque<Fiber*> ready;
};
thread_local ThreadState thread_state;

// Code on a fiber changes threads, so the address must be asked for anew each time: neither inlined
// nor taken for a constant.
[[gnu::noinline]] ThreadState& ThisThread() {
  asm volatile("" ::: "memory");
  return thread_state;
}

// Runs it until it has ended or is parked.
void RunOne(Fiber& fiber) {
  ThreadState& thread = ThisThread();
  CHECK(thread.current == nullptr);
  PoolCore& pool = fiber.pool();
  if (fiber.RunTask()) pool.GiveBack(fiber);
}

void RunReady() {
  ThreadState& thread = ThisThread();
  while (!thread.ready.empty()) {
    Fiber* const next = thread.ready.front();
    thread.ready.pop_front();
    RunOne(*next);
  }
}

}  // namespace

Fiber* CurrentFiber() {
  return ThisThread().current;
}

Task* CurrentTask() {
  const Fiber* const fiber = CurrentFiber();
  return fiber != nullptr ? fiber->task() : nullptr;
}

void RunHere(Fiber& fiber) {
  ThreadState& thread = ThisThread();
  ++thread.depth;
  RunOne(fiber);
  RunReady();
  --thread.depth;
}

void MakeReady(Fiber& fiber) {
  ThreadState& thread = ThisThread();
  if (thread.depth > 0) {
    thread.ready.push_back(&fiber);
  } else {
    fiber.pool().Hand(fiber);
  }
}

void Wake(Fiber& fiber) {
  if (CurrentFiber() != nullptr) {
    MakeReady(fiber);
  } else {
    RunHere(fiber);
  }
}

void Suspend(Park park, void* argument) {
  Fiber* const fiber = CurrentFiber();
  CHECK(fiber != nullptr);
  fiber->Suspend(park, argument);
}

// --- Fiber
// ---------------------------------------------------------------------------------------

Fiber::Fiber(PoolCore& pool) : pool_(pool), context_(pool.stack_bytes(), [this] { Body(); }) {}

void Fiber::Body() {
  while (!ending_) {
    task_->Run();
    task_ = nullptr;
    context_.SwitchOut();
  }
}

void Fiber::End() {
  ending_ = true;
  context_.SwitchIn();
}

bool Fiber::RunTask() {
  ThreadState& thread = ThisThread();
  for (;;) {
    thread.current = this;
    context_.SwitchIn();
    thread.current = nullptr;
    const Park park = std::exchange(park_, nullptr);
    if (park == nullptr) return true;
    // Once it is published it may be running elsewhere: nothing of it is touched after a true.
    if (park(park_argument_, *this)) return false;
  }
}

void Fiber::Suspend(Park park, void* argument) {
  park_ = park;
  park_argument_ = argument;
  context_.SwitchOut();
}

}  // namespace metaring::fiber
