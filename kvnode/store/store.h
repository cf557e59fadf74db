// SPDX-License-Identifier: Apache-2.0
//
// Store: an ordered map of bytes to bytes that survives a crash as of one applied index.
//
// The form that nodes use is LMDB with an ordered in-memory overlay above it. A Txn commits to the
// active overlay, which is quick and in memory; durability is the log's business, which is replayed
// from applied() after a crash. By size or age the overlay is frozen and Flush writes it to LMDB in
// one synchronous transaction together with the applied index that it stands for. Readers look in
// the overlays first, then in an LMDB snapshot, so neither commits nor flushes stand in their way.
// At most two overlays exist; when both are full, Begin waits for the flusher (bounded memory).
//
// Keys are 1 B to kKeyBytesMax, values 0 B to kValueBytesMax, both in any bytes; order is unsigned
// byte order. The 64 B above the round numbers are for what the state machine adds to a client's.
//
// The memory form has the same behaviour without files; it is for tests and the simulator.
#ifndef METARING_KVNODE_STORE_STORE_H_
#define METARING_KVNODE_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "kvnode/base/bytes.h"
#include "kvnode/base/result.h"

namespace metaring::store {

inline constexpr size_t kKeyBytesMax = (1 << 20) + 64;
inline constexpr size_t kValueBytesMax = (16 << 20) + 64;

// One caller. A position in the keys of a View, in byte order. Usage:
//   auto cursor = view->NewCursor();
//   for (cursor->Seek(prefix); cursor->Valid() && cursor->key() < end; cursor->Next()) ...
//   RETURN_IF_ERROR(cursor->status());
class Cursor {
 public:
  virtual ~Cursor() = default;
  // To the first key that is not before `key`.
  virtual void Seek(ByteView key) = 0;
  // Valid() must hold.
  virtual void Next() = 0;
  // False past the last key and after an error.
  virtual bool Valid() const = 0;
  // Views are valid until the cursor moves or its View ends.
  virtual ByteView key() const = 0;
  virtual ByteView value() const = 0;
  virtual Status status() const = 0;
};

// One caller, and short-lived: it pins an LMDB snapshot, and a long one stops page reuse. It sees
// the commits that were made before it was taken, all of each or nothing of it.
class View {
 public:
  virtual ~View() = default;
  virtual Result<std::optional<Bytes>> Get(ByteView key) const = 0;
  virtual std::unique_ptr<Cursor> NewCursor() const = 0;
};

// One caller; one at a time in a Store. It reads its own writes; a cursor of it shows those that
// were made before its last Seek, and may or may not show later ones. Destroyed without Commit, it
// leaves no trace. Writes are total: sizes are checked before the log, so Put and Delete cannot
// fail. After Commit it must only be destroyed.
class Txn : public View {
 public:
  virtual void Put(ByteView key, ByteView value) = 0;
  virtual void Delete(ByteView key) = 0;
  // Makes the writes visible to new Views at once, as of `applied`, which must be above the last
  // one.
  virtual void Commit(uint64_t applied) = 0;
};

struct Usage {
  uint64_t bytes_used = 0;     // pages in use in the store, plus what the overlays hold
  uint64_t bytes_quota = 0;    // the limit; 0: none
  uint64_t bytes_reserve = 0;  // at the end of the quota: kept for deletes and the store itself
  uint64_t overlay_bytes = 0;  // in memory, not yet flushed
  uint64_t keys_flushed = 0;   // keys in LMDB
  bool disk_full = false;      // the disk itself refused the next piece of reserve
  // True when a client's put must be refused with kNoSpace; deletes go on.
  bool Full() const {
    return disk_full || (bytes_quota != 0 && bytes_used + bytes_reserve >= bytes_quota);
  }
};

// Thread-safe, but for Begin and its Txn, which are for one caller at a time.
class Store {
 public:
  virtual ~Store() = default;

  virtual Result<std::unique_ptr<View>> NewView() const = 0;
  // May wait for the flusher, on a full disk until there is room. kBusy with too many Views open.
  virtual Result<std::unique_ptr<Txn>> Begin() = 0;
  // Whether Begin would wait now. Only what its caller commits makes it so.
  virtual bool BeginWaits() const { return false; }

  // The index of the last Commit; after Open, of the last one that was flushed.
  virtual uint64_t applied() const = 0;
  // The index that a crash now would come back to; flushed <= applied. The log may be truncated to
  // it.
  virtual uint64_t flushed() const = 0;

  // Returns when all that was committed before the call is in LMDB; waits for an open Txn to end,
  // so it is not for the thread that has one. kNoSpace: not now; nothing is lost, and the flusher
  // tries again.
  virtual Status Flush() = 0;

  virtual Usage usage() const = 0;
};

struct StoreOptions {
  uint64_t overlay_bytes_max = 8 << 20;           // of one overlay; two exist at most
  int64_t overlay_age_max_nanos = 5'000'000'000;  // then it is flushed although it is small
  uint64_t map_bytes = uint64_t{1} << 40;         // address space of the map; the file stays sparse
  uint64_t quota_bytes = 0;                       // of the data file; 0: none
  uint64_t reserve_bytes = 32 << 20;  // see Usage::bytes_reserve; also taken on disk ahead
};

// Opens the store in `directory`/data.mdb, or makes it. Starts one thread, named "flusher", which
// the destructor stops after a last flush. Errors: kFormatMismatch, kCorrupt, kIo, kNoSpace.
Result<std::unique_ptr<Store>> OpenLmdbStore(const std::string& directory,
                                             const StoreOptions& options);

std::unique_ptr<Store> NewMemoryStore();

}  // namespace metaring::store

#endif  // METARING_KVNODE_STORE_STORE_H_
