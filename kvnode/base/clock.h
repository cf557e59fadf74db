// SPDX-License-Identifier: Apache-2.0
//
// Clock: where time comes from, so that drivers and caches run under the simulator's virtual time
// and tests move it by hand. Wall time is for what users see (file times); leases, timeouts and
// ages use the monotonic clock only.
#ifndef METARING_KVNODE_BASE_CLOCK_H_
#define METARING_KVNODE_BASE_CLOCK_H_

#include <atomic>
#include <cstdint>

namespace metaring {

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  // Nanoseconds since 1970-01-01T00:00:00Z; may jump.
  virtual int64_t WallNanos() const = 0;
  // Nanoseconds since an arbitrary start; never goes back.
  virtual int64_t MonotonicNanos() const = 0;
};

// The kernel's CLOCK_REALTIME and CLOCK_MONOTONIC.
class SystemClock : public Clock {
 public:
  int64_t WallNanos() const override;
  int64_t MonotonicNanos() const override;
};

// Stands still until it is moved.
class ManualClock : public Clock {
 public:
  explicit ManualClock(int64_t wall_nanos = 1'700'000'000'000'000'000) : wall_(wall_nanos) {}
  int64_t WallNanos() const override { return wall_; }
  int64_t MonotonicNanos() const override { return monotonic_; }
  void Advance(int64_t nanos) {
    wall_ += nanos;
    monotonic_ += nanos;
  }
  void SetWall(int64_t wall_nanos) { wall_ = wall_nanos; }

 private:
  std::atomic<int64_t> wall_;
  std::atomic<int64_t> monotonic_{1};
};

}  // namespace metaring

#endif  // METARING_KVNODE_BASE_CLOCK_H_
