// SPDX-License-Identifier: Apache-2.0
#include "fusefs/meta/inode.h"

#include <gtest/gtest.h>

#include "fusefs/meta/records.h"

namespace metaring::fusefs {
namespace {

TEST(Time, NanosCountForwardBeforeTheEpochToo) {
  EXPECT_EQ(TimeFromNanos(-1), (Time{-1, 999'999'999}));
  EXPECT_EQ(TimeFromNanos(0), (Time{0, 0}));
  EXPECT_EQ(TimeFromNanos(1'500'000'000), (Time{1, 500'000'000}));
}

TEST(Time, NanosComeBackFromTime) {
  for (const int64_t nanos : {INT64_MIN, int64_t{-1}, int64_t{0}, int64_t{1}, INT64_MAX}) {
    EXPECT_EQ(NanosFromTime(TimeFromNanos(nanos)), nanos);
  }
}

TEST(Time, NanosSaturate) {
  EXPECT_EQ(NanosFromTime({INT64_MAX, 0}), INT64_MAX);
  EXPECT_EQ(NanosFromTime({INT64_MIN, 0}), INT64_MIN);
}

DirectoryHeader Header() {
  DirectoryHeader header;
  header.parent = kRootIno;
  header.mode = S_IFDIR | 0755;
  header.ctime = {10, 0};
  header.mtime = {10, 0};
  header.atime = {10, 0};
  return header;
}

TEST(DirectoryInode, TimesAreTheHeadersUntilAnEntryChanges) {
  const Inode inode = DirectoryInode(Ino{2}, Header(), {});
  EXPECT_EQ(inode.mtime, (Time{10, 0}));
  EXPECT_EQ(inode.ctime, (Time{10, 0}));
  EXPECT_EQ(inode.nlink, 2u);
  EXPECT_EQ(inode.size, 0);
}

TEST(DirectoryInode, AnEntryChangeMovesMtimeAndCtime) {
  DirectoryCounters counters;
  counters.changed = 20'000'000'001;
  counters.entries = 3;
  counters.subdirectories = 1;
  const Inode inode = DirectoryInode(Ino{2}, Header(), counters);
  EXPECT_EQ(inode.mtime, (Time{20, 1}));
  EXPECT_EQ(inode.ctime, (Time{20, 1}));
  EXPECT_EQ(inode.atime, (Time{10, 0}));
  EXPECT_EQ(inode.nlink, 3u);
  EXPECT_EQ(inode.size, 3);
}

TEST(DirectoryInode, AnExplicitTimeHoldsUntilALaterChange) {
  DirectoryHeader header = Header();
  header.mtime = {1, 0};  // utimensat into the past, at second 30
  header.mtime_set_at = 30'000'000'000;
  DirectoryCounters counters;
  counters.changed = 20'000'000'000;
  EXPECT_EQ(DirectoryInode(Ino{2}, header, counters).mtime, (Time{1, 0}));
  counters.changed = 31'000'000'000;
  EXPECT_EQ(DirectoryInode(Ino{2}, header, counters).mtime, (Time{31, 0}));
}

TEST(DirectoryInode, AChangeEndsAnExplicitTimeInTheFuture) {
  DirectoryHeader header = Header();
  header.mtime = {1000, 0};
  header.mtime_set_at = 30'000'000'000;
  DirectoryCounters counters;
  counters.changed = 31'000'000'000;
  EXPECT_EQ(DirectoryInode(Ino{2}, header, counters).mtime, (Time{31, 0}));
}

TEST(DirectoryInode, CountsNeverGoBelowZero) {
  DirectoryCounters counters;
  counters.entries = -1;
  counters.subdirectories = -5;
  const Inode inode = DirectoryInode(Ino{2}, Header(), counters);
  EXPECT_EQ(inode.size, 0);
  EXPECT_EQ(inode.nlink, 2u);
}

}  // namespace
}  // namespace metaring::fusefs
