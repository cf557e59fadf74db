// SPDX-License-Identifier: Apache-2.0
//
// OpenCounts: which inodes are open in this mount, and the meeting of open and unlink.
//
// A file that loses its last name while it is open must go on living until its last close; one that
// is not open is erased at once. Which of the two, is decided before the store is asked, so an open
// that arrives in between waits for the decision: after it the file is either an orphan, kept for
// those who have it, or gone, and the open finds that out by itself.
//
// Lock order: a shard's mutex is innermost; nothing is called with it held.
#ifndef METARING_FUSEFS_CACHE_OPEN_COUNTS_H_
#define METARING_FUSEFS_CACHE_OPEN_COUNTS_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <unordered_map>

#include "fusefs/meta/inode.h"
#include "kvnode/base/mutex.h"
#include "kvnode/base/result.h"
#include "kvnode/fiber/fiber.h"

namespace metaring::fusefs {

// Thread-safe.
class OpenCounts {
 public:
  // How long an open waits for a removal, and a removal for another, before kDeadlineExceeded;
  // kCancelled when its task is.
  explicit OpenCounts(std::chrono::nanoseconds wait_max) : wait_max_(wait_max) {}

  // Counts one more open handle, once no removal of the inode is under way. kNotFound for an orphan
  // that is being reclaimed.
  Status Open(Ino ino);
  // True when this was the last handle of an orphan, which must be reclaimed now: nobody can open
  // it any more. More closes than opens are ignored.
  bool Close(Ino ino);
  // An orphan was reclaimed.
  void Reclaimed(Ino ino);

  // Begins a removal and says whether the inode is open, that is, must be kept when its last name
  // goes.
  Result<bool> BeginRemoval(Ino ino);
  // Ends it. `orphaned`: the object has lost its last name and was kept. True when it must be
  // reclaimed now, since its last handle was closed meanwhile.
  bool EndRemoval(Ino ino, bool orphaned);

  bool IsOrphan(Ino ino) const;
  // Orphans that are open now: what the end of the mount leaves for the next one to sweep.
  size_t open_inodes() const;

 private:
  static constexpr size_t kShards = 16;
  struct Entry {
    uint32_t handles = 0;
    bool removing = false;
    bool orphan = false;
    bool reclaiming = false;  // from the last close of an orphan until it is reclaimed
    bool Unused() const { return handles == 0 && !removing; }
  };
  struct Shard {
    mutable Mutex mutex;
    fiber::CondVar removal_ended;
    std::unordered_map<Ino, Entry> entries GUARDED_BY(mutex);
  };
  Shard& shard(Ino ino) { return shards_[ShardIndex(ino)]; }
  const Shard& shard(Ino ino) const { return shards_[ShardIndex(ino)]; }
  // What remains when nobody has the inode open; true when it must be reclaimed.
  static bool Settle(Shard& s, Ino ino) REQUIRES(s.mutex);
  static size_t ShardIndex(Ino ino) { return (ino.value() * 0x9E3779B97F4A7C15) >> 60; }
  Status AwaitNoRemoval(Shard& s, Ino ino) REQUIRES(s.mutex);

  const std::chrono::nanoseconds wait_max_;
  std::array<Shard, kShards> shards_;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_OPEN_COUNTS_H_
