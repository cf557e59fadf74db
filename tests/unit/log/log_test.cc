// SPDX-License-Identifier: Apache-2.0
//
// What log.h promises, on a disk without faults but for those of one call.
#include "kvnode/log/log.h"

#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

using Call = sim::SimDisk::Call;

class LogTest : public ::testing::Test {
 protected:
  void Reopen() {
    log_.reset();
    log_ = MustOpen(disk_);
  }

  sim::SimDisk disk_;
  std::unique_ptr<Log> log_ = MustOpen(disk_);
};

TEST_F(LogTest, EmptyLogStandsAtZero) {
  EXPECT_EQ(log_->begin(), Lsn(0));
  EXPECT_EQ(log_->durable(), Lsn(0));
  EXPECT_TRUE(Replayed(*log_).empty());
  Reopen();
  EXPECT_EQ(log_->durable(), Lsn(0));
  EXPECT_TRUE(Replayed(*log_).empty());
}

TEST_F(LogTest, SyncedRecordsAreReplayedAfterReopening) {
  std::vector<Entry> written;
  for (uint32_t i = 0; i < 50; ++i) {
    written.push_back(MustAppend(*log_, GroupId(i * 1000), static_cast<uint8_t>(i), Bytes(i, 'a')));
  }
  EXPECT_EQ(log_->durable(), Lsn(0));
  ASSERT_TRUE(log_->Sync(written.back().end));
  EXPECT_EQ(log_->durable(), written.back().end);
  Reopen();
  EXPECT_EQ(Replayed(*log_), written);
  EXPECT_GE(log_->durable(), written.back().end);
}

TEST_F(LogTest, RecordsFollowOneAnother) {
  const Entry first = MustAppend(*log_, "first");
  const Entry second = MustAppend(*log_, "second");
  EXPECT_EQ(first.begin, Lsn(0));
  EXPECT_EQ(second.begin, first.end);
}

TEST_F(LogTest, PayloadsHaveZeroBytesToTheLimit) {
  const uint64_t limit = SmallOptions().payload_bytes_max;
  const std::vector<Entry> written = {MustWrite(*log_, ""), MustWrite(*log_, Bytes(limit, 'x'))};
  const auto over = log_->Append(GroupId(1), 1, Bytes(limit + 1, 'x'), SpaceUse::kNormal);
  ASSERT_EQ(CodeOf(over), ErrorCode::kInvalidArgument);
  EXPECT_NE(over.error().message.find("20000"), std::string::npos);
  Reopen();
  EXPECT_EQ(Replayed(*log_), written);
}

TEST_F(LogTest, AppendAndSyncAreOneWriteAndOneSync) {
  MustWrite(*log_, "the first");
  for (int i = 0; i < 10; ++i) {
    const uint64_t writes = disk_.calls(Call::kWrite);
    const uint64_t syncs = disk_.calls(Call::kSync);
    MustWrite(*log_, "record");
    EXPECT_EQ(disk_.calls(Call::kWrite), writes + 1);
    EXPECT_EQ(disk_.calls(Call::kSync), syncs + 1);
  }
}

TEST_F(LogTest, ManyAppendsAreOneWriteAndOneSync) {
  const uint64_t writes = disk_.calls(Call::kWrite);
  Entry last;
  for (int i = 0; i < 100; ++i) last = MustAppend(*log_, "record");
  EXPECT_EQ(disk_.calls(Call::kWrite), writes);
  ASSERT_TRUE(log_->Sync(last.end));
  EXPECT_EQ(disk_.calls(Call::kWrite), writes + 1);
}

TEST_F(LogTest, SyncOfWhatIsDurableTouchesNothing) {
  const Entry first = MustWrite(*log_, "first");
  MustAppend(*log_, "second");
  const uint64_t syncs = disk_.calls(Call::kSync);
  EXPECT_TRUE(log_->Sync(first.end));
  EXPECT_TRUE(log_->Sync(Lsn(0)));
  EXPECT_EQ(disk_.calls(Call::kSync), syncs);
}

TEST_F(LogTest, ReplayStartsAtABeginOrAnEnd) {
  std::vector<Entry> written;
  for (int i = 0; i < 10; ++i) written.push_back(MustWrite(*log_, Bytes(9000, 'a')));
  Reopen();
  for (size_t i = 0; i < written.size(); ++i) {
    const std::vector<Entry> rest(written.begin() + static_cast<ptrdiff_t>(i), written.end());
    EXPECT_EQ(Replayed(*log_, written[i].begin), rest);
    if (i > 0) {
      EXPECT_EQ(Replayed(*log_, written[i - 1].end), rest);
    }
  }
  EXPECT_TRUE(Replayed(*log_, written.back().end).empty());
}

TEST_F(LogTest, ReplayBehindTheEndIsRefused) {
  const Entry entry = MustWrite(*log_, "record");
  Reopen();
  const auto visit = [](const Record&) -> Status { return {}; };
  EXPECT_EQ(CodeOf(log_->Replay(Lsn(entry.end.value() + 4096), visit)),
            ErrorCode::kInvalidArgument);
}

