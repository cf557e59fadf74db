// SPDX-License-Identifier: Apache-2.0
//
// Cancelling a task: the one wait that it is in is known while it lasts.
#include "kvnode/base/check.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fiber {

void Task::Cancel() {
  const MutexLock lock(mutex_);
  cancelled_.store(true, std::memory_order_release);
  if (wait_ != nullptr) wait_->Cancel();
}

bool Cancelled() {
  const Task* const task = CurrentTask();
  return task != nullptr && task->cancelled();
}

CancelScope::CancelScope(Cancellable& wait) : task_(CurrentTask()) {
  if (task_ == nullptr) return;
  const MutexLock lock(task_->mutex_);
  CHECK(task_->wait_ == nullptr);
  task_->wait_ = &wait;
  if (task_->cancelled()) wait.Cancel();
}

CancelScope::~CancelScope() {
  if (task_ == nullptr) return;
  const MutexLock lock(task_->mutex_);
  task_->wait_ = nullptr;
}

}  // namespace metaring::fiber
