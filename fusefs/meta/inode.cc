// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/inode.h"

#include <limits>

namespace metaring::fusefs {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

}  // namespace

Time TimeFromNanos(int64_t wall_nanos) {
  int64_t seconds = wall_nanos / kNanosPerSecond;
  int64_t nanos = wall_nanos % kNanosPerSecond;
  if (nanos < 0) {
    --seconds;
    nanos += kNanosPerSecond;
  }
  return {seconds, static_cast<int32_t>(nanos)};
}

int64_t NanosFromTime(Time time) {
  const __int128 nanos = static_cast<__int128>(time.seconds) * kNanosPerSecond + time.nanos;
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  if (nanos < kMin) return kMin;
  if (nanos > kMax) return kMax;
  return static_cast<int64_t>(nanos);
}

bool AtimeIsDue(const Inode& inode, Time now) {
  constexpr int64_t kDaySeconds = 86'400;
  return inode.atime <= inode.mtime || inode.atime <= inode.ctime ||
         now.seconds - inode.atime.seconds >= kDaySeconds;
}

}  // namespace metaring::fusefs
