// SPDX-License-Identifier: Apache-2.0
//
// FileStore: what the write-back cache needs of the volume. The mount implements it by fusefs/ops
// and by finding a record again that moved meanwhile; tests implement it in memory.
#ifndef METARING_FUSEFS_CACHE_FILE_STORE_H_
#define METARING_FUSEFS_CACHE_FILE_STORE_H_

#include <vector>

#include "fusefs/ops/ops.h"

namespace metaring::fusefs {

// Thread-safe.
class FileStore {
 public:
  virtual ~FileStore() = default;
  // The blocks of [first, first + count) that exist. `node` is as last seen; only its inode number
  // and where its content lies are used.
  virtual Result<std::vector<Block>> ReadBlocks(const Node& node, uint64_t first,
                                                uint64_t count) = 0;
  // The place in `request.ref` is filled in by the store.
  virtual Result<Node> WriteBack(WriteBackRequest& request) = 0;
};

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_CACHE_FILE_STORE_H_
