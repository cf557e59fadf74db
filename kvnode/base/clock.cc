// SPDX-License-Identifier: Apache-2.0
#include "kvnode/base/clock.h"

#include <ctime>

namespace metaring {
namespace {

int64_t NanosOf(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t SystemClock::WallNanos() const {
  return NanosOf(CLOCK_REALTIME);
}
int64_t SystemClock::MonotonicNanos() const {
  return NanosOf(CLOCK_MONOTONIC);
}

}  // namespace metaring
