// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

TEST(ReadBackTest, EachDurableRecordIsFoundAtItsBegin) {
  sim::SimDisk disk;
  const auto log = MustOpen(disk);
  const auto reader = log->NewReader();
  std::vector<Entry> written;
  for (int i = 0; i < 40; ++i) {
    written.push_back(MustWrite(*log, Bytes(static_cast<size_t>(i * 300), 'a')));
    const auto back = reader->ReadAt(written.back().begin);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->payload, written.back().payload);
  }
  ASSERT_GT(log->stats().segments, 2u);
  for (const Entry& entry : written) {
    const auto back = reader->ReadAt(entry.begin);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->group, entry.group);
    EXPECT_EQ(back->type, entry.type);
    EXPECT_EQ(back->payload, entry.payload);
  }
}

TEST(ReadBackTest, WhatIsNotDurableOrNoLongerKeptIsNotFound) {
  sim::SimDisk disk;
  const auto log = MustOpen(disk);
  const auto reader = log->NewReader();
  const Entry first = MustWrite(*log, "first");
  for (int i = 0; i < 40; ++i) MustWrite(*log, Bytes(5'000, 'a'));
  const Entry queued = MustAppend(*log, "queued");
  EXPECT_EQ(CodeOf(reader->ReadAt(queued.begin)), ErrorCode::kNotFound);
  ASSERT_TRUE(log->TruncateBefore(queued.begin));
  ASSERT_GT(log->begin(), first.begin);
  EXPECT_EQ(CodeOf(reader->ReadAt(first.begin)), ErrorCode::kNotFound);
}

TEST(ReadBackTest, ARottenBitIsCorrupt) {
  sim::SimDisk disk;
  const auto log = MustOpen(disk);
  const Entry entry = MustWrite(*log, "payload");
  ASSERT_TRUE(log->NewReader()->ReadAt(entry.begin));
  disk.Damage(disk.List()->front(), kSegmentHeaderBytes + kRecordHeaderBytes, 1);
  EXPECT_EQ(CodeOf(log->NewReader()->ReadAt(entry.begin)), ErrorCode::kCorrupt);
}

TEST(CheckSpaceTest, ToldAsAppendWouldTellIt) {
  sim::SimDisk disk;
  LogOptions options = SmallOptions();
  const auto log = MustOpen(disk, options);
  EXPECT_TRUE(log->CheckSpace(1'000, SpaceUse::kNormal));
  disk.SetCapacity(disk.used_bytes());
  while (log->Append(GroupId(1), 1, Bytes(1'000, 'a'), SpaceUse::kNormal)) {
  }
  EXPECT_EQ(CodeOf(log->CheckSpace(1'000, SpaceUse::kNormal)), ErrorCode::kNoSpace);
  EXPECT_TRUE(log->CheckSpace(1'000, SpaceUse::kReserve));
  disk.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(log->CheckSpace(1'000, SpaceUse::kNormal));
}

}  // namespace
}  // namespace metaring::log
