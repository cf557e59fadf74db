// SPDX-License-Identifier: Apache-2.0
#include "kvnode/log/durable_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"
#include "kvnode/log/read_back.h"
#include "kvnode/log/segment_reader.h"

namespace metaring::log {

DurableLog::DurableLog(Disk& disk, const LogOptions& options, uint64_t file_bytes)
    : options_(options),
      capacity_(file_bytes - kSegmentHeaderBytes),
      reserve_bytes_(options.spare_segments * (capacity_ / 2)),
      files_(disk, file_bytes) {}

DurableLog::~DurableLog() {
  Lsn end;
  {
    MutexLock lock(mutex_);
    if (failed_ || !unmarked_) return;
    end = next_;
  }
  if (!Sync(end)) return;
  {
    MutexLock lock(mutex_);
    if (TailRoom() < RecordBytes(0)) return;
    end = Queue(RecordKind::kMark, GroupId(0), 0, {});
  }
  (void)Sync(end);  // after a failure the log has no mark and is valid all the same
}

Status DurableLog::CreateFirstSegment() {
  std::string spare;
  {
    MutexLock lock(mutex_);
    if (!spares_.empty()) {
      spare = std::move(spares_.back());
      spares_.pop_back();
    }
  }
  if (spare.empty()) {
    ASSIGN_OR_RETURN(spare, files_.AllocateSpare());
  }
  ASSIGN_OR_RETURN(const auto file, files_.StartSegment(spare, Lsn(0)));
  return {};
}

Status DurableLog::Open() {
  ASSIGN_OR_RETURN(SegmentFiles::Found found, files_.Find());
  {
    MutexLock lock(mutex_);
    spares_ = std::move(found.spares);
  }
  if (found.segments.empty()) {
    RETURN_IF_ERROR(CreateFirstSegment());
    found.segments.push_back({Lsn(0), files_.file_bytes()});
  }
  ASSIGN_OR_RETURN(Recovered recovered, Recover(files_, std::move(found.segments)));
  ASSIGN_OR_RETURN(auto file, files_.Open(recovered.segments.back()));
  writer_.Attach(recovered.segments.back(), std::move(file));
  opened_end_ = recovered.end;
  {
    MutexLock lock(mutex_);
    segments_.assign(recovered.segments.begin(), recovered.segments.end());
    tail_ = segments_.back();
    next_ = recovered.end;
    begin_ = segments_.front().start.value();
    durable_ = next_.value();
  }
  Replenish();
  MutexLock lock(mutex_);
  return Failed();
}

// -------------------------------------------------------------------------------------------------
// Appending

// What records may still take of the tail; its end record always fits behind them.
uint64_t DurableLog::TailRoom() const {
  const uint64_t left = tail_.end().value() - next_.value();
  return left - std::min(left, RecordBytes(0));
}

bool DurableLog::Fits(uint64_t record_bytes) const {
  return record_bytes <= TailRoom();
}

bool DurableLog::Admits(uint64_t record_bytes, SpaceUse use) const {
  const bool fits = Fits(record_bytes);
  if (!fits && spares_.empty()) return false;
  if (use == SpaceUse::kReserve) return true;
  const uint64_t room = (fits ? TailRoom() : 0) + spares_.size() * capacity_;
  return room - record_bytes >= reserve_bytes_;
}

void DurableLog::Roll() {
  queue_.Add(RecordKind::kSegmentEnd, next_, GroupId(0), 0, {});
  next_ = tail_.end();
  tail_ = {next_, files_.file_bytes()};
  segments_.push_back(tail_);
  queue_.StartSegment(next_, std::move(spares_.back()));
  spares_.pop_back();
}

Lsn DurableLog::Queue(RecordKind kind, GroupId group, uint8_t type, ByteView payload) {
  const uint64_t bytes = RecordBytes(payload.size());
  if (!Fits(bytes)) Roll();
  queue_.Add(kind, next_, group, type, payload);
  next_ = Plus(next_, bytes);
  return next_;
}

Result<Lsn> DurableLog::Append(GroupId group, uint8_t type, ByteView payload, SpaceUse use) {
  if (payload.size() > options_.payload_bytes_max) {
    return Fail(ErrorCode::kInvalidArgument,
                fmt::format("log record of {} bytes, the limit is {}", payload.size(),
                            options_.payload_bytes_max));
  }
  const uint64_t bytes = RecordBytes(payload.size());
  for (;;) {
    Lsn queued_end;
    bool queue_full = false;
    {
      MutexLock lock(mutex_);
      if (failed_) return Fail(Failed().error());
      queue_full = !queue_.empty() && queue_.bytes() + bytes > options_.queued_bytes_max;
      if (!queue_full && Admits(bytes, use)) {
        unmarked_ = true;
        return Queue(RecordKind::kData, group, type, payload);
      }
      queued_end = next_;
    }
    if (queue_full) {
      RETURN_IF_ERROR(Sync(queued_end));
    } else {
      RETURN_IF_ERROR(MakeRoom());
    }
  }
}

Status DurableLog::CheckSpace(uint64_t payload_bytes, SpaceUse use) {
  for (bool tried = false;; tried = true) {
    {
      MutexLock lock(mutex_);
      if (failed_) return Failed();
      if (Admits(RecordBytes(payload_bytes), use)) return {};
    }
    if (tried) return Fail(ErrorCode::kNoSpace, "no disk space for the log beyond its reserve");
    RETURN_IF_ERROR(MakeRoom());
  }
}

// -------------------------------------------------------------------------------------------------
// Space

// Gets one more spare, or takes the outcome of the thread that is at it.
Status DurableLog::MakeRoom() {
  Attempt attempt = Attempt::kDone;
  bool ours = false;
  {
    MutexLock lock(mutex_);
    ours = !allocating_;
    allocating_ = true;
    const uint64_t seen = attempts_;
    while (!ours && attempts_ == seen) allocated_.Wait(mutex_);
    attempt = last_attempt_;
  }
  if (ours) attempt = AllocateSpare();
  if (attempt != Attempt::kNoSpace) return {};  // the caller looks again
  return Fail(ErrorCode::kNoSpace, "no disk space for the log beyond its reserve");
}

// Brings the spares to their number, as far as the disk has space.
void DurableLog::Replenish() {
  Attempt attempt = Attempt::kDone;
  while (attempt == Attempt::kDone) {
    {
      MutexLock lock(mutex_);
      if (failed_ || allocating_ || spares_.size() >= options_.spare_segments) return;
      allocating_ = true;
    }
    attempt = AllocateSpare();
  }
}

// The caller has set allocating_.
DurableLog::Attempt DurableLog::AllocateSpare() {
  Result<std::string> spare = files_.AllocateSpare();
  MutexLock lock(mutex_);
  if (spare) {
    spares_.push_back(std::move(*spare));
    last_attempt_ = Attempt::kDone;
  } else if (spare.error().code == ErrorCode::kNoSpace) {
    last_attempt_ = Attempt::kNoSpace;
  } else {
    last_attempt_ = Attempt::kFailed;
    FailForGood(spare.error());
  }
  allocating_ = false;
  ++attempts_;
  allocated_.NotifyAll();
  return last_attempt_;
}

// -------------------------------------------------------------------------------------------------
// Syncing

Status DurableLog::Sync(Lsn end) {
  Waiters::Node* node = nullptr;
  {
    MutexLock lock(mutex_);
    CHECK(end <= next_);
    if (failed_) return Failed();
    if (end <= durable()) return {};
    if (leading_) node = waiters_.Add(end);
    leading_ = true;
  }
  if (node != nullptr) {
    const Waiters::Outcome outcome = node->Wait();
    MutexLock lock(mutex_);
    waiters_.Release(node);
    if (outcome == Waiters::Outcome::kDurable) return {};
    if (outcome == Waiters::Outcome::kFailed) return Failed();
  }
  return Lead();
}

// Writes all that is queued, which the caller's own record is part of.
Status DurableLog::Lead() {
  Lsn synced;
  Status written;
  {
    MutexLock lock(mutex_);
    if (failed_) written = Failed();
    std::swap(queue_, writing_);
    synced = durable();
  }
  if (written) written = writer_.Write(writing_, synced);
  const bool rolled = writing_.pieces().size() > 1;
  Waiters::Called called;
  {
    MutexLock lock(mutex_);
    called = Finish(written);
    written = Failed();
  }
  Waiters::Wake(called);
  // The caller pays for the next spare, while the next leader writes.
  if (rolled) Replenish();
  return written;
}

// Ends the lead: says who goes on.
Waiters::Called DurableLog::Finish(const Status& written) {
  if (written) {
    durable_.store(writing_.end().value(), std::memory_order_release);
    stats_.records += writing_.records();
    stats_.bytes += writing_.bytes();
    stats_.syncs += writing_.syncs();
  } else {
    FailForGood(written.error());
  }
  writing_.Clear();
  const Waiters::Called called = failed_ ? waiters_.TakeFailed() : waiters_.TakeDurable(durable());
  leading_ = called.leader != nullptr;
  return called;
}

void DurableLog::FailForGood(const Error& error) {
  if (failed_) return;
  failed_ = true;
  failure_ = error.message;
  LogError("log", "failed, nothing more is accepted: {}", failure_);
}

Status DurableLog::Failed() const {
  if (!failed_) return {};
  return Fail(ErrorCode::kIo, "the log has failed: " + failure_);
}

// -------------------------------------------------------------------------------------------------
// The old end

Status DurableLog::Replay(Lsn from, const std::function<Status(const Record&)>& visit) {
  std::vector<Segment> segments;
  {
    MutexLock lock(mutex_);
    segments.assign(segments_.begin(), segments_.end());
  }
  const Lsn first = std::max(from, segments.front().start);
  if (first > opened_end_) {
    return Fail(ErrorCode::kInvalidArgument, fmt::format("replay from {}, the log ended at {}",
                                                         first.value(), opened_end_.value()));
  }
  RecordChain chain(files_, segments, first);
  while (chain.position() < opened_end_) {
    ASSIGN_OR_RETURN(const auto stored, chain.Next());
    if (!stored && chain.position() < opened_end_) {
      return Fail(ErrorCode::kCorrupt,
                  fmt::format("log file {}: no valid record at offset {}",
                              segments[chain.segment_index()].FileName(),
                              segments[chain.segment_index()].OffsetOf(chain.position())));
    }
    if (stored && stored->kind == RecordKind::kData) RETURN_IF_ERROR(visit(stored->record));
  }
  return {};
}

std::unique_ptr<RecordReader> DurableLog::NewReader() const {
  return std::make_unique<ReadBack>(*this, files_);
}

Result<Segment> DurableLog::HolderOf(Lsn position) const {
  MutexLock lock(mutex_);
  if (failed_) return Fail(Failed().error());
  for (const Segment& segment : segments_) {
    const bool holds = segment.start <= position && position < segment.end();
    if (holds && position < durable()) return segment;
  }
  return Fail(ErrorCode::kNotFound, fmt::format("the log has nothing at {:#x}", position.value()));
}

// Takes the first segment out of the list, when nothing in it is to be kept.
bool DurableLog::TakeOldest(Segment& oldest) {
  if (failed_ || segments_.size() < 2 || segments_.front().end() > truncate_to_) return false;
  oldest = segments_.front();
  segments_.pop_front();
  begin_.store(segments_.front().start.value(), std::memory_order_release);
  return true;
}

// One segment at a time, each durably: a crash must not leave a gap.
Status DurableLog::LetGo(const Segment& segment) {
  bool recycle = false;
  {
    MutexLock lock(mutex_);
    recycle =
        segment.file_bytes == files_.file_bytes() && spares_.size() <= options_.spare_segments;
  }
  if (!recycle) return files_.Remove(segment);
  ASSIGN_OR_RETURN(std::string spare, files_.Recycle(segment));
  MutexLock lock(mutex_);
  spares_.push_back(std::move(spare));
  return {};
}

Status DurableLog::TruncateBefore(Lsn keep_from) {
  Segment oldest;
  {
    MutexLock lock(mutex_);
    if (failed_) return Failed();
    truncate_to_ = std::max(truncate_to_, std::min(keep_from, durable()));
    if (truncating_) return {};  // the thread that is at it sees the new bound
    truncating_ = TakeOldest(oldest);
    if (!truncating_) return {};
  }
  for (;;) {
    const Status gone = LetGo(oldest);
    MutexLock lock(mutex_);
    if (!gone) FailForGood(gone.error());
    truncating_ = TakeOldest(oldest);
    if (!truncating_) return Failed();
  }
}

LogStats DurableLog::stats() const {
  MutexLock lock(mutex_);
  LogStats stats = stats_;
  stats.segments = segments_.size();
  return stats;
}

}  // namespace metaring::log
