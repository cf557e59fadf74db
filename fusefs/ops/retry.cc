// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/retry.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "kvnode/base/random.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs {
namespace {

// The bound of the wait doubles from the first to the last.
constexpr int64_t kFirstWaitNanos = 100'000;
constexpr int kDoublingsMax = 10;

}  // namespace

void BackOff(int losses) {
  if (losses == 1) {
    fiber::SleepFor(std::chrono::nanoseconds(0));
    return;
  }
  // Any seed does, as long as threads differ.
  thread_local Random random(std::hash<std::thread::id>()(std::this_thread::get_id()));
  const int64_t bound = kFirstWaitNanos << std::min(losses - 2, kDoublingsMax);
  fiber::SleepFor(std::chrono::nanoseconds(random.Below(static_cast<uint64_t>(bound))));
}

}  // namespace metaring::fusefs
