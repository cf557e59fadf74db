// SPDX-License-Identifier: Apache-2.0
//
// The LMDB form of Store: who may freeze, flush and wait, and when. The parts are elsewhere:
// overlays (overlay.h), what readers see (snapshot.h), the file (data_file.h).
//
// A freeze makes the active overlay the frozen one and starts an empty one. It happens between
// transactions, when there is no frozen one: in Begin when the active overlay is full, in Flush,
// and in the flusher by age. The flusher writes the frozen overlay and drops it. On a full disk the
// overlay stays and is tried again each second, and sooner when Flush asks; whatever else goes
// wrong while flushing ends the process, whose log still has everything.
#include <pthread.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "kvnode/base/check.h"
#include "kvnode/base/logging.h"
#include "kvnode/base/mutex.h"
#include "kvnode/store/data_file.h"
#include "kvnode/store/layers.h"
#include "kvnode/store/snapshot.h"
#include "kvnode/store/store.h"

namespace metaring::store {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kCareInterval = std::chrono::seconds(1);
constexpr auto kIdleInterval = std::chrono::seconds(60);
constexpr auto kRetryDelayMin = std::chrono::milliseconds(10);
constexpr auto kQuietAfter = std::chrono::seconds(2);
constexpr uint64_t kOverlayBytesMin = 4096;
// An overlay is full, too, when the pages that a flush of it can touch are as many as the
// reserve's; and with the disk full much earlier, so that each flush finds room for its pages in
// the reserve.
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kOverlayPagesMin = 16;
constexpr uint64_t kDiskFullDivisor = 8;

class LmdbView : public View {
 public:
  explicit LmdbView(Snapshot snapshot) : snapshot_(std::move(snapshot)) {}
  Result<std::optional<Bytes>> Get(ByteView key) const override { return snapshot_.Get(key); }
  std::unique_ptr<Cursor> NewCursor() const override { return snapshot_.NewCursor(); }

 private:
  const Snapshot snapshot_;
};

class LmdbStore : public Store {
 public:
  LmdbStore(std::unique_ptr<DataFile> file, const StoreOptions& options);
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;
  ~LmdbStore() override;

  Result<std::unique_ptr<View>> NewView() const override;
  Result<std::unique_ptr<Txn>> Begin() override EXCLUDES(mutex_);
  bool BeginWaits() const override EXCLUDES(mutex_);
  uint64_t applied() const override { return applied_.load(std::memory_order_acquire); }
  uint64_t flushed() const override { return flushed_.load(std::memory_order_acquire); }
  Status Flush() override EXCLUDES(mutex_);
  Usage usage() const override EXCLUDES(mutex_);

  // The open transaction's.
  void Publish(uint64_t applied) EXCLUDES(mutex_);
  void Abandon() EXCLUDES(mutex_);

 private:
  bool IsFull(const Overlay& overlay) const REQUIRES(mutex_);
  bool ActiveHasCommits() const REQUIRES(mutex_);
  void EndTxn() REQUIRES(mutex_);
  void FreezeIfWanted() REQUIRES(mutex_);
  void PostLayers() REQUIRES(mutex_);

  void RunFlusher() EXCLUDES(mutex_);
  bool FlushIsDue(SteadyClock::time_point now) const REQUIRES(mutex_);
  void FlushFrozen() REQUIRES(mutex_);
  void TakeCare(bool quiet) REQUIRES(mutex_);
  SteadyClock::duration UntilNextWork(SteadyClock::time_point now) const REQUIRES(mutex_);

  const StoreOptions options_;
  const std::unique_ptr<DataFile> file_;  // the flusher's; env() is everybody's
  LayerBoard board_;
  std::atomic<uint64_t> sequence_ = 0;  // of the last commit; moves before applied_
  std::atomic<uint64_t> applied_;
  std::atomic<uint64_t> flushed_;  // flushed <= applied

