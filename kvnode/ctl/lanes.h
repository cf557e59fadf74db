// SPDX-License-Identifier: Apache-2.0
//
// Lanes: the threads of a benchmark. They start together, each times its own operations into its
// own histogram, and the caller's thread watches: it reports progress and turns SIGINT, SIGTERM and
// SIGHUP into a stop that every lane sees before its next operation, so that cleaning up is the
// caller's normal way out. No operation takes a lock or touches another lane's cache line.
#ifndef METARING_KVNODE_CTL_LANES_H_
#define METARING_KVNODE_CTL_LANES_H_

#include <atomic>
#include <cstdint>
#include <ctime>
#include <functional>
#include <optional>

#include "kvnode/base/result.h"
#include "kvnode/ctl/histogram.h"

namespace metaring::ctl {

inline uint64_t MonotonicNanosNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

// While it lives, SIGINT, SIGTERM and SIGHUP are blocked in this thread and those it starts, and
// can be waited for by a descriptor; one that is ignored (nohup) stays so. After the first one was
// taken they have their usual effect again, so that a clean-up that hangs can be interrupted. One
// caller.
class SignalWatch {
 public:
  SignalWatch();
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

  // Readable when a signal waits; -1 when the system gave none.
  int fd() const { return fd_; }
  // Takes a waiting signal, if there is one. Once taken, the number stays in taken().
  void Take();
  std::optional<int> taken() const { return taken_; }

 private:
  void Unblock();
  int fd_ = -1;
  std::optional<int> taken_;
};

// One caller: its thread. `done` may be read from others.
class alignas(64) Lane {
 public:
  Lane(unsigned index, const std::atomic<bool>& stop) : stop_(stop), index_(index) {}

  unsigned index() const { return index_; }
  // True when the lane must return, with success.
  bool Stopping() const { return stop_.load(std::memory_order_relaxed); }
  void Record(uint64_t nanos) {
    latency_.Record(nanos);
    done_.store(latency_.count(), std::memory_order_relaxed);
  }
  uint64_t done() const { return done_.load(std::memory_order_relaxed); }
  const Histogram& latency() const { return latency_; }

 private:
  const std::atomic<bool>& stop_;
  const unsigned index_;
  std::atomic<uint64_t> done_{0};
  Histogram latency_;
};

struct LanesResult {
  Histogram latency;
  double seconds = 0;          // from the first lane's start to the last one's end
  std::optional<Error> error;  // the first lane's in order that failed
  bool stopped = false;        // a signal came: not all was done
};

// Called in the caller's thread about ten times a second with the operations done so far.
using Progress = std::function<void(uint64_t done)>;

// Runs `body` in `count` threads at once and returns when all have ended. The first error stops
// all.
LanesResult RunLanes(unsigned count, const std::function<Status(Lane&)>& body, SignalWatch& signals,
                     const Progress& progress);

}  // namespace metaring::ctl

#endif  // METARING_KVNODE_CTL_LANES_H_
