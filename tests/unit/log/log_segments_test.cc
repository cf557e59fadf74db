// SPDX-License-Identifier: Apache-2.0
//
// Segments: rolling over, letting go, recycling.
#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

using Call = sim::SimDisk::Call;

size_t CountFiles(sim::SimDisk& disk, const std::string& suffix) {
  const auto names = disk.List();
  size_t count = 0;
  for (const std::string& name : *names) count += name.ends_with(suffix);
  return count;
}

TEST(LogSegments, RecordsOfManySegmentsAreReplayedInOrder) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  std::vector<Entry> written;
  Random random(1);
  for (int i = 0; i < 200; ++i) {
    written.push_back(MustAppend(*log, Bytes(random.Below(20'001), 'a')));
    if (random.OneIn(3)) {
      ASSERT_TRUE(log->Sync(written.back().end));
    }
  }
  ASSERT_TRUE(log->Sync(written.back().end));
  EXPECT_GT(log->stats().segments, 20u);
  EXPECT_EQ(CountFiles(disk, ".log"), log->stats().segments);
  log.reset();
  EXPECT_EQ(Replayed(*MustOpen(disk)), written);
}

TEST(LogSegments, OneWriteMayFillSeveral) {
  sim::SimDisk disk;
  LogOptions options = SmallOptions();
  options.queued_bytes_max = 1 << 20;
  auto log = MustOpen(disk, options);
  std::vector<Entry> written;
  for (int i = 0; i < 40; ++i) written.push_back(MustAppend(*log, Bytes(20'000, 'a')));
  EXPECT_EQ(log->durable(), Lsn(0));
  ASSERT_TRUE(log->Sync(written.back().end));
  EXPECT_EQ(log->stats().syncs, log->stats().segments);
  log.reset();
  EXPECT_EQ(Replayed(*MustOpen(disk, options)), written);
}

TEST(LogSegments, SegmentIsUsedToItsLastByte) {
  // Payloads that leave every possible rest behind the last record of a segment.
  for (size_t size = 20'000 - 400; size <= 20'000; size += 8) {
    sim::SimDisk disk;
    auto log = MustOpen(disk);
    std::vector<Entry> written;
    for (int i = 0; i < 2; ++i) written.push_back(MustWrite(*log, Bytes(20'000, 'a')));
    written.push_back(MustWrite(*log, Bytes(size, 'b')));
    // Up to the end of the segment and over it.
    for (int i = 0; i < 30; ++i) written.push_back(MustWrite(*log, Bytes(40, 'c')));
    log.reset();
    ASSERT_EQ(Replayed(*MustOpen(disk)), written) << size;
  }
}

TEST(LogSegments, TruncationLetsGoOfWholeSegmentsOnly) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  std::vector<Entry> written;
  for (int i = 0; i < 30; ++i) written.push_back(MustWrite(*log, Bytes(15'000, 'a')));
  const Lsn keep = written[17].begin;
  ASSERT_TRUE(log->TruncateBefore(keep));
  EXPECT_GT(log->begin(), Lsn(0));
  EXPECT_LE(log->begin(), keep);
  log.reset();
  log = MustOpen(disk);
  EXPECT_LE(log->begin(), keep);
  EXPECT_EQ(Replayed(*log, keep), std::vector<Entry>(written.begin() + 17, written.end()));
  // From before the beginning is from the beginning.
  const auto all = Replayed(*log, Lsn(0));
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front().begin, log->begin());
}

TEST(LogSegments, TruncationOfEverythingKeepsThePosition) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  Entry last;
  for (int i = 0; i < 30; ++i) last = MustWrite(*log, Bytes(15'000, 'a'));
  // Beyond the end is not beyond what is durable.
  ASSERT_TRUE(log->TruncateBefore(Lsn(last.end.value() + (1 << 30))));
  EXPECT_EQ(log->stats().segments, 1u);
  EXPECT_EQ(log->durable(), last.end);
  const Entry next = MustWrite(*log, "next");
  EXPECT_EQ(next.begin, last.end);
  log.reset();
  EXPECT_EQ(Replayed(*MustOpen(disk), last.end), std::vector<Entry>{next});
}

TEST(LogSegments, WithTruncationFilesAreRecycledAndNoneIsAllocated) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  const auto write_and_truncate = [&] {
    Entry last;
    for (int i = 0; i < 10; ++i) last = MustWrite(*log, Bytes(15'000, 'a'));
    ASSERT_TRUE(log->TruncateBefore(last.begin));
  };
  for (int i = 0; i < 3; ++i) write_and_truncate();
  const uint64_t used = disk.used_bytes();
  for (int i = 0; i < 20; ++i) write_and_truncate();
  EXPECT_LE(disk.used_bytes(), used);
  EXPECT_LE(CountFiles(disk, ".spare"), SmallOptions().spare_segments + 1);
}

TEST(LogSegments, RecycledSegmentDoesNotBringOldRecordsBack) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    sim::SimDisk disk;
    Random random(seed);
    auto log = MustOpen(disk);
    Entry last;
    // Records of one size, so that those of the old segment lie where new ones will begin.
    for (int round = 0; round < 5; ++round) {
      for (int i = 0; i < 20; ++i) last = MustWrite(*log, Bytes(8000, 'o'));
      ASSERT_TRUE(log->TruncateBefore(last.end));
    }
    std::vector<Entry> written;
    for (uint64_t i = random.Below(10); i > 0; --i) written.push_back(MustWrite(*log, "new"));
    CutPower(log, disk, random);
    log = MustOpen(disk);
    ASSERT_EQ(Replayed(*log, last.end), written) << seed;
  }
}

TEST(LogSegments, FailedTruncationIsFinal) {
  for (const Call call : {Call::kRename, Call::kSyncDirectory}) {
    sim::SimDisk disk;
    auto log = MustOpen(disk);
    Entry last;
    for (int i = 0; i < 30; ++i) last = MustWrite(*log, Bytes(15'000, 'a'));
    disk.FailNthCall(call, 1, ErrorCode::kIo);
    EXPECT_EQ(CodeOf(log->TruncateBefore(last.begin)), ErrorCode::kIo);
    EXPECT_EQ(CodeOf(log->Append(GroupId(1), 1, "x", SpaceUse::kNormal)), ErrorCode::kIo);
  }
}

TEST(LogSegments, ForeignFilesAreLeftAlone) {
  sim::SimDisk disk;
  for (const char* name : {"README", "0000.log", "000000000000000G.log", "x.spare"}) {
    ASSERT_TRUE(disk.Create(name));
  }
  auto log = MustOpen(disk);
  const Entry entry = MustWrite(*log, "record");
  log.reset();
  EXPECT_EQ(Replayed(*MustOpen(disk)), std::vector<Entry>{entry});
  EXPECT_EQ(CountFiles(disk, ""), 4u + 1u + SmallOptions().spare_segments);
}

TEST(LogSegments, UnfinishedFilesAndSparesOfAnotherSizeAreRemoved) {
  sim::SimDisk disk;
  ASSERT_TRUE(disk.Create("0000000000000000.new"));
  ASSERT_TRUE((*disk.Create("0000000000000003.spare"))->Allocate(5000));
  auto log = MustOpen(disk);
  EXPECT_EQ(CountFiles(disk, ".new"), 0u);
  EXPECT_EQ(CountFiles(disk, ".spare"), SmallOptions().spare_segments);
  EXPECT_FALSE(disk.Open("0000000000000003.spare"));
}

}  // namespace
}  // namespace metaring::log
