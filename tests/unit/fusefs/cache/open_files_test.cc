// SPDX-License-Identifier: Apache-2.0
#include "fusefs/cache/open_files.h"

#include <gtest/gtest.h>

#include "tests/unit/fusefs/cache/memory_file_store.h"

namespace metaring::fusefs {
namespace {

class OpenFilesTest : public ::testing::Test {
 protected:
  ManualClock clock_;
  MemoryFileStore store_;
  OpenFiles files_{store_, clock_, MemoryFileStore::kBlockBytes, std::chrono::seconds(30)};
  const Ino ino_ = store_.node.inode.ino;
};

TEST_F(OpenFilesTest, AFileIsKnownWhileItHasAWriter) {
  EXPECT_EQ(files_.Find(ino_), nullptr);
  const auto first = files_.Acquire(store_.node);
  const auto second = files_.Acquire(store_.node);
  EXPECT_EQ(first, second);
  files_.Release(ino_);
  EXPECT_EQ(files_.Find(ino_), first);
  files_.Release(ino_);
  EXPECT_EQ(files_.Find(ino_), nullptr);
}

TEST_F(OpenFilesTest, WhatIsPendingOutlivesTheLastWriter) {
  const auto file = files_.Acquire(store_.node);
  ASSERT_TRUE(file->Write(0, "x", false));
  files_.Release(ino_);
  ASSERT_EQ(files_.Find(ino_), file);
  EXPECT_TRUE(files_.AnyPending());
  ASSERT_TRUE(file->WriteBack());
  files_.DropSettled();
  EXPECT_EQ(files_.Find(ino_), nullptr);
}

TEST_F(OpenFilesTest, OnlyOldEnoughChangesAreDue) {
  const auto file = files_.Acquire(store_.node);
  ASSERT_TRUE(file->Write(0, "x", false));
  const int64_t now = clock_.MonotonicNanos();
  EXPECT_TRUE(files_.PendingBefore(now - 1).empty());
  EXPECT_EQ(files_.PendingBefore(now).size(), 1u);
  files_.Release(ino_);
}

TEST_F(OpenFilesTest, AttributesShowWhatIsPending) {
  const auto file = files_.Acquire(store_.node);
  ASSERT_TRUE(file->Write(0, "twelve bytes", false));
  Inode inode = store_.node.inode;
  files_.Overlay(inode);
  EXPECT_EQ(inode.size, 12);
  EXPECT_GT(inode.bytes_allocated, 0);
  files_.Release(ino_);
}

TEST_F(OpenFilesTest, ReleasingTheUnknownIsHarmless) {
  files_.Release(Ino{999});
  EXPECT_FALSE(files_.AnyPending());
}

}  // namespace
}  // namespace metaring::fusefs
