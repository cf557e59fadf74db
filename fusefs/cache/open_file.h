// SPDX-License-Identifier: Apache-2.0
//
// OpenFile: the content and attributes of one file that is open for writing in this mount, between
// write(2) and the store.
//
// Writes go into dirty blocks; the store gets them at fsync, at every close of a writer (a
// cancelled one leaves them pending), after an age and by pressure of memory. Readers see the dirty
// blocks, those that are on their way, and the store's below them. At most one change of this file
// is on its way to the store at a time: whoever brings one takes the file's turn first, and waits
// for it no longer than a deadline. The mutex is never held across the store.
//
// A write-back that fails keeps its blocks, so that it heals when there is space again. Whoever
// asked for it gets the error; if nobody did (age, pressure), the next fsync or close does, once.
#ifndef METARING_FUSEFS_CACHE_OPEN_FILE_H_
#define METARING_FUSEFS_CACHE_OPEN_FILE_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "fusefs/cache/dirty_blocks.h"
#include "fusefs/cache/file_store.h"
#include "fusefs/cache/pending_attributes.h"
#include "kvnode/base/clock.h"
#include "kvnode/base/mutex.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs {

// Dirty content of all files of a mount. A writer that would exceed it stores its own file first;
// so memory stays below this plus one write request for each open file.
inline constexpr uint64_t kDirtyBytesMax = 16 << 20;

// Shared by all open files of a mount; outlives them.
struct OpenFileContext {
  FileStore& store;
  const Clock& clock;
  uint32_t block_bytes = 0;
  std::chrono::nanoseconds turn_wait_max = std::chrono::seconds(60);
  std::atomic<uint64_t> dirty_bytes{0};  // of all files, blocks on their way included
  // The last write-back found no space: writes go through until one succeeds, so that write(2) says
  // so.
  std::atomic<bool> no_space{false};
};

// Thread-safe.
class OpenFile {
 public:
  // `node` as the store has it.
  OpenFile(OpenFileContext& context, Node node);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  Ino ino() const { return ino_; }
  // Up to `length` bytes from `offset` >= 0; fewer only at the end of the file.
  Result<Bytes> Read(int64_t offset, size_t length);
  // At `offset` >= 0. `clear_suid_sgid`: the writer may not keep those bits. kFileTooBig; kNoSpace
  // only after a write-back found none. On error nothing is changed.
  Status Write(int64_t offset, ByteView data, bool clear_suid_sgid);
  // Changes attributes by descriptor. A size must not shrink the file.
  void Change(const PendingAttributes& changes);
  // Truncates to nothing what never reached the store, with these changes: no write is needed.
  // False, and nothing is done, when the store has content of the file.
  bool ForgetUnsaved(const PendingAttributes& changes);

  // Brings everything that is pending to the store; nothing pending: no write. kDeadlineExceeded,
  // kCancelled.
  Status WriteBack();
  // The same, for nobody in particular: an error is kept for TakeError.
  void WriteBackForLater();
  // The error of an earlier background write-back; it is reported once.
  std::optional<Error> TakeError();

  // Runs a change of this file that goes to the store by itself (truncate, fallocate, chmod by
  // path), in the file's turn. With `write_back_first` everything pending is stored before; but a
  // change of size is made also when there is no space for that. When it succeeds, the fields in
  // `stored` are no longer pending, nor is content beyond the size among them.
  Result<Node> Alter(bool write_back_first, const PendingAttributes& stored,
                     const std::function<Result<Node>()>& change);
  // Nothing of it is wanted any more (the file was erased, or its last close failed).
  void Discard();

  // Overlays what is pending on the attributes as the store has them.
  void Overlay(Inode& inode) const;
  // The store's attributes as last seen here, with what is pending.
  Inode Attributes() const;
  bool HasPending() const;
  // A chmod is not in the store yet, nor in the ACL that shows it.
  bool ModeIsPending() const;
  // Monotonic nanoseconds when the oldest pending change was made; nothing when none is pending.
  std::optional<int64_t> PendingSince() const;

 private:
  // Blocks and attributes that are being stored now.
  using Leaving = std::shared_ptr<WriteBackRequest>;

  Status TakeTurn();
  void EndTurn();
  Status WriteBackInTurn();
  Leaving PrepareLeaving();
  void NotePending() REQUIRES(mutex_);
  int64_t SizeLocked() const REQUIRES(mutex_);
  void OverlayLocked(Inode& inode) const REQUIRES(mutex_);
  const Bytes* FindInMemory(uint64_t index) const REQUIRES(mutex_);
  // Blocks of which a write changes a part, whose other part only the store has.
  std::vector<uint64_t> MissingFor(const std::vector<BlockPart>& parts) const REQUIRES(mutex_);
  void MergeLocked(const std::vector<BlockPart>& parts, ByteView data, std::vector<Block> bases)
      REQUIRES(mutex_);
  Result<bool> TryWrite(const std::vector<BlockPart>& parts, int64_t end, ByteView data,
                        bool clear_suid_sgid);
  struct Gathered;
  Gathered Gather(int64_t offset, size_t length) const;
  Status LoadInto(Gathered& gathered) const;
  uint64_t epoch() const;
  void AccountDirty() REQUIRES(mutex_);

  OpenFileContext& context_;
  const Ino ino_;

  mutable Mutex mutex_;
  fiber::CondVar turn_ended_;
  bool turn_taken_ GUARDED_BY(mutex_) = false;
  Node node_ GUARDED_BY(mutex_);  // as the store has it; moves at the end of each turn
  DirtyBlocks dirty_ GUARDED_BY(mutex_);
  PendingAttributes pending_ GUARDED_BY(mutex_);
  Leaving leaving_ GUARDED_BY(mutex_);                       // null: nothing is on its way
  PendingAttributes leaving_attributes_ GUARDED_BY(mutex_);  // the attributes in leaving_
  uint64_t leaving_bytes_ GUARDED_BY(mutex_) = 0;            // of content, in leaving_
  // Moves whenever the store's content of this file may have changed.
  uint64_t epoch_ GUARDED_BY(mutex_) = 0;
  uint64_t accounted_bytes_ GUARDED_BY(mutex_) = 0;  // this file's part of context_.dirty_bytes
  std::optional<int64_t> pending_since_ GUARDED_BY(mutex_);
  std::optional<Error> error_ GUARDED_BY(mutex_);
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_OPEN_FILE_H_
