// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/dirty_blocks.h"

#include <gtest/gtest.h>

namespace metaring::fusefs {
namespace {

TEST(SplitIntoBlocks, PartsCoverTheRangeInOrder) {
  const auto parts = SplitIntoBlocks(6, 11, 8);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].index, 0u);
  EXPECT_EQ(parts[0].begin, 6u);
  EXPECT_EQ(parts[0].length, 2u);
  EXPECT_EQ(parts[1].index, 1u);
  EXPECT_EQ(parts[1].begin, 0u);
  EXPECT_EQ(parts[1].length, 8u);
  EXPECT_EQ(parts[2].index, 2u);
  EXPECT_EQ(parts[2].length, 1u);
  EXPECT_TRUE(SplitIntoBlocks(5, 0, 8).empty());
}

TEST(DirtyBlocks, OverwriteFillsAGapWithZeros) {
  DirtyBlocks blocks;
  blocks.Insert(3, "ab");
  blocks.Overwrite({3, 4, 2}, "ef");
  EXPECT_EQ(*blocks.Find(3), std::string("ab\0\0ef", 6));
  EXPECT_EQ(blocks.bytes(), 6u);
}

TEST(DirtyBlocks, TakeGivesAllInOrderAndLeavesNone) {
  DirtyBlocks blocks;
  blocks.Insert(9, "nine");
  blocks.Insert(2, "two");
  const auto taken = blocks.Take();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].index, 2u);
  EXPECT_EQ(taken[1].index, 9u);
  EXPECT_TRUE(blocks.empty());
  EXPECT_EQ(blocks.bytes(), 0u);
}

TEST(DirtyBlocks, WhatIsPutBackDoesNotReplaceWhatIsNewer) {
  DirtyBlocks blocks;
  blocks.Insert(1, "old");
  blocks.Insert(2, "kept");
  auto taken = blocks.Take();
  blocks.Insert(1, "newer");
  blocks.PutBack(std::move(taken));
  EXPECT_EQ(*blocks.Find(1), "newer");
  EXPECT_EQ(*blocks.Find(2), "kept");
  EXPECT_EQ(blocks.bytes(), 9u);
}

TEST(DirtyBlocks, BytesFromCountsBlocksAtAndBehindAnIndex) {
  DirtyBlocks blocks;
  blocks.Insert(1, "1");
  blocks.Insert(2, "22");
  blocks.Insert(5, "55555");
  EXPECT_EQ(blocks.BytesFrom(2), 7u);
  EXPECT_EQ(blocks.BytesFrom(6), 0u);
}

}  // namespace
}  // namespace metaring::fusefs
