// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/pending_attributes.h"

#include <gtest/gtest.h>

namespace metaring::fusefs {
namespace {

TEST(PendingAttributes, AnEmptyOneChangesNothing) {
  Inode inode;
  inode.mode = S_IFREG | 04755;
  inode.size = 9;
  PendingAttributes pending;
  EXPECT_TRUE(pending.empty());
  pending.ApplyTo(inode);
  EXPECT_EQ(inode.mode, S_IFREG | 04755u);
  EXPECT_EQ(inode.size, 9);
}

TEST(PendingAttributes, TheTypeOfAFileIsKept) {
  Inode inode;
  inode.mode = S_IFREG | 0600;
  PendingAttributes pending;
  pending.mode = S_IFDIR | 0711;
  pending.ApplyTo(inode);
  EXPECT_EQ(inode.mode, S_IFREG | 0711u);
}

TEST(PendingAttributes, ASizeNeverShrinksAFile) {
  Inode inode;
  inode.size = 100;
  PendingAttributes pending;
  pending.size = 50;
  pending.ApplyTo(inode);
  EXPECT_EQ(inode.size, 100);
  PendingAttributes newer;
  newer.size = 40;
  pending.MergeNewer(newer);
  EXPECT_EQ(pending.size, 50);
}

TEST(PendingAttributes, TheNewerOfTwoChangesWins) {
  PendingAttributes pending;
  pending.uid = 1;
  pending.mtime = Time{5, 0};
  PendingAttributes newer;
  newer.uid = 2;
  newer.clear_suid_sgid = true;
  pending.MergeNewer(newer);
  EXPECT_EQ(pending.uid, 2u);
  EXPECT_EQ(pending.mtime, (Time{5, 0}));
  EXPECT_TRUE(pending.clear_suid_sgid);
}

TEST(PendingAttributes, WhatTheStoreWasGivenIsNoLongerPending) {
  PendingAttributes pending;
  pending.mode = 0600;
  pending.mtime = Time{5, 0};
  PendingAttributes stored;
  stored.mode = 0644;
  pending.DropSetIn(stored);
  EXPECT_FALSE(pending.mode.has_value());
  EXPECT_TRUE(pending.mtime.has_value());
}

// As tar does it: fchown, which clears, then fchmod, which sets what the archive says.
TEST(PendingAttributes, AModeSetAfterAClearingKeepsItsBits) {
  PendingAttributes pending;
  pending.uid = 7;
  pending.clear_suid_sgid = true;
  PendingAttributes newer;
  newer.mode = 04755;
  pending.MergeNewer(newer);
  Inode inode;
  inode.mode = S_IFREG | 02711;
  pending.ApplyTo(inode);
  EXPECT_EQ(inode.mode, S_IFREG | 04755u);
}

TEST(PendingAttributes, AClearingTakesTheBitsOutOfAModeSetBeforeIt) {
  for (const bool chown : {false, true}) {
    PendingAttributes pending;
    pending.mode = 06755;
    PendingAttributes newer;
    if (chown) {
      newer.gid = 7;
    } else {
      newer.clear_suid_sgid = true;
    }
    pending.MergeNewer(newer);
    EXPECT_EQ(pending.mode, 0755u);
  }
}

TEST(PendingAttributes, AChangeOfOwnerClearsTheBitsOfTheStoredMode) {
  PendingAttributes pending;
  pending.uid = 7;
  Inode inode;
  inode.mode = S_IFREG | 04755;
  pending.ApplyTo(inode);
  EXPECT_EQ(inode.mode, S_IFREG | 0755u);
}

TEST(WithoutSuidSgid, SgidGoesOnlyWhereTheGroupMayExecute) {
  EXPECT_EQ(WithoutSuidSgid(S_IFREG | 06755), S_IFREG | 0755u);
  EXPECT_EQ(WithoutSuidSgid(S_IFREG | 06745), S_IFREG | 02745u);
  EXPECT_EQ(WithoutSuidSgid(S_IFDIR | 06777), S_IFDIR | 06777u);
}

}  // namespace
}  // namespace metaring::fusefs
