// SPDX-License-Identifier: Apache-2.0
//
// Torn tail or damaged middle: what was acknowledged and proven so is never cut, what was not is.
#include <fmt/format.h>

#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

constexpr char kFirstFile[] = "0000000000000000.log";

uint64_t OffsetOf(Lsn lsn) {
  return kSegmentHeaderBytes + lsn.value();
}

// Writes each payload with a sync of its own, then the power fails.
std::vector<Entry> WriteAndCutPower(sim::SimDisk& disk, const std::vector<Bytes>& payloads) {
  auto log = MustOpen(disk);
  std::vector<Entry> written;
  for (const Bytes& payload : payloads) written.push_back(MustWrite(*log, payload));
  Random random(1);
  CutPower(log, disk, random);
  return written;
}

TEST(LogDamage, TornLastRecordIsCutWhereverItIsTorn) {
  const std::vector<Bytes> payloads = {"first", "second", "the last record"};
  for (uint64_t at = 0; at < RecordBytes(payloads.back().size()); ++at) {
    sim::SimDisk disk;
    std::vector<Entry> written = WriteAndCutPower(disk, payloads);
    disk.Damage(kFirstFile, OffsetOf(written.back().begin) + at, 0x01);
    written.pop_back();
    auto log = MustOpen(disk);
    ASSERT_TRUE(log);
    ASSERT_EQ(Replayed(*log), written) << at;
    EXPECT_EQ(log->durable(), written.back().end);
    written.push_back(MustWrite(*log, "goes on"));
    log.reset();
    ASSERT_EQ(Replayed(*MustOpen(disk)), written) << at;
  }
}

TEST(LogDamage, DamagedByteBeforeALaterSyncIsCorruptAndNamed) {
  const std::vector<Bytes> payloads = {"first", "second record", "third"};
  for (size_t damaged = 0; damaged < 2; ++damaged) {
    for (uint64_t at = 0; at < RecordBytes(payloads[damaged].size()); ++at) {
      sim::SimDisk disk;
      const std::vector<Entry> written = WriteAndCutPower(disk, payloads);
      const uint64_t offset = OffsetOf(written[damaged].begin);
      disk.Damage(kFirstFile, offset + at, 0x80);
      const auto opened = OpenLog(disk, SmallOptions());
      ASSERT_EQ(CodeOf(opened), ErrorCode::kCorrupt) << at;
      EXPECT_NE(opened.error().message.find(kFirstFile), std::string::npos);
      EXPECT_NE(opened.error().message.find(fmt::format("offset {};", offset)), std::string::npos)
          << opened.error().message;
      // Nothing was changed: without the damage everything is there.
      disk.Damage(kFirstFile, offset + at, 0x80);
      ASSERT_EQ(Replayed(*MustOpen(disk)), written);
    }
  }
}

TEST(LogDamage, OrderlyEndCoversTheLastRecord) {
  for (uint64_t at = 0; at < RecordBytes(4); ++at) {
    sim::SimDisk disk;
    auto log = MustOpen(disk);
    const Entry last = MustWrite(*log, "last");
    log.reset();
    disk.Damage(kFirstFile, OffsetOf(last.begin) + at, 0x04);
    EXPECT_EQ(CodeOf(OpenLog(disk, SmallOptions())), ErrorCode::kCorrupt) << at;
  }
}

TEST(LogDamage, DamageIsSeenFromALaterSegment) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  std::vector<Entry> written;
  for (int i = 0; i < 20; ++i) written.push_back(MustWrite(*log, Bytes(10'000, 'a')));
  Random random(1);
  CutPower(log, disk, random);
  // The whole rest of the first segment is lost: only later files tell.
  for (uint64_t at = OffsetOf(written[3].begin); at < SmallOptions().segment_bytes; ++at) {
    disk.Damage(kFirstFile, at, 0xff);
  }
  EXPECT_EQ(CodeOf(OpenLog(disk, SmallOptions())), ErrorCode::kCorrupt);
}

TEST(LogDamage, MissingSegmentIsCorruptAndNamed) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  for (int i = 0; i < 20; ++i) MustWrite(*log, Bytes(10'000, 'a'));
  log.reset();
  std::vector<std::string> names = *disk.List();
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(".log"); });
  ASSERT_GE(names.size(), 3u);
  ASSERT_TRUE(disk.Remove(names[1]));
  const auto opened = OpenLog(disk, SmallOptions());
  ASSERT_EQ(CodeOf(opened), ErrorCode::kCorrupt);
  EXPECT_NE(opened.error().message.find(names[1]), std::string::npos) << opened.error().message;
}

TEST(LogDamage, DamagedSegmentHeaderIsCorruptAndNamed) {
  for (uint64_t at = 0; at < 40; ++at) {
    sim::SimDisk disk;
    WriteAndCutPower(disk, {"record"});
    disk.Damage(kFirstFile, at, 0x01);
    const auto opened = OpenLog(disk, SmallOptions());
    ASSERT_EQ(CodeOf(opened), ErrorCode::kCorrupt) << at;
    EXPECT_NE(opened.error().message.find(kFirstFile), std::string::npos);
  }
}

TEST(LogDamage, SegmentUnderAnotherNameIsCorrupt) {
  sim::SimDisk disk;
  WriteAndCutPower(disk, {"record"});
  ASSERT_TRUE(disk.Rename(kFirstFile, "0000000000001000.log"));
  EXPECT_EQ(CodeOf(OpenLog(disk, SmallOptions())), ErrorCode::kCorrupt);
}

// A record that was torn away, and an intact one behind it that must never come back: after the
// cut, records of the same sizes are written over them.
TEST(LogDamage, IntactRecordBehindTheCutNeverComesBack) {
  for (const size_t replacement : {5, 13, 21}) {
    sim::SimDisk disk;
    auto log = MustOpen(disk);
    const Entry kept = MustWrite(*log, "kept");
    const Entry torn = MustAppend(*log, Bytes(5, 't'));
    MustAppend(*log, Bytes(5, 'g'));
    const Entry ghost = MustAppend(*log, Bytes(5, 'g'));
    ASSERT_TRUE(log->Sync(ghost.end));
    Random random(1);
    CutPower(log, disk, random);
    disk.Damage(kFirstFile, OffsetOf(torn.begin) + kRecordHeaderBytes, 0x01);
    log = MustOpen(disk);
    ASSERT_EQ(Replayed(*log), std::vector<Entry>{kept});
    const Entry written = MustWrite(*log, Bytes(replacement, 'n'));
    EXPECT_EQ(written.begin, torn.begin);
    CutPower(log, disk, random);
    log = MustOpen(disk);
    EXPECT_EQ(Replayed(*log), (std::vector<Entry>{kept, written}));
  }
}

}  // namespace
}  // namespace metaring::log