  mutable Mutex mutex_;
  CondVar work_;  // for the flusher
  CondVar done_;  // a flush has ended, well or not
  std::shared_ptr<Overlay> active_ GUARDED_BY(mutex_);
  std::shared_ptr<Overlay> frozen_ GUARDED_BY(mutex_);       // null: nothing to flush
  uint64_t frozen_applied_ GUARDED_BY(mutex_) = 0;           // what `frozen_` stands for
  uint64_t frozen_last_ GUARDED_BY(mutex_);                  // the applied index of the last freeze
  uint64_t base_commit_ GUARDED_BY(mutex_);                  // of the last flush
  DataUse use_ GUARDED_BY(mutex_);                           // as of the last flush or care
  SteadyClock::time_point active_since_ GUARDED_BY(mutex_);  // its first commit
  SteadyClock::time_point retry_at_ GUARDED_BY(mutex_);      // not to flush before it
  SteadyClock::duration retry_delay_ GUARDED_BY(mutex_) = kRetryDelayMin;  // after the next failure
  SteadyClock::time_point last_large_flush_ GUARDED_BY(mutex_);  // of an overlay that was full
  uint64_t failed_flushes_ GUARDED_BY(mutex_) = 0;
  Error last_failure_ GUARDED_BY(mutex_){ErrorCode::kNoSpace, ""};
  bool txn_open_ GUARDED_BY(mutex_) = false;
  bool freeze_wanted_ GUARDED_BY(mutex_) = false;
  bool stop_ GUARDED_BY(mutex_) = false;

  std::thread flusher_;
};

class LmdbStoreTxn : public Txn {
 public:
  LmdbStoreTxn(LmdbStore& store, Snapshot snapshot)
      : store_(store), snapshot_(std::move(snapshot)), overlay_(snapshot_.active()) {
    snapshot_.ReadUncommitted();
  }
  LmdbStoreTxn(const LmdbStoreTxn&) = delete;
  LmdbStoreTxn& operator=(const LmdbStoreTxn&) = delete;
  ~LmdbStoreTxn() override {
    if (!open_) return;
    overlay_.Drop(snapshot_.sequence());
    store_.Abandon();
  }
  Result<std::optional<Bytes>> Get(ByteView key) const override { return snapshot_.Get(key); }
  std::unique_ptr<Cursor> NewCursor() const override { return snapshot_.NewCursor(); }
  void Put(ByteView key, ByteView value) override {
    CHECK(open_ && !key.empty() && key.size() <= kKeyBytesMax && value.size() <= kValueBytesMax);
    overlay_.Put(snapshot_.sequence(), key, value);
  }
  void Delete(ByteView key) override {
    CHECK(open_ && !key.empty() && key.size() <= kKeyBytesMax);
    overlay_.Delete(snapshot_.sequence(), key);
  }
  void Commit(uint64_t applied) override {
    CHECK(open_);
    open_ = false;
    overlay_.Keep();
    store_.Publish(applied);
  }

 private:
  LmdbStore& store_;
  Snapshot snapshot_;
  Overlay& overlay_;
  bool open_ = true;
};

LmdbStore::LmdbStore(std::unique_ptr<DataFile> file, const StoreOptions& options)
    : options_(options),
      file_(std::move(file)),
      applied_(file_->applied()),
      flushed_(file_->applied()),
      active_(std::make_shared<Overlay>(options.overlay_bytes_max)),
      frozen_last_(file_->applied()),
      base_commit_(file_->commit()),
      use_(file_->use()) {
  board_.Post(Layers{active_, nullptr, base_commit_});
  flusher_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), "flusher");
    RunFlusher();
  });
}

LmdbStore::~LmdbStore() {
  {
    MutexLock lock(mutex_);
    CHECK(!txn_open_);
    stop_ = true;
    freeze_wanted_ = true;
    retry_at_ = {};
    work_.NotifyOne();
  }
  flusher_.join();
}

