// SPDX-License-Identifier: Apache-2.0
//
// LogLimiter: at most one line an interval of what a stranger can cause at will.
#ifndef METARING_KVNODE_RPC_LOG_LIMITER_H_
#define METARING_KVNODE_RPC_LOG_LIMITER_H_

#include <cstdint>
#include <optional>

#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"

namespace metaring::rpc {

// Thread-safe.
class LogLimiter {
 public:
  LogLimiter(const Clock& clock, int64_t interval_nanos)
      : clock_(clock), interval_nanos_(interval_nanos) {}

  // Absent when the line is not to be written; otherwise how many were not since the last one.
  std::optional<uint64_t> Admit() {
    const int64_t now = clock_.MonotonicNanos();
    const MutexLock lock(mutex_);
    if (next_ && now < *next_) {
      ++dropped_;
      return std::nullopt;
    }
    next_ = now + interval_nanos_;
    const uint64_t dropped = dropped_;
    dropped_ = 0;
    return dropped;
  }

 private:
  const Clock& clock_;
  const int64_t interval_nanos_;
  Mutex mutex_;
  std::optional<int64_t> next_ GUARDED_BY(mutex_);
  uint64_t dropped_ GUARDED_BY(mutex_) = 0;
};

}  // namespace metaring::rpc

#endif  // METARING_KVNODE_RPC_LOG_LIMITER_H_
