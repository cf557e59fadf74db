// SPDX-License-Identifier: Apache-2.0
//
// DurableLog: Log on a Disk. One lock guards what is in memory and is never held across the disk.
// At most one thread leads: it takes what is queued, writes it, and calls the next leader when
// others have queued meanwhile. Spares are allocated by whoever needs one, one thread at a time.
//
// Space: `room` is what is left of the tail segment and all spares. A kNormal append must leave
// half a segment for each spare of LogOptions::spare_segments (the reserve), a kReserve append only
// has to fit. Who is short tries to allocate, each time: that is how the log heals when the disk
// has space again.
#ifndef METARING_KVNODE_LOG_DURABLE_LOG_H_
#define METARING_KVNODE_LOG_DURABLE_LOG_H_

#include <atomic>
#include <deque>
#include <string>
#include <vector>

#include "kvnode/base/mutex.h"
#include "kvnode/log/batch.h"
#include "kvnode/log/log.h"
#include "kvnode/log/recovery.h"
#include "kvnode/log/segment_files.h"
#include "kvnode/log/waiters.h"

namespace metaring::log {

// Thread-safe.
class DurableLog final : public Log {
 public:
  // `options` are checked, `file_bytes` is the size of new segments. Open comes first.
  DurableLog(Disk& disk, const LogOptions& options, uint64_t file_bytes);
  DurableLog(const DurableLog&) = delete;
  DurableLog& operator=(const DurableLog&) = delete;
  // Writes a mark behind the last record.
  ~DurableLog() override;

  Status Open();

  Result<Lsn> Append(GroupId group, uint8_t type, ByteView payload, SpaceUse use) override;
  Status CheckSpace(uint64_t payload_bytes, SpaceUse use) override;
  Status Sync(Lsn end) override;
  Lsn durable() const override { return Lsn(durable_.load(std::memory_order_acquire)); }
  Lsn begin() const override { return Lsn(begin_.load(std::memory_order_acquire)); }
  Status Replay(Lsn from, const std::function<Status(const Record&)>& visit) override;
  std::unique_ptr<RecordReader> NewReader() const override;
  Status TruncateBefore(Lsn keep_from) override;
  LogStats stats() const override;

  // The segment that holds a durable position. kNotFound, kIo.
  Result<Segment> HolderOf(Lsn position) const;

 private:
  // The outcome of an attempt to get one more spare.
  enum class Attempt { kDone, kNoSpace, kFailed };

  Status CreateFirstSegment();
  uint64_t TailRoom() const REQUIRES(mutex_);
  bool Fits(uint64_t record_bytes) const REQUIRES(mutex_);
  bool Admits(uint64_t record_bytes, SpaceUse use) const REQUIRES(mutex_);
  Lsn Queue(RecordKind kind, GroupId group, uint8_t type, ByteView payload) REQUIRES(mutex_);
  void Roll() REQUIRES(mutex_);
  Status MakeRoom();
  void Replenish();
  Attempt AllocateSpare();
  Status Lead();
  Waiters::Called Finish(const Status& written) REQUIRES(mutex_);
  void FailForGood(const Error& error) REQUIRES(mutex_);
  Status Failed() const REQUIRES(mutex_);
  bool TakeOldest(Segment& oldest) REQUIRES(mutex_);
  Status LetGo(const Segment& segment);

  const LogOptions options_;
  const uint64_t capacity_;       // of new segments
  const uint64_t reserve_bytes_;  // of room that kNormal leaves
  SegmentFiles files_;
  Lsn opened_end_;  // set by Open: where Replay ends

  std::atomic<uint64_t> durable_{0};  // moves up when a leader has synced; written under mutex_
  std::atomic<uint64_t> begin_{0};    // segments_.front().start; written under mutex_

  // The leader's alone, without the lock.
  SegmentWriter writer_{files_};
  Batch writing_;

  mutable Mutex mutex_;
  CondVar allocated_;  // attempts_ has moved
  Batch queue_ GUARDED_BY(mutex_);
  Lsn next_ GUARDED_BY(mutex_);                         // of the next record; durable_ <= next_
  Segment tail_ GUARDED_BY(mutex_);                     // the one that next_ is in
  std::deque<Segment> segments_ GUARDED_BY(mutex_);     // up to and with tail_
  std::vector<std::string> spares_ GUARDED_BY(mutex_);  // not promised to a queued roll
  Waiters waiters_ GUARDED_BY(mutex_);                  // empty when nobody leads
  bool leading_ GUARDED_BY(mutex_) = false;
  bool allocating_ GUARDED_BY(mutex_) = false;
  uint64_t attempts_ GUARDED_BY(mutex_) = 0;  // that have ended
  Attempt last_attempt_ GUARDED_BY(mutex_) = Attempt::kDone;
  bool truncating_ GUARDED_BY(mutex_) = false;
  Lsn truncate_to_ GUARDED_BY(mutex_);        // <= durable_
  bool unmarked_ GUARDED_BY(mutex_) = false;  // a record was queued since Open
  bool failed_ GUARDED_BY(mutex_) = false;    // for good
  std::string failure_ GUARDED_BY(mutex_);
  LogStats stats_ GUARDED_BY(mutex_);  // but for `segments`
};

}  // namespace metaring::log

#endif  // METARING_KVNODE_LOG_DURABLE_LOG_H_
