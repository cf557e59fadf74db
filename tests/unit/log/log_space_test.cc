// SPDX-License-Identifier: Apache-2.0
//
// A full disk: refused in time, with a reserve for deletes, and healed without a restart.
#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

constexpr size_t kPayloadBytes = 2000;

Result<Lsn> Write(Log& log, SpaceUse use) {
  auto end = log.Append(GroupId(1), 1, Bytes(kPayloadBytes, 's'), use);
  if (end) {
    EXPECT_TRUE(log.Sync(*end));
  }
  return end;
}

// Writes until it is refused, and says how many bytes that were.
uint64_t FillUp(Log& log, SpaceUse use) {
  for (uint64_t written = 0;; written += RecordBytes(kPayloadBytes)) {
    const auto end = Write(log, use);
    if (end) continue;
    EXPECT_EQ(end.error().code, ErrorCode::kNoSpace);
    return written;
  }
}

TEST(LogSpace, FullDiskRefusesNormalUseAndLeavesTheReserve) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.SetCapacity(disk.used_bytes());
  EXPECT_GT(FillUp(*log, SpaceUse::kNormal), SmallOptions().segment_bytes / 2);
  const uint64_t refused_at = log->durable().value();
  const uint64_t reserve = FillUp(*log, SpaceUse::kReserve);
  EXPECT_GE(reserve, SmallOptions().segment_bytes / 2 - 3 * RecordBytes(kPayloadBytes));
  EXPECT_EQ(log->durable().value(), refused_at + reserve);
}

TEST(LogSpace, EverythingAcceptedOnAFullDiskIsThere) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.SetCapacity(disk.used_bytes());
  const uint64_t written = FillUp(*log, SpaceUse::kNormal) + FillUp(*log, SpaceUse::kReserve);
  log.reset();
  log = MustOpen(disk);
  EXPECT_EQ(Replayed(*log).size(), written / RecordBytes(kPayloadBytes));
}

TEST(LogSpace, HealsWhenTheDiskHasSpaceAgain) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.SetCapacity(disk.used_bytes());
  FillUp(*log, SpaceUse::kNormal);
  FillUp(*log, SpaceUse::kReserve);
  disk.SetCapacity(UINT64_MAX);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(Write(*log, SpaceUse::kNormal));
}

TEST(LogSpace, HealsWhenTruncationFreesSegments) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Write(*log, SpaceUse::kNormal));
  disk.SetCapacity(disk.used_bytes());
  for (int round = 0; round < 20; ++round) {
    FillUp(*log, SpaceUse::kNormal);
    FillUp(*log, SpaceUse::kReserve);
    ASSERT_TRUE(log->TruncateBefore(log->durable()));
    ASSERT_TRUE(Write(*log, SpaceUse::kNormal)) << round;
  }
}

TEST(LogSpace, RefusedAppendLeavesNothingBehind) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.SetCapacity(disk.used_bytes());
  FillUp(*log, SpaceUse::kNormal);
  const uint64_t used = disk.used_bytes();
  const size_t files = disk.List()->size();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(CodeOf(Write(*log, SpaceUse::kNormal)), ErrorCode::kNoSpace);
  }
  EXPECT_EQ(disk.used_bytes(), used);
  EXPECT_EQ(disk.List()->size(), files);
}

TEST(LogSpace, OpensOnAFullDiskAndGoesOn) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.SetCapacity(disk.used_bytes());
  const uint64_t written = FillUp(*log, SpaceUse::kNormal);
  log.reset();
  log = MustOpen(disk);
  ASSERT_TRUE(log);
  EXPECT_EQ(Replayed(*log).size(), written / RecordBytes(kPayloadBytes));
  EXPECT_EQ(CodeOf(Write(*log, SpaceUse::kNormal)), ErrorCode::kNoSpace);
  EXPECT_TRUE(Write(*log, SpaceUse::kReserve));
  disk.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(Write(*log, SpaceUse::kNormal));
}

TEST(LogSpace, NewLogOnAFullDiskIsNoSpace) {
  sim::SimDisk disk;
  disk.SetCapacity(10'000);
  EXPECT_EQ(CodeOf(OpenLog(disk, SmallOptions())), ErrorCode::kNoSpace);
  disk.SetCapacity(UINT64_MAX);
  EXPECT_TRUE(OpenLog(disk, SmallOptions()));
}

TEST(LogSpace, WithoutSparesOnlyWhatDoesNotFitIsRefused) {
  sim::SimDisk disk;
  LogOptions options = SmallOptions();
  options.spare_segments = 0;
  auto log = MustOpen(disk, options);
  disk.SetCapacity(disk.used_bytes());
  EXPECT_GT(FillUp(*log, SpaceUse::kNormal), options.segment_bytes * 9 / 10);
  EXPECT_TRUE(log->Append(GroupId(1), 1, "small", SpaceUse::kNormal));
  disk.SetCapacity(UINT64_MAX);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(Write(*log, SpaceUse::kNormal));
}

TEST(LogSpace, FailedAllocationIsFinal) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.FailNthCall(sim::SimDisk::Call::kAllocate, 1, ErrorCode::kIo);
  for (int i = 0; i < 100; ++i) {
    const auto end = log->Append(GroupId(1), 1, Bytes(kPayloadBytes, 's'), SpaceUse::kNormal);
    if (!end || !log->Sync(*end)) break;
  }
  EXPECT_EQ(CodeOf(log->Append(GroupId(1), 1, "x", SpaceUse::kReserve)), ErrorCode::kIo);
}

}  // namespace
}  // namespace metaring::log