Result<std::unique_ptr<View>> LmdbStore::NewView() const {
  ASSIGN_OR_RETURN(Snapshot snapshot, Snapshot::Take(board_, file_->env(), sequence_));
  return std::make_unique<LmdbView>(std::move(snapshot));
}

Result<std::unique_ptr<Txn>> LmdbStore::Begin() {
  {
    MutexLock lock(mutex_);
    CHECK(!txn_open_);
    for (;;) {
      if (IsFull(*active_)) freeze_wanted_ = true;
      FreezeIfWanted();
      if (!IsFull(*active_)) break;
      done_.Wait(mutex_);
    }
    txn_open_ = true;
  }
  auto snapshot = Snapshot::Take(board_, file_->env(), sequence_);
  if (!snapshot) {
    Abandon();
    return Fail(std::move(snapshot).error());
  }
  return std::make_unique<LmdbStoreTxn>(*this, std::move(*snapshot));
}

bool LmdbStore::BeginWaits() const {
  MutexLock lock(mutex_);
  return IsFull(*active_) && frozen_ != nullptr;
}

void LmdbStore::Publish(uint64_t applied) {
  MutexLock lock(mutex_);
  CHECK(applied > applied_.load(std::memory_order_relaxed));
  if (!ActiveHasCommits()) {
    active_since_ = SteadyClock::now();
    work_.NotifyOne();
  }
  sequence_.fetch_add(1, std::memory_order_release);
  applied_.store(applied, std::memory_order_release);
  EndTxn();
}

void LmdbStore::Abandon() {
  MutexLock lock(mutex_);
  EndTxn();
}

void LmdbStore::EndTxn() {
  txn_open_ = false;
  FreezeIfWanted();
}

Status LmdbStore::Flush() {
  MutexLock lock(mutex_);
  const uint64_t target = applied_.load(std::memory_order_relaxed);
  const uint64_t failed_before = failed_flushes_;
  if (frozen_last_ < target) freeze_wanted_ = true;
  FreezeIfWanted();
  retry_at_ = {};
  work_.NotifyOne();
  while (flushed_.load(std::memory_order_relaxed) < target) {
    if (failed_flushes_ > failed_before) return Fail(last_failure_);
    done_.Wait(mutex_);
  }
  return {};
}

Usage LmdbStore::usage() const {
  MutexLock lock(mutex_);
  Usage usage;
  usage.overlay_bytes = active_->bytes_used() + (frozen_ == nullptr ? 0 : frozen_->bytes_used());
  usage.bytes_used = use_.bytes + usage.overlay_bytes;
  usage.bytes_quota = options_.quota_bytes;
  usage.bytes_reserve = options_.reserve_bytes;
  usage.keys_flushed = use_.keys;
  usage.disk_full = use_.disk_full;
  return usage;
}

bool LmdbStore::IsFull(const Overlay& overlay) const {
  if (overlay.bytes_used() >= std::max(options_.overlay_bytes_max, kOverlayBytesMin)) return true;
  if (options_.reserve_bytes == 0) return false;
  uint64_t room = options_.reserve_bytes;
  if (use_.tight) room = (room + use_.free_bytes) / kDiskFullDivisor;
  return overlay.pages_max() >= std::max(room / kPageBytes, kOverlayPagesMin);
}

bool LmdbStore::ActiveHasCommits() const {
  return applied_.load(std::memory_order_relaxed) > frozen_last_;
}

void LmdbStore::FreezeIfWanted() {
  if (!freeze_wanted_ || txn_open_ || frozen_ != nullptr) return;
  freeze_wanted_ = false;
  if (ActiveHasCommits()) {
    frozen_ = std::move(active_);
    frozen_applied_ = frozen_last_ = applied_.load(std::memory_order_relaxed);
    work_.NotifyOne();
  } else if (active_->bytes_used() == 0) {
    return;
  }
  active_ = std::make_shared<Overlay>(options_.overlay_bytes_max);
  PostLayers();
}

