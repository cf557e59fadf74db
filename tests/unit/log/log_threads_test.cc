// SPDX-License-Identifier: Apache-2.0
//
// Many callers: one leads, all are answered, and each thread's records keep their order.
#include <atomic>
#include <map>
#include <thread>

#include "kvnode/base/mutex.h"
#include "tests/unit/log/log_testing.h"

namespace metaring::log {
namespace {

constexpr uint32_t kThreads = 8;

// A disk whose syncs of files can be held up.
class GateDisk : public Disk {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& name) override;
  Result<std::unique_ptr<File>> Create(const std::string& name) override {
    return disk_.Create(name);
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return disk_.Rename(from, to);
  }
  Status Remove(const std::string& name) override { return disk_.Remove(name); }
  Result<std::vector<std::string>> List() const override { return disk_.List(); }
  Status SyncDirectory() override { return disk_.SyncDirectory(); }

  void Shut() { Set(false); }
  void OpenGate() { Set(true); }
  // Returns when a sync stands at the shut gate.
  void AwaitSync() {
    MutexLock lock(mutex_);
    while (waiting_ == 0) changed_.Wait(mutex_);
  }
  void Pass() {
    MutexLock lock(mutex_);
    ++waiting_;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
    --waiting_;
  }
  sim::SimDisk& sim() { return disk_; }

 private:
  void Set(bool open) {
    MutexLock lock(mutex_);
    open_ = open;
    changed_.NotifyAll();
  }

  sim::SimDisk disk_;
  Mutex mutex_;
  CondVar changed_;
  bool open_ GUARDED_BY(mutex_) = true;
  int waiting_ GUARDED_BY(mutex_) = 0;
};

class GateFile : public File {
 public:
  GateFile(GateDisk& gate, std::unique_ptr<File> file) : gate_(gate), file_(std::move(file)) {}
  Result<Bytes> ReadAt(uint64_t offset, size_t length) const override {
    return file_->ReadAt(offset, length);
  }
  Status WriteAt(uint64_t offset, ByteView data) override { return file_->WriteAt(offset, data); }
  Status Sync() override {
    gate_.Pass();
    return file_->Sync();
  }
  Status Allocate(uint64_t size) override { return file_->Allocate(size); }
  Result<uint64_t> Size() const override { return file_->Size(); }

 private:
  GateDisk& gate_;
  const std::unique_ptr<File> file_;
};

Result<std::unique_ptr<File>> GateDisk::Open(const std::string& name) {
  ASSIGN_OR_RETURN(auto file, disk_.Open(name));
  return std::make_unique<GateFile>(*this, std::move(file));
}

// A sync that is held up, and a record of each of kThreads queued behind it; then the gate opens.
// Returns how their Syncs ended.
std::vector<Status> SyncBehindAHeldUpOne(GateDisk& disk, Log& log) {
  disk.Shut();
  std::vector<Status> outcomes(kThreads + 1);
  std::vector<std::thread> threads;
  threads.emplace_back([&] { outcomes[0] = log.Sync(MustAppend(log, "first").end); });
  disk.AwaitSync();
  std::atomic<uint32_t> queued = 0;
  for (uint32_t i = 1; i <= kThreads; ++i) {
    threads.emplace_back([&, i] {
      const Lsn end = MustAppend(log, "behind").end;
      ++queued;
      queued.notify_one();
      outcomes[i] = log.Sync(end);
    });
  }
  for (uint32_t seen = queued; seen < kThreads; seen = queued) queued.wait(seen);
  disk.OpenGate();
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

TEST(LogThreads, WhatIsQueuedDuringASyncLeavesInOneWrite) {
  GateDisk disk;
  auto log = MustOpen(disk);
  for (const Status& outcome : SyncBehindAHeldUpOne(disk, *log)) EXPECT_TRUE(outcome);
  EXPECT_EQ(log->stats().syncs, 2u);
  EXPECT_EQ(log->stats().records, kThreads + 1);
}

TEST(LogThreads, FailureReachesEverybodyWhoWaits) {
  GateDisk disk;
  auto log = MustOpen(disk);
  disk.sim().FailNthCall(sim::SimDisk::Call::kSync, 1, ErrorCode::kIo);
  for (const Status& outcome : SyncBehindAHeldUpOne(disk, *log)) {
    EXPECT_EQ(CodeOf(outcome), ErrorCode::kIo);
  }
}

TEST(LogThreads, AppendDoesNotWaitForARunningSync) {
  GateDisk disk;
  auto log = MustOpen(disk);
  disk.Shut();
  std::thread syncer([&] { EXPECT_TRUE(log->Sync(MustAppend(*log, "first").end)); });
  disk.AwaitSync();
  const Entry entry = MustAppend(*log, "second");
  EXPECT_LT(log->durable(), entry.end);
  disk.OpenGate();
  syncer.join();
}

TEST(LogThreads, EveryThreadFindsItsRecordsInItsOrder) {
  constexpr int kRecords = 300;
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Random random(i);
      for (int n = 0; n < kRecords; ++n) {
        const Bytes payload = std::to_string(n) + Bytes(random.Below(1000), '.');
        const Lsn end = MustAppend(*log, GroupId(i), 1, payload).end;
        if (random.OneIn(2)) {
          ASSERT_TRUE(log->Sync(end));
          ASSERT_GE(log->durable(), end);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  log.reset();
  std::map<GroupId, int> next;
  for (const Entry& entry : Replayed(*MustOpen(disk))) {
    ASSERT_EQ(std::stoi(entry.payload), next[entry.group]++);
  }
  for (uint32_t i = 0; i < kThreads; ++i) EXPECT_EQ(next[GroupId(i)], kRecords);
}

TEST(LogThreads, TruncationAndFullDiskGoAlongWithWriters) {
  sim::SimDisk disk;
  auto log = MustOpen(disk);
  disk.SetCapacity(disk.used_bytes() + 2 * SmallOptions().segment_bytes);
  std::atomic<uint32_t> running = kThreads;
  std::atomic<uint64_t> accepted = 0;
  std::vector<std::thread> threads;
  for (uint32_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 300; ++n) {
        const auto end = log->Append(GroupId(i), 1, Bytes(500, 'x'),
                                     n % 2 == 0 ? SpaceUse::kNormal : SpaceUse::kReserve);
        if (!end) {
          ASSERT_EQ(end.error().code, ErrorCode::kNoSpace);
          continue;
        }
        ASSERT_TRUE(log->Sync(*end));
        ++accepted;
      }
      --running;
    });
  }
  for (uint32_t i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      while (running > 0) ASSERT_TRUE(log->TruncateBefore(log->durable()));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(log->stats().records, accepted);
  log.reset();
  EXPECT_TRUE(MustOpen(disk));
}

}  // namespace
}  // namespace metaring::log
