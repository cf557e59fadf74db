// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/pending_atimes.h"

#include <gtest/gtest.h>

namespace metaring::fusefs {
namespace {

InodeRef Ref(uint64_t ino) {
  return {Ino{ino}, Place{Ino{1}, "x"}};
}

Inode InodeWith(Time atime, Time mtime, Time ctime) {
  Inode inode;
  inode.ino = Ino{5};
  inode.atime = atime;
  inode.mtime = mtime;
  inode.ctime = ctime;
  return inode;
}

TEST(AtimeIsDue, AfterAChangeAndOnceADay) {
  const Time now{1'000'000, 0};
  EXPECT_TRUE(AtimeIsDue(InodeWith({5, 0}, {5, 0}, {1, 0}), now));
  EXPECT_TRUE(AtimeIsDue(InodeWith({5, 0}, {1, 0}, {6, 0}), now));
  EXPECT_FALSE(AtimeIsDue(InodeWith({999'000, 0}, {1, 0}, {2, 0}), now));
  EXPECT_TRUE(AtimeIsDue(InodeWith({1'000'000 - 86'400, 0}, {1, 0}, {2, 0}), now));
}

TEST(PendingAtimes, ANotedTimeIsShownUnlessTheStoreHasANewerOne) {
  PendingAtimes atimes;
  atimes.Note(Ref(5), Time{10, 0});
  Inode inode = InodeWith({3, 0}, {1, 0}, {1, 0});
  atimes.Overlay(inode);
  EXPECT_EQ(inode.atime, (Time{10, 0}));
  inode.atime = Time{11, 0};
  atimes.Overlay(inode);
  EXPECT_EQ(inode.atime, (Time{11, 0}));
}

TEST(PendingAtimes, ItStaysVisibleUntilItIsStored) {
  PendingAtimes atimes;
  atimes.Note(Ref(5), Time{10, 0});
  const auto items = atimes.BeginStore(10);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_FALSE(atimes.empty());
  atimes.EndStore(items);
  EXPECT_TRUE(atimes.empty());
}

TEST(PendingAtimes, ANewerTimeThatIsNotedWhileAnOlderIsStoredStays) {
  PendingAtimes atimes;
  atimes.Note(Ref(5), Time{10, 0});
  const auto items = atimes.BeginStore(10);
  atimes.Note(Ref(5), Time{20, 0});
  atimes.EndStore(items);
  EXPECT_FALSE(atimes.empty());
}

TEST(PendingAtimes, WhatWasDroppedIsNotStored) {
  PendingAtimes atimes;
  atimes.Note(Ref(5), Time{10, 0});
  atimes.Note(Ref(6), Time{10, 0});
  atimes.Drop(Ino{5});
  const auto items = atimes.BeginStore(10);
  ASSERT_EQ(items.size(), 1u);
  EXPECT_EQ(items[0].ref.ino, Ino{6});
}

// A removal must not wait for a store that may be waiting for that very removal.
TEST(PendingAtimes, ForgettingDoesNotWaitForAStore) {
  PendingAtimes atimes;
  atimes.Note(Ref(5), Time{10, 0});
  const auto items = atimes.BeginStore(10);
  atimes.Forget(Ino{5});
  EXPECT_TRUE(atimes.empty());
  atimes.EndStore(items);
}

TEST(PendingAtimes, TheNumberIsBounded) {
  PendingAtimes atimes;
  for (uint64_t i = 0; i < PendingAtimes::kEntriesMax + 10; ++i) {
    atimes.Note(Ref(i), Time{1, 0});
  }
  EXPECT_EQ(atimes.BeginStore(SIZE_MAX).size(), PendingAtimes::kEntriesMax);
}

}  // namespace
}  // namespace metaring::fusefs
