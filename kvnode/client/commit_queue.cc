// SPDX-License-Identifier: Apache-2.0
#include "kvnode/client/commit_queue.h"

#include <pthread.h>

#include <algorithm>

#include "kvnode/base/futex.h"
#include "kvnode/base/logging.h"

namespace metaring::client {
namespace {

constexpr char kComponent[] = "commit";
constexpr uint8_t kCommandRecord = 1;
constexpr log::GroupId kEmbeddedGroup{1};

}  // namespace

CommitQueue::CommitQueue(log::Log& log, store::Store& store, CommitLeader leader)
    : log_(log), store_(store), leader_(leader) {
  if (leader_ != CommitLeader::kOwnThread) return;
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "commit");
    ServeAsOwnThread();
  });
}

CommitQueue::~CommitQueue() {
  if (!thread_.joinable()) return;
  stop_ = true;
  CallOwnThread();
  thread_.join();
}

// --- entering
// ------------------------------------------------------------------------------------

Result<state::TransactReply> CommitQueue::Commit(ByteView payload, log::SpaceUse use,
                                                 const ApplyFunction& apply) {
  Waiter self;
  self.queue = this;
  self.payload = payload;
  self.use = use;
  self.apply = &apply;
  if (fiber::CurrentTask() != nullptr) {
    fiber::Suspend(ParkWaiter, &self);
  } else {
    AwaitOnThread(self);
  }
  return std::move(*self.outcome);
}

// Off the fiber's stack: once it is queued it may be answered, and gone, at any moment.
bool CommitQueue::ParkWaiter(void* waiter, fiber::Fiber& self) {
  Waiter& waiting = *static_cast<Waiter*>(waiter);
  CommitQueue& queue = *waiting.queue;
  waiting.fiber = &self;
  switch (queue.Enter(waiting)) {
    case Entered::kRefused:
      return false;
    case Entered::kQueued:
      return true;
    case Entered::kLeads:
      queue.LeadUntilEmpty();
      return true;
  }
  return true;
}

void CommitQueue::AwaitOnThread(Waiter& self) {
  const Entered entered = Enter(self);
  if (entered == Entered::kRefused) return;
  if (entered == Entered::kLeads) LeadAndHandOver();
  for (;;) {
    const uint32_t state = self.state.load(std::memory_order_acquire);
    if (state == kDone) return;
    if (state == kLeading) {
      LeadAndHandOver();
    } else {
      FutexWait(self.state, kWaiting);
    }
  }
}

CommitQueue::Entered CommitQueue::Enter(Waiter& waiter) {
  {
    // The log's order and the queue's must be one, so both are entered under this lock.
    MutexLock lock(queue_mutex_);
    const auto end = log_.Append(kEmbeddedGroup, kCommandRecord, waiter.payload, waiter.use);
    if (!end) {
      waiter.outcome.emplace(Fail(end.error()));
      return Entered::kRefused;
    }
    waiter.end = *end;
    queue_.push_back(&waiter);
    if (has_leader_) return Entered::kQueued;
    has_leader_ = true;
    if (leader_ == CommitLeader::kCallers) return Entered::kLeads;
  }
  CallOwnThread();
  return Entered::kQueued;
}

// --- leading
// -------------------------------------------------------------------------------------

void CommitQueue::LeadBatch() {
  {
    MutexLock lock(queue_mutex_);
    batch_.swap(queue_);
  }
  if (const Status synced = log_.Sync(batch_.back()->end); !synced) {
    FatalExit(kComponent, "the log failed: " + synced.error().message +
                              "; nothing more is acknowledged, restart to recover");
  }
  Apply(batch_);
  for (Waiter* const waiter : batch_) Answer(*waiter);
  batch_.clear();
}

void CommitQueue::Answer(Waiter& waiter) {
  if (waiter.fiber != nullptr) return fiber::Wake(*waiter.fiber);
  // A waiter may return, and its frame end, as soon as its state says so: nothing of it is touched
  // after the store but the address that the wake-up takes.
  const uint32_t before = waiter.state.exchange(kDone, std::memory_order_acq_rel);
  if (before == kWaiting) FutexWakeOne(waiter.state);
}

bool CommitQueue::KeepLead() {
  MutexLock lock(queue_mutex_);
  has_leader_ = !queue_.empty();
  return has_leader_;
}

void CommitQueue::LeadUntilEmpty() {
  do {
    LeadBatch();
  } while (KeepLead());
}

void CommitQueue::LeadAndHandOver() {
  for (;;) {
    LeadBatch();
    Waiter* next = nullptr;
    {
      MutexLock lock(queue_mutex_);
      has_leader_ = !queue_.empty();
      if (!has_leader_) return;
      const auto thread = std::find_if(queue_.begin(), queue_.end(),
                                       [](const Waiter* w) { return w->fiber == nullptr; });
      if (thread != queue_.end()) next = *thread;
    }
    if (next == nullptr) continue;
    next->state.store(kLeading, std::memory_order_release);
    return FutexWakeOne(next->state);
  }
}

void CommitQueue::Apply(const std::vector<Waiter*>& batch) {
  auto txn = store_.Begin();
  if (!txn) FatalExit(kComponent, "the store failed: " + txn.error().message);
  for (Waiter* const waiter : batch) {
    waiter->outcome.emplace((*waiter->apply)(**txn, waiter->end.value()));
    if (!*waiter->outcome && waiter->outcome->error().code == ErrorCode::kIo) {
      FatalExit(kComponent, "the store failed: " + waiter->outcome->error().message);
    }
  }
  (*txn)->Commit(batch.back()->end.value());
}

// --- the own thread
// ------------------------------------------------------------------------------

void CommitQueue::CallOwnThread() {
  calls_.fetch_add(1, std::memory_order_release);
  FutexWakeOne(calls_);
}

void CommitQueue::ServeAsOwnThread() {
  for (;;) {
    const uint32_t calls = calls_.load(std::memory_order_acquire);
    if (KeepLead()) {
      LeadUntilEmpty();
    } else if (stop_) {
      return;
    } else {
      FutexWait(calls_, calls);
    }
  }
}

}  // namespace metaring::client
