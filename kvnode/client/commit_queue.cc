// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/commit_queue.h"

#include "kvnode/base/futex.h"
#include "kvnode/base/logging.h"

namespace metaring::client {
namespace {

constexpr char kComponent[] = "commit";
constexpr uint8_t kCommandRecord = 1;
constexpr log::GroupId kEmbeddedGroup{1};

}  // namespace

Result<state::TransactReply> CommitQueue::Commit(ByteView payload, log::SpaceUse use,
                                                 const ApplyFunction& apply) {
  Waiter self;
  self.apply = &apply;
  bool lead = false;
  {
    // The log's order and the queue's must be one, so both are entered under this lock.
    MutexLock lock(queue_mutex_);
    ASSIGN_OR_RETURN(self.end, log_.Append(kEmbeddedGroup, kCommandRecord, payload, use));
    queue_.push_back(&self);
    if (!has_leader_) {
      has_leader_ = true;
      lead = true;
    }
  }
  if (lead) self.state.store(kLeading, std::memory_order_relaxed);
  while (true) {
    const uint32_t state = self.state.load(std::memory_order_acquire);
    if (state == kDone) break;
    if (state == kLeading) {
      Lead();
      continue;
    }
    FutexWait(self.state, kWaiting);
  }
  return std::move(*self.outcome);
}

void CommitQueue::Lead() {
  std::deque<Waiter*> batch;
  {
    MutexLock lock(queue_mutex_);
    batch.swap(queue_);
  }
  if (const Status synced = log_.Sync(batch.back()->end); !synced) {
    FatalExit(kComponent, "the log failed: " + synced.error().message +
                              "; nothing more is acknowledged, restart to recover");
  }
  Apply(batch);
  // A waiter may return, and its frame end, as soon as its state says so: nothing of it is touched
  // after the store but the address that the wake-up takes.
  for (Waiter* waiter : batch) {
    const uint32_t before = waiter->state.exchange(kDone, std::memory_order_acq_rel);
    if (before == kWaiting) FutexWakeOne(waiter->state);  // the leader's own is kLeading
  }
  HandOver();
}

void CommitQueue::HandOver() {
  Waiter* next = nullptr;
  {
    MutexLock lock(queue_mutex_);
    has_leader_ = !queue_.empty();
    if (has_leader_) next = queue_.front();
  }
  if (next == nullptr) return;
  next->state.store(kLeading, std::memory_order_release);
  FutexWakeOne(next->state);
}

void CommitQueue::Apply(const std::deque<Waiter*>& batch) {
  auto txn = store_.Begin();
  if (!txn) FatalExit(kComponent, "the store failed: " + txn.error().message);
  for (Waiter* waiter : batch) {
    waiter->outcome.emplace((*waiter->apply)(**txn, waiter->end.value()));
    if (!*waiter->outcome && waiter->outcome->error().code == ErrorCode::kIo) {
      FatalExit(kComponent, "the store failed: " + waiter->outcome->error().message);
    }
  }
  (*txn)->Commit(batch.back()->end.value());
}

}  // namespace metaring::client