void LmdbStore::PostLayers() {
  board_.Post(Layers{active_, frozen_, base_commit_});
}

void LmdbStore::RunFlusher() {
  mutex_.Lock();
  auto last_care = SteadyClock::now();
  for (;;) {
    const auto now = SteadyClock::now();
    const bool old =
        now - active_since_ >= std::chrono::nanoseconds(options_.overlay_age_max_nanos);
    if (old && ActiveHasCommits()) freeze_wanted_ = true;
    FreezeIfWanted();
    if (FlushIsDue(now)) {
      FlushFrozen();
      last_care = SteadyClock::now();
      continue;
    }
    if (stop_) break;
    if (now - last_care >= kCareInterval) {
      TakeCare(frozen_ == nullptr && now - last_large_flush_ >= kQuietAfter);
      last_care = SteadyClock::now();
      continue;  // the lock was away: there may be work that nobody will tell of again
    }
    work_.WaitFor(mutex_, UntilNextWork(now));
  }
  mutex_.Unlock();
}

bool LmdbStore::FlushIsDue(SteadyClock::time_point now) const {
  return frozen_ != nullptr && now >= retry_at_;
}

SteadyClock::duration LmdbStore::UntilNextWork(SteadyClock::time_point now) const {
  SteadyClock::duration wait = kIdleInterval;
  if (file_->NeedsCare()) wait = kCareInterval;
  if (frozen_ != nullptr) wait = std::max<SteadyClock::duration>(retry_at_ - now, {});
  if (ActiveHasCommits()) {
    const auto due = active_since_ + std::chrono::nanoseconds(options_.overlay_age_max_nanos);
    // An overlay that is due and was not frozen now waits for a transaction or a flush to end.
    wait = std::min<SteadyClock::duration>(wait, due > now ? due - now : kCareInterval);
  }
  return wait;
}

void LmdbStore::FlushFrozen() {
  std::shared_ptr<Overlay> overlay = frozen_;
  const uint64_t applied = frozen_applied_;
  mutex_.Unlock();
  const bool was_full = file_->use().disk_full;
  const Status written = file_->Write(*overlay, applied);
  if (!written && written.error().code != ErrorCode::kNoSpace) {
    FatalExit("store", "cannot flush: " + written.error().message);
  }
  mutex_.Lock();
  use_ = file_->use();
  if (IsFull(*overlay)) last_large_flush_ = SteadyClock::now();
  if (written) {
    retry_delay_ = kRetryDelayMin;
    frozen_ = nullptr;
    base_commit_ = file_->commit();
    flushed_.store(applied, std::memory_order_release);
    PostLayers();
  } else {
    if (!was_full) LogWarn("store", "cannot flush now: {}", written.error().message);
    ++failed_flushes_;
    retry_at_ = SteadyClock::now() + retry_delay_;
    retry_delay_ = std::min<SteadyClock::duration>(2 * retry_delay_, kCareInterval);
    last_failure_ = written.error();
  }
  done_.NotifyAll();
  // The last reader of the overlay unmaps it; here without the lock, if it is us.
  mutex_.Unlock();
  overlay.reset();
  mutex_.Lock();
}

void LmdbStore::TakeCare(bool quiet) {
  mutex_.Unlock();
  const Status cared = file_->Care(quiet);
  if (!cared) FatalExit("store", "cannot go on with data.mdb: " + cared.error().message);
  mutex_.Lock();
  use_ = file_->use();
}

}  // namespace

Result<std::unique_ptr<Store>> OpenLmdbStore(const std::string& directory,
                                             const StoreOptions& options) {
  ASSIGN_OR_RETURN(auto file, DataFile::Open(directory, options));
  return std::make_unique<LmdbStore>(std::move(file), options);
}

}  // namespace metaring::store
