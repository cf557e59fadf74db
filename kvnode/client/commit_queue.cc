// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/commit_queue.h"

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
    self.state.wait(kWaiting, std::memory_order_acquire);
  }
  return std::move(*self.outcome);
}

void CommitQueue::Lead() {
  std::deque<Waiter*> batch;
  uint64_t turn = 0;
  {
    MutexLock lock(queue_mutex_);
    batch.swap(queue_);
    turn = batches_taken_++;
  }
  if (const Status synced = log_.Sync(batch.back()->end); !synced) {
    FatalExit(kComponent, "the log failed: " + synced.error().message +
                              "; nothing more is acknowledged, restart to recover");
  }
  Waiter* next = nullptr;
  {
    MutexLock lock(queue_mutex_);
    if (queue_.empty()) {
      has_leader_ = false;
    } else {
      next = queue_.front();
    }
  }
  if (next != nullptr) {
    next->state.store(kLeading, std::memory_order_release);
    next->state.notify_one();
  }
  {
    MutexLock lock(apply_mutex_);
    while (batches_applied_ != turn) applied_.Wait(apply_mutex_);
  }
  Apply(batch);
  {
    MutexLock lock(apply_mutex_);
    ++batches_applied_;
  }
  applied_.NotifyAll();
  // A waiter may return, and its frame end, as soon as its state says so: nothing of it is touched
  // after the store but the address that the wake-up takes.
  for (Waiter* waiter : batch) {
    waiter->state.store(kDone, std::memory_order_release);
    waiter->state.notify_one();
  }
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
