// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/inode_table.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace metaring::fusefs {
namespace {

const Place kHere{Ino{10}, "here"};
const Place kThere{Ino{11}, "there"};

TEST(InodeTable, AForgottenInodeIsUnknown) {
  InodeTable table;
  table.Remember({Ino{5}, kHere});
  table.Forget(Ino{5}, 1);
  EXPECT_FALSE(table.Find(Ino{5}).has_value());
  EXPECT_EQ(table.size(), 1u);  // the root
}

TEST(InodeTable, ForgetCountsExactly) {
  InodeTable table;
  for (int i = 0; i < 3; ++i) table.Remember({Ino{5}, kHere});
  table.Forget(Ino{5}, 2);
  EXPECT_TRUE(table.Find(Ino{5}).has_value());
  table.Forget(Ino{5}, 1);
  EXPECT_FALSE(table.Find(Ino{5}).has_value());
}

TEST(InodeTable, ForgettingMoreThanWasGivenOrTheUnknownIsHarmless) {
  InodeTable table;
  table.Remember({Ino{5}, kHere});
  table.Forget(Ino{5}, UINT64_MAX);
  table.Forget(Ino{99}, 7);
  EXPECT_EQ(table.size(), 1u);
}

TEST(InodeTable, TheRootIsNeverForgotten) {
  InodeTable table;
  table.Forget(kRootIno, UINT64_MAX);
  ASSERT_TRUE(table.Find(kRootIno).has_value());
  EXPECT_TRUE(table.Find(kRootIno)->directory);
}

TEST(InodeTable, MoveChangesThePlaceOfAKnownInodeOnly) {
  InodeTable table;
  table.Remember({Ino{5}, kHere});
  table.Move(Ino{5}, kThere);
  table.Move(Ino{6}, kThere);
  EXPECT_EQ(table.Find(Ino{5})->place, kThere);
  EXPECT_FALSE(table.Find(Ino{6}).has_value());
}

TEST(InodeTable, APlaceOfItsOwnIsFinal) {
  InodeTable table;
  table.Remember({Ino{5}, kHere});
  table.Move(Ino{5}, Place{});
  table.Move(Ino{5}, kThere);
  EXPECT_TRUE(table.Find(Ino{5})->place.own());
}

TEST(InodeTable, ALookupThatIsAnsweredLateDoesNotBringAnOldPlaceBack) {
  InodeTable table;
  table.Remember({Ino{5}, kHere});
  table.Move(Ino{5}, kThere);
  table.Remember({Ino{5}, kHere});
  EXPECT_EQ(table.Find(Ino{5})->place, kThere);
}

TEST(InodeTable, AnErasedInodeAnswersUntilItIsForgotten) {
  InodeTable table;
  table.Remember({Ino{5}, kHere});
  Inode inode;
  inode.ino = Ino{5};
  inode.nlink = 1;
  inode.size = 77;
  table.MarkErased(Ino{5}, inode);
  ASSERT_TRUE(table.FindErased(Ino{5}).has_value());
  EXPECT_EQ(table.FindErased(Ino{5})->nlink, 0u);
  EXPECT_EQ(table.FindErased(Ino{5})->size, 77);
  table.Forget(Ino{5}, 1);
  EXPECT_FALSE(table.FindErased(Ino{5}).has_value());
}

TEST(InodeTable, ErasingWhatTheKernelDoesNotKnowKeepsNothing) {
  InodeTable table;
  table.MarkErased(Ino{5}, Inode{});
  EXPECT_FALSE(table.FindErased(Ino{5}).has_value());
}

TEST(InodeTable, ThreadsCountTogether) {
  InodeTable table;
  constexpr int kEach = 2000;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&table] {
      for (int i = 0; i < kEach; ++i) {
        table.Remember({Ino{static_cast<uint64_t>(2 + i % 50)}, kHere});
        table.Move(Ino{static_cast<uint64_t>(2 + i % 50)}, kThere);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (uint64_t ino = 2; ino < 52; ++ino) table.Forget(Ino{ino}, 4 * kEach / 50);
  EXPECT_EQ(table.size(), 1u);
}

}  // namespace
}  // namespace metaring::fusefs
