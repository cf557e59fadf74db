// SPDX-License-Identifier: Apache-2.0
//
// InodeTable: the inodes that the kernel refers to by number, and where their records lie.
//
// A number that was handed out (by lookup, create, readdirplus, ...) stays valid until the kernel
// has forgotten it exactly as often as it was given. The table is what turns that number back into
// a Place, which operations on files need; directories are found by their number alone. There may
// be millions, so an entry is one hash node with its name inside (about 80 B and what the name
// exceeds 15 B).
// A Place only ever moves by what this mount did: the replies of rename, link and unlink. A lookup
// may be answered late, with the place before such a move (the kernel revalidates names without the
// lock of their directory), so Remember never changes the place of an inode that is known. A place
// of its own is final.
#ifndef METARING_FUSEFS_CACHE_INODE_TABLE_H_
#define METARING_FUSEFS_CACHE_INODE_TABLE_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "fusefs/meta/inode.h"
#include "kvnode/base/mutex.h"

namespace metaring::fusefs {

// Thread-safe.
class InodeTable {
 public:
  // The root is always there and is never forgotten.
  InodeTable();

  // The kernel is about to be given `ino` once more. Call before the reply; undo with Forget when
  // the reply was not delivered.
  void Remember(const InodeRef& ref);
  // The kernel dropped `count` of its references. Numbers that are not there, and more than was
  // given, are ignored: the peer may be wrong, this table must not be.
  void Forget(Ino ino, uint64_t count);

  // Nothing for a number that was never given or is forgotten.
  std::optional<InodeRef> Find(Ino ino) const;
  // After rename, link and unlink. Nothing when the kernel does not know it.
  void Move(Ino ino, const Place& place);

  // The object is gone from the volume. `last` (nlink 0) goes on answering for it until it is
  // forgotten: a process may still hold it as its working directory or by O_PATH.
  void MarkErased(Ino ino, const Inode& last);
  std::optional<Inode> FindErased(Ino ino) const;

  size_t size() const;

 private:
  static constexpr size_t kShards = 64;
  struct Entry {
    Place place;
    uint64_t references = 0;
    bool directory = false;
  };
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<Ino, Entry> entries GUARDED_BY(mutex);
    // Of entries whose object is erased; a subset of the keys of `entries`.
    std::unordered_map<Ino, std::unique_ptr<Inode>> erased GUARDED_BY(mutex);
  };
  Shard& shard(Ino ino) { return shards_[ShardIndex(ino)]; }
  const Shard& shard(Ino ino) const { return shards_[ShardIndex(ino)]; }
  static size_t ShardIndex(Ino ino) { return (ino.value() * 0x9E3779B97F4A7C15) >> 58; }

  std::array<Shard, kShards> shards_;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_INODE_TABLE_H_
