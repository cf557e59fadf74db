// SPDX-License-Identifier: Apache-2.0
//
// LMDB as the store uses it; nothing else includes lmdb.h. One environment on one file, one
// database in it, full sync: never NOSYNC, WRITEMAP or MAPASYNC. Its error codes end here.
//
// Read transactions are pooled: a transaction that is done is reset, which lets go of its snapshot
// and keeps its slot in the reader table, and renewed for the next reader, which costs no system
// call. The pool is sharded by thread, so that readers do not queue for one lock.
//
// LMDB keeps every page buffer that a write transaction took for ever. GiveMemoryBack closes the
// environment and opens it again in a moment without readers.
#ifndef METARING_KVNODE_STORE_LMDB_ENV_H_
#define METARING_KVNODE_STORE_LMDB_ENV_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kvnode/base/bytes.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/store/shard.h"

struct MDB_env;
struct MDB_txn;
struct MDB_cursor;

namespace metaring::store {

class LmdbEnv;

// One caller. What it returns stays valid until it ends, or until the next write through it.
class LmdbTxn {
 public:
  Result<std::optional<ByteView>> Get(ByteView key) const;
  // Of a reader: of the commit that it sees; of a writer: of the commit that it will make. Each
  // commit's is one more than the last one's.
  uint64_t id() const;
  // Entries of the database.
  Result<uint64_t> EntryCount() const;

 protected:
  explicit LmdbTxn(MDB_txn* txn) : txn_(txn) {}
  ~LmdbTxn() = default;
  friend class LmdbCursor;
  MDB_txn* txn_;
};

class ReadTxn : public LmdbTxn {
 public:
  ReadTxn(const ReadTxn&) = delete;
  ReadTxn& operator=(const ReadTxn&) = delete;
  ReadTxn(ReadTxn&& other) noexcept;
  ReadTxn& operator=(ReadTxn&&) = delete;
  ~ReadTxn();

 private:
  friend class LmdbEnv;
  ReadTxn(LmdbEnv& env, size_t shard, MDB_txn* txn) : LmdbTxn(txn), env_(env), shard_(shard) {}
  LmdbEnv& env_;
  const size_t shard_;
};

class WriteTxn : public LmdbTxn {
 public:
  WriteTxn(const WriteTxn&) = delete;
  WriteTxn& operator=(const WriteTxn&) = delete;
  WriteTxn(WriteTxn&& other) noexcept;
  WriteTxn& operator=(WriteTxn&&) = delete;
  // Without Commit: as if it had never been.
  ~WriteTxn();
  // Durable on return. kNoSpace: nothing was changed, and it may be tried again with a new
  // transaction. After any other error the process must not go on with this environment.
  // So may kIo on a full disk, which is what LMDB says of a write that was cut short.
  Status Commit();

 private:
  friend class LmdbEnv;
  WriteTxn(LmdbEnv& env, MDB_txn* txn) : LmdbTxn(txn), env_(env) {}
  LmdbEnv& env_;
};

// One caller. Ends before its transaction does, or is not used after it.
class LmdbCursor {
 public:
  static Result<LmdbCursor> Open(const LmdbTxn& txn);
  LmdbCursor(const LmdbCursor&) = delete;
  LmdbCursor& operator=(const LmdbCursor&) = delete;
  LmdbCursor(LmdbCursor&& other) noexcept;
  LmdbCursor& operator=(LmdbCursor&&) = delete;
  ~LmdbCursor();

  // To the first entry that is not before `key`; false when there is none.
  Result<bool> SeekAtLeast(ByteView key);
  // To the entry of `key`; false when there is none.
  Result<bool> SeekExact(ByteView key);
  Result<bool> Next();
  // Of the entry that it stands on.
  ByteView key() const { return key_; }
  ByteView value() const { return value_; }

  // In a write transaction only.
  Status Put(ByteView key, ByteView value);
  // Removes the entry that it stands on.
  Status Erase();

 private:
  explicit LmdbCursor(MDB_cursor* cursor) : cursor_(cursor) {}
  Result<bool> Move(int operation, ByteView key);

  MDB_cursor* cursor_;
  ByteView key_;
  ByteView value_;
};

struct PageUse {
  uint64_t page_bytes = 0;
  uint64_t pages_end = 0;      // one past the last page of the file that was ever used
  uint64_t pages_free = 0;     // of them, for reuse
  uint64_t pages_retired = 0;  // of the free ones: those that the last commit set free
};

// Thread-safe, but for BeginWrite, its transaction and GiveMemoryBack: one caller.
class LmdbEnv {
 public:
  // Maps `map_bytes` of `directory`/data.mdb, or a smaller power of two when the address space is
  // limited. Errors: kFormatMismatch (no LMDB file), kIo, kNoSpace, kPermissionDenied.
  static Result<std::unique_ptr<LmdbEnv>> Open(const std::string& directory, uint64_t map_bytes);
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;
  ~LmdbEnv();

  // kBusy when more than kReadersMax are open at once.
  Result<ReadTxn> BeginRead();
  Result<WriteTxn> BeginWrite();

  Result<PageUse> pages();
  // Frees the reader slots of threads and processes that died.
  void CheckReaders();
  // False when there are readers, so that it could not be done now.
  Result<bool> GiveMemoryBack();

  static constexpr unsigned kReadersMax = 1000;

 private:
  friend class ReadTxn;
  friend class WriteTxn;
  struct alignas(64) Shard {
    Mutex mutex;
    std::vector<MDB_txn*> idle GUARDED_BY(mutex);
    size_t busy GUARDED_BY(mutex) = 0;
  };

  LmdbEnv(std::string directory, uint64_t map_bytes);
  Status OpenEnv();
  Status CoverPages();
  void Close();
  Result<MDB_txn*> TakeIdle(Shard& shard) REQUIRES(shard.mutex);
  bool MayHaveLaterRoots(MDB_txn* txn);
  void Return(size_t index, MDB_txn* txn);
  void LockAllShards() NO_THREAD_SAFETY_ANALYSIS;
  void UnlockAllShards() NO_THREAD_SAFETY_ANALYSIS;
  bool DropIdleReaders() NO_THREAD_SAFETY_ANALYSIS;

  const std::string directory_;
  uint64_t map_bytes_;                      // moves down in OpenEnv
  MDB_env* env_ = nullptr;                  // changes only under all shards' mutexes
  std::atomic<uint64_t> commit_begun_ = 0;  // the id of the last commit that was begun, done or not
  std::array<Shard, kShardCount> shards_;
};

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_LMDB_ENV_H_
