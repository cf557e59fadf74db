// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/engine_loop.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"

namespace metaring::server {

EngineLoop::EngineLoop(Parts parts)
    : parts_(std::move(parts)), world_{parts_.clock, *this, parts_.peers, parts_.log,  *this,
                                       parts_.store, *this, parts_.spool, parts_.fatal} {}

EngineLoop::~EngineLoop() {
  CHECK(!engine_thread_.joinable());
}

Status EngineLoop::Start(const strong::EngineOptions& options) {
  ASSIGN_OR_RETURN(engine_, strong::Engine::Open(options, world_));
  reads_ = &engine_->reads();
  {
    const MutexLock lock(mutex_);
    open_ = true;
  }
  const auto start = [](std::thread& thread, const char* name, std::function<void()> body) {
    thread = std::thread(std::move(body));
    ::pthread_setname_np(thread.native_handle(), name);
  };
  start(log_thread_, "log", [this] { WriteLog(); });
  start(store_thread_, "store", [this] { TendStore(); });
  start(engine_thread_, "engine", [this] { RunEngine(); });
  return {};
}

void EngineLoop::Stop() {
  {
    const MutexLock lock(mutex_);
    open_ = false;
    posted_.NotifyOne();
  }
  engine_thread_.join();
  {
    const MutexLock lock(disk_mutex_);
    disks_end_ = true;
    log_wanted_.NotifyOne();
    store_wanted_.NotifyOne();
  }
  log_thread_.join();
  store_thread_.join();
}

bool EngineLoop::Post(Task task) {
  const MutexLock lock(mutex_);
  if (!open_) return false;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) posted_.NotifyOne();
  return true;
}

// --- the engine's thread -------------------------------------------------------------------------

void EngineLoop::RunEngine() {
  while (std::optional<std::deque<Task>> tasks = AwaitTasks()) {
    for (const Task& task : *tasks) task(*engine_);
    timers_.RunDue(parts_.clock.MonotonicNanos());
  }
  engine_.reset();
  timers_.Clear();
}

std::optional<std::deque<EngineLoop::Task>> EngineLoop::AwaitTasks() {
  const MutexLock lock(mutex_);
  while (tasks_.empty() && open_) {
    const std::optional<int64_t> next_ns = timers_.next_ns();
    if (!next_ns) {
      posted_.Wait(mutex_);
      continue;
    }
    const int64_t wait_ns = *next_ns - parts_.clock.MonotonicNanos();
    if (wait_ns <= 0) break;
    posted_.WaitFor(mutex_, std::chrono::nanoseconds(wait_ns));
  }
  if (tasks_.empty() && !open_) return std::nullopt;
  return std::exchange(tasks_, {});
}

strong::TimerId EngineLoop::RunAt(int64_t at_ns, std::function<void()> task) {
  return strong::TimerId(timers_.Add(at_ns, std::move(task)));
}

void EngineLoop::Cancel(strong::TimerId timer) {
  timers_.Cancel(timer.value());
}

void EngineLoop::Sync(log::Lsn end) {
  const MutexLock lock(disk_mutex_);
  sync_ = std::max(end, sync_.value_or(end));
  log_wanted_.NotifyOne();
}

void EngineLoop::TruncateBefore(log::Lsn keep_from) {
  const MutexLock lock(disk_mutex_);
  truncate_ = std::max(keep_from, truncate_.value_or(keep_from));
  store_wanted_.NotifyOne();
}

void EngineLoop::Flush() {
  const MutexLock lock(disk_mutex_);
  flush_ = true;
  store_wanted_.NotifyOne();
}

// --- the disks' threads --------------------------------------------------------------------------

void EngineLoop::WriteLog() {
  for (;;) {
    log::Lsn end;
    {
      const MutexLock lock(disk_mutex_);
      while (!sync_ && !disks_end_) log_wanted_.Wait(disk_mutex_);
      if (!sync_) return;
      end = *std::exchange(sync_, std::nullopt);
    }
    if (const Status synced = parts_.log.Sync(end); !synced) return parts_.fatal(synced.error());
    Post([durable = parts_.log.durable()](strong::Engine& engine) { engine.LogDurable(durable); });
  }
}

// Truncating is file work, too, that no sync is to wait for.
void EngineLoop::TendStore() {
  for (;;) {
    std::optional<log::Lsn> truncate;
    bool flush = false;
    {
      const MutexLock lock(disk_mutex_);
      while (!truncate_ && !flush_ && !disks_end_) store_wanted_.Wait(disk_mutex_);
      if (!truncate_ && !flush_) return;
      truncate = std::exchange(truncate_, std::nullopt);
      flush = std::exchange(flush_, false);
    }
    if (truncate) {
      if (const Status done = parts_.log.TruncateBefore(*truncate); !done) {
        LogWarn("server", "the log cannot be truncated now: {}", done.error().message);
      }
    }
    if (!flush) continue;
    if (const Status flushed = parts_.store.Flush(); !flushed) {
      LogWarn("server", "the store cannot be flushed now: {}", flushed.error().message);
    }
    Post([](strong::Engine& engine) { engine.StoreFlushed(); });
  }
}

}  // namespace metaring::server
