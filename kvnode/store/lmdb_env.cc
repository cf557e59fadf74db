// SPDX-License-Identifier: Apache-2.0
#include "kvnode/store/lmdb_env.h"

#include <fmt/format.h>
#include <lmdb.h>
#include <malloc.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "kvnode/base/logging.h"
#include "kvnode/base/sanitizers.h"

namespace metaring::store {
namespace {

// LMDB opens its two databases, the free list and the unnamed one, by these handles in each
// environment.
constexpr MDB_dbi kFreeList = 0;
constexpr MDB_dbi kData = 1;
constexpr uint64_t kMapBytesMin = uint64_t{1} << 30;
constexpr uint64_t kMapBytesAmple = uint64_t{1} << 38;  // of a metadata store
constexpr size_t kIdlePerShardMax = 32;

Error LmdbError(int code, std::string_view what) {
  const auto error = [&](ErrorCode kind) {
    return Error{kind, fmt::format("{}: {}", what, mdb_strerror(code))};
  };
  switch (code) {
    case MDB_MAP_FULL:
      return error(ErrorCode::kNoSpace);
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return error(ErrorCode::kFormatMismatch);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return error(ErrorCode::kCorrupt);
    case MDB_READERS_FULL:
      return error(ErrorCode::kBusy);
    default:
      break;
  }
  return code > 0 ? ErrnoError(code, what) : error(ErrorCode::kIo);
}

MDB_val ToVal(ByteView bytes) {
  return {bytes.size(), const_cast<char*>(bytes.data())};
}
ByteView ToView(const MDB_val& val) {
  return {static_cast<const char*>(val.mv_data), val.mv_size};
}

}  // namespace

Result<std::optional<ByteView>> LmdbTxn::Get(ByteView key) const {
  MDB_val key_val = ToVal(key);
  MDB_val value;
  const int code = mdb_get(txn_, kData, &key_val, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return Fail(LmdbError(code, "read data.mdb"));
  return ToView(value);
}

uint64_t LmdbTxn::id() const {
  return mdb_txn_id(txn_);
}

Result<uint64_t> LmdbTxn::EntryCount() const {
  MDB_stat stat;
  const int code = mdb_stat(txn_, kData, &stat);
  if (code != 0) return Fail(LmdbError(code, "stat data.mdb"));
  return stat.ms_entries;
}

ReadTxn::ReadTxn(ReadTxn&& other) noexcept
    : LmdbTxn(std::exchange(other.txn_, nullptr)), env_(other.env_), shard_(other.shard_) {}

ReadTxn::~ReadTxn() {
  if (txn_ != nullptr) env_.Return(shard_, txn_);
}

WriteTxn::WriteTxn(WriteTxn&& other) noexcept
    : LmdbTxn(std::exchange(other.txn_, nullptr)), env_(other.env_) {}

WriteTxn::~WriteTxn() {
  if (txn_ != nullptr) mdb_txn_abort(txn_);
}

Status WriteTxn::Commit() {
  env_.commit_begun_.store(id(), std::memory_order_seq_cst);
  const int code = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (code == 0) return {};
  return Fail(LmdbError(code, "commit data.mdb"));
}

Result<LmdbCursor> LmdbCursor::Open(const LmdbTxn& txn) {
  MDB_cursor* cursor = nullptr;
  const int code = mdb_cursor_open(txn.txn_, kData, &cursor);
  if (code != 0) return Fail(LmdbError(code, "open a cursor of data.mdb"));
  return LmdbCursor(cursor);
}

LmdbCursor::LmdbCursor(LmdbCursor&& other) noexcept
    : cursor_(std::exchange(other.cursor_, nullptr)), key_(other.key_), value_(other.value_) {}

LmdbCursor::~LmdbCursor() {
  if (cursor_ != nullptr) mdb_cursor_close(cursor_);
}

Result<bool> LmdbCursor::SeekAtLeast(ByteView key) {
  return Move(MDB_SET_RANGE, key);
}

Result<bool> LmdbCursor::SeekExact(ByteView key) {
  return Move(MDB_SET_KEY, key);
}

Result<bool> LmdbCursor::Next() {
  return Move(MDB_NEXT, {});
}

Result<bool> LmdbCursor::Move(int operation, ByteView key) {
  MDB_val key_val = ToVal(key);
  MDB_val value;
  const int code = mdb_cursor_get(cursor_, &key_val, &value, static_cast<MDB_cursor_op>(operation));
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return Fail(LmdbError(code, "read data.mdb"));
  key_ = ToView(key_val);
  value_ = ToView(value);
  return true;
}

Status LmdbCursor::Put(ByteView key, ByteView value) {
  MDB_val key_val = ToVal(key);
  MDB_val value_val = ToVal(value);
  const int code = mdb_cursor_put(cursor_, &key_val, &value_val, 0);
  if (code != 0) return Fail(LmdbError(code, "write data.mdb"));
  return {};
}

Status LmdbCursor::Erase() {
  const int code = mdb_cursor_del(cursor_, 0);
  if (code != 0) return Fail(LmdbError(code, "write data.mdb"));
  return {};
}

LmdbEnv::LmdbEnv(std::string directory, uint64_t map_bytes)
    : directory_(std::move(directory)), map_bytes_(map_bytes) {}

LmdbEnv::~LmdbEnv() {
  LockAllShards();
  DropIdleReaders();
  UnlockAllShards();
  Close();
}

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::Open(const std::string& directory, uint64_t map_bytes) {
  std::unique_ptr<LmdbEnv> env(new LmdbEnv(directory, map_bytes));
  RETURN_IF_ERROR(env->OpenEnv());
  return env;
}

Status LmdbEnv::OpenEnv() {
  const uint64_t map_bytes_asked = map_bytes_;
  for (;;) {
    int code = mdb_env_create(&env_);
    if (code != 0) return Fail(LmdbError(code, "make an LMDB environment"));
    code = mdb_env_set_mapsize(env_, map_bytes_);
    if (code == 0) code = mdb_env_set_maxreaders(env_, kReadersMax);
    if (code == 0) code = mdb_env_open(env_, directory_.c_str(), MDB_NOTLS, 0600);
    if (code == 0) break;
    Close();
    if (code != ENOMEM || map_bytes_ / 2 < kMapBytesMin) {
      return Fail(LmdbError(
          code, fmt::format("open {}/data.mdb with a map of {} bytes", directory_, map_bytes_)));
    }
    map_bytes_ /= 2;
  }
  if (map_bytes_ < std::min(map_bytes_asked, kMapBytesAmple)) {
    LogWarn("store", "the address space is limited: {}/data.mdb is mapped with {} bytes, not {}",
            directory_, map_bytes_, map_bytes_asked);
  }
  RETURN_IF_ERROR(CoverPages());
  ASSIGN_OR_RETURN(WriteTxn txn, BeginWrite());
  MDB_dbi data = 0;
  const int code = mdb_dbi_open(txn.txn_, nullptr, 0, &data);
  if (code != 0) return Fail(LmdbError(code, "open data.mdb"));
  return {};
}

// LMDB leaves pages at the end unwritten when they were of no use, but a file that was cut looks
// the same, and a read beyond its end would end the process with SIGBUS. Zeros are found out as no
// page of LMDB.
Status LmdbEnv::CoverPages() {
  MDB_envinfo info;
  MDB_stat stat;
  int fd = -1;
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  mdb_env_get_fd(env_, &fd);
  const auto bytes = static_cast<off_t>((info.me_last_pgno + 1) * stat.ms_psize);
  struct stat st {};
  if (::fstat(fd, &st) != 0) return Fail(ErrnoError(errno, "stat data.mdb"));
  if (st.st_size >= bytes) return {};
  LogInfo("store", "{}/data.mdb: {} bytes are missing at its end", directory_, bytes - st.st_size);
  if (::ftruncate(fd, bytes) != 0) return Fail(ErrnoError(errno, "extend data.mdb"));
  return {};
}

void LmdbEnv::Close() {
  if (env_ != nullptr) mdb_env_close(std::exchange(env_, nullptr));
}

Result<ReadTxn> LmdbEnv::BeginRead() {
  const size_t index = ThisThreadShard();
  Shard& shard = shards_[index];
  MutexLock lock(shard.mutex);
  ASSIGN_OR_RETURN(MDB_txn* const txn, TakeIdle(shard));
  ++shard.busy;
  return ReadTxn(*this, index, txn);
}

Result<MDB_txn*> LmdbEnv::TakeIdle(Shard& shard) {
  MDB_txn* txn = nullptr;
  int code = 0;
  if (shard.idle.empty()) {
    code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn);
  } else {
    txn = shard.idle.back();
    shard.idle.pop_back();
    code = mdb_txn_renew(txn);
  }
  while (code == 0 && MayHaveLaterRoots(txn)) {
    mdb_txn_reset(txn);
    code = mdb_txn_renew(txn);
  }
  if (code == 0) return txn;
  if (txn != nullptr) mdb_txn_abort(txn);
  return Fail(LmdbError(code, "begin a reader of data.mdb"));
}

// LMDB takes the number of the last commit and then copies the roots of the trees from that
// commit's place, which the next but one commit writes over. A reader that is put to sleep in
// between gets later roots under the earlier number, or half of each. Here it has the roots; if the
// writer of that place has not begun yet, they are right.
bool LmdbEnv::MayHaveLaterRoots(MDB_txn* txn) {
  // What LMDB has read stays before this. The thread sanitizer knows no fences.
#if METARING_TSAN
  const uint64_t begun = commit_begun_.fetch_add(0);
#else
  std::atomic_thread_fence(std::memory_order_acquire);
  const uint64_t begun = commit_begun_.load(std::memory_order_relaxed);
#endif
  return begun >= mdb_txn_id(txn) + 2;
}

void LmdbEnv::Return(size_t index, MDB_txn* txn) {
  Shard& shard = shards_[index];
  mdb_txn_reset(txn);
  MutexLock lock(shard.mutex);
  --shard.busy;
  if (shard.idle.size() < kIdlePerShardMax) {
    shard.idle.push_back(txn);
  } else {
    mdb_txn_abort(txn);
  }
}

Result<WriteTxn> LmdbEnv::BeginWrite() {
  MDB_txn* txn = nullptr;
  const int code = mdb_txn_begin(env_, nullptr, 0, &txn);
  if (code != 0) return Fail(LmdbError(code, "begin a transaction of data.mdb"));
  return WriteTxn(*this, txn);
}

Result<PageUse> LmdbEnv::pages() {
  ASSIGN_OR_RETURN(const ReadTxn txn, BeginRead());
  MDB_envinfo info;
  MDB_stat stat;
  mdb_env_info(env_, &info);
  int code = mdb_stat(txn.txn_, kFreeList, &stat);
  MDB_cursor* cursor = nullptr;
  if (code == 0) code = mdb_cursor_open(txn.txn_, kFreeList, &cursor);
  if (code != 0) return Fail(LmdbError(code, "read the free list of data.mdb"));
  PageUse use;
  use.page_bytes = stat.ms_psize;
  use.pages_end = info.me_last_pgno + 1;
  // Each entry of the free list is a transaction id with the pages that it set free: count, then
  // numbers.
  MDB_val key;
  MDB_val value;
  while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
    const size_t count = *static_cast<const size_t*>(value.mv_data);
    use.pages_free += count;
    if (*static_cast<const size_t*>(key.mv_data) == txn.id()) use.pages_retired = count;
  }
  mdb_cursor_close(cursor);
  if (code != MDB_NOTFOUND) return Fail(LmdbError(code, "read the free list of data.mdb"));
  return use;
}

void LmdbEnv::CheckReaders() {
  int dead = 0;
  if (mdb_reader_check(env_, &dead) == 0 && dead > 0) {
    LogInfo("store", "freed the reader slots of {} dead readers", dead);
  }
}

Result<bool> LmdbEnv::GiveMemoryBack() {
  LockAllShards();
  const bool alone = DropIdleReaders();
  Status opened;
  if (alone) {
    Close();
    opened = OpenEnv();
  }
  UnlockAllShards();
  if (alone) ::malloc_trim(0);
  if (!opened) return Fail(std::move(opened).error());
  return alone;
}

void LmdbEnv::LockAllShards() {
  for (Shard& shard : shards_) shard.mutex.Lock();
}

void LmdbEnv::UnlockAllShards() {
  for (Shard& shard : shards_) shard.mutex.Unlock();
}

// True when no reader is left.
bool LmdbEnv::DropIdleReaders() {
  bool alone = true;
  for (Shard& shard : shards_) {
    for (MDB_txn* const txn : shard.idle) mdb_txn_abort(txn);
    shard.idle.clear();
    alone = alone && shard.busy == 0;
  }
  return alone;
}

}  // namespace metaring::store
