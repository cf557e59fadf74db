// SPDX-License-Identifier: Apache-2.0
#include "kvnode/server/read_pool.h"

#include <fmt/format.h>
#include <pthread.h>

#include <utility>

#include "kvnode/base/check.h"

namespace metaring::server {

ReadPool::~ReadPool() {
  CHECK(threads_.empty());
}

void ReadPool::Start(unsigned threads, const std::string& name) {
  {
    const MutexLock lock(mutex_);
    stopped_ = false;
  }
  for (unsigned i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Work(); });
    ::pthread_setname_np(threads_.back().native_handle(), fmt::format("{}-{}", name, i).c_str());
  }
}

void ReadPool::Stop() {
  std::deque<std::unique_ptr<Job>> left;
  {
    const MutexLock lock(mutex_);
    stopped_ = true;
    left.swap(queue_);
    changed_.NotifyAll();
  }
  left.clear();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool ReadPool::Push(std::unique_ptr<Job>& job) {
  const MutexLock lock(mutex_);
  if (stopped_ || queue_.size() >= queued_max_) return false;
  queue_.push_back(std::move(job));
  changed_.NotifyOne();
  return true;
}

void ReadPool::Work() {
  for (;;) {
    std::unique_ptr<Job> job;
    {
      const MutexLock lock(mutex_);
      while (queue_.empty() && !stopped_) changed_.Wait(mutex_);
      if (stopped_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job->Run();
  }
}

}  // namespace metaring::server
