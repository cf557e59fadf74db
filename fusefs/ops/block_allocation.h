// SPDX-License-Identifier: Apache-2.0
//
// Which blocks of a file exist, and how many bytes they count for (Inode::bytes_allocated): each
// block that exists counts its part inside the file, and all of it when it lies past the end. So
// the count follows from the existing blocks and the size, and `fusefs check` can make it again.
#ifndef METARING_FUSEFS_OPS_BLOCK_ALLOCATION_H_
#define METARING_FUSEFS_OPS_BLOCK_ALLOCATION_H_

#include <cstdint>
#include <vector>

#include "fusefs/ops/ops.h"

namespace metaring::fusefs {

// In ascending order, each once.
using BlockIndexes = std::vector<uint64_t>;

// The number of blocks that `size` bytes take.
inline uint64_t BlocksOf(int64_t size, uint32_t block_bytes) {
  return (static_cast<uint64_t>(size) + block_bytes - 1) / block_bytes;
}
// No block has this index or a greater one.
uint64_t BlocksEnd(const Inode& inode, uint32_t block_bytes);
// What block `index` counts for in a file of `size` bytes.
int64_t BlockSpan(uint64_t index, int64_t size, uint32_t block_bytes);
// Every block below BlocksEnd exists: then no read is needed to know which do.
bool IsDense(const Inode& inode, uint32_t block_bytes);

// Of the blocks in [first, end), those that exist. Reads keys only, and nothing for a dense file.
Result<BlockIndexes> ExistingBlocks(const Context& ctx, const Inode& inode, uint64_t first,
                                    uint64_t end);

// bytes_allocated after some blocks were put, others deleted and the size was changed to
// `new_size`. `inode` is as stored. Blocks that the new size cuts off must be among the deleted
// ones.
Result<int64_t> AllocationAfter(const Context& ctx, const Inode& inode, const BlockIndexes& puts,
                                const BlockIndexes& deletes, int64_t new_size);

}  // namespace metaring::fusefs

#endif  // METARING_FUSEFS_OPS_BLOCK_ALLOCATION_H_
