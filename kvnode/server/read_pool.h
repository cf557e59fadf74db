// SPDX-License-Identifier: Apache-2.0
//
// ReadPool: a few threads for reads that take long, with a bounded queue before them.
#ifndef METARING_KVNODE_SERVER_READ_POOL_H_
#define METARING_KVNODE_SERVER_READ_POOL_H_

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kvnode/base/mutex.h"

namespace metaring::server {

// Something to do, once.
class Job {
 public:
  virtual ~Job() = default;
  virtual void Run() = 0;
};

// Thread-safe between Start and Stop, which are their owner's.
class ReadPool {
 public:
  explicit ReadPool(size_t queued_max) : queued_max_(queued_max) {}
  ~ReadPool();  // after Stop, or without a Start
  ReadPool(const ReadPool&) = delete;
  ReadPool& operator=(const ReadPool&) = delete;

  void Start(unsigned threads, const std::string& name);
  // What has begun ends; what waits is destroyed.
  void Stop();

  void set_queued_max(size_t queued_max) { queued_max_ = queued_max; }
  // False, and the job stays the caller's, when the queue is full or the pool has stopped.
  bool Push(std::unique_ptr<Job>& job);

 private:
  void Work();

  std::atomic<size_t> queued_max_;
  std::vector<std::thread> threads_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<std::unique_ptr<Job>> queue_ GUARDED_BY(mutex_);
  bool stopped_ GUARDED_BY(mutex_) = true;
};

}  // namespace metaring::server

#endif  // METARING_KVNODE_SERVER_READ_POOL_H_
