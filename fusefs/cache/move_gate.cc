// SPDX-License-Identifier: Apache-2.0
//
// MoveGate over an ordered set of the moves under way.
#include "fusefs/cache/move_gate.h"

namespace metaring::fusefs {

uint64_t MoveGate::Begin() {
  MutexLock lock(mutex_);
  under_way_.insert(++last_id_);
  return last_id_;
}

void MoveGate::End(uint64_t id) {
  MutexLock lock(mutex_);
  under_way_.erase(id);
  ++ended_count_;
  ended_.NotifyAll();
}

Status MoveGate::AwaitMoves(std::chrono::nanoseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  MutexLock lock(mutex_);
  const uint64_t newest = last_id_;
  while (!under_way_.empty() && *under_way_.begin() <= newest) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (fiber::Cancelled()) return Fail(ErrorCode::kCancelled, "cancelled during a move");
    if (left <= left.zero()) {
      return Fail(ErrorCode::kDeadlineExceeded, "a move did not end in time");
    }
    ended_.WaitFor(mutex_, left);
  }
  return {};
}

}  // namespace metaring::fusefs
