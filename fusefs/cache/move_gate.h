// SPDX-License-Identifier: Apache-2.0
//
// MoveGate: which changes of places are under way.
//
// Between the moment when the store has moved a record and the moment when the InodeTable says so,
// an operation on that file finds its Place stale although nothing is wrong. It waits here for the
// moves that were under way, and looks again. Moves never wait for anybody, so this cannot
// deadlock.
#ifndef METARING_FUSEFS_CACHE_MOVE_GATE_H_
#define METARING_FUSEFS_CACHE_MOVE_GATE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <set>

#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs {

// Thread-safe.
class MoveGate {
 public:
  // One caller. A move is under way while it lives; it ends after the table was changed.
  class Moving {
   public:
    explicit Moving(MoveGate& gate) : gate_(gate), id_(gate.Begin()) {}
    ~Moving() { gate_.End(id_); }
    Moving(const Moving&) = delete;
    Moving& operator=(const Moving&) = delete;

   private:
    MoveGate& gate_;
    const uint64_t id_;
  };

  // How many moves have ended: when it has changed, places may have.
  uint64_t ended() const { return ended_count_; }
  // Returns when every move that was under way at the call has ended. kDeadlineExceeded when
  // `timeout` came first, kCancelled when a cancel of the task did.
  Status AwaitMoves(std::chrono::nanoseconds timeout);

 private:
  uint64_t Begin();
  void End(uint64_t id);

  Mutex mutex_;
  fiber::CondVar ended_;
  std::atomic<uint64_t> ended_count_{0};
  uint64_t last_id_ GUARDED_BY(mutex_) = 0;
  std::set<uint64_t> under_way_ GUARDED_BY(mutex_);
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_MOVE_GATE_H_
