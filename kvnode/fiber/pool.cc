// SPDX-License-Identifier: Apache-2.0
//
// Pool: fibers that are kept for the next task, and the thread that serves timers.
#include <pthread.h>

#include <utility>

#include "kvnode/base/check.h"
#include "kvnode/fiber/pool_core.h"

namespace metaring::fiber {
namespace {

class FunctionTask : public Task {
 public:
  explicit FunctionTask(std::function<void()> body) : body_(std::move(body)) {}
  void Run() override {
    body_();
    delete this;
  }

 private:
  const std::function<void()> body_;
};

}  // namespace

PoolCore::~PoolCore() {
  MutexLock lock(mutex_);
  CHECK(live_ == 0);
  for (Fiber* const fiber : idle_) {
    fiber->End();
    delete fiber;
  }
}

void PoolCore::Start(const std::string& thread_name) {
  thread_ = std::thread([this, thread_name] {
    pthread_setname_np(pthread_self(), thread_name.substr(0, 15).c_str());
    Serve();
  });
}

void PoolCore::Stop() {
  {
    MutexLock lock(mutex_);
    while (live_ > 0) ended_.Wait(mutex_);
    stop_ = true;
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

size_t PoolCore::live() const {
  MutexLock lock(mutex_);
  return live_;
}

Fiber& PoolCore::Take(Task& task) {
  Fiber* fiber = nullptr;
  {
    MutexLock lock(mutex_);
    ++live_;
    if (!idle_.empty()) {
      fiber = idle_.back();
      idle_.pop_back();
    }
  }
  if (fiber == nullptr) fiber = new Fiber(*this);
  fiber->Give(task);
  return *fiber;
}

void PoolCore::GiveBack(Fiber& fiber) {
  bool keep = false;
  {
    MutexLock lock(mutex_);
    keep = idle_.size() < options_.idle_max;
    if (keep) idle_.push_back(&fiber);
    // With the mutex held, so that the pool is still there.
    if (--live_ == 0) ended_.NotifyAll();
  }
  if (keep) return;
  fiber.End();
  delete &fiber;
}

void PoolCore::Hand(Fiber& fiber) {
  MutexLock lock(mutex_);
  handed_.push_back(&fiber);
  changed_.NotifyOne();
}

void PoolCore::AddTimer(TimedWait& wait, TimedWait::TimePoint deadline) {
  MutexLock lock(mutex_);
  wait.timer = timers_.emplace(deadline, &wait);
  wait.has_timer = true;
  if (wait.timer == timers_.begin()) changed_.NotifyOne();
}

void PoolCore::RemoveTimer(TimedWait& wait) {
  MutexLock lock(mutex_);
  if (wait.has_timer) timers_.erase(wait.timer);
  wait.has_timer = false;
}

void PoolCore::TakeExpired(std::vector<Fiber*>& ready) {
  const auto now = std::chrono::steady_clock::now();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    TimedWait& wait = *timers_.begin()->second;
    timers_.erase(timers_.begin());
    wait.has_timer = false;
    if (!wait.Claim()) continue;
    wait.in_vain = true;
    Fiber* const fiber = wait.fiber;
    if (wait.End()) ready.push_back(fiber);
  }
}

std::vector<Fiber*> PoolCore::AwaitReady() {
  MutexLock lock(mutex_);
  for (;;) {
    std::vector<Fiber*> ready = std::exchange(handed_, {});
    TakeExpired(ready);
    if (!ready.empty() || stop_) return ready;
    if (timers_.empty()) {
      changed_.Wait(mutex_);
    } else {
      const auto left = timers_.begin()->first - std::chrono::steady_clock::now();
      changed_.WaitFor(mutex_, left);
    }
  }
}

void PoolCore::Serve() {
  for (;;) {
    const std::vector<Fiber*> ready = AwaitReady();
    if (ready.empty()) return;
    for (Fiber* const fiber : ready) RunHere(*fiber);
  }
}

// --- Pool
// ----------------------------------------------------------------------------------------

Pool::Pool(const PoolOptions& options) : core_(std::make_unique<PoolCore>(options)) {}

Pool::~Pool() = default;

void Pool::Start(const std::string& thread_name) {
  core_->Start(thread_name);
}

void Pool::Stop() {
  core_->Stop();
}

size_t Pool::live() const {
  return core_->live();
}

void Pool::Run(Task& task) {
  Wake(core_->Take(task));
}

void Pool::Spawn(std::function<void()> body) {
  Run(*new FunctionTask(std::move(body)));
}

}  // namespace metaring::fiber
