// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/open_counts.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace metaring::fusefs {
namespace {

constexpr Ino kIno{7};
constexpr std::chrono::seconds kLong{60};

TEST(OpenCounts, AFileThatIsOpenIsKeptAndReclaimedAtItsLastClose) {
  OpenCounts counts(kLong);
  ASSERT_TRUE(counts.Open(kIno));
  ASSERT_TRUE(counts.Open(kIno));
  EXPECT_EQ(counts.BeginRemoval(kIno).value(), true);
  EXPECT_FALSE(counts.EndRemoval(kIno, /*orphaned=*/true));
  EXPECT_TRUE(counts.IsOrphan(kIno));
  EXPECT_FALSE(counts.Close(kIno));
  EXPECT_TRUE(counts.Close(kIno));
  counts.Reclaimed(kIno);
  EXPECT_FALSE(counts.IsOrphan(kIno));
}

// An open that waited for the removal must not get what the last close has given to the reclaimer.
TEST(OpenCounts, WhatIsBeingReclaimedCannotBeOpened) {
  OpenCounts counts(kLong);
  ASSERT_TRUE(counts.Open(kIno));
  ASSERT_TRUE(counts.BeginRemoval(kIno));
  EXPECT_FALSE(counts.Close(kIno));
  EXPECT_TRUE(counts.EndRemoval(kIno, /*orphaned=*/true));
  EXPECT_EQ(counts.Open(kIno).error().code, ErrorCode::kNotFound);
  EXPECT_FALSE(counts.Close(kIno));
  counts.Reclaimed(kIno);
  EXPECT_EQ(counts.open_inodes(), 0u);
}

TEST(OpenCounts, AFileThatIsNotOpenNeedNotBeKept) {
  OpenCounts counts(kLong);
  EXPECT_EQ(counts.BeginRemoval(kIno).value(), false);
  EXPECT_FALSE(counts.EndRemoval(kIno, /*orphaned=*/false));
  EXPECT_EQ(counts.open_inodes(), 0u);
}

TEST(OpenCounts, ARemovalThatLeftOtherNamesMakesNoOrphan) {
  OpenCounts counts(kLong);
  ASSERT_TRUE(counts.Open(kIno));
  ASSERT_TRUE(counts.BeginRemoval(kIno));
  counts.EndRemoval(kIno, /*orphaned=*/false);
  EXPECT_FALSE(counts.Close(kIno));
}

TEST(OpenCounts, ALastCloseDuringTheRemovalReclaimsAtItsEnd) {
  OpenCounts counts(kLong);
  ASSERT_TRUE(counts.Open(kIno));
  ASSERT_TRUE(counts.BeginRemoval(kIno));
  EXPECT_FALSE(counts.Close(kIno));
  EXPECT_TRUE(counts.EndRemoval(kIno, /*orphaned=*/true));
}

TEST(OpenCounts, AnOpenWaitsForTheRemovalToEnd) {
  OpenCounts counts(kLong);
  ASSERT_TRUE(counts.BeginRemoval(kIno));
  std::atomic<bool> ended{false};
  std::thread opener([&] {
    EXPECT_TRUE(counts.Open(kIno));
    EXPECT_TRUE(ended);
  });
  ended = true;
  counts.EndRemoval(kIno, false);
  opener.join();
  EXPECT_EQ(counts.open_inodes(), 1u);
}

TEST(OpenCounts, WaitingHasADeadline) {
  OpenCounts counts(std::chrono::milliseconds(1));
  ASSERT_TRUE(counts.BeginRemoval(kIno));
  EXPECT_EQ(counts.Open(kIno).error().code, ErrorCode::kDeadlineExceeded);
  EXPECT_EQ(counts.BeginRemoval(kIno).error().code, ErrorCode::kDeadlineExceeded);
  counts.EndRemoval(kIno, false);
  EXPECT_TRUE(counts.Open(kIno));
}

TEST(OpenCounts, MoreClosesThanOpensAreIgnored) {
  OpenCounts counts(kLong);
  EXPECT_FALSE(counts.Close(kIno));
  ASSERT_TRUE(counts.BeginRemoval(kIno));
  EXPECT_FALSE(counts.Close(kIno));
  EXPECT_FALSE(counts.EndRemoval(kIno, false));
}

}  // namespace
}  // namespace metaring::fusefs
