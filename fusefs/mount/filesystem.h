// SPDX-License-Identifier: Apache-2.0
//
// Filesystem: what all request handlers of a mount share, and the three things that nearly all of
// them do: find a record by its number, give the kernel an entry, overlay what is not stored yet.
#ifndef METARING_FUSEFS_MOUNT_FILESYSTEM_H_
#define METARING_FUSEFS_MOUNT_FILESYSTEM_H_

#include <chrono>
#include <string>

#include "fusefs/cache/file_store.h"
#include "fusefs/cache/inode_table.h"
#include "fusefs/cache/move_gate.h"
#include "fusefs/cache/open_counts.h"
#include "fusefs/cache/open_files.h"
#include "fusefs/cache/pending_atimes.h"
#include "fusefs/mount/background.h"
#include "fusefs/mount/doubts.h"
#include "fusefs/mount/fuse_api.h"
#include "fusefs/mount/invalidator.h"
#include "fusefs/mount/kernel_io.h"
#include "fusefs/mount/reply.h"
#include "fusefs/ops/ops.h"

namespace metaring::fusefs::mount {

struct FilesystemOptions {
  double attr_timeout_seconds = 0;
  double entry_timeout_seconds = 0;
  double negative_timeout_seconds = 0;
  bool atime = true;  // relatime; else access times are never noted
  bool read_only = false;
  // Other mounts may use the volume at the same time: nothing is kept longer than the timeouts, an
  // open looks again, and locks are refused unless they are `local_locks`.
  bool shared = false;
  bool local_locks = false;
  // How long a handler waits for another one (a move, a removal, a file's turn) before ETIMEDOUT.
  std::chrono::nanoseconds wait_max = std::chrono::seconds(30);
  std::string store_directory;  // whose disk statfs reports; empty: unknown
};

// Thread-safe by its parts. Options and context are constant.
class Filesystem : public FileStore {
 public:
  Filesystem(const Context& ctx, FilesystemOptions opts);
  Filesystem(const Filesystem&) = delete;
  Filesystem& operator=(const Filesystem&) = delete;
  // Stores nothing: Background::Finish does.
  ~Filesystem() override = default;

  const Context context;
  const FilesystemOptions options;
  KernelIo kernel_io;
  InodeTable inodes;
  MoveGate moves;
  OpenCounts opens;
  OpenFiles files;
  PendingAtimes atimes;
  Background background;
  Doubts doubts;
  Invalidator invalidator;

  Time Now() const { return TimeFromNanos(context.clock.WallNanos()); }

  // Runs `operation(const InodeRef&)` on an inode by its number. When its record is not where the
  // table says because a move is under way, waits for the table and tries again. kStale: it is not
  // there. kDeadlineExceeded or kCancelled when the wait was cut short: then nobody knows.
  template <typename Operation>
  auto WithRef(Ino ino, Operation operation) -> decltype(operation(InodeRef{})) {
    for (int attempt = 1;; ++attempt) {
      const uint64_t moves_before = moves.ended();
      const auto ref = inodes.Find(ino);
      // A file that the kernel no longer refers to can still be found if it is an orphan.
      auto result = operation(ref.value_or(InodeRef{ino, Place{}}));
      if (result || result.error().code != ErrorCode::kStale) return result;
      if (attempt == kPlaceAttemptsMax) return result;
      ASSIGN_OR_RETURN(const bool may_have_moved, MayHaveMoved(ino, moves_before));
      if (!may_have_moved) return result;
    }
  }
  // Attributes as stat(2) shows them, also of what is erased but still referred to.
  Result<Inode> Attributes(Ino ino);
  // As the store has them.
  Result<Node> Stored(Ino ino);

  // Counts one reference for the kernel and makes the entry for a reply.
  fuse_entry_param GiveEntry(const Node& node);
  // The reply with it was not delivered.
  void TakeEntryBack(Ino ino) { inodes.Forget(ino, 1); }
  // Overlays all that is pending.
  void Overlay(Inode& inode) const;
  struct stat ToStat(const Inode& inode) const;

  // Whether an object that is about to lose a name is open.
  Result<IfLast> BeginRemoval(Ino ino);
  // After Unlink, Rmdir and Rename, while the move is still announced: what the table must know.
  void NoteRemoved(const Removed& removed);
  // After NoteRemoved and the end of the move; `removed` is null when nothing was removed.
  void EndRemoval(Ino ino, const Removed* removed);
  // Notes a read of the inode, as relatime wants it.
  void NoteAccess(const Inode& inode);

  Result<std::vector<Block>> ReadBlocks(const Node& node, uint64_t first, uint64_t count) override;
  Result<Node> WriteBack(WriteBackRequest& request) override;

 private:
  static constexpr int kPlaceAttemptsMax = 16;
  // Without, Overlay changes nothing.
  bool MayBePending() const;
  Result<bool> MayHaveMoved(Ino ino, uint64_t moves_before);
};

// The filesystem that a request is for.
Filesystem& FilesystemOf(fuse_req_t request);

inline Ino ToIno(fuse_ino_t number) {
  return Ino{number};
}

}  // namespace metaring::fusefs::mount

#endif  // METARING_FUSEFS_MOUNT_FILESYSTEM_H_
