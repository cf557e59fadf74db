// SPDX-License-Identifier: Apache-2.0
#include "fusefs/ops/content.h"

#include <algorithm>

#include "fusefs/meta/keys.h"
#include "fusefs/ops/block_allocation.h"
#include "fusefs/ops/retry.h"
#include "fusefs/ops/xattr_set.h"

namespace metaring::fusefs {
namespace {

// Erases the blocks of the inode's generation, or queues them.
void EraseBlocks(const Context& ctx, Batch& batch, const Inode& inode) {
  if (inode.small_content) return;
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  const uint64_t end = BlocksEnd(inode, block_bytes);
  if (end > kEraseAtOnceBlocksMax) {
    batch.Put(keys::Reclaim({inode.ino, inode.generation}), {});
    return;
  }
  for (uint64_t index = 0; index < end; ++index) {
    batch.Delete(keys::Block(inode.ino, inode.generation, index));
  }
}

// The last block that remains holds bytes behind the new end: cuts them off, so that a later growth
// reads zeros.
Status TrimLastBlock(const Context& ctx, Batch& batch, const Inode& inode, int64_t size) {
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  const auto tail = static_cast<size_t>(size % block_bytes);
  if (tail == 0) return {};
  Bytes key = keys::Block(inode.ino, inode.generation, static_cast<uint64_t>(size) / block_bytes);
  ASSIGN_OR_RETURN(auto block, ctx.kv.Get(key));
  if (block && block->value.size() > tail) {
    block->value.resize(tail);
    batch.Put(std::move(key), std::move(block->value));
  }
  return {};
}

// Deletes the blocks from `end` on, in a transaction of its own; the file ends there if it was
// longer.
Result<std::optional<bool>> TryShrinkStep(const Context& ctx, const InodeRef& ref, uint64_t end) {
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  ASSIGN_OR_RETURN(Stored stored, LoadByRef(ctx, ref));
  Inode& inode = stored.inode;
  if (inode.small_content || BlocksEnd(inode, block_bytes) <= end) return true;
  ASSIGN_OR_RETURN(const BlockIndexes behind, ExistingBlocks(ctx, inode, end, UINT64_MAX));
  const int64_t size = std::min(inode.size, static_cast<int64_t>(end * block_bytes));
  ASSIGN_OR_RETURN(const int64_t allocated, AllocationAfter(ctx, inode, {}, behind, size));
  Batch batch;
  batch.FreesSpace();
  batch.Add(keys::BytesUsed(), allocated - inode.bytes_allocated);
  for (const uint64_t index : behind) {
    batch.Delete(keys::Block(inode.ino, inode.generation, index));
  }
  inode.bytes_allocated = allocated;
  inode.size = size;
  inode.preallocated_blocks_end = end > BlocksOf(size, block_bytes) ? end : 0;
  PutRecord(ctx, batch, stored);
  ASSIGN_OR_RETURN(const auto reply, batch.Commit(ctx.kv));
  if (!reply.succeeded) return kLost;
  return true;
}

}  // namespace

Result<Bytes> LoadSmallContent(const Context& ctx, const Stored& stored) {
  if (stored.inode.bytes_allocated == 0) return Bytes();
  ASSIGN_OR_RETURN(auto record, ctx.kv.Get(keys::SmallContent(stored.home(), stored.inode.ino)));
  if (!record) return Bytes();
  return std::move(record->value);
}

Status MoveBeside(const Context& ctx, Batch& batch, const Stored& stored, Ino new_home) {
  const Ino home = stored.home();
  const Inode& inode = stored.inode;
  if (home == new_home) return {};
  if (inode.small_content && inode.bytes_allocated > 0) {
    ASSIGN_OR_RETURN(Bytes content, LoadSmallContent(ctx, stored));
    batch.Put(keys::SmallContent(new_home, inode.ino), std::move(content));
    batch.Delete(keys::SmallContent(home, inode.ino));
  }
  const size_t prefix = keys::LargeXattrPrefix(home, inode.ino).size();
  ASSIGN_OR_RETURN(auto xattrs, LoadLargeXattrs(ctx, stored, /*keys_only=*/false));
  for (client::ScanItem& item : xattrs) {
    Bytes key = keys::LargeXattrPrefix(new_home, inode.ino);
    key.append(item.key, prefix);
    batch.Put(std::move(key), std::move(item.record.value));
    batch.Delete(std::move(item.key));
  }
  return {};
}

Status EraseBeside(const Context& ctx, Batch& batch, const Stored& stored) {
  const Inode& inode = stored.inode;
  if (inode.small_content && inode.bytes_allocated > 0) {
    batch.Delete(keys::SmallContent(stored.home(), inode.ino));
  }
  ASSIGN_OR_RETURN(auto xattrs, LoadLargeXattrs(ctx, stored, /*keys_only=*/true));
  for (client::ScanItem& item : xattrs) batch.Delete(std::move(item.key));
  EraseBlocks(ctx, batch, inode);
  return {};
}

void TruncateToNothing(const Context& ctx, Batch& batch, Stored& stored) {
  Inode& inode = stored.inode;
  if (inode.small_content) {
    if (inode.bytes_allocated > 0) batch.Delete(keys::SmallContent(stored.home(), inode.ino));
  } else {
    EraseBlocks(ctx, batch, inode);
    ++inode.generation;
  }
  inode.small_content = true;
  inode.preallocated_blocks_end = 0;
  inode.bytes_allocated = 0;
  inode.size = 0;
}

Result<std::optional<Bytes>> ConvertToBlocks(const Context& ctx, Batch& batch, Stored& stored,
                                             bool want) {
  Inode& inode = stored.inode;
  std::optional<Bytes> content;
  if (inode.bytes_allocated > 0) {
    if (want) {
      ASSIGN_OR_RETURN(content, LoadSmallContent(ctx, stored));
    }
    batch.Delete(keys::SmallContent(stored.home(), inode.ino));
    inode.bytes_allocated = inode.size;  // one block, and all of the file is in it
  }
  inode.small_content = false;
  return content;
}

Status GrowTo(const Context& ctx, Batch& batch, Stored& stored, int64_t size) {
  Inode& inode = stored.inode;
  const VolumeOptions& options = ctx.volume.options;
  if (inode.small_content) {
    if (size <= options.small_bytes_max) {
      inode.size = size;
      return {};
    }
    ASSIGN_OR_RETURN(auto content, ConvertToBlocks(ctx, batch, stored, /*want=*/true));
    if (content) batch.Put(keys::Block(inode.ino, inode.generation, 0), std::move(*content));
  }
  ASSIGN_OR_RETURN(inode.bytes_allocated, AllocationAfter(ctx, inode, {}, {}, size));
  inode.size = size;
  if (inode.preallocated_blocks_end <= BlocksOf(size, options.block_bytes)) {
    inode.preallocated_blocks_end = 0;
  }
  return {};
}

Status ShrinkTo(const Context& ctx, Batch& batch, Stored& stored, int64_t size) {
  Inode& inode = stored.inode;
  if (inode.small_content) {
    if (inode.bytes_allocated > size) {
      ASSIGN_OR_RETURN(Bytes content, LoadSmallContent(ctx, stored));
      content.resize(std::min(content.size(), static_cast<size_t>(size)));
      inode.bytes_allocated = static_cast<int64_t>(content.size());
      batch.Put(keys::SmallContent(stored.home(), inode.ino), std::move(content));
    }
    inode.size = size;
    return {};
  }
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  ASSIGN_OR_RETURN(const BlockIndexes behind,
                   ExistingBlocks(ctx, inode, BlocksOf(size, block_bytes), UINT64_MAX));
  RETURN_IF_ERROR(TrimLastBlock(ctx, batch, inode, size));
  ASSIGN_OR_RETURN(inode.bytes_allocated, AllocationAfter(ctx, inode, {}, behind, size));
  for (const uint64_t index : behind) {
    batch.Delete(keys::Block(inode.ino, inode.generation, index));
  }
  inode.size = size;
  inode.preallocated_blocks_end = 0;
  return {};
}

bool NeedsSteps(const Context& ctx, const Inode& inode, int64_t size) {
  if (inode.small_content || size == 0) return false;
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  return BlocksEnd(inode, block_bytes) - BlocksOf(size, block_bytes) > kBatchItemsMax;
}

Status ShrinkInSteps(const Context& ctx, const InodeRef& ref, int64_t size) {
  const uint32_t block_bytes = ctx.volume.options.block_bytes;
  ASSIGN_OR_RETURN(const Stored stored, LoadByRef(ctx, ref));
  const Inode& inode = stored.inode;
  // Only the first key of each page is kept: a file may have millions of blocks.
  std::vector<uint64_t> steps;
  client::ScanRequest scan;
  scan.begin = keys::Block(inode.ino, inode.generation, BlocksOf(size, block_bytes));
  scan.end = keys::Block(inode.ino, inode.generation, BlocksEnd(inode, block_bytes));
  scan.limit = kBatchItemsMax;
  scan.keys_only = true;
  do {
    ASSIGN_OR_RETURN(client::ScanPage page, ctx.kv.Scan(scan));
    if (!page.items.empty()) {
      const auto first = keys::ParseBlock(page.items.front().key);
      if (!first) return Fail(ErrorCode::kCorrupt, "a block under a wrong key");
      steps.push_back(*first);
    }
    scan.cursor = std::move(page.cursor);
  } while (!scan.cursor.empty());
  if (steps.empty()) steps.push_back(0);
  steps.front() = BlocksOf(size, block_bytes);
  for (size_t i = steps.size(); i-- > 0;) {
    RETURN_IF_ERROR(Retry<bool>("truncate", [&] { return TryShrinkStep(ctx, ref, steps[i]); }));
  }
  return {};
}

Status CheckSpace(const Context& ctx, int64_t more_bytes, int64_t more_inodes) {
  const VolumeOptions& options = ctx.volume.options;
  const bool bytes_bound = options.bytes_max != 0 && more_bytes > 0;
  const bool inodes_bound = options.inodes_max != 0 && more_inodes > 0;
  if (!bytes_bound && !inodes_bound) return {};
  ASSIGN_OR_RETURN(const VolumeUsage usage, StatVolume(ctx));
  if (bytes_bound && usage.bytes_used + static_cast<uint64_t>(more_bytes) > options.bytes_max) {
    return Fail(ErrorCode::kNoSpace, "the volume's bound of bytes is reached");
  }
  if (inodes_bound && usage.inodes_used + static_cast<uint64_t>(more_inodes) > options.inodes_max) {
    return Fail(ErrorCode::kNoSpace, "the volume's bound of inodes is reached");
  }
  return {};
}

}  // namespace metaring::fusefs
