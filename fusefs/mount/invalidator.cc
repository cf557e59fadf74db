// SPDX-License-Identifier: Apache-2.0
//
// One thread and a queue.
#include "fusefs/mount/invalidator.h"

#include <pthread.h>

namespace metaring::fusefs::mount {

void Invalidator::Start(std::function<void(Ino, Stale)> tell_kernel) {
  tell_kernel_ = std::move(tell_kernel);
  {
    MutexLock lock(mutex_);
    running_ = true;
  }
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), "invalidator");
    Run();
  });
}

void Invalidator::Stop() {
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mutex_);
    running_ = false;
    changed_.NotifyAll();
  }
  thread_.join();
}

void Invalidator::Tell(Item item) {
  const auto deadline = std::chrono::steady_clock::now() + kWaitMax;
  MutexLock lock(mutex_);
  if (!running_ || queue_.size() >= kQueuedMax) return;
  queue_.push_back(item);
  const uint64_t mine = ++queued_;
  changed_.NotifyAll();
  while (running_ && told_ < mine) {
    const auto left = deadline - std::chrono::steady_clock::now();
    // A cancelled task does not wait any more: it would spin here.
    if (left <= left.zero() || fiber::Cancelled()) return;
    changed_.WaitFor(mutex_, left);
  }
}

void Invalidator::Run() {
  for (;;) {
    Item item;
    {
      MutexLock lock(mutex_);
      while (running_ && queue_.empty()) changed_.Wait(mutex_);
      if (!running_) return;
      item = queue_.front();
      queue_.pop_front();
    }
    tell_kernel_(item.ino, item.what);
    MutexLock lock(mutex_);
    ++told_;
    changed_.NotifyAll();
  }
}

}  // namespace metaring::fusefs::mount
