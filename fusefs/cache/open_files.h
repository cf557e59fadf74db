// SPDX-License-Identifier: Apache-2.0
//
// OpenFiles: the files of a mount that are open for writing, by inode.
#ifndef METARING_FUSEFS_CACHE_OPEN_FILES_H_
#define METARING_FUSEFS_CACHE_OPEN_FILES_H_

#include <array>
#include <atomic>
#include <memory>
#include <unordered_map>
#include <vector>

#include "fusefs/cache/open_file.h"

namespace metaring::fusefs {

// Thread-safe. Shards keep the readers of different files apart; with nothing open for writing Find
// is one atomic load.
class OpenFiles {
 public:
  // How long a change of a file waits for another one: `turn_wait_max`.
  OpenFiles(FileStore& store, const Clock& clock, uint32_t block_bytes,
            std::chrono::nanoseconds turn_wait_max);

  // Counts a writer of the file; `node` is as the store has it.
  std::shared_ptr<OpenFile> Acquire(const Node& node);
  // Ends a writer. The file stays known while changes of it are pending.
  void Release(Ino ino);
  // Null when the file is neither open for writing nor has pending changes.
  std::shared_ptr<OpenFile> Find(Ino ino) const;
  // False: Find would find none, whatever the number.
  bool AnyKnown() const { return known_.load(std::memory_order_acquire) > 0; }

  // Overlays what is pending on attributes as the store has them.
  void Overlay(Inode& inode) const;

  // Those with changes made before this moment (of the monotonic clock).
  std::vector<std::shared_ptr<OpenFile>> PendingBefore(int64_t monotonic_nanos) const;
  // Lets go of files that have no writer and nothing pending.
  void DropSettled();
  bool AnyPending() const;

  uint64_t dirty_bytes() const { return context_.dirty_bytes; }

 private:
  static constexpr size_t kShards = 16;
  struct Entry {
    std::shared_ptr<OpenFile> file;
    uint32_t writers = 0;
  };
  struct Shard {
    mutable Mutex mutex;
    std::unordered_map<Ino, Entry> entries GUARDED_BY(mutex);
  };
  Shard& shard(Ino ino) { return shards_[ShardIndex(ino)]; }
  const Shard& shard(Ino ino) const { return shards_[ShardIndex(ino)]; }
  static size_t ShardIndex(Ino ino) { return (ino.value() * 0x9E3779B97F4A7C15) >> 60; }

  OpenFileContext context_;
  std::atomic<size_t> known_{0};  // entries in all shards
  std::array<Shard, kShards> shards_;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_OPEN_FILES_H_
