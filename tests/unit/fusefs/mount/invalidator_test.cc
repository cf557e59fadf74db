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
  std::atomic<Stale> what{Stale::kListing};
  std::thread::id by;
  invalidator.Start([&](Ino ino, Stale stale) {
    by = std::this_thread::get_id();
    told = ino.value();
    what = stale;
  });
  invalidator.AttributesChanged(Ino{7});
  EXPECT_EQ(told, 7u);
  EXPECT_EQ(what, Stale::kAttributes);
  invalidator.ListingChanged(Ino{8});
  EXPECT_EQ(told, 8u);
  EXPECT_EQ(what, Stale::kListing);
  invalidator.Stop();
  EXPECT_NE(by, std::this_thread::get_id());
}

TEST(Invalidator, WhenItDoesNotRunNobodyWaits) {
  Invalidator invalidator;
  invalidator.AttributesChanged(Ino{7});
  invalidator.Start([](Ino, Stale) {});
  invalidator.Stop();
  invalidator.AttributesChanged(Ino{7});
}

}  // namespace
}  // namespace metaring::fusefs::mount
