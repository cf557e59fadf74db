// SPDX-License-Identifier: Apache-2.0
//
// MemoryFileStore: one file's content and attributes behind the FileStore interface, with failures
// on command and a hook that runs in the middle of a store, as another thread would.
#ifndef METARING_TESTS_UNIT_FUSEFS_CACHE_MEMORY_FILE_STORE_H_
#define METARING_TESTS_UNIT_FUSEFS_CACHE_MEMORY_FILE_STORE_H_

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>

#include "fusefs/cache/file_store.h"
#include "kvnode/base/mutex.h"

namespace metaring::fusefs {

// Thread-safe, but for the members that a test sets before it starts threads.
class MemoryFileStore : public FileStore {
 public:
  static constexpr uint32_t kBlockBytes = 8;

  MemoryFileStore() {
    node.inode.ino = Ino{42};
    node.inode.mode = S_IFREG | 0644;
    node.place = Place{Ino{1}, "file"};
  }

  Result<std::vector<Block>> ReadBlocks(const Node&, uint64_t first, uint64_t count) override {
    std::vector<Block> found;
    {
      MutexLock lock(mutex);
      for (const auto& [index, data] : blocks) {
        if (index >= first && index - first < count) found.push_back({index, data});
      }
    }
    if (after_read) std::exchange(after_read, nullptr)();
    return found;
  }

  Result<Node> WriteBack(WriteBackRequest& request) override {
    if (during_store) during_store();
    MutexLock lock(mutex);
    ++stores;
    if (fail_with) return Fail(*fail_with, "on command");
    for (const Block& block : request.blocks) blocks[block.index] = block.data;
    Inode& inode = node.inode;
    if (request.size) inode.size = std::max(inode.size, *request.size);
    if (request.mode) inode.mode = (inode.mode & ~07777u) | *request.mode;
    if (request.mtime) inode.mtime = *request.mtime;
    if (request.uid) inode.uid = *request.uid;
    last_cleared = request.clear_suid_sgid;
    return node;
  }

  Mutex mutex;
  Node node;
  std::map<uint64_t, Bytes> blocks;
  int stores = 0;
  bool last_cleared = false;  // clear_suid_sgid of the last one that succeeded
  std::optional<ErrorCode> fail_with;
  std::function<void()> during_store;
  std::function<void()> after_read;  // once: what happens before the reader goes on
};

}  // namespace metaring::fusefs

#endif  // METARING_TESTS_UNIT_FUSEFS_CACHE_MEMORY_FILE_STORE_H_