TEST_F(LogTest, VisitorEndsTheReplay) {
  MustWrite(*log_, "first");
  MustWrite(*log_, "second");
  Reopen();
  int seen = 0;
  const Status status = log_->Replay(Lsn(0), [&](const Record&) -> Status {
    ++seen;
    return Fail(ErrorCode::kCancelled, "enough");
  });
  EXPECT_EQ(CodeOf(status), ErrorCode::kCancelled);
  EXPECT_EQ(seen, 1);
}

TEST_F(LogTest, QueueOverItsBoundIsWrittenByAppend) {
  const uint64_t bound = SmallOptions().queued_bytes_max;
  Entry last;
  for (uint64_t queued = 0; queued < 3 * bound; queued += RecordBytes(5000)) {
    last = MustAppend(*log_, Bytes(5000, 'q'));
    EXPECT_LE(last.end.value() - log_->durable().value(), bound + (4 << 10));
  }
  EXPECT_GT(log_->durable(), Lsn(0));
}

TEST_F(LogTest, StatsCountWhatWasWritten) {
  MustAppend(*log_, "first");
  MustWrite(*log_, "second");
  MustWrite(*log_, "third");
  const LogStats stats = log_->stats();
  EXPECT_EQ(stats.records, 3u);
  EXPECT_EQ(stats.syncs, 2u);
  EXPECT_EQ(stats.bytes, 2 * RecordBytes(5) + RecordBytes(6));
  EXPECT_EQ(stats.segments, 1u);
}

TEST_F(LogTest, FailedWriteIsFinal) {
  const Entry kept = MustWrite(*log_, "kept");
  const Entry lost = MustAppend(*log_, "lost");
  disk_.FailNthCall(Call::kWrite, 1, ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->Sync(lost.end)), ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->Sync(lost.end)), ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->Append(GroupId(1), 1, "more", SpaceUse::kReserve)), ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->TruncateBefore(kept.end)), ErrorCode::kIo);
  EXPECT_EQ(log_->durable(), kept.end);
}

TEST_F(LogTest, FailedSyncIsFinalAndNothingIsAcknowledgedAfterwards) {
  const Entry kept = MustWrite(*log_, "kept");
  const Entry lost = MustAppend(*log_, "lost");
  disk_.FailNthCall(Call::kSync, 1, ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->Sync(lost.end)), ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->Sync(lost.end)), ErrorCode::kIo);
  EXPECT_EQ(CodeOf(log_->Append(GroupId(1), 1, "more", SpaceUse::kNormal)), ErrorCode::kIo);
  EXPECT_EQ(log_->durable(), kept.end);
}

TEST_F(LogTest, NoSpaceInAWriteIsAFailureOfTheDisk) {
  const Entry lost = MustAppend(*log_, "lost");
  disk_.FailNthCall(Call::kWrite, 1, ErrorCode::kNoSpace);
  EXPECT_EQ(CodeOf(log_->Sync(lost.end)), ErrorCode::kIo);
}

TEST_F(LogTest, RecordsThatNobodySyncedAreWrittenAtAnOrderlyEnd) {
  const Entry entry = MustAppend(*log_, "not synced");
  Reopen();
  EXPECT_EQ(Replayed(*log_), std::vector<Entry>{entry});
}

TEST(LogOptionsTest, ValuesOutOfRangeAreRefusedByName) {
  sim::SimDisk disk;
  const auto refused = [&](auto member, uint64_t value, const std::string& name) {
    LogOptions options;
    options.*member = value;
    const auto opened = OpenLog(disk, options);
    ASSERT_EQ(CodeOf(opened), ErrorCode::kInvalidArgument) << name;
    EXPECT_NE(opened.error().message.find(name), std::string::npos);
  };
  refused(&LogOptions::segment_bytes, 1000, "segment_bytes");
  refused(&LogOptions::segment_bytes, uint64_t{1} << 40, "segment_bytes");
  refused(&LogOptions::payload_bytes_max, uint64_t{1} << 32, "payload_bytes_max");
  refused(&LogOptions::queued_bytes_max, uint64_t{1} << 32, "queued_bytes_max");
  EXPECT_TRUE(disk.List()->empty());
}

TEST(LogOptionsTest, SegmentGrowsToHoldTheLargestPayload) {
  sim::SimDisk disk;
  LogOptions options = SmallOptions();
  options.payload_bytes_max = 300'000;
  const Bytes payload(300'000, 'x');
  auto log = MustOpen(disk, options);
  const Entry entry = MustWrite(*log, payload);
  log.reset();
  log = MustOpen(disk, options);
  EXPECT_EQ(Replayed(*log), std::vector<Entry>{entry});
}

TEST(LogOptionsTest, SizesMayChangeFromOpenToOpen) {
  sim::SimDisk disk;
  std::vector<Entry> written;
  for (const uint64_t segment_bytes : {64 << 10, 256 << 10, 128 << 10}) {
    LogOptions options = SmallOptions();
    options.segment_bytes = segment_bytes;
    auto log = MustOpen(disk, options);
    EXPECT_EQ(Replayed(*log), written);
    for (int i = 0; i < 30; ++i) written.push_back(MustWrite(*log, Bytes(10'000, 'a')));
  }
  EXPECT_EQ(Replayed(*MustOpen(disk)), written);
}

}  // namespace
}  // namespace metaring::log
