// SPDX-License-Identifier: Apache-2.0
#include "fusefs/mount/invalidator.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace metaring::fusefs::mount {
namespace {

TEST(Invalidator, TheKernelIsToldBeforeItReturnsAndByAnotherThread) {
  Invalidator invalidator;
  std::atomic<uint64_t> told{0};
  std::thread::id by;
  invalidator.Start([&](Ino ino) {
    by = std::this_thread::get_id();
    told = ino.value();
  });
  invalidator.AttributesChanged(Ino{7});
  EXPECT_EQ(told, 7u);
  invalidator.Stop();
  EXPECT_NE(by, std::this_thread::get_id());
}

TEST(Invalidator, WhenItDoesNotRunNobodyWaits) {
  Invalidator invalidator;
  invalidator.AttributesChanged(Ino{7});
  invalidator.Start([](Ino) {});
  invalidator.Stop();
  invalidator.AttributesChanged(Ino{7});
}

}  // namespace
}  // namespace metaring::fusefs::mount
