// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/block_allocation.h"

#include <algorithm>

#include "fusefs/meta/keys.h"

namespace metaring::fusefs {
namespace {

// Of `wanted`, those that exist; reads each run of consecutive indexes at once.
Result<BlockIndexes> ExistingAmong(const Context& ctx, const Inode& inode,
                                   const BlockIndexes& wanted) {
  BlockIndexes found;
  for (size_t begin = 0; begin < wanted.size();) {
    size_t end = begin + 1;
    while (end < wanted.size() && wanted[end] == wanted[end - 1] + 1) ++end;
    ASSIGN_OR_RETURN(const BlockIndexes run,
                     ExistingBlocks(ctx, inode, wanted[begin], wanted[end - 1] + 1));
    found.insert(found.end(), run.begin(), run.end());
    begin = end;
  }
  return found;
}

bool Has(const BlockIndexes& indexes, uint64_t index) {
  return std::binary_search(indexes.begin(), indexes.end(), index);
}

}  // namespace

uint64_t BlocksEnd(const Inode& inode, uint32_t block_bytes) {
  return std::max(BlocksOf(inode.size, block_bytes), inode.preallocated_blocks_end);
}

int64_t BlockSpan(uint64_t index, int64_t size, uint32_t block_bytes) {
  const auto start = static_cast<int64_t>(index * block_bytes);
  if (start >= size) return block_bytes;
  return std::min<int64_t>(block_bytes, size - start);
}

bool IsDense(const Inode& inode, uint32_t block_bytes) {
  const uint64_t in_file = BlocksOf(inode.size, block_bytes);
  const uint64_t behind = BlocksEnd(inode, block_bytes) - in_file;
  return inode.bytes_allocated == inode.size + static_cast<int64_t>(behind * block_bytes);
}

Result<BlockIndexes> ExistingBlocks(const Context& ctx, const Inode& inode, uint64_t first,
                                    uint64_t end) {
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  end = std::min(end, BlocksEnd(inode, block_bytes));
  BlockIndexes found;
  if (inode.small_content || first >= end) return found;
  if (IsDense(inode, block_bytes)) {
    found.reserve(end - first);
    for (uint64_t index = first; index < end; ++index) found.push_back(index);
    return found;
  }
  client::ScanRequest scan;
  scan.begin = keys::Block(inode.ino, inode.generation, first);
  scan.end = keys::Block(inode.ino, inode.generation, end);
  scan.limit = state::kScanLimitMax;
  scan.keys_only = true;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    for (const client::ScanItem& item : page.items) {
      const auto index = keys::ParseBlock(item.key);
      if (!index) return Fail(ErrorCode::kCorrupt, "a block under a wrong key");
      found.push_back(*index);
    }
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  return found;
}

Result<int64_t> AllocationAfter(const Context& ctx, const Inode& inode, const BlockIndexes& puts,
                                const BlockIndexes& deletes, int64_t new_size) {
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  BlockIndexes touched;
  touched.reserve(puts.size() + deletes.size() + 2);
  std::merge(puts.begin(), puts.end(), deletes.begin(), deletes.end(), std::back_inserter(touched));
  // The blocks that the old and the new end lie in: their part inside the file changes.
  if (new_size != inode.size) {
    touched.push_back(static_cast<uint64_t>(inode.size) / block_bytes);
    touched.push_back(static_cast<uint64_t>(new_size) / block_bytes);
    std::sort(touched.begin(), touched.end());
  }
  touched.erase(std::unique(touched.begin(), touched.end()), touched.end());
  ASSIGN_OR_RETURN(const BlockIndexes existing, ExistingAmong(ctx, inode, touched));
  int64_t allocated = inode.bytes_allocated;
  for (const uint64_t index : touched) {
    const bool before = Has(existing, index);
    const bool after = Has(puts, index) || (before && !Has(deletes, index));
    if (before) allocated -= BlockSpan(index, inode.size, block_bytes);
    if (after) allocated += BlockSpan(index, new_size, block_bytes);
  }
  return std::max<int64_t>(allocated, 0);
}

}  // namespace metaring::fusefs
